"""Why operators compute in float: each reason from a file that shows it, none that is guessed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from converter.float_reasons import LEAST_ELEMENTS, explain_float_operators
from converter.recipe import LITERT_QUANTIZER, PRESETS, TFLITE_PRESETS
from tests.converter.test_audit import FLOAT, INT8, INT32, WEIGHTS8, operator, tensor

MATRIX = replace(tensor(constant=True, elements=900), shape=(30, 30))
LARGE = replace(MATRIX, shape=(60, 60))
EDGE = replace(FLOAT, name="edge")


def reasons(operators, recipe, engine="tflite_converter"):
    found = explain_float_operators(operators, recipe, engine)
    return {item["operator"]: item["reason"] for item in found}


def test_without_quantization_nothing_needs_a_reason():
    assert explain_float_operators([operator("ADD", [FLOAT], [FLOAT])], PRESETS["float32"]) == []


@pytest.mark.parametrize("recipe", [PRESETS["float16"], TFLITE_PRESETS["int8_weight_only"]])
def test_recipes_about_storage_leave_all_in_float(recipe):
    found = explain_float_operators([operator("ADD", [FLOAT], [FLOAT])] * 3, recipe)
    assert found == [{"operator": "all", "count": 3, "reason": "the recipe changes how weights are "
                      "stored, not how operators compute"}]


def test_dynamic_range_passes_over_small_weights_and_what_has_none():
    small = operator("FULLY_CONNECTED", [FLOAT, MATRIX], [FLOAT])
    found = reasons([small, operator("SOFTMAX", [FLOAT], [FLOAT])], PRESETS["dynamic_range"])
    assert f"900 elements, and fewer than {LEAST_ELEMENTS:,}" in found["FULLY_CONNECTED"]
    assert "no weights" in found["SOFTMAX"]
    by_other = reasons([small], PRESETS["dynamic_range"], LITERT_QUANTIZER)
    assert "not known" in by_other["FULLY_CONNECTED"]  # it knows no least size
    large = operator("SVDF", [FLOAT, LARGE], [FLOAT])
    assert "not known" in reasons([large], PRESETS["dynamic_range"])["SVDF"]


def test_operators_with_integer_weights_and_borders_need_none():
    whole = [operator("CONV_2D", [FLOAT, WEIGHTS8], [FLOAT]),
             operator("DEQUANTIZE", [INT8], [FLOAT])]
    assert reasons(whole, PRESETS["dynamic_range"]) == {}


def test_static_quantization_goes_around_what_it_has_no_integer_form_of():
    file = [
        operator("CONV_2D", [INT8, WEIGHTS8], [INT8]),
        operator("DEQUANTIZE", [INT8], [EDGE]),
        operator("SIN", [EDGE], [FLOAT]),
        operator("CONV_2D", [FLOAT, tensor(constant=True)], [FLOAT]),
        operator("CAST", [INT32], [FLOAT]),
        operator("COS", [FLOAT], [FLOAT]),
    ]
    found = reasons(file, PRESETS["int8"])
    assert "went around it" in found["SIN"]
    assert "others of its kind" in found["CONV_2D"]
    assert "turns int32 into float" in found["CAST"]
    assert "not known" in found["COS"]


def test_where_nothing_was_quantized_calibration_is_named():
    found = reasons([operator("ADD", [FLOAT], [FLOAT])], PRESETS["int8"])
    assert "calibration gave no ranges" in found["ADD"]
