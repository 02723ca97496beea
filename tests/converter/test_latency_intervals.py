"""Intervals against scipy, against resamples that are built, and their coverage by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from converter.latency_intervals import (
    LEAST_TURNS,
    expanded_tail,
    percentile_intervals,
    resampled_percentiles,
    student_cdf,
    student_quantile,
)

NORMAL = stats.norm()


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 10, 30])
def test_student_s_distribution_is_scipy_s(freedom):
    for value in (0.0, 0.1, 1.0, 3.5, 20.0):
        assert student_cdf(value, freedom) == pytest.approx(stats.t.cdf(value, freedom), abs=1e-12)
    assert student_quantile(0.975, freedom) == pytest.approx(stats.t.ppf(0.975, freedom))


@pytest.mark.parametrize("clusters", [8, 10, 40])
def test_levels_are_those_of_hesterberg(clusters):
    wide = np.sqrt(clusters / (clusters - 1)) * stats.t.ppf(0.975, clusters - 1)
    assert expanded_tail(clusters) == pytest.approx(NORMAL.cdf(-wide))
    assert expanded_tail(clusters) < 0.025


@settings(max_examples=30)
@given(st.lists(st.integers(1, 9), min_size=2, max_size=7), st.integers(0, 10**6))
def test_percentiles_are_those_of_the_resamples_themselves(runs, seed):
    random = np.random.default_rng(seed)
    samples = random.integers(1, 9, sum(runs)).astype(float)  # with ties
    turns = np.split(samples, np.cumsum(runs)[:-1])
    drawn = random.multinomial(len(runs), [1 / len(runs)] * len(runs), size=12)
    percents = [0, 37, 50, 99, 100]
    found = resampled_percentiles(samples, runs, drawn, percents)
    for index, counts in enumerate(drawn):
        whole = np.concatenate(
            [np.tile(turn, count) for turn, count in zip(turns, counts, strict=True)]
        )
        assert found[:, index] == pytest.approx(np.percentile(whole, percents))


def test_with_one_run_a_turn_it_is_the_bootstrap_of_scipy():
    samples = np.random.default_rng(2).lognormal(0, 0.3, 60)
    (found,) = percentile_intervals(samples, [1] * 60, [50], resamples=20_000)
    level = 1 - 2 * expanded_tail(60)
    theirs = stats.bootstrap(
        (samples,), np.median, confidence_level=level, method="percentile", n_resamples=20_000,
        rng=np.random.default_rng(0), vectorized=True,
    ).confidence_interval
    assert found == pytest.approx((theirs.low, theirs.high), rel=0.01)


def independent(random, turns, runs):
    return np.exp(0.05 * random.standard_normal((turns, runs))), 0.05


def turns_apart(random, turns, runs):
    moved = 0.05 * random.standard_normal((turns, 1))
    return np.exp(moved + 0.05 * random.standard_normal((turns, runs))), np.hypot(0.05, 0.05)


def like_their_neighbours(random, turns, runs):
    steps = random.standard_normal((turns, runs))
    for column in range(1, runs):
        steps[:, column] = 0.9 * steps[:, column - 1] + np.sqrt(0.19) * steps[:, column]
    return np.exp(0.05 * steps), 0.05


@pytest.mark.parametrize(
    ("draw", "runs"),
    [(independent, 5), (independent, 50), (turns_apart, 50), (like_their_neighbours, 50)],
    ids=["fifty runs in all", "independent", "turns apart", "like their neighbours"],
)
def test_the_interval_of_the_median_covers_it_as_often_as_it_says(draw, runs):
    random = np.random.default_rng(7)
    trials, hits = 300, 0
    for _ in range(trials):
        samples, _deviation = draw(random, 10, runs)
        ((low, high),) = percentile_intervals(samples.ravel(), [runs] * 10, [50], resamples=800)
        hits += low <= 1.0 <= high  # the median of exp(normal) is 1
    # 95 % with four standard errors of so many trials; single runs resampled would give 50 to 70 %
    # in the last two cases.
    assert 0.90 <= hits / trials <= 0.99


def test_a_tail_is_covered_where_runs_are_independent():
    random = np.random.default_rng(3)
    trials, hits = 200, np.zeros(2)
    for _ in range(trials):
        samples, deviation = independent(random, 10, 200)
        intervals = percentile_intervals(samples.ravel(), [200] * 10, [90, 99], resamples=800)
        for index, share in enumerate((0.9, 0.99)):
            low, high = intervals[index]
            hits[index] += low <= np.exp(deviation * NORMAL.ppf(share)) <= high
    assert np.all(hits / trials >= 0.88)


@pytest.mark.parametrize(
    ("turns", "runs", "known"),
    [
        (LEAST_TURNS - 1, 1000, (False, False, False)),
        (10, 1, (True, False, False)),
        (10, 5, (True, True, False)),
        (10, 50, (True, True, True)),
    ],
)
def test_no_interval_where_there_is_too_little(turns, runs, known):
    samples = np.random.default_rng(0).lognormal(size=turns * runs)
    found = percentile_intervals(samples, [runs] * turns, [50, 90, 99])
    assert tuple(interval is not None for interval in found) == known


def test_it_is_seeded():
    samples = np.random.default_rng(0).lognormal(size=100)
    first, second = (percentile_intervals(samples, [10] * 10, [50]) for _ in range(2))
    assert first == second


def test_turns_that_do_not_make_up_the_samples_are_refused():
    with pytest.raises(ValueError, match="found 9"):
        percentile_intervals(np.ones(10), [3, 3, 3], [50])
