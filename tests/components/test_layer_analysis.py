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

    from components.layer_analysis import pick_analysable, render_layer_analysis
    from converter.analysed_run import find_analysis
    from converter.comparison import Comparison

    files = {path.name: path for path in Path(folder).iterdir()}
    comparison = Comparison.load(files["comparison.json"])
    variant = pick_analysable(files, comparison)
    found = variant and find_analysis(files, variant)
    if found:
        render_layer_analysis(files, comparison, found)


@pytest.fixture
def folder(tmp_path):
    variants = [make_variant("float32"), make_variant("int8"), make_variant("float16"),
                make_failed("int8_full")]
    for variant in variants:
        variant.sha256 = make_analysis().sha256
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


def test_variants_are_offered_and_failed_ones_are_not(folder):
    app = draw(folder)
    offered = app.segmented_control[0].options
    assert len(offered) == 2
    assert "int8" in offered[0]
    assert "float16" in offered[1]
    assert app.query_params["variant"] in ("int8", ["int8"])


def test_the_address_names_the_variant(folder):
    app = AppTest.from_function(script, kwargs={"folder": str(folder)}, default_timeout=20)
    app.query_params["variant"] = "float16"
    assert app.run().segmented_control[0].value == "float16"
    app = AppTest.from_function(script, kwargs={"folder": str(folder)}, default_timeout=20)
    app.query_params["variant"] = "<b>nine</b>"
    assert app.run().segmented_control[0].value == "int8"


def test_an_analysis_is_shown_with_its_check_and_what_is_missing(folder):
    make_analysis(layers=120).save(folder)
    text = words(draw(folder))
    for expected in ("Drift in legs", "Error by layer", "Cost by operator", "the residual",
                     "3 of 4 operators sum to", "98 %", "On 10 of 12 samples",
                     "What makes the difference", "are at the least int8"):
        assert expected in text


def test_the_layer_in_which_most_is_born_is_shown_first(folder):
    make_analysis().save(folder)
    app = draw(folder)
    assert "block_2/conv" in words(app)
    assert app.selectbox[0].value == 2
    app.selectbox[0].set_value(4).run()
    assert "block_4/conv" in words(app)


def test_a_second_analysis_can_be_held_against(folder):
    make_analysis().save(folder)
    make_analysis("float16").save(folder)
    against = next(box for box in draw(folder).selectbox if box.label == "Against")
    assert against.options == ["float32", "float16"]


def test_what_was_found_of_another_build_of_the_variant_is_not_shown(folder):
    analysis = make_analysis()
    analysis.sha256 = "f" * 64
    analysis.save(folder)
    assert not draw(folder).subheader


def test_without_kept_samples_the_reason_is_said(folder):
    (folder / EVALUATION_FILE).unlink()
    app = draw(folder)
    assert "kept no evaluation samples" in app.info[0].value
    assert not app.button
