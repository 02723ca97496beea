"""The Compare page of runs that start from a `.tflite`, and of runs with given ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components.session import RUN_PARAMETER, widget_key
from converter.comparison import Variant
from converter.recipe import AS_GIVEN, TFLITE_PRESETS
from tests.pages.synthetic import make_comparison, make_drift, write_run

HOSTILE = "<b>mine</b> **x** :tada:.tflite"


def of_tflite(comparison):
    comparison.model = replace(comparison.model, format="tflite", name="digits.tflite")
    comparison.settings["source"] = {
        "original": "tflite", "loader": "litert", "raw_inputs": ["image"], "changes": [],
        "signature": "serving_default", "output_tensors": None,
    }
    comparison.environment["litert_quantizer"] = "0.11.0"
    comparison.reference.peak_memory_bytes = 41_000_000
    comparison.reference.runtime_memory_bytes = 40_000_000


def make_float_tflite():
    """Return a run from a float `.tflite`: all made by litert-quantizer."""
    comparison, samples = make_comparison()
    of_tflite(comparison)
    comparison.variants = [v for v in comparison.variants if v.recipe != "float32"]
    del samples["float32"]
    for variant in comparison.variants:
        variant.engine = "litert_quantizer"
        variant.flags = TFLITE_PRESETS[variant.recipe].to_json()
    return comparison, samples


def make_quantized_tflite():
    """Return a run from a quantized `.tflite`: one row, itself."""
    comparison, samples = make_comparison()
    of_tflite(comparison)
    row = comparison.variants[3]
    row.recipe, row.file, row.flags = AS_GIVEN.name, "as_given.tflite", AS_GIVEN.to_json()
    row.engine, row.drift = "given", make_drift(float("inf"), 0.0, 1.0)
    comparison.variants = [row]
    return comparison, {"original": samples["original"], "as_given": samples["int8"]}


def make_given():
    """Return a run of a Keras model with two given files, of which one does not fit."""
    comparison, samples = make_comparison()
    mine = comparison.variants[-1]
    samples["mine"] = samples.pop(mine.recipe)
    mine.recipe, mine.file, mine.flags, mine.engine = "mine", "mine.tflite", {}, "given"
    mine.given_name, mine.convert_seconds, mine.audit.flags = HOSTILE, None, []
    other = Variant(recipe="other", flags={}, engine="given", given_name="other.tflite")
    other.fail("other.tflite: expected the inputs image (1, 8, 8, 1) float32, found x (1, 4).")
    comparison.variants.append(other)
    return comparison, samples


@pytest.fixture
def show(app, home):
    def _show(make):
        write_run(home, "r1", *make())
        app.query_params[RUN_PARAMETER] = "r1"
        app.run()
        app.query_params[RUN_PARAMETER] = "r1"
        return app.switch_page("pages/compare.py").run()

    return _show


def text_of(app):
    texts = [*app.markdown, *app.caption, *app.header, *app.info]
    return "\n".join(text.value.replace("\\", "") for text in texts)


def downloads(app):
    return {button.key for button in app.get("download_button")}


@pytest.mark.parametrize("make", [make_float_tflite, make_quantized_tflite, make_given])
def test_is_drawn(show, make):
    app = show(make)
    assert not app.exception
    assert len(app.get("plotly_chart")) == 6


def test_a_run_from_a_tflite_is_held_against_the_file(show):
    app = show(make_float_tflite)
    text = text_of(app)
    assert "against the given file" in text
    assert "Against the given file:" in text
    assert "original TensorFlow model" not in text
    assert "Made from the given file by litert-quantizer." in text
    speed = next(metric for metric in app.metric if metric.label == "Faster by")
    assert "tf.function" not in speed.help
    assert any("script.headline" in key for key in downloads(app))


def test_a_quantized_file_is_told_by_its_own_figures(show):
    app = show(make_quantized_tflite)
    found = {metric.label: metric.value for metric in app.metric}
    assert set(found) == {"Size", "Latency", "Load", "Accuracy"}
    assert found["Size"] == "116 kB"
    assert app.header[0].value.replace("\\", "").startswith("The given file is quantized already")
    assert "The given file itself, unchanged." in text_of(app)
    assert not any("script" in key for key in downloads(app))


class TestGiven:
    def test_a_given_file_is_shown_as_such_and_has_no_script(self, show):
        app = show(make_given)
        labels = " ".join(expander.label.replace("\\", "") for expander in app.expander)
        assert "**mine**" in labels
        assert "a file of your own" in labels
        assert f"Given as `{HOSTILE}`" in text_of(app)
        keys = downloads(app)
        assert widget_key("compare", "file.details.mine") in keys
        assert widget_key("compare", "script.details.mine") not in keys
        assert widget_key("compare", "script.details.int8") in keys

    def test_one_that_does_not_fit_gives_its_reason(self, show):
        app = show(make_given)
        assert "**other** failed:" in text_of(app)
        assert any("found x (1, 4)" in error.value.replace("\\", "") for error in app.error)

    def test_it_can_be_the_headline(self, show):
        app = show(make_given)
        key = widget_key("compare", "variant.2026-11-22T08:30:00+00:00")
        app.get_by_key(key).set_value("mine").run()
        assert not app.exception
        assert widget_key("compare", "script.headline.mine") not in downloads(app)
        assert widget_key("compare", "file.headline.mine") in downloads(app)
