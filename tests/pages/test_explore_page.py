"""The live bench: what it says where there is nothing to explore, and a real model explored."""

from __future__ import annotations

import hashlib
import shutil
import time

import numpy as np
import pytest
import streamlit as st

from components.explore import bench
from components.explore.bench_state import STATE_PARAMETER
from components.explore.warm_sessions import warm_sessions
from components.session import RUN_PARAMETER, widget_key
from converter import run_store
from converter.recipe import PRESETS
from converter.request import RunRequest
from converter.sample_models import list_samples
from tests.pages.opened_names import opened, tiles_without_formula
from tests.pages.synthetic import make_comparison, write_run


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A data folder with a finished run of a real model, and that run."""
    folder = tmp_path_factory.mktemp("explore")
    (folder / "home").mkdir()
    (folder / "home" / "welcome").touch()
    sample = next(s for s in list_samples() if s.name == "digits_mobilenet")
    shutil.copyfile(sample.data_path, folder / "data.npz")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LITEDRIFT_HOME", str(folder / "home"))
        run_id = run_store.start_run(RunRequest(
            model_path=sample.model_path, model_name=sample.model_path.name,
            data_path=folder / "data.npz", data_name="data.npz", samples=40,
            calibration_samples=10, runs=1, recipes=(PRESETS["float32"], PRESETS["int8"]),
        ))
        finish(run_id)
        yield folder, run_id


@pytest.fixture
def home(made, monkeypatch):
    monkeypatch.setenv("LITEDRIFT_HOME", str(made[0] / "home"))
    # Others measure on this machine while the suite runs.
    monkeypatch.setattr("components.explore.warm_sessions._MOST_WAIT_SECONDS", 200.0)
    st.cache_data.clear()
    return made[0] / "home"


@pytest.fixture
def run_id(home, made):
    return made[1]


def finish(run_id):
    end = time.monotonic() + 120
    while (progress := run_store.follow_run(run_id)).is_active:
        assert time.monotonic() < end
        time.sleep(0.03)
    assert progress.status == "done", progress.error


def open_bench(app, run_id, state=None):
    app.query_params[RUN_PARAMETER] = run_id
    app.run()
    app.query_params[RUN_PARAMETER] = run_id
    if state is not None:
        app.query_params[STATE_PARAMETER] = state
    app.switch_page("pages/explore.py").run()
    assert not app.exception
    return app


def control(app, kind, name, run_id):
    return getattr(app, kind)(key=widget_key("explore", f"{name}.{run_id}"))


def choose(app, run_id, precision):
    control(app, "button_group", "precision", run_id).set_value(precision).run()
    assert not app.exception


def metrics(app):
    return {each.label: each.value for each in app.metric}


def captions(app):
    return " ".join(each.value.replace("\\", "") for each in app.caption)


def test_without_a_run_it_leads_to_a_model(app):
    app.run()
    app.switch_page("pages/explore.py").run()
    assert not app.exception
    assert app.title[0].value == "Explore"
    assert app.header[0].value == "Nothing to compare yet"


def test_a_run_without_samples_says_so_in_one_sentence(app, home):
    write_run(home, "r1", *make_comparison("<b>x</b>.keras"))
    open_bench(app, "r1")
    assert len(app.error) == 1
    assert "found none; run it again" in app.error[0].value.replace("\\", "")
    assert not app.metric
    assert not warm_sessions.is_warm("r1")


def test_a_run_without_float32_says_what_to_do(app, home):
    comparison, samples = make_comparison("x.keras")
    comparison.variants = [v for v in comparison.variants if v.recipe != "float32"]
    write_run(home, "r2", comparison, samples)
    open_bench(app, "r2")
    assert len(app.error) == 1
    sentence = app.error[0].value.replace("\\", "")
    assert "x.keras" in sentence
    assert "with float32 among the recipes" in sentence


def test_a_choice_changes_the_figures_the_address_and_can_be_undone(app, run_id):
    open_bench(app, run_id)
    before = metrics(app)
    assert before["Size"].endswith("kB")
    assert STATE_PARAMETER not in app.query_params
    choose(app, run_id, "dynamic_int8")
    after = metrics(app)
    assert after["Size"] != before["Size"]
    assert after["SQNR"] != before["SQNR"]
    assert "dynamic int8 for " in captions(app)
    assert "on 20 evaluation samples, the half to choose by" in captions(app)
    code = app.query_params[STATE_PARAMETER][0]
    control(app, "button", "undo", run_id).click().run()
    assert metrics(app)["Size"] == before["Size"]
    assert STATE_PARAMETER not in app.query_params
    assert control(app, "button", "undo", run_id).disabled
    open_bench(app, run_id)  # the state lives as long as the visit
    choose(app, run_id, "int8")
    assert app.query_params[STATE_PARAMETER][0] != code


def test_where_all_samples_take_long_the_first_ones_are_told_and_all_on_request(
    app, run_id, monkeypatch
):
    monkeypatch.setattr(bench, "LIVE_SECONDS", 0.0)
    warm_sessions.close()  # which knows figures on all samples from the tests before
    open_bench(app, run_id)
    choose(app, run_id, "dynamic_int8")
    assert "on the first 10 of 20 evaluation samples, the half to choose by: all" in captions(app)
    next(b for b in app.button if b.label == "Run all 20").click().run()
    assert "on 20 evaluation samples, the half to choose by; found" in captions(app)
    assert "Run all 20" not in [b.label for b in app.button]
    assert not app.exception


def test_each_figure_opens_its_formula(app, run_id):
    open_bench(app, run_id)
    assert app.metric
    assert tiles_without_formula(app) == set()
    assert "float32: " in opened(app)["SQNR"]


def test_a_link_brings_the_state_along_and_a_wrong_one_is_one_sentence(app, run_id):
    layers = warm_sessions.ask(run_id, lambda session: session.layers)
    weights = "".join("d" if each.has_weights else "_" for each in layers)
    open_bench(app, run_id, weights)
    linked = metrics(app)
    assert control(app, "button", "over", run_id).disabled is False
    control(app, "button", "over", run_id).click().run()
    choose(app, run_id, "dynamic_int8")
    assert {**metrics(app), "Predicted latency": ""} == {**linked, "Predicted latency": ""}


@pytest.mark.parametrize("code", ["i3f", "<script>alert(1)</script>", "9" * 5000])
def test_a_wrong_link_is_one_sentence(app, run_id, code):
    open_bench(app, run_id, code)
    assert [each.value.startswith("link: expected a") or "link" in each.value
            for each in app.error] == [True]
    assert control(app, "button", "over", run_id).disabled


def test_layers_are_chosen_by_type_and_by_name(app, run_id):
    open_bench(app, run_id)
    layers = warm_sessions.ask(run_id, lambda session: session.layers)
    (first, *_) = [each for each in layers if "dynamic_int8" in each.offered]
    control(app, "button_group", "scope", run_id).set_value("types").run()
    control(app, "button_group", "types", run_id).set_value([first.operator]).run()
    choose(app, run_id, "dynamic_int8")
    typed = [each for each in layers if each.operator == first.operator]
    assert f"dynamic int8 for {len(typed)} operator" in captions(app)
    control(app, "button_group", "scope", run_id).set_value("names").run()
    control(app, "text_input", "pattern", run_id).set_value("(").run()
    assert not app.exception
    assert "expected a regular expression" in app.error[0].value.replace("\\", "")
    control(app, "text_input", "pattern", run_id).set_value("^no such layer$").run()
    assert not app.error
    assert control(app, "button_group", "precision", run_id).disabled
    control(app, "button_group", "scope", run_id).set_value("picked").run()
    control(app, "multiselect", "picked", run_id).set_value([first.number]).run()
    choose(app, run_id, "float32")
    assert "float32 for 1 operator" in captions(app)


@pytest.mark.parametrize(("precision", "reason"), [
    ("dynamic_int2", "of its output values are NaN or infinite"),
    ("dynamic_int2_block32", "LiteRT cannot prepare the file"),
])
def test_what_cannot_be_used_is_said_beside_the_figures(app, run_id, precision, reason):
    open_bench(app, run_id)
    choose(app, run_id, precision)
    assert reason in app.warning[0].value.replace("\\", "")
    assert "This state cannot be used" in app.warning[0].value
    assert metrics(app)["SQNR"] == "\N{EN DASH}"
    assert app.button(key=widget_key("explore", "run")).disabled


def test_the_held_back_half_speaks_when_it_is_asked(app, run_id):
    open_bench(app, run_id)
    choose(app, run_id, "int8")
    assert "no choice was made by" not in captions(app)
    app.button(key=widget_key("explore", "check")).click().run()
    assert "On the other 20 samples, which no choice was made by: SQNR " in captions(app)
    choose(app, run_id, "dynamic_int8")
    assert "no choice was made by" not in captions(app)


def test_one_click_makes_a_full_run_of_the_state(app, run_id):
    open_bench(app, run_id)
    choose(app, run_id, "dynamic_int8")
    layers = warm_sessions.ask(run_id, lambda session: session.layers)
    choices = {each.number: "dynamic_int8" for each in layers
               if "dynamic_int8" in each.offered}
    content, _ = warm_sessions.ask(run_id, lambda session: session.write(choices))
    judged = warm_sessions.judge(run_id, choices, "search")
    known = {record.run_id for record in run_store.list_runs()}
    app.button(key=widget_key("explore", "run")).click().run()
    assert not app.exception
    assert not app.error
    (record,) = [r for r in run_store.list_runs() if r.run_id not in known]
    finish(record.run_id)
    comparison = run_store.load_comparison(record.run_id)
    plain, variant = comparison.variants
    assert (plain.recipe, plain.drift.sqnr_db) == ("float32", np.inf)
    assert variant.recipe == f"dynamic_int8_x{len(choices)}"
    assert variant.sha256 == hashlib.sha256(content).hexdigest() == judged.sha256
    assert variant.latency.p50_ms > 0
    assert variant.latency.runs >= 50
    assert comparison.data.evaluation_samples == 40
    assert comparison.data.name == "data.npz"
    float_file = run_store.run_files(run_id)["float32.tflite"].read_bytes()
    assert comparison.model.sha256 == hashlib.sha256(float_file).hexdigest()


def test_a_data_file_that_is_gone_is_one_sentence(app, run_id, made):
    known = len(run_store.list_runs())
    open_bench(app, run_id)
    choose(app, run_id, "dynamic_int8")
    (made[0] / "data.npz").rename(made[0] / "elsewhere.npz")
    app.button(key=widget_key("explore", "run")).click().run()
    assert not app.exception
    assert "data.npz" in app.error[0].value.replace("\\", "")
    assert len(run_store.list_runs()) == known
    (made[0] / "elsewhere.npz").rename(made[0] / "data.npz")


def test_a_child_that_died_is_replaced_while_the_page_is_open(app, run_id):
    open_bench(app, run_id)
    warm_sessions.ask(run_id, lambda session: session._worker.kill())
    choose(app, run_id, "dynamic_int8")
    assert not app.error
    assert not app.warning
    assert metrics(app)["SQNR"].endswith("dB")
