"""Effects of a factorial against least squares, on whole and on partial designs."""

from __future__ import annotations

import math
import time
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.flag_effects import (
    DRIFT,
    LATENCY,
    MEASURES,
    SIZE,
    Observation,
    Reading,
    estimate_effects,
)

VALUES = st.floats(-50, 50, allow_nan=False)


def observe(levels, value, interval=None, measure=SIZE):
    return Observation(f"v{levels}", tuple(levels), {measure: Reading(value, interval)}, {})


@st.composite
def designs(draw, whole):
    factors = draw(st.integers(2, 4))
    cells = list(product((False, True), repeat=factors))
    if not whole:
        cells = draw(st.lists(st.sampled_from(cells), min_size=2, unique=True))
    return factors, [observe(cell, draw(VALUES)) for cell in cells]


def found(observations, factors, measure=SIZE):
    effects = estimate_effects(observations, factors)
    return {e.factors: e for e in effects if e.measure == measure}


@given(designs(whole=True))
def test_a_whole_factorial_gives_twice_the_coefficients_of_least_squares(design):
    """Coded -1 and +1 and with every product, as Box, Hunter and Hunter fit it."""
    factors, observations = design
    coded = np.array([[1 if level else -1 for level in o.levels] for o in observations])
    terms = [which for n in range(factors + 1) for which in combinations(range(factors), n)]
    matrix = np.column_stack([np.prod(coded[:, list(which)], axis=1) for which in terms])
    values = np.array([o.readings[SIZE].value for o in observations])
    solved = np.linalg.lstsq(matrix, values, rcond=None)[0]
    effects = found(observations, factors)
    for which, coefficient in zip(terms, solved, strict=True):
        if len(which) in (1, 2):
            assert effects[which].estimate == pytest.approx(2 * coefficient, abs=1e-9)
            assert len(effects[which].parts) == effects[which].settings


def within_settings(observations, which):
    """Fit one mean (and, of an interaction, two slopes) for each setting of the others, and one
    effect that all share; None where the design does not tell it."""
    settings = sorted({tuple(x for i, x in enumerate(o.levels) if i not in which)
                       for o in observations})  # fmt: skip
    columns = []
    for setting in settings:
        here = [tuple(x for i, x in enumerate(o.levels) if i not in which) == setting
                for o in observations]  # fmt: skip
        columns.append(here)
        if len(which) == 2:
            columns += [[h and o.levels[i] for h, o in zip(here, observations, strict=True)]
                        for i in which]  # fmt: skip
    shared = [all(o.levels[i] for i in which) for o in observations]
    matrix = np.column_stack([*columns, shared]).astype(float)
    without = np.linalg.matrix_rank(matrix[:, :-1])
    if np.linalg.matrix_rank(matrix) == without:
        return None
    values = np.array([o.readings[SIZE].value for o in observations])
    effect = np.linalg.lstsq(matrix, values, rcond=None)[0][-1]
    return effect / len(which)  # an interaction is half of the difference of differences


@settings(max_examples=200)
@given(designs(whole=False))
def test_a_partial_factorial_gives_what_least_squares_finds_within_the_settings(design):
    factors, observations = design
    for which, effect in found(observations, factors).items():
        expected = within_settings(observations, which)
        if expected is None:
            assert effect.estimate is None
            assert "there are none" in effect.problem
        else:
            assert effect.estimate == pytest.approx(expected, abs=1e-8)
            assert effect.problem is None


@given(designs(whole=False), VALUES, VALUES, VALUES)
def test_where_flags_only_add_up_a_missing_cell_changes_nothing(design, base, first, second):
    factors, observations = design
    slopes = [first, second, first - second, first + second][:factors]
    added = [observe(o.levels, base + sum(s for s, on in zip(slopes, o.levels, strict=True) if on))
             for o in observations]  # fmt: skip
    for which, effect in found(added, factors).items():
        if effect.estimate is not None:
            expected = slopes[which[0]] if len(which) == 1 else 0.0
            assert effect.estimate == pytest.approx(expected, abs=1e-9)


def test_a_size_divided_by_four_is_told_so_whatever_the_other_flag():
    sizes = {(False, False): 400, (True, False): 100, (False, True): 200, (True, True): 50}
    effects = found([observe(k, math.log(v)) for k, v in sizes.items()], 2)
    assert math.exp(effects[0,].estimate) == pytest.approx(1 / 4)
    assert math.exp(effects[1,].estimate) == pytest.approx(1 / 2)
    assert effects[0, 1].estimate == pytest.approx(0)


def test_an_interaction_tells_the_effect_with_the_other_flag_off_and_on():
    values = {(False, False): 0.0, (True, False): 3.0, (False, True): 10.0, (True, True): 11.0}
    effect = found([observe(k, v) for k, v in values.items()], 2)[0, 1]
    assert (effect.alone, effect.together, effect.estimate) == (3.0, 1.0, -1.0)
    assert effect.parts[0].names[0] == "v(True, True)"


def test_repetitions_count_by_their_mean():
    observations = [observe((False,), 0.0), observe((True,), 1.0), observe((True,), 3.0)]
    assert found(observations, 1)[0,].estimate == 2.0


def test_intervals_add_in_quadrature_and_are_none_where_one_is_missing():
    def four(last):
        return [
            observe((False, False), 0.0, (-0.3, 0.3), LATENCY),
            observe((True, False), 1.0, (0.6, 1.2), LATENCY),
            observe((False, True), 0.0, (-0.4, 0.4), LATENCY),
            observe((True, True), 2.0, last, LATENCY),
        ]

    low, high = found(four((1.8, 2.6)), 2, LATENCY)[0,].interval
    # Half of each: below come the lower ends of those with the flag, the upper ends of the others.
    assert low == pytest.approx(1.5 - 0.5 * math.sqrt(0.3**2 + 0.4**2 + 0.4**2 + 0.2**2))
    assert high == pytest.approx(1.5 + 0.5 * math.sqrt(0.3**2 + 0.2**2 + 0.4**2 + 0.6**2))
    assert found(four(None), 2, LATENCY)[0,].interval is None
    assert found(four((1.8, 2.6)), 2, LATENCY)[0,].is_distinct is True
    assert found(four(None), 2, LATENCY)[0,].is_distinct is None


def test_the_carried_interval_covers_the_truth_as_often_as_promised():
    """Two normal means with exact intervals each: 95 % of the intervals hold the difference."""
    random = np.random.default_rng(5)
    hits, trials = 0, 2000
    for _ in range(trials):
        center = random.normal([3.0, 1.0], [0.2, 0.5])
        ends = [(c - 1.96 * s, c + 1.96 * s) for c, s in zip(center, (0.2, 0.5), strict=True)]
        pair = [observe((True,), center[0], ends[0], LATENCY),
                observe((False,), center[1], ends[1], LATENCY)]  # fmt: skip
        effect = found(pair, 1, LATENCY)[0,]
        hits += effect.interval[0] <= 2.0 <= effect.interval[1]
    assert 0.935 < hits / trials < 0.965


def test_what_has_no_figure_is_named_and_not_filled_in():
    observations = [
        Observation("float32", (False,), {SIZE: Reading(2.0)}, {DRIFT: "has no error at all"}),
        Observation("int8", (True,), {SIZE: Reading(1.0), DRIFT: Reading(40.0)}, {}),
    ]
    effects = {(e.measure, e.factors): e for e in estimate_effects(observations, 1)}
    assert effects[SIZE, (0,)].estimate == -1.0
    assert effects[DRIFT, (0,)].estimate is None
    assert "float32 has no error at all" in effects[DRIFT, (0,)].problem


def test_nothing_and_the_wrong_number_of_levels():
    assert all(e.estimate is None for e in estimate_effects([], 2))
    assert len(estimate_effects([], 2)) == 3 * len(MEASURES)
    with pytest.raises(ValueError, match="3 levels"):
        estimate_effects([observe((True,), 1.0)], 3)


def test_many_factors_cost_no_more_than_their_variants():
    """Thirty flags, each alone on in one variant: a billion settings, of which 31 are there."""
    count = 30
    alone = [tuple(i == j for j in range(count)) for i in range(count)]
    observations = [observe((False,) * count, 0.0), *(observe(levels, 1.0) for levels in alone)]
    began = time.perf_counter()
    effects = found(observations, count)
    assert time.perf_counter() - began < 10
    assert all(effects[i,].estimate == 1.0 for i in range(count))
    assert effects[0,].settings == 2**29
    assert effects[0, 1].estimate is None
