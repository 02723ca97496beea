"""The Convert page: presets, custom recipes refused in the form, settings, start and progress."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from components.session import (
    DATA_SOURCE_KEY,
    RUN_PARAMETER,
    ChosenModel,
    widget_key,
)
from converter.data_home import data_home
from converter.errors import StoreError
from converter.installation import history
from converter.progress import Progress
from converter.recipe import PRESETS, SELECT_TF_PRESET
from converter.run_store import end_run, load_record
from tests.pages.synthetic import keep_result, make_comparison, write_run


@pytest.fixture
def convert(app):
    app.run()
    app.session_state["litedrift.model"] = ChosenModel(
        path=Path("/nowhere/net.keras"), name="net *x*.keras", sha256="ab" * 32
    )
    app.session_state[DATA_SOURCE_KEY] = "random"
    return app.switch_page("pages/convert.py").run()


@pytest.fixture
def started(monkeypatch, home, jobs_alive):
    """What was asked of the run store; a started run looks as if it went on in this process."""
    requests = []

    def start(request, owner):
        requests.append(request)
        write_run(home, "abc123", progress=Progress(
            status="running", stage="convert int8", done=3, total=20, seconds_left=12.0,
            log=[{"stage": "load", "seconds": 2.0}],
        ), owner=owner)
        return "abc123"

    monkeypatch.setattr("components.run_starter.start_run", start)
    return requests


def start_button(app):
    return app.button(key=widget_key("convert", "start"))


def toggle(app, name):
    return app.toggle(key=widget_key("convert", name))


def finish(status, error=None):
    end_run("abc123", status, error)


def test_without_a_model_it_offers_the_samples(app):
    app.run()
    app.switch_page("pages/convert.py").run()
    assert not app.exception
    assert app.header[0].value == "Nothing to convert yet"
    app.button(key=widget_key("convert", "sample.cancer_mlp")).click().run()
    assert not app.exception
    assert app.session_state["litedrift.model"].sample == "cancer_mlp"
    assert start_button(app).label == "Convert and compare 6 variants"


def test_presets_are_on_and_select_tf_is_off(convert):
    assert not convert.exception
    on = {t.key.rsplit(".", 1)[1] for t in convert.toggle if ".preset." in t.key and t.value}
    assert on == set(PRESETS)
    assert toggle(convert, f"preset.{SELECT_TF_PRESET.name}").value is False


def test_no_recipe_closes_start_with_its_reason(convert):
    for name in PRESETS:
        toggle(convert, f"preset.{name}").set_value(False)
    convert.run()
    assert start_button(convert).disabled
    assert any("at least one recipe" in caption.value for caption in convert.caption)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("calibrate", True, None),
        ("name", "int8", "taken"),
        ("name", "No Good", "lower"),
        ("inference_input_type", "int8", "full quantization"),
    ],
)
def test_impossible_combinations_are_refused_in_the_form(convert, field, value, reason):
    convert.session_state[widget_key("convert", f"custom.{field}")] = value
    convert.run()
    shown = " ".join(warning.value for warning in convert.warning)
    add = convert.button(key=widget_key("convert", "add_custom"))
    assert add.disabled == (reason is not None)
    assert (reason or "") in shown
    assert bool(convert.warning) == (reason is not None)


def test_custom_recipes_are_added_and_removed(convert, started):
    for _ in range(2):
        convert.button(key=widget_key("convert", "add_custom")).click().run()
    assert not convert.exception
    names = [recipe.name for recipe in convert.session_state["litedrift.custom_recipes"]]
    assert names == ["custom_1", "custom_2"]
    convert.button(key=widget_key("convert", "remove.custom_1")).click().run()
    start_button(convert).click().run()
    asked = [recipe.name for recipe in started[0].recipes]
    assert asked == [*PRESETS, "custom_2"]


def test_start_asks_for_what_the_form_says(convert, started):
    toggle(convert, "preset.int16x8").set_value(False)
    convert.number_input(key=widget_key("convert", "samples.random")).set_value(50)
    convert.number_input(key=widget_key("convert", "seed")).set_value(7)
    convert.session_state[widget_key("convert", "protocol")] = "exact"
    convert.run()
    convert.number_input(key=widget_key("convert", "runs")).set_value(20)
    start_button(convert).click().run()
    assert not convert.exception
    (request,) = started
    assert (request.samples, request.calibration_samples) == (50, None)
    assert (request.runs, request.threads, request.seed) == (20, 1, 7)
    assert "int16x8" not in [recipe.name for recipe in request.recipes]
    assert request.data_path is None


def test_a_started_run_shows_its_stage_time_and_cancel(convert, started, monkeypatch):
    cancelled = []
    monkeypatch.setattr("components.job_panel.cancel_run", cancelled.append)
    start_button(convert).click().run()
    assert convert.title[0].value == "Converting"
    assert convert.query_params[RUN_PARAMETER] == "abc123"
    (bar,) = convert.progress
    assert bar.value == 15
    assert "Convert int8" in bar.text
    assert "12 s" in bar.text
    convert.button(key=widget_key("job", "cancel.page.abc123")).click().run()
    assert cancelled == ["abc123"]
    assert convert.button(key=widget_key("job", "cancel.page.abc123")).disabled


def test_a_run_that_waits_shows_its_place_in_the_queue(convert, started, home):
    for number in range(2):
        write_run(home, f"other{number}", progress=Progress(status="queued"),
                  queued=1000.0 + number, owner=f"somebody {number}")
    start_button(convert).click().run()
    history().end_if_active("abc123", "failed", None, 1.0)
    history().requeue("abc123", "me", load_record("abc123").request, 3000.0)
    convert.run()
    assert not convert.exception
    (bar,) = convert.progress
    assert bar.text.startswith("Position 3 of 3, done in about")
    assert convert.header[0].value == "Waiting to compare `digits_cnn.keras`"


def test_another_run_can_be_started_while_one_goes_on(convert, started):
    start_button(convert).click().run()
    convert.button(key=widget_key("convert", "another")).click().run()
    assert convert.title[0].value == "Choose flags"
    assert not start_button(convert).disabled
    assert [bar.value for bar in convert.sidebar.progress] == [15]


def test_a_run_belongs_to_the_browser_that_started_it(convert, started):
    start_button(convert).click().run()
    owner = load_record("abc123").owner
    assert owner
    assert owner == convert.session_state["litedrift.visitor"]


def test_latency_is_measured_anew_only_where_asked(convert, started):
    start_button(convert).click().run()
    convert.button(key=widget_key("convert", "another")).click().run()
    toggle(convert, "measure_anew").set_value(True)
    history().purge(["abc123"])
    shutil.rmtree(data_home() / "runs" / "abc123")
    convert.run()
    start_button(convert).click().run()
    assert [request.measure_anew for request in started] == [False, True]


def test_a_finished_run_leads_to_its_comparison(convert, started, home):
    start_button(convert).click().run()
    comparison, samples = make_comparison()
    keep_result("abc123", home / "runs" / "abc123", comparison, samples)
    finish("done")
    convert.run()
    assert not convert.exception
    assert convert.title[0].value == "Compare `digits_cnn.keras`"


def test_a_failed_run_says_why_and_keeps_the_form(convert, started, home):
    start_button(convert).click().run()
    finish("failed", "net.keras: expected 3 layers, found 2.")
    convert.run()
    assert not convert.exception
    assert "expected 3 layers, found 2" in convert.error[0].value.replace("\\", "")
    assert convert.title[0].value == "Choose flags"
    assert not start_button(convert).disabled


def test_a_cancelled_run_is_told_without_alarm(convert, started, home):
    start_button(convert).click().run()
    finish("cancelled")
    convert.run()
    assert not convert.exception
    assert not convert.error
    assert "cancelled" in convert.info[0].value


def test_a_run_that_cannot_start_is_one_sentence(convert, monkeypatch):
    def refuse(request, owner):
        raise StoreError("The run could not be started (No space left); free some disk space.")

    monkeypatch.setattr("components.run_starter.start_run", refuse)
    start_button(convert).click().run()
    assert not convert.exception
    assert "No space left" in convert.error[0].value
