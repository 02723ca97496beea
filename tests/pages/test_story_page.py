"""The Story page: nothing to tell, a run's story, names as text, the audience in the address."""

from __future__ import annotations

import pytest

from components.session import RUN_PARAMETER, widget_key
from tests.pages.synthetic import make_comparison, make_hard_case, make_regression, write_run


def open_story(app, run_id=None, **parameters):
    app.run()
    known = {RUN_PARAMETER: run_id} if run_id else {}
    for name, value in {**known, **parameters}.items():
        app.query_params[name] = value
    return app.switch_page("pages/story.py").run()


def html_of(app):
    return "".join(each.proto.body for each in app.get("html"))


def test_without_a_run_it_leads_to_a_model(app):
    open_story(app)
    assert not app.exception
    assert app.header[0].value == "Nothing to compare yet"


@pytest.mark.parametrize("make", [make_comparison, make_hard_case, make_regression])
def test_a_run_is_told(app, home, make):
    write_run(home, "r1", *make())
    open_story(app, "r1")
    assert not app.exception
    assert "story-sentence" in html_of(app)
    assert "What it means" in [each.value for each in app.header]


def test_names_from_outside_are_text(app, home):
    write_run(home, "r1", *make_comparison("<script>alert(1)</script>.keras"))
    open_story(app, "r1")
    assert not app.exception
    assert "<script>" not in html_of(app)


def test_the_audience_comes_from_the_address_and_goes_into_the_arithmetic(app, home):
    write_run(home, "r1", *make_comparison())
    open_story(app, "r1", users="2500", inferences="4")
    assert app.number_input(key=widget_key("story", "users")).value == 2500
    assert "2,500 ×" in html_of(app)  # noqa: RUF001 - the sign is what a person reads
    app.number_input(key=widget_key("story", "users")).set_value(10).run()
    assert app.query_params["users"] == "10"


@pytest.mark.parametrize("users", ["-4", "x", "9" * 30, "٣", ""])
def test_nonsense_in_the_address_is_the_default(app, home, users):
    write_run(home, "r1", *make_comparison())
    open_story(app, "r1", users=users)
    assert not app.exception
    assert app.number_input(key=widget_key("story", "users")).value == 1_000_000
