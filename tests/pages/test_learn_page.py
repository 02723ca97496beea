"""The Learn page: every step asks first, and its figure comes only after an answer."""

from __future__ import annotations

import pytest

from components.lesson.steps import TITLES
from components.session import RUN_PARAMETER, widget_key
from tests.pages.synthetic import make_comparison, write_run


def figures(app):
    return len(app.main.get("plotly_chart")) + len(app.main.dataframe)


def open_step(app, step, run_id=None):
    app.run()
    app.query_params["step"] = str(step)
    if run_id:
        app.query_params[RUN_PARAMETER] = run_id
    return app.switch_page("pages/learn.py").run()


@pytest.mark.parametrize("step", range(1, 7))
def test_the_answer_and_the_figure_come_after_the_prediction(app, home, step):
    write_run(home, "r1", *make_comparison())
    open_step(app, step, "r1")
    assert not app.exception
    assert TITLES[step - 1] in app.header[0].value
    assert len(app.radio) == 1
    assert app.radio[0].value is None
    before = figures(app)
    assert before == 0
    assert not any("Not quite" in m.value or "**Yes.**" in m.value for m in app.markdown)
    app.radio[0].set_value(app.radio[0].options[0]).run()
    assert not app.exception
    assert any("Not quite" in m.value or "**Yes.**" in m.value for m in app.markdown)
    assert figures(app) > before


@pytest.mark.parametrize("step", [5, 6])
def test_without_a_run_nothing_is_shown_that_was_not_measured(app, step):
    open_step(app, step)
    app.radio[0].set_value(app.radio[0].options[0]).run()
    assert not app.exception
    assert figures(app) == 0
    assert any("No finished run" in each.value for each in app.info)


@pytest.mark.parametrize("step", ["0", "7", "x", "99", ""])
def test_nonsense_in_the_address_is_the_first_step(app, step):
    open_step(app, step)
    assert not app.exception
    assert TITLES[0] in app.header[0].value


def test_sliders_move_the_figures(app):
    open_step(app, 1)
    app.radio[0].set_value(app.radio[0].options[0]).run()
    first = {m.label: m.value for m in app.metric}
    app.slider(key=widget_key("learn", "bits")).set_value(2).run()
    second = {m.label: m.value for m in app.metric}
    assert not app.exception
    assert (first["Numbers in the grid"], second["Numbers in the grid"]) == ("255", "3")
    assert first["Tensor's SQNR"] != second["Tensor's SQNR"]


def test_the_glossary_is_searched(app):
    open_step(app, 1)
    app.text_input(key=widget_key("learn", "glossary")).set_value("qwertz").run()
    assert any("No term" in each.value for each in app.info)
