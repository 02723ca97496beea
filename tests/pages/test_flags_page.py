"""The Flags page: empty, with a run's effects, what cannot be told, and a run of all cells."""

from __future__ import annotations

import math

import pytest

from components.model_picker import chosen_sample
from components.session import DATA_SOURCE_KEY, FILE, RUN_PARAMETER, SAMPLE, widget_key
from converter.engine_comparison import (
    ENGINES_FILE,
    EngineComparison,
    EngineFile,
    EnginePair,
)
from converter.errors import StoreError
from converter.recipe import FURTHER_PRESETS, PRESETS
from converter.run_store import keep_file, load_request
from converter.sample_models import list_samples
from converter.weight_match import WeightMatch
from tests.pages.opened_names import opened
from tests.pages.synthetic import make_comparison, make_drift, make_hard_case, write_run

PILLS = widget_key("flags", "factors.tflite_converter")
START = widget_key("flags", "start")
ENGINES = EngineComparison(
    pairs=[
        EnginePair(
            recipe="int8",
            converter=EngineFile(engine="tflite_converter", size_bytes=2000, sha256="a",
                                 content_sha256="a", convert_seconds=[0.4],
                                 drift=make_drift(40.0, 0.1)),
            quantizer=EngineFile(engine="litert_quantizer", size_bytes=1900, sha256="b",
                                 content_sha256="b", convert_seconds=[0.02, 0.01, 0.01],
                                 drift=make_drift(41.0, 0.1)),
            weights=WeightMatch(tensors=2, unpaired=1, values=400, equal=400, largest_steps=0.0,
                                dtypes=(("int8",), ("int8",))),
        ),
        EnginePair(
            recipe="float16", converter=EngineFile(engine="tflite_converter", size_bytes=3000),
            quantizer=EngineFile(engine="litert_quantizer", problem="float16: it crashed."),
        ),
    ],
    samples=100, threads=1, created="2026-11-28T10:00:00+00:00",
)  # fmt: skip


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


def test_the_effects_open_their_formula(app, home):
    write_run(home, "r1", *make_comparison())
    open_page(app, "r1")
    assert "exp(" in opened(app)["Effect of a flag"]


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


def test_the_engines_part_says_what_a_run_needs_for_it(app, home):
    comparison, samples = make_comparison()
    comparison.variants = [v for v in comparison.variants if v.recipe != "float32"]
    write_run(home, "r1", comparison, samples)
    open_page(app, "r1")
    assert not app.exception
    assert "a run needs float32 and at least one of" in words(app)


def test_engines_that_cannot_be_compared_say_why(app, home):
    write_run(home, "r1", *make_comparison())  # its files are none, and it kept no samples
    open_page(app, "r1")
    app.button(key=widget_key("engines", "start")).click().run()
    assert not app.exception
    assert "the samples that a run keeps" in app.error[0].value


def test_a_comparison_of_engines_that_was_kept_is_shown(app, home, tmp_path):
    write_run(home, "r1", *make_comparison())
    keep_file("r1", ENGINES.save(tmp_path))
    open_page(app, "r1")
    assert not app.exception
    assert "all 400 weights that both store are the same, one tensor in one file alone" in (
        words(app).replace("\\", "")
    )
    assert "it crashed" in words(app)
    assert {"Size", "SQNR", "Median latency", "Convert", "On integers"} <= set(opened(app))
    assert app.button(key=widget_key("engines", "start")).label == "Measure again"
    # What is damaged is told, and can be made anew.
    keep_file("r1", _write(tmp_path / ENGINES_FILE, "{"))
    app.run()
    assert not app.exception
    assert "compare them again" in app.error[0].value
    assert app.button(key=widget_key("engines", "start")).label == "Compare the engines"


def test_what_only_the_second_engine_makes_is_one_run_from_the_float_file(
    app, home, monkeypatch
):
    write_run(home, "r1", *make_comparison())
    open_page(app, "r1")
    asked = []
    monkeypatch.setattr(
        "components.engine_view.start_run", lambda request, _: asked.append(request) or "r1"
    )
    app.button(key=widget_key("flags", "further")).click().run()
    assert not app.exception
    (request,) = asked
    names = {recipe.name for recipe in request.recipes}
    assert {*FURTHER_PRESETS} < names
    assert not names & {*PRESETS}
    assert request.model_path.read_bytes()[4:8] == b"TFL3"


def _write(path, text):
    path.write_text(text)
    return path


def test_runs_under_the_same_conditions_can_be_added_and_no_others(app, home):
    sha256 = make_comparison()[0].model.sha256
    runs = {name: make_comparison() for name in ("r1", "r2", "r3")}
    for name, kept in (("r1", ("float32", "dynamic_range")), ("r2", ("dynamic_range", "int8"))):
        comparison, _ = runs[name]
        comparison.variants = [v for v in comparison.variants if v.recipe in kept]
    runs["r3"][0].data.seed = 7
    for name, (comparison, samples) in runs.items():
        write_run(home, name, comparison, samples, model_sha256=sha256)
    open_page(app, "r1")
    assert not app.exception
    assert "Representative data" not in words(app)
    added = app.multiselect(key=widget_key("flags", "further.r1"))
    assert len(added.options) == 1
    added.set_value(["r2"]).run()
    assert not app.exception
    assert "**Representative data** made the file" in words(app)
    assert "2 runs" in words(app)


def take_in_hand(app, data_source):
    sample = next(s for s in list_samples() if s.name == "digits_cnn")
    app.session_state["litedrift.model"] = chosen_sample(sample)
    app.session_state[DATA_SOURCE_KEY] = data_source


def test_a_model_in_hand_can_be_crossed_before_there_is_any_run(app, home, monkeypatch):
    app.run()
    take_in_hand(app, SAMPLE)
    app.switch_page("pages/flags.py").run()
    assert not app.exception
    assert app.title[0].value == "Flags"
    asked = []
    monkeypatch.setattr(
        "components.flag_choice.start_run", lambda request, _: asked.append(request) or "none"
    )
    app.button(key=START).click().run()
    assert asked[0].model_name == "digits_cnn.keras"
    assert len(asked[0].recipes) == 4


def test_another_model_in_hand_is_offered_beside_the_runs(app, home):
    write_run(home, "r1", *make_comparison("other.keras"))
    app.run()
    take_in_hand(app, FILE)  # an upload that is still missing
    app.query_params[RUN_PARAMETER] = "r1"
    app.switch_page("pages/flags.py").run()
    assert not app.exception
    assert not app.button(key=START).disabled
    app.button_group(key=widget_key("flags", "subject")).set_value(1).run()
    assert not app.exception
    assert app.button(key=START).disabled
    assert "Data is missing" in words(app)
