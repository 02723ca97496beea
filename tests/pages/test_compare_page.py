"""The Compare page on made-up runs: results, failures, awkward figures, and nothing at all."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

import pytest

from components.session import RUN_PARAMETER, widget_key
from converter.further_latency import FurtherLatency
from converter.progress import Progress
from converter.run_store import keep_file
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
    assert [link.value for link in app.page_link] == ["Pick a model", "Earlier runs"]


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


def test_a_run_that_ended_early_resumes_with_what_was_finished(app, home, monkeypatch):
    asked = []
    monkeypatch.setattr("components.run_resume.finished_variants", lambda run_id: 1)
    monkeypatch.setattr("components.run_resume.resume_run",
                        lambda *args, **more: asked.append((args[0], more)))
    write_run(home, "r1", progress=Progress(status="cancelled"))
    open_run(app, "r1")
    assert any("1 variant is finished and is used again" in m.value for m in app.markdown)
    app.button(key=widget_key("compare", "resume.r1")).click().run()
    assert asked == [("r1", {"measure_anew": False})]


def test_the_variant_in_view_is_in_the_address_and_a_link_restores_it(app, home):
    write_run(home, "r1", *make_comparison())
    app.query_params[RUN_PARAMETER] = "r1"
    app.run()
    app.query_params["variant"] = "int16x8"
    app.switch_page("pages/compare.py").run()
    assert metrics(app)["Slower by"] == "2.3×"
    app.get_by_key(widget_key("compare", "variant.2026-11-22T08:30:00+00:00")).set_value(
        "int8").run()
    assert app.query_params["variant"] == "int8"
    assert any("variant=int8" in code.value for code in app.code)


def test_a_link_to_an_unknown_variant_shows_the_recommended_one(app, home):
    write_run(home, "r1", *make_comparison())
    app.query_params[RUN_PARAMETER] = "r1"
    app.run()
    app.query_params["variant"] = "no such"
    app.switch_page("pages/compare.py").run()
    assert not app.exception
    assert app.query_params["variant"] == "dynamic_range"


def test_conditions_say_when_latency_was_measured_and_what_was_known(show):
    def make():
        comparison, samples = make_comparison()
        comparison.settings |= {
            "latency_measured": "2026-11-20T07:00:00+00:00",
            "reused": {"conversions": ["int8"], "evaluations": ["int8", "float16"],
                       "reference": True},
        }
        return comparison, samples

    app = show(make)
    tables = " ".join(table.value.to_string().replace("\\", "") for table in app.table)
    assert "2026-11-20 07:00 UTC" in tables
    assert "1 conversion, 2 evaluations, the original's outputs" in tables


def test_a_deleted_run_says_where_to_have_it_back(app, home):
    write_run(home, "r1", *make_comparison(), deleted=1.0)
    open_run(app, "r1")
    assert any("was deleted" in warning.value for warning in app.warning)


def test_an_attempt_that_failed_later_is_told_beside_the_result(app, home):
    write_run(home, "r1", *make_comparison(), error="The last attempt changed nothing: no memory")
    open_run(app, "r1")
    assert "The last attempt changed nothing" in app.error[0].value
    assert app.get("plotly_chart")


def test_a_run_that_goes_on_shows_its_progress(app, home, jobs_alive):
    write_run(home, "r1", progress=Progress(
        status="running", stage="measure int8", done=10, total=20, seconds_left=70.0,
    ))
    open_run(app, "r1")
    assert not app.exception
    (bar,) = app.progress
    assert bar.value == 50
    assert "Measure int8" in bar.text
    assert "1 min 10 s" in bar.text


def test_other_pages_show_the_run_in_the_sidebar(app, home, jobs_alive):
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
    write_run(home, "r1", *make_comparison())
    damaged = home / "comparison.json"
    damaged.write_text("{}")
    keep_file("r1", damaged)
    open_run(app, "r1")
    assert not app.exception
    assert "comparison" in app.error[0].value


def test_page_switches_keep_the_run_in_the_address(show):
    app = show(make_comparison)
    app.switch_page("pages/model.py").run()
    assert app.query_params[RUN_PARAMETER] == "r1"
    assert not app.exception


def test_tables_and_notebook_can_be_downloaded(show):
    app = show(make_comparison)
    labels = [button.proto.label for button in app.get("download_button")]
    assert [each for each in labels if each in {"Tables (CSV, Parquet)", "Notebook"}] == [
        "Tables (CSV, Parquet)", "Notebook",
    ]  # fmt: skip


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


def test_a_warning_about_the_data_stands_under_the_verdict(show):
    def doubtful():
        comparison, samples = make_comparison()
        comparison.reference.warnings = ["The original is right on <b>9 %</b> of the samples."]
        return comparison, samples

    app = show(doubtful)
    assert not app.exception
    assert any("9 %" in each.value for each in app.warning)
    assert not any("<b>" in each.value for each in app.warning)
