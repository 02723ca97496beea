"""Side by side: runs chosen and linked, what differs first, and the same charts for all."""

from __future__ import annotations

import pytest

from components.session import widget_key
from converter.progress import Progress
from converter.run_store import load_record
from tests.pages.synthetic import (
    make_comparison,
    make_hard_case,
    make_random_data,
    make_regression,
    write_run,
)

RUNS = widget_key("side", "runs")


def open_page(app, **query):
    app.run()
    for name, value in query.items():
        app.query_params[name] = value
    return app.switch_page("pages/side_by_side.py").run()


def make_after():
    comparison, samples = make_comparison("digits_v2.keras")
    comparison.model.sha256 = "ab" * 32
    comparison.environment |= {"threads": 2, "cpu": "Other CPU"}
    return comparison, samples


@pytest.fixture
def two_runs(home):
    write_run(home, "aa1", *make_comparison(), created=1000.0)
    write_run(home, "bb2", *make_after(), created=2000.0)


def chosen_variants(app):
    return app.multiselect[1].value


def test_without_finished_runs_it_says_what_to_do(app, home):
    write_run(home, "cc3", progress=Progress(status="failed", error="no"))
    open_page(app)
    assert not app.exception
    assert "side by side yet" in app.header[0].value
    assert not app.multiselect


def test_runs_without_a_choice_ask_for_one(app, two_runs):
    open_page(app)
    assert not app.exception
    assert "Choose two or more runs" in app.info[0].value


def test_a_link_restores_runs_and_variants(app, two_runs):
    open_page(app, runs="aa1,bb2", variants=["0.int8", "1.int8", "1.float16"])
    assert not app.exception
    assert app.multiselect(key=RUNS).value == ["aa1", "bb2"]
    assert chosen_variants(app) == ["0.int8", "1.int8", "1.float16"]
    assert app.query_params["runs"] == "aa1,bb2"
    assert len(app.get("plotly_chart")) == 5


def test_what_differs_is_named_before_the_figures(app, two_runs):
    open_page(app, runs="aa1,bb2")
    assert [header.value for header in app.header] == ["What differs", "The figures"]
    (warning,) = app.warning
    assert "models differ" in warning.value
    assert "machines differ" in warning.value
    assert "threads differ" in warning.value
    rows = app.table[0].value.set_index("Condition")
    assert list(rows.loc["Threads"]) == ["1", "2"]
    assert "TensorFlow" not in rows.index


def test_equal_runs_have_no_warning(app, home):
    for run_id in ("aa1", "bb2"):
        write_run(home, run_id, *make_comparison())
    open_page(app, runs="aa1,bb2")
    assert not app.warning
    assert any("Nothing in settings and environment" in c.value for c in app.caption)


def test_choosing_changes_the_address(app, two_runs):
    open_page(app)
    app.multiselect(key=RUNS).set_value(["bb2"]).run()
    assert app.query_params["runs"] == "bb2"
    app.multiselect(key=RUNS).set_value(["bb2", "aa1"]).run()
    assert not app.exception
    assert app.query_params["runs"] == "bb2,aa1"
    app.multiselect[1].set_value(["0.int8", "1.float16"]).run()
    assert app.query_params["variants"] == ["0.int8", "1.float16"]
    assert len(app.get("plotly_chart")) == 5


def test_another_link_wins_over_what_was_chosen_before(app, two_runs):
    open_page(app, runs="aa1,bb2", variants=["0.int8"])
    app.switch_page("pages/model.py").run()
    app.query_params["runs"] = "bb2"
    app.query_params["variants"] = ["0.float16", "0.int8"]
    app.switch_page("pages/side_by_side.py").run()
    assert app.multiselect(key=RUNS).value == ["bb2"]
    assert chosen_variants(app) == ["0.float16", "0.int8"]


def test_a_page_switch_keeps_the_choice(app, two_runs):
    open_page(app, runs="aa1,bb2", variants=["0.int8", "1.int8"])
    app.switch_page("pages/model.py").run()
    app.query_params.pop("runs", None)
    app.query_params.pop("variants", None)
    app.switch_page("pages/side_by_side.py").run()
    assert app.multiselect(key=RUNS).value == ["aa1", "bb2"]
    assert chosen_variants(app) == ["0.int8", "1.int8"]


@pytest.mark.parametrize(
    ("runs", "sentence"),
    [("aa1,nosuch", "There is no run"), ("aa1,cc3", "has no result"), ("../etc", "There is no run"),
     ("aa1,,aa1", None)],
)
def test_a_link_to_what_is_not_there_says_so(app, home, two_runs, runs, sentence):
    write_run(home, "cc3", progress=Progress(status="failed", error="no"))
    open_page(app, runs=runs)
    assert not app.exception
    assert [w.value for w in app.warning if sentence and sentence in w.value] or sentence is None
    if runs.startswith("aa1"):
        assert app.multiselect(key=RUNS).value == ["aa1"]


def test_at_most_six_of_a_long_link_are_shown(app, home):
    ids = [f"run{number}" for number in range(8)]
    for run_id in ids:
        write_run(home, run_id, *make_comparison())
    open_page(app, runs=",".join(ids))
    assert not app.exception
    assert app.multiselect(key=RUNS).value == ids[:6]
    assert len(chosen_variants(app)) == 6


@pytest.mark.parametrize("make", [make_hard_case, make_random_data, make_regression])
def test_every_kind_of_result_stands_beside_another(app, home, make):
    write_run(home, "aa1", *make_comparison())
    write_run(home, "bb2", *make())
    names = ["float32", "int16x8", "int8"]
    open_page(app, runs="aa1,bb2", variants=[f"{run}.{name}" for run in (0, 1) for name in names])
    assert not app.exception
    assert len(app.get("plotly_chart")) == 5
    assert len(chosen_variants(app)) == 6


def test_names_from_outside_are_text(app, home):
    write_run(home, "aa1", *make_comparison())
    write_run(home, "bb2", *make_hard_case())
    open_page(app, runs="aa1,bb2")
    kinds = ("markdown", "caption", "header", "warning")
    shown = [element.value for kind in kinds for element in app.get(kind)]
    assert not [text for text in shown if "<b>evil" in text and "`" not in text]


def test_it_can_be_reached_from_a_run_of_the_history(app, two_runs):
    app.run()
    app.query_params["run"] = "aa1"
    app.switch_page("pages/history.py").run()
    assert "Side by side" in [link.label for link in app.page_link]
    assert load_record("aa1").status == "done"
