"""The component of a deep analysis, drawn by Streamlit's own test runner."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from converter.kept_samples import EVALUATION_FILE, keep_first
from tests.components.synthetic_layers import make_analysis
from tests.converter.example_comparisons import make_comparison, make_failed, make_variant


def script(folder):
    from pathlib import Path

    from components.layer_analysis import render_layer_analysis
    from converter.comparison import Comparison

    render_layer_analysis(Path(folder), Comparison.load(Path(folder) / "comparison.json"))


@pytest.fixture
def folder(tmp_path):
    variants = [make_variant("float32"), make_variant("int8"), make_variant("float16"),
                make_failed("int8_full")]
    make_comparison(variants).save(tmp_path)
    for name in ("float32", "int8", "float16"):
        (tmp_path / f"{name}.tflite").write_bytes(b"some file")
    keep_first(tmp_path / EVALUATION_FILE, {"image": np.zeros((2, 3), np.float32)})
    return tmp_path


def draw(folder):
    app = AppTest.from_function(script, kwargs={"folder": str(folder)}, default_timeout=20).run()
    assert not app.exception
    return app


def words(app):
    return " ".join(e.value for kind in (app.markdown, app.caption, app.info, app.subheader)
                    for e in kind)


def test_a_variant_not_looked_into_is_offered_and_failed_ones_are_not(folder):
    app = draw(folder)
    assert app.selectbox[0].options == ["int8", "float16"]
    assert [button.label for button in app.button] == ["Look into it"]


def test_an_analysis_is_shown_with_its_check_and_what_is_missing(folder):
    make_analysis(layers=120).save(folder)
    text = words(draw(folder))
    for expected in ("Drift in legs", "Error by layer", "Cost by operator", "the residual",
                     "3 of 4 operators sum to", "98 %", "On 10 of 12 samples",
                     "What makes the difference", "are at the least int8"):
        assert expected in text
    assert not draw(folder).button


def test_the_layer_in_which_most_is_born_is_shown_first(folder):
    make_analysis().save(folder)
    app = draw(folder)
    assert "block_2/conv" in words(app)
    assert app.selectbox[1].value == 2
    app.selectbox[1].set_value(4).run()
    assert "block_4/conv" in words(app)


def test_a_second_analysis_can_be_held_against(folder):
    make_analysis().save(folder)
    make_analysis("float16").save(folder)
    against = next(box for box in draw(folder).selectbox if box.label == "Against")
    assert against.options == ["float32", "float16"]


def test_a_damaged_analysis_is_said_and_offered_anew(folder):
    (folder / "layers_int8.json").write_text("{")
    app = draw(folder)
    assert "expected a deep analysis" in app.error[0].value
    assert app.button


def test_a_failed_analysis_is_one_sentence(folder):
    app = draw(folder)
    app.button[0].click().run()
    assert not app.exception
    # The files of this test are no models: every part says so, and nothing is drawn.
    assert "Not measured" in words(app)


def test_without_kept_samples_the_reason_is_said(folder):
    (folder / EVALUATION_FILE).unlink()
    app = draw(folder)
    assert "kept no evaluation samples" in app.info[0].value
    assert not app.button
