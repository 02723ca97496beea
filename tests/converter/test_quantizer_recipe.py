"""Recipes in litert-quantizer's own words: which rule counts for which operator."""

from __future__ import annotations

import json

import pytest

from converter.quantizer_recipe import quantizer_rules
from converter.recipe import (
    AS_GIVEN,
    INT16X8,
    LITERT_QUANTIZER,
    PRESETS,
    SELECT_TF_PRESET,
    TFLITE_CONVERTER,
    TFLITE_DEFAULTS,
    TFLITE_PRESETS,
    Recipe,
    engine_problem,
    find_recipes,
)

CALIBRATED = {"optimizations": ("DEFAULT",), "calibrate": True}


def rule_for(recipe, operation):
    """Return the rule that litert-quantizer applies: the last that names the operator or all."""
    return next(r for r in reversed(quantizer_rules(recipe)) if r["operation"] in {operation, "*"})


def bits(recipe, operation, which="weight_tensor_config"):
    return rule_for(recipe, operation)["op_config"][which]["num_bits"]


@pytest.mark.parametrize("recipe", [PRESETS["float32"], AS_GIVEN], ids=lambda r: r.name)
def test_nothing_asked_is_no_rule(recipe):
    assert quantizer_rules(recipe) == []


@pytest.mark.parametrize("recipe", TFLITE_PRESETS.values(), ids=lambda r: r.name)
def test_every_preset_is_json(recipe):
    rules = quantizer_rules(recipe)
    assert json.loads(json.dumps(rules)) == rules
    assert all(rule["regex"] == ".*" for rule in rules)


@pytest.mark.parametrize(
    ("name", "dense", "depthwise", "float_inside"),
    [
        ("dynamic_range", 8, 8, False),
        ("float16", 16, 16, True),
        ("int8_weight_only", 8, 8, True),
        ("int4_weight_only", 4, 4, True),
        ("int4_dynamic_range", 4, 4, False),
        ("int8", 8, 8, False),
        ("int8x4", 4, 8, False),
    ],
)
def test_bits_of_weights(name, dense, depthwise, float_inside):
    recipe = TFLITE_PRESETS[name]
    assert bits(recipe, "FULLY_CONNECTED") == dense
    assert bits(recipe, "DEPTHWISE_CONV_2D") == depthwise
    config = rule_for(recipe, "FULLY_CONNECTED")["op_config"]
    assert config["explicit_dequantize"] is float_inside
    assert config["compute_precision"] == ("FLOAT" if float_inside else "INTEGER")


@pytest.mark.parametrize(("name", "expected"), [("int8", 8), ("int8_full", 8), ("int16x8", 16)])
def test_bits_of_activations(name, expected):
    recipe = TFLITE_PRESETS[name]
    assert bits(recipe, "SOFTMAX", "activation_tensor_config") == expected
    activations = rule_for(recipe, "SOFTMAX")["op_config"]["activation_tensor_config"]
    assert activations["symmetric"] is (expected == 16)


@pytest.mark.parametrize(
    ("recipe", "algorithm", "dtype"),
    [
        (PRESETS["int8"], "no_quantize", None),
        (PRESETS["int8_full"], "min_max_uniform_quantize", "INT"),
        (
            Recipe(name="u", inference_input_type="uint8", inference_output_type="uint8",
                   **CALIBRATED),
            "min_max_uniform_quantize", "UINT",
        ),
        (
            Recipe(name="i16", inference_input_type="int16", inference_output_type="int16",
                   supported_ops=(INT16X8,), **CALIBRATED),
            "min_max_uniform_quantize", "INT",
        ),
    ],
    ids=["float", "int8", "uint8", "int16"],
)  # fmt: skip
def test_the_ends_have_the_types_asked(recipe, algorithm, dtype):
    for operation in ("INPUT", "OUTPUT"):
        rule = rule_for(recipe, operation)
        assert rule["algorithm_key"] == algorithm
        if dtype:
            assert rule["op_config"]["activation_tensor_config"]["dtype"] == dtype


@pytest.mark.parametrize(
    ("flags", "dense", "other"),
    [
        ({}, "CHANNELWISE", "CHANNELWISE"),
        ({"per_channel": False}, "TENSORWISE", "TENSORWISE"),
        ({"per_channel_dense": False}, "TENSORWISE", "CHANNELWISE"),
        ({"per_channel_dense": False, "calibrate": True}, "TENSORWISE", "CHANNELWISE"),
        ({"per_channel_dense": False, "weight_bits": 4, "calibrate": True}, "TENSORWISE",
         "CHANNELWISE"),
    ],
)  # fmt: skip
def test_scales_per_channel_or_per_tensor(flags, dense, other):
    recipe = Recipe(name="r", optimizations=("DEFAULT",), **flags)
    for operation, expected in (("FULLY_CONNECTED", dense), ("DEPTHWISE_CONV_2D", other)):
        weights = rule_for(recipe, operation)["op_config"]["weight_tensor_config"]
        assert weights["granularity"] == expected


class TestEngines:
    @pytest.mark.parametrize("recipe", TFLITE_PRESETS.values(), ids=lambda r: r.name)
    def test_the_quantizer_takes_all_of_its_presets(self, recipe):
        assert engine_problem(recipe, LITERT_QUANTIZER) is None

    @pytest.mark.parametrize("recipe", [*PRESETS.values(), SELECT_TF_PRESET], ids=lambda r: r.name)
    def test_the_converter_takes_all_of_its_own(self, recipe):
        assert engine_problem(recipe, TFLITE_CONVERTER) is None

    @pytest.mark.parametrize(
        ("flags", "word"),
        [
            ({"supported_ops": ("TFLITE_BUILTINS", "SELECT_TF_OPS")}, "SELECT_TF_OPS"),
            ({"optimizations": ("EXPERIMENTAL_SPARSITY",)}, "EXPERIMENTAL_SPARSITY"),
            ({"allow_custom_ops": True}, "custom ops"),
        ],
    )
    def test_what_needs_the_tensorflow_model_is_refused(self, flags, word):
        problem = engine_problem(Recipe(name="mine", **flags), LITERT_QUANTIZER)
        assert problem is not None
        assert problem.startswith(f"mine: {word}")
        assert problem.endswith(".")

    @pytest.mark.parametrize("name", ["int4_weight_only", "int8_weight_only", "int8x4"])
    def test_what_needs_a_tflite_is_refused(self, name):
        assert "litert-quantizer" in (engine_problem(TFLITE_PRESETS[name], TFLITE_CONVERTER) or "")

    def test_the_row_of_the_file_is_refused_where_there_is_none(self):
        assert "leave it out" in (engine_problem(AS_GIVEN, TFLITE_CONVERTER) or "")

    def test_all_are_found_by_name(self):
        names = [*TFLITE_PRESETS, AS_GIVEN.name]
        assert [recipe.name for recipe in find_recipes(names)] == names
        assert {*TFLITE_DEFAULTS} <= {*TFLITE_PRESETS}
