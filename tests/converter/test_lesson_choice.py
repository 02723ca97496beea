"""Step 6: which variant remains, held against a search of every one by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.lesson.choice import (
    ACCURACY,
    AGREEMENT,
    COSTS,
    LATENCY,
    QUALITIES,
    SIZE,
    SQNR,
    Candidate,
    candidates,
    first_limits,
    offered,
    remaining,
)
from tests.pages.synthetic import (
    FIGURES,
    SAMPLES,
    add_size_only,
    fail,
    make_comparison,
    make_drift,
    make_random_data,
    make_regression,
)

PLACED = st.lists(
    st.builds(Candidate, st.text("abc", min_size=1, max_size=3),
              st.floats(0, 100), st.floats(0, 1)), max_size=8,
)


@given(placed=PLACED, most=st.floats(0, 100), least=st.floats(0, 1))
def test_what_remains_is_found_by_looking_at_every_one(placed, most, least):
    held = remaining(placed, most, least)
    assert len(held) == sum(c.cost <= most and c.quality > least - 1.1e-9 for c in placed)
    for each in held:
        assert each.cost >= held[0].cost
        assert each.cost > held[0].cost or each.quality <= held[0].quality


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("quality", QUALITIES)
def test_places_are_the_figures_of_the_run(cost, quality):
    comparison, _ = make_comparison()
    found = {each.recipe: each for each in candidates(comparison, cost, quality)}
    assert set(found) == set(FIGURES)
    for recipe, (size, median, sqnr, _error, agreement, right) in FIGURES.items():
        expected = {SQNR: sqnr, AGREEMENT: agreement, ACCURACY: right / SAMPLES}[quality]
        assert found[recipe].quality == expected
        assert found[recipe].cost == pytest.approx(size if cost == SIZE else median)


def test_the_first_limits_leave_the_smallest_that_agrees():
    comparison, _ = make_comparison()
    most, least = first_limits(comparison, SIZE, AGREEMENT)
    assert (most, least) == (comparison.model.size_without_optimizer_bytes / 2, 0.99)
    held = remaining(candidates(comparison, SIZE, AGREEMENT), most, least)
    assert held[0].recipe == "dynamic_range"
    assert {each.recipe for each in held} == {
        "dynamic_range", "float16", "int8", "int8_full", "int16x8"}


def test_other_first_limits():
    comparison, _ = make_comparison()
    fastest = first_limits(comparison, LATENCY, SQNR)
    assert fastest[0] == pytest.approx(FIGURES["float32"][1])
    assert fastest[1] == 30.0
    assert first_limits(comparison, SIZE, ACCURACY)[1] == pytest.approx(354 / SAMPLES - 0.01)
    comparison.variants = comparison.variants[3:]
    assert first_limits(comparison, LATENCY, SQNR)[0] == comparison.reference.latency.p50_ms
    comparison.reference.latency = None
    assert first_limits(comparison, LATENCY, SQNR)[0] == pytest.approx(FIGURES["int16x8"][1])


def test_a_limit_that_a_share_meets_exactly_holds():
    exact = [Candidate("a", 1.0, 99 / 100)]
    assert remaining(exact, 1.0, 0.99) == exact
    assert remaining(exact, 1.0, 0.9901) == []


def test_what_cannot_be_placed_is_left_out_and_says_what_is_offered():
    comparison, _ = make_comparison()
    add_size_only(comparison)
    fail(comparison, "int8_full", "int8_full: it crashed.")
    comparison.variants[3].drift = make_drift(math.nan, math.nan, 0.2, non_finite=12)
    comparison.variants[2].drift = make_drift(math.inf, 0.0, 1.0)
    found = candidates(comparison, SIZE, SQNR)
    assert [c.recipe for c in found] == ["float32", "dynamic_range", "float16", "int16x8"]
    assert found[2].quality == math.inf
    for variant in comparison.variants:
        variant.latency = None
    assert offered(comparison) == ([SIZE], [AGREEMENT, SQNR, ACCURACY])
    assert candidates(comparison, LATENCY, SQNR) == []


def test_without_classes_or_labels_the_choice_is_by_sqnr():
    assert offered(make_regression()[0])[1] == [SQNR]
    assert offered(make_random_data()[0])[1] == [AGREEMENT, SQNR]
    comparison, _ = make_random_data()
    comparison.variants = [replace(v, drift=None) for v in comparison.variants]
    assert offered(comparison) == ([], [])
