"""Recipes: every impossible combination is refused with its reason, every possible one is kept."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.errors import RecipeError
from converter.recipe import (
    BUILTINS,
    BUILTINS_INT8,
    INT16X8,
    IO_TYPES,
    OPTIMIZATIONS,
    PRESETS,
    SELECT_TF,
    SELECT_TF_PRESET,
    SUPPORTED_OPS,
    SUPPORTED_TYPES,
    Recipe,
    find_recipes,
    recipe_problems,
)
from converter.recipe_words import EXPLANATIONS

DEFAULT = ("DEFAULT",)
CALIBRATED = {"optimizations": DEFAULT, "calibrate": True}

IMPOSSIBLE = {
    "calibration without DEFAULT": ({"calibrate": True}, "calibration samples have no effect"),
    "types without DEFAULT": ({"supported_types": ("float16",)}, "types have no effect"),
    "int8 and int16x8 ops": (
        {**CALIBRATED, "supported_ops": (BUILTINS_INT8, INT16X8)},
        "different activation types",
    ),
    "int8 ops without calibration": (
        {"optimizations": DEFAULT, "supported_ops": (BUILTINS_INT8,)},
        "integer operator sets need",
    ),
    "int16x8 ops without DEFAULT": (
        {"supported_ops": (INT16X8, BUILTINS)},
        "integer operator sets need",
    ),
    "float16 and calibration": (
        {**CALIBRATED, "supported_types": ("float16",)},
        "float16 keeps activations in float",
    ),
    "float16 and integer ops": (
        {
            "optimizations": DEFAULT,
            "supported_types": ("float16",),
            "supported_ops": (BUILTINS_INT8,),
        },
        "exclude each other",
    ),
    "float16 and int8": (
        {"optimizations": DEFAULT, "supported_types": ("float16", "int8")},
        "float16 and int8 exclude each other",
    ),
    "int8 type without calibration": (
        {"optimizations": DEFAULT, "supported_types": ("int8",)},
        "int8 needs calibration",
    ),
    "int8 input without quantization": (
        {"inference_input_type": "int8"},
        "integer inputs and outputs need full quantization",
    ),
    "uint8 output without calibration": (
        {"optimizations": DEFAULT, "inference_output_type": "uint8"},
        "integer inputs and outputs need full quantization",
    ),
    "int16 input without int16x8": (
        {**CALIBRATED, "inference_input_type": "int16"},
        "int16 inputs and outputs belong to int16x8",
    ),
    "int8 output of int16x8": (
        {**CALIBRATED, "supported_ops": (INT16X8,), "inference_output_type": "int8"},
        "int16x8 takes float32 or int16",
    ),
    "per-tensor weights that stay float": (
        {"per_channel": False},
        "per-channel scales exist only where",
    ),
    "per-tensor dense weights in float16": (
        {"optimizations": DEFAULT, "supported_types": ("float16",), "per_channel_dense": False},
        "per-channel scales exist only where",
    ),
    "unknown optimization": ({"optimizations": ("FASTER",)}, "found FASTER"),
    "unknown operator set": ({"supported_ops": ("CUDA",)}, "found CUDA"),
    "unknown type": ({"optimizations": DEFAULT, "supported_types": ("int4",)}, "found int4"),
    "unknown input type": ({"inference_input_type": "float64"}, "found float64"),
    "no operator set": ({"supported_ops": ()}, "choose at least one operator set"),
}


@pytest.mark.parametrize(("flags", "reason"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_an_impossible_combination_is_refused_with_the_reason(flags, reason):
    complete = {**asdict(PRESETS["float32"]), **flags}
    assert any(reason in problem for problem in recipe_problems(complete))
    with pytest.raises(RecipeError, match=r"^Recipe 'custom': ") as refused:
        Recipe(name="custom", **flags)
    assert str(refused.value).endswith(".")


POSSIBLE = {
    "sparsity alone": {"optimizations": ("EXPERIMENTAL_SPARSITY",)},
    "Select TF beside builtins": {"supported_ops": (BUILTINS, SELECT_TF)},
    "int8 with uint8 ends": {
        **CALIBRATED,
        "inference_input_type": "uint8",
        "inference_output_type": "uint8",
    },
    "int8 type": {**CALIBRATED, "supported_types": ("int8",)},
    "int16x8 with int16 ends": {
        **CALIBRATED,
        "supported_ops": (INT16X8,),
        "inference_input_type": "int16",
        "inference_output_type": "int16",
    },
    "dynamic range per tensor": {"optimizations": DEFAULT, "per_channel": False},
    "custom ops": {"allow_custom_ops": True},
}


@pytest.mark.parametrize("flags", POSSIBLE.values(), ids=POSSIBLE)
def test_a_possible_combination_is_kept(flags):
    recipe = Recipe(name="custom", **flags)
    assert recipe_problems(asdict(recipe)) == []
    assert {key: getattr(recipe, key) for key in flags} == flags


FLAGS = st.fixed_dictionaries(
    {
        "name": st.just("custom"),
        "optimizations": st.lists(st.sampled_from(OPTIMIZATIONS), unique=True).map(tuple),
        "supported_ops": st.lists(st.sampled_from(SUPPORTED_OPS), unique=True).map(tuple),
        "supported_types": st.lists(st.sampled_from(SUPPORTED_TYPES), unique=True).map(tuple),
        "inference_input_type": st.sampled_from(IO_TYPES),
        "inference_output_type": st.sampled_from(IO_TYPES),
        "calibrate": st.booleans(),
        "per_channel": st.booleans(),
        "per_channel_dense": st.booleans(),
        "allow_custom_ops": st.booleans(),
    }
)


@settings(max_examples=200, deadline=None)
@given(FLAGS)
def test_a_recipe_exists_exactly_where_there_is_no_problem(flags):
    problems = recipe_problems(flags)
    assert all(problem.endswith(".") and len(problem) > 30 for problem in problems)
    if problems:
        with pytest.raises(RecipeError):
            Recipe(**flags)
        return
    recipe = Recipe(**flags)
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    assert not recipe.strict_integer or recipe.quantizes_activations


@pytest.mark.parametrize(
    "name",
    ["", "Int8", "a b", "../x", "_x", "x" * 49, "int8\n", "é"],
    ids=["empty", "capital", "space", "path", "underscore first", "long", "newline", "accent"],
)
def test_a_name_that_is_no_identifier_is_refused(name):
    with pytest.raises(RecipeError, match="lower-case letters, digits or underscores"):
        Recipe(name=name)


def test_a_recipe_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        PRESETS["int8"].calibrate = False


class TestPresets:
    def test_are_the_six_of_the_contract(self):
        expected = ["float32", "dynamic_range", "float16", "int8", "int8_full", "int16x8"]
        assert list(PRESETS) == expected

    @pytest.mark.parametrize("recipe", [*PRESETS.values(), SELECT_TF_PRESET], ids=lambda r: r.name)
    def test_are_possible_and_explained(self, recipe):
        assert recipe_problems(asdict(recipe)) == []
        assert EXPLANATIONS[recipe.name].endswith(".")

    def test_only_full_int8_allows_integers_alone(self):
        assert [r.name for r in PRESETS.values() if r.strict_integer] == ["int8_full"]
        assert PRESETS["int8_full"].inference_input_type == "int8"
        assert PRESETS["int8_full"].inference_output_type == "int8"

    def test_the_integer_ones_quantize_activations(self):
        found = [r.name for r in PRESETS.values() if r.quantizes_activations]
        assert found == ["int8", "int8_full", "int16x8"]


class TestFromJson:
    @pytest.mark.parametrize(
        "values",
        [
            {"name": "x", "colour": "red"},
            {"optimizations": []},
            {"name": 5},
            {"name": "x", "optimizations": 5},
            {"name": "x", "optimizations": None},
            {"name": "x", "optimizations": "DEFAULT"},
            {"name": "x", "supported_ops": [1]},
            {"name": "x", "supported_types": [["float16"]]},
            {"name": "x", "inference_input_type": {}},
            {"name": "x", "optimizations": ["DEFAULT"], "calibrate": "no"},
            {"name": "x", "per_channel": 1},
        ],
        ids=[
            "unknown field",
            "no name",
            "name no text",
            "number for a list",
            "null for a list",
            "text for a list",
            "number in a list",
            "list in a list",
            "object for a text",
            "text for a switch",
            "number for a switch",
        ],
    )
    def test_other_forms_are_refused_as_recipe_errors(self, values):
        with pytest.raises(RecipeError):
            Recipe.from_json(values)

    def test_fields_left_out_take_their_defaults(self):
        assert Recipe.from_json({"name": "float32"}) == PRESETS["float32"]


class TestFindRecipes:
    def test_keeps_the_order_and_drops_repetitions(self):
        found = find_recipes([" int8", "float32 ", "int8", ""])
        assert [recipe.name for recipe in found] == ["int8", "float32"]

    def test_finds_the_select_tf_preset(self):
        assert find_recipes(["float32_select_tf"]) == [SELECT_TF_PRESET]

    @pytest.mark.parametrize(
        ("names", "found"), [(["int9"], "found int9"), ([], "found none"), ([" "], "found none")]
    )
    def test_unknown_names_are_refused_with_the_known_ones(self, names, found):
        with pytest.raises(RecipeError, match=found) as refused:
            find_recipes(names)
        assert "int8_full" in str(refused.value)
