"""Predicted size: parameters times the bytes of a value."""

from __future__ import annotations

import pytest

from converter.comparison import Variant
from converter.recipe import AS_GIVEN, GIVEN, PRESETS, SELECT_TF_PRESET, TFLITE_PRESETS
from converter.size_prediction import bytes_per_value, predict_size
from tests.pages.synthetic import FIGURES, make_comparison

EACH = {
    "float32": 4, "dynamic_range": 1, "float16": 2, "int8": 1, "int8_full": 1, "int16x8": 1,
    "int8_weight_only": 1, "int4_weight_only": 0.5, "int4_dynamic_range": 0.5, "int8x4": 0.5,
    "float32_select_tf": 4,
}  # fmt: skip


@pytest.mark.parametrize("recipe", [*PRESETS.values(), *TFLITE_PRESETS.values(), SELECT_TF_PRESET],
                         ids=lambda recipe: recipe.name)  # fmt: skip
def test_every_preset_has_the_bytes_of_its_weights_type(recipe):
    assert bytes_per_value(recipe.to_json()) == EACH[recipe.name]


@pytest.mark.parametrize("name", FIGURES)
def test_the_prediction_is_the_product_and_its_error_a_share_of_it(name):
    comparison, _ = make_comparison()
    found = predict_size(comparison, comparison.variant(name))
    predicted = 102_762 * EACH[name]
    assert found.predicted_bytes == predicted
    assert found.actual_bytes == FIGURES[name][0]
    assert found.error == pytest.approx(FIGURES[name][0] / predicted - 1)


def test_nothing_is_predicted_of_what_no_recipe_made():
    comparison, _ = make_comparison()
    given = Variant(recipe="mine", flags={}, engine=GIVEN, given_name="mine.tflite", size_bytes=10)
    itself = Variant(recipe="as_given", flags=AS_GIVEN.to_json(), engine=GIVEN, size_bytes=10)
    failed = Variant(recipe="int8", flags=PRESETS["int8"].to_json(), status="failed")
    assert [predict_size(comparison, v) for v in (given, itself, failed)] == [None] * 3


def test_a_model_without_parameters_has_a_prediction_and_no_error():
    comparison, _ = make_comparison()
    comparison.model.parameters = 0
    found = predict_size(comparison, comparison.variant("int8"))
    assert (found.predicted_bytes, found.error) == (0, None)
