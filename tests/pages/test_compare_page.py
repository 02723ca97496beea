"""The Compare page on made-up runs: results, failures, awkward figures, and nothing at all."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

import pytest

from components.session import RUN_PARAMETER, widget_key
from converter.further_latency import FurtherLatency
from converter.progress import Progress
from tests.pages.synthetic import (
    fail,
    make_comparison,
    make_hard_case,
    make_random_data,
    make_regression,
    make_two_outputs,
    write_run,
)

CASES = {
    "plain": make_comparison, "hard": make_hard_case, "regression": make_regression,
    "random": make_random_data, "outputs": make_two_outputs,
}


def open_run(app, run_id):
    app.query_params[RUN_PARAMETER] = run_id
    app.run()
    app.query_params[RUN_PARAMETER] = run_id
    return app.switch_page("pages/compare.py").run()


@pytest.fixture
def show(app, home):
    def _show(make):
        write_run(home, "r1", *make())
        return open_run(app, "r1")

    return _show


def metrics(app):
    return {metric.label: metric.value for metric in app.metric}


def test_nothing_to_compare_yet(app):
    app.run()
    app.switch_page("pages/compare.py").run()
    assert not app.exception
    assert app.header[0].value == "Nothing to compare yet"
    assert [link.value for link in app.page_link] == ["Pick a model"]


@pytest.mark.parametrize("case", CASES)
def test_every_kind_of_result_is_drawn(show, case):
    app = show(CASES[case])
    assert not app.exception
    charts = app.get("plotly_chart")
    assert len(charts) == (5 if case == "random" else 6)


def test_the_verdict_comes_first_with_headline_figures(show):
    app = show(make_comparison)
    assert app.title[0].value == "Compare `digits_cnn.keras`"
    verdict = app.header[0].value.replace("\\", "")
    assert verdict.startswith("dynamic_range is the variant to take")
    assert metrics(app) == {
        "Smaller by": "3.9×", "Faster by": "3.0×", "Agrees on": "100 %", "Accuracy": "98.3 %",
    }
    assert any("AMD EPYC" in caption.value and "1 thread" in caption.value
               for caption in app.caption)


def test_another_variant_can_be_chosen(show):
    app = show(make_comparison)
    key = widget_key("compare", "variant.2026-11-22T08:30:00+00:00")
    app.get_by_key(key).set_value("int16x8").run()
    assert not app.exception
    assert metrics(app)["Slower by"] == "2.3×"


def test_regression_tells_signal_to_error(show):
    app = show(make_regression)
    assert metrics(app)["Signal to error"] == "44.9 dB"
    assert "Agrees on" not in metrics(app)


def test_a_failed_variant_is_a_row_with_its_reason(show):
    app = show(make_hard_case)
    table = next(frame.value for frame in app.dataframe if "status" in frame.value)
    rows = table.set_index("model")
    assert rows.loc["int8_full", "status"] == "failed"
    assert "SIGSEGV" in rows.loc["int8_full", "reason"]
    assert rows.loc["float32_select_tf", "status"] == "size only"
    assert rows.loc["float32", "sqnr"] == "identical"
    assert rows.loc["int16x8", "sqnr"] == "NaN"
    assert rows.loc["original", "status"] == "baseline"
    assert rows.loc["int8", "size"] == pytest.approx(115.904)


def test_names_from_outside_are_shown_as_text(show):
    app = show(make_hard_case)
    assert app.title[0].value.startswith("Compare `<b>evil</b> *model*")
    kinds = ("markdown", "caption", "header", "subheader")
    everything = [element.value for kind in kinds for element in app.get(kind)]
    assert not [text for text in everything if "<b>evil" in text and "`" not in text]


def test_where_nothing_runs_there_is_a_reason_and_no_empty_chart(show):
    def make():
        comparison, _ = make_comparison()
        for variant in list(comparison.variants):
            fail(comparison, variant.recipe, f"{variant.recipe}: no kernel for FFT2D.")
        return comparison, {}

    app = show(make)
    assert not app.exception
    assert "could be converted" in app.header[0].value
    assert len(app.get("plotly_chart")) == 1
    (reason,) = [text.value for text in app.markdown if "no kernel for" in text.value]
    assert "float32" in reason
    assert "int16x8" in reason


def test_random_data_carries_a_warning(show):
    app = show(make_random_data)
    assert any("random" in warning.value for warning in app.warning)


def test_several_outputs_have_a_table_of_their_own(show):
    app = show(make_two_outputs)
    table = next(frame.value for frame in app.dataframe if "Output" in frame.value)
    assert set(table["Output"]) == {"cultivar", "alcohol"}
    assert len(table) == 12


@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        ("failed", "net.keras: expected a model, found none.", "expected a model, found none"),
        ("cancelled", None, "The run was cancelled before it had a result."),
        ("interrupted", "The run was interrupted: its process ended.", "its process ended"),
    ],
)
def test_a_run_without_a_result_says_how_it_ended(app, home, status, error, sentence):
    write_run(home, "r1", progress=Progress(
        status=status, error=error, log=[{"stage": "load", "seconds": 2.5}],
    ))
    open_run(app, "r1")
    assert not app.exception
    assert sentence in app.header[0].value.replace("\\", "")
    steps = next(frame.value for frame in app.dataframe if "Step" in frame.value)
    assert list(steps["Step"]) == ["load"]


def test_a_run_that_goes_on_shows_its_progress(app, home, monkeypatch):
    monkeypatch.setattr("converter.run_store._is_alive", lambda run_id, folder: True)
    write_run(home, "r1", progress=Progress(
        status="running", stage="measure int8", done=10, total=20, seconds_left=70.0,
    ))
    open_run(app, "r1")
    assert not app.exception
    (bar,) = app.progress
    assert bar.value == 50
    assert "Measure int8" in bar.text
    assert "1 min 10 s" in bar.text


def test_other_pages_show_the_run_in_the_sidebar(app, home, monkeypatch):
    monkeypatch.setattr("converter.run_store._is_alive", lambda run_id, folder: True)
    write_run(home, "r1", progress=Progress(status="running", stage="freeze", done=1, total=4))
    app.query_params[RUN_PARAMETER] = "r1"
    app.run()
    assert not app.exception
    assert [bar.value for bar in app.sidebar.progress] == [25]
    write_run(home, "r2", *make_comparison())
    app.query_params[RUN_PARAMETER] = "r2"
    app.run()
    assert not app.sidebar.progress
    assert [link.label for link in app.sidebar.page_link] == ["Open result"]


def test_a_link_to_a_lost_run_is_one_sentence(app):
    open_run(app, "gone")
    assert not app.exception
    assert "There is no run" in app.error[0].value
    assert app.header[0].value == "Nothing to compare yet"


def test_a_damaged_result_is_one_sentence(app, home):
    folder = write_run(home, "r1", *make_comparison())
    (folder / "comparison.json").write_text("{}")
    open_run(app, "r1")
    assert not app.exception
    assert "comparison" in app.error[0].value


def test_page_switches_keep_the_run_in_the_address(show):
    app = show(make_comparison)
    app.switch_page("pages/model.py").run()
    assert app.query_params[RUN_PARAMETER] == "r1"
    assert not app.exception


def test_further_latencies_are_tables_and_what_failed_has_its_reason(show):
    def make():
        comparison, samples = make_comparison()
        comparison.further_latency = [
            FurtherLatency(kind="threads", candidate="int8", setting="2",
                           latency=comparison.variant("int8").latency),
            FurtherLatency(kind="kernels", candidate="int8", setting="reference",
                           error="LiteRT crashed (SIGABRT) <b>here</b>"),
        ]
        return comparison, samples

    app = show(make)
    assert not app.exception
    labels = [expander.label for expander in app.expander]
    assert "Further latencies" in labels
    assert any(label.startswith("Why is") for label in labels)
    text = " ".join(caption.value for caption in app.caption)
    assert "was not measured: LiteRT crashed" in text.replace("\\", "")
