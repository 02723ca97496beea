"""Cells of a factorial: what can be asked, what not and why, and what a run's variants make."""

from __future__ import annotations

from itertools import combinations

import pytest

from converter.errors import RecipeError
from converter.flag_factors import (
    FLAG_FACTORS,
    asked_toggles,
    find_factors,
    offered_factors,
    plan_factorial,
)
from converter.recipe import (
    FURTHER_PRESETS,
    LITERT_QUANTIZER,
    PRESETS,
    TFLITE_CONVERTER,
    TFLITE_PRESETS,
    engine_problem,
)

ENGINES = (TFLITE_CONVERTER, LITERT_QUANTIZER)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("count", [2, 3, 4])
def test_every_cell_has_either_a_recipe_with_just_its_flags_or_a_reason(engine, count):
    """Of all pairs, and of about 120 sets of three and of four, evenly spread."""
    chosen = list(combinations([factor.key for factor in offered_factors(engine)], count))
    for keys in chosen[:: max(1, len(chosen) // 120)]:
        plan = plan_factorial(keys, engine)
        assert len(plan.cells) == 2**count
        names = [recipe.name for recipe in plan.recipes]
        assert len(names) == len(set(names))
        held = frozenset().union(*(f.toggles for f in plan.held))
        for cell in plan.cells:
            assert (cell.recipe is None) == (cell.problem is not None)
            if cell.recipe is None:
                continue
            on = [f.toggles for f, level in zip(plan.factors, cell.levels, strict=True) if level]
            assert asked_toggles(cell.recipe.to_json()) == held.union(*on)
            assert engine_problem(cell.recipe, engine) is None


def test_what_the_chosen_flags_need_is_held_on():
    plan = plan_factorial(["io", "tensor"], TFLITE_CONVERTER)
    assert [factor.key for factor in plan.held] == ["default", "cal"]
    assert len(plan.recipes) == 4
    assert plan.cells[0].recipe == PRESETS["int8"]


def test_flags_that_exclude_each_other_leave_cells_out_with_the_reason():
    plan = plan_factorial(["cal", "f16"], TFLITE_CONVERTER)
    assert [cell.problem is None for cell in plan.cells] == [True, True, True, False]
    assert "float16 keeps activations in float" in plan.cells[3].problem


def test_presets_keep_their_names():
    plan = plan_factorial(["default", "cal"], TFLITE_CONVERTER)
    assert [recipe.name for recipe in plan.recipes] == ["float32", "dynamic_range", "int8"]
    plan = plan_factorial(["default", "bits"], LITERT_QUANTIZER)
    assert [r.name for r in plan.recipes] == ["as_given", "dynamic_range", "int4_dynamic_range"]


@pytest.mark.parametrize("keys", [[], ["cal"], ["cal", "nonsense"], ["bits", "cal"],
                                  [*list(FLAG_FACTORS)[:5]]])  # fmt: skip
def test_too_few_too_many_and_unknown_flags_are_refused(keys):
    with pytest.raises(RecipeError, match="2 to 4 flags"):
        plan_factorial(keys, TFLITE_CONVERTER)


def test_flags_that_always_go_together_are_one_factor():
    factors = find_factors([asked_toggles(recipe.to_json()) for recipe in PRESETS.values()])
    assert [factor.label for factor in factors] == [
        "Optimize.DEFAULT", "representative data", "float16 weights", "int16x8 operators",
        "int8-only operators + integer inputs and outputs",
    ]  # fmt: skip
    assert [factor.is_alias for factor in factors] == [False, False, False, False, True]


def test_uint8_ends_are_another_flag_than_int8_ends():
    int8 = {**PRESETS["int8"].to_json(), "inference_input_type": "int8"}
    uint8 = {**int8, "inference_input_type": "uint8"}
    assert asked_toggles(int8) != asked_toggles(uint8)


def test_ways_to_find_scales_are_flags_of_their_own_and_exclude_each_other():
    recipes = [FURTHER_PRESETS[name] for name in ("int4_mse", "int4_octav")]
    recipes.append(TFLITE_PRESETS["int4_dynamic_range"])
    factors = find_factors([asked_toggles(recipe.to_json()) for recipe in recipes])
    assert [factor.label for factor in factors] == ["MSE scales", "OCTAV scales"]
    plan = plan_factorial(["mse", "octav"], LITERT_QUANTIZER)
    assert "exclude each other" in plan.cells[-1].problem
    assert len(plan.recipes) == 3
