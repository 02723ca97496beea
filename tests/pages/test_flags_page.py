"""The Flags page: empty, with a run's effects, what cannot be told, and a run of all cells."""

from __future__ import annotations

import math

import pytest

from components.session import RUN_PARAMETER, widget_key
from converter.errors import StoreError
from converter.run_store import load_request
from tests.pages.synthetic import make_comparison, make_drift, make_hard_case, write_run

PILLS = widget_key("flags", "factors.tflite_converter")
START = widget_key("flags", "start")


def open_page(app, run_id=None):
    app.run()
    if run_id is not None:
        app.query_params[RUN_PARAMETER] = run_id
    return app.switch_page("pages/flags.py").run()


def words(app):
    return " ".join(item.value for item in [*app.markdown, *app.caption])


def test_without_a_run_it_leads_to_a_model(app):
    open_page(app)
    assert not app.exception
    assert app.title[0].value == "Flags"
    assert app.header[0].value == "Nothing to compare yet"


@pytest.mark.parametrize("make", [make_comparison, make_hard_case])
def test_a_run_shows_its_flags_and_offers_to_cross_some(app, home, make):
    write_run(home, "r1", *make())
    open_page(app, "r1")
    assert not app.exception
    assert "Effect of each flag" in [card.value for card in app.subheader]
    assert "**Optimize\\.DEFAULT** made the file 3\\.7\N{MULTIPLICATION SIGN} smaller" in words(app)
    assert app.button(key=START).label == "Run all 4 settings"
    assert not app.button(key=START).disabled


def test_an_exact_variant_is_named_and_no_drift_is_made_up(app, home):
    comparison, samples = make_comparison()
    comparison.variants[0].drift = make_drift(math.inf, 0.0, 1.0)
    write_run(home, "r1", comparison, samples)
    open_page(app, "r1")
    assert not app.exception
    assert "float32 has no error at all" in words(app)
    default = next(m.value for m in app.markdown if m.value.startswith("**Optimize"))
    assert "SQNR" not in default
    assert "inference" in default


def test_a_run_of_one_variant_says_what_to_do(app, home):
    comparison, samples = make_comparison()
    comparison.variants = comparison.variants[:1]
    write_run(home, "r1", comparison, samples)
    open_page(app, "r1")
    assert not app.exception
    assert "run it again with more recipes" in app.error[0].value
    assert app.button(key=START).label == "Run all 4 settings"


def test_too_few_or_too_many_flags_close_the_button_with_the_reason(app, home):
    write_run(home, "r1", *make_comparison())
    open_page(app, "r1")
    for keys in ([], ["cal"], ["default", "cal", "f16", "tensor", "dense"]):
        app.button_group(key=PILLS).set_value(keys).run()
        assert not app.exception
        assert app.button(key=START).disabled
        assert f"now {len(keys)}" in words(app)


def test_the_cells_that_are_allowed_are_counted_and_run_as_one_run(app, home, monkeypatch):
    write_run(home, "r1", *make_comparison())
    open_page(app, "r1")
    app.button_group(key=PILLS).set_value(["cal", "f16", "tensor"]).run()
    assert "8 settings, 5 of them allowed" in words(app)
    asked = []
    monkeypatch.setattr(
        "components.flag_choice.start_run", lambda request, _: asked.append(request) or "r1"
    )
    app.button(key=START).click().run()
    assert not app.exception
    (request,) = asked
    before = load_request("r1")
    names = [recipe.name for recipe in request.recipes]
    assert names == ["dynamic_range", "f_default_tensor", "float16", "int8",
                     "f_default_cal_tensor"]  # fmt: skip
    assert (request.model_path, request.seed) == (before.model_path, before.seed)


def test_a_run_that_cannot_be_started_says_why(app, home, monkeypatch):
    def refuse(*_):
        raise StoreError("the disk is full; make room.")

    write_run(home, "r1", *make_comparison())
    open_page(app, "r1")
    monkeypatch.setattr("components.flag_choice.start_run", refuse)
    app.button(key=START).click().run()
    assert not app.exception
    assert "disk is full" in app.error[0].value
