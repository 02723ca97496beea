"""A finished run as a factorial: its effects, what is missing, and what cannot be taken."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from converter.comparison import Variant
from converter.errors import DataError
from converter.flag_effects import DRIFT, LATENCY, SIZE
from converter.flag_factors import plan_factorial
from converter.flag_study import study_flags
from converter.latency import LatencyStats
from converter.recipe import GIVEN, TFLITE_CONVERTER
from tests.converter.example_comparisons import (
    make_comparison,
    make_drift,
    make_failed,
    make_latency,
    make_variant,
)


def presets(**drifts):
    """Return float32, dynamic range and int8 of 4000, 1000 and 1100 bytes."""
    figures = {"float32": (4000, 2.0, 130.0), "dynamic_range": (1000, 2.5, 50.0),
               "int8": (1100, 1.0, 40.0)}  # fmt: skip
    return [
        make_variant(name, size_bytes=size, drift=make_drift(sqnr_db=drifts.get(name, sqnr)),
                     latency=make_latency(p50, p50_ci95_ms=(p50 * 0.9, p50 * 1.2)))
        for name, (size, p50, sqnr) in figures.items()
    ]  # fmt: skip


def test_three_presets_tell_two_flags_and_not_how_they_work_together():
    study = study_flags([make_comparison(presets())])
    assert [factor.label for factor in study.factors] == ["Optimize.DEFAULT", "representative data"]
    assert math.exp(study.effect(SIZE, 0).estimate) == pytest.approx(1 / 4)
    assert study.effect(DRIFT, 1).estimate == pytest.approx(-10)
    latency = study.effect(LATENCY, 1)
    assert math.exp(latency.estimate) == pytest.approx(0.4)
    wide = math.sqrt(math.log(1.2) ** 2 + math.log(0.9) ** 2)
    assert latency.interval == pytest.approx((math.log(0.4) - wide, math.log(0.4) + wide))
    assert study.effect(SIZE, 0, 1).estimate is None
    assert [(cell.on, "no effect without the DEFAULT" in cell.reason)
            for cell in study.missing] == [((1,), True)]  # fmt: skip
    assert study.cells == 3


def test_an_exact_variant_counts_for_no_effect_on_drift_and_is_named():
    study = study_flags([make_comparison(presets(float32=math.inf))])
    assert study.effect(DRIFT, 0).estimate is None
    assert "float32 has no error at all" in study.effect(DRIFT, 0).problem
    assert study.effect(DRIFT, 1).estimate == pytest.approx(-10)
    assert study.effect(SIZE, 0).estimate is not None
    assert any("float32 has no error at all" in note for note in study.notes)


@pytest.mark.parametrize("sqnr", [math.nan, -math.inf])
def test_nan_and_minus_infinity_are_no_decibels(sqnr):
    study = study_flags([make_comparison(presets(int8=sqnr))])
    assert study.effect(DRIFT, 1).estimate is None
    assert any(note.startswith("int8 ") for note in study.notes)


def test_a_failed_variant_is_named_as_the_reason():
    variants = [*presets(), make_failed("float16", "float16: it crashed.")]
    effect = study_flags([make_comparison(variants)]).effect(SIZE, 2)
    assert effect.estimate is None
    assert "float16 failed" in effect.problem


def test_an_unallowed_cell_is_never_made_and_a_planned_one_is_always_found():
    plan = plan_factorial(["cal", "tensor", "io"], TFLITE_CONVERTER)
    variants = [make_variant(recipe, size_bytes=1000 + 10 * index)
                for index, recipe in enumerate(plan.recipes)]  # fmt: skip
    study = study_flags([make_comparison(variants)])
    assert [f.label for f in study.factors] == [f.label for f in plan.factors]
    assert study.cells == len(plan.recipes)
    assert {cell.reason for cell in study.missing} == {c.problem for c in plan.cells if c.problem}
    whole = study.effect(SIZE, 0, 1)
    assert (len(whole.parts), whole.settings) == (1, 2)


def test_a_file_of_the_persons_own_is_left_out_and_told():
    own = Variant(recipe="mine", flags={}, engine=GIVEN, given_name="mine.tflite", size_bytes=5)
    study = study_flags([make_comparison([*presets(), own])])
    assert [o.name for o in study.observations] == ["float32", "dynamic_range", "int8"]
    assert any("mine" in note for note in study.notes)


def test_too_few_variants_are_refused_with_what_to_do():
    for variants in ([], presets()[:1], [presets()[0], presets()[0]]):
        with pytest.raises(DataError, match="more recipes"):
            study_flags([make_comparison(variants)])
    with pytest.raises(DataError, match="at least one run"):
        study_flags([])


def test_runs_under_the_same_conditions_are_taken_together_and_others_refused():
    first, second = make_comparison(presets()[:2]), make_comparison(presets()[1:])
    study = study_flags([first, second])
    assert study.effect(SIZE, 0).estimate == pytest.approx(-math.log(4))
    assert study.runs == 2
    second.data = replace(second.data, seed=3)
    with pytest.raises(DataError, match="Seed 0 and 3"):
        study_flags([first, second])


def test_an_interval_from_raw_samples_holds_the_true_effect_about_as_often_as_promised():
    """Two variants timed in ten turns whose speed wanders; the true medians are 1.0 and 1.3 ms."""
    random = np.random.default_rng(11)
    hits, trials = 0, 150
    for _ in range(trials):
        variants = []
        for name, median in (("float32", 1.0), ("dynamic_range", 1.3)):
            wander, spread = random.normal(0, 0.02, (10, 1)), random.normal(0, 0.05, (10, 20))
            turns = median * np.exp(wander + spread)
            stats = LatencyStats.from_samples(
                turns.ravel(), threads=1, warmup_runs=5, turn_runs=[20] * 10
            )
            variants.append(make_variant(name, latency=stats))
        low, high = study_flags([make_comparison(variants)]).effect(LATENCY, 0).interval
        hits += low <= math.log(1.3) <= high
    assert 0.89 < hits / trials <= 1.0
