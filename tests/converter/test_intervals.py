"""Intervals against scipy and by hand, and whether they cover what they promise to cover."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import binomtest, norm

from converter.intervals import (
    Z95,
    StreamedBootstrap,
    auc_interval,
    bootstrap_weights,
    paired_difference_interval,
    percentile_interval,
    wilson_interval,
)


def test_z_is_the_quantile_of_scipy():
    assert pytest.approx(norm.ppf(0.975), abs=1e-12) == Z95


class TestWilson:
    @settings(max_examples=50, deadline=None)
    @given(st.integers(1, 5000), st.floats(0, 1))
    def test_equals_that_of_scipy(self, trials, share):
        successes = round(share * trials)
        expected = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
        assert wilson_interval(successes, trials) == pytest.approx(tuple(expected), abs=1e-9)

    @pytest.mark.parametrize("successes", [0, 1], ids=["never", "always"])
    def test_stays_within_zero_and_one(self, successes):
        low, high = wilson_interval(successes, 1)
        assert 0.0 <= low <= successes <= high <= 1.0

    def test_no_trial_is_refused(self):
        with pytest.raises(ValueError, match="at least one trial"):
            wilson_interval(0, 0)

    def test_fractions_of_successes_lie_between_their_neighbours(self):
        assert wilson_interval(3, 10) < wilson_interval(3.5, 10) < wilson_interval(4, 10)


class TestPairedDifference:
    def test_by_hand(self):
        # (7 + 1) / 102 and (2 + 1) / 102; the formula of Bonett and Price on paper.
        low, high = paired_difference_interval(7, 2, 100)
        a, b = 8 / 102, 3 / 102
        half = 1.959963984540054 * math.sqrt((a + b - (b - a) ** 2) / 102)
        assert (low, high) == pytest.approx((b - a - half, b - a + half))

    @settings(max_examples=50, deadline=None)
    @given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 500))
    def test_contains_the_difference_and_mirrors(self, lost, won, same):
        samples = lost + won + same + 1
        low, high = paired_difference_interval(lost, won, samples)
        assert -1 <= low < high <= 1
        assert low <= (won - lost) / samples <= high
        assert paired_difference_interval(won, lost, samples) == pytest.approx((-high, -low))

    def test_covers_the_truth_about_as_often_as_it_says(self):
        random = np.random.default_rng(1)
        draws = random.multinomial(200, [0.04, 0.02, 0.94], size=1000)
        covered = 0
        for lost, won, _ in draws.tolist():
            low, high = paired_difference_interval(lost, won, 200)
            covered += low <= -0.02 <= high
        assert 0.93 <= covered / 1000 <= 0.99


class TestAuc:
    @settings(max_examples=40, deadline=None)
    @given(st.floats(0.02, 0.98), st.integers(2, 300), st.integers(2, 300))
    def test_ends_solve_the_equation_that_scipy_solves(self, area, positives, negatives):
        n = (positives + negatives) / 2 - 1

        def excess(a):
            spread = 1 + n * (1 - a) / (2 - a) + n * a / (1 + a)
            return (area - a) ** 2 - Z95**2 * a * (1 - a) * spread / (positives * negatives)

        low, high = auc_interval(area, positives, negatives)
        for end, found in ((1e-12, low), (1 - 1e-12, high)):
            assert found == pytest.approx(brentq(excess, min(area, end), max(area, end)), abs=1e-6)

    def test_perfect_separation_is_no_certainty(self):
        low, high = auc_interval(1.0, 20, 20)
        assert high == 1.0
        assert 0.8 < low < 0.99

    def test_covers_the_truth_about_as_often_as_it_says(self):
        random = np.random.default_rng(2)
        truth = norm.cdf(1.0 / math.sqrt(2))
        covered = 0
        for _ in range(300):
            above, below = random.normal(1, 1, 40), random.normal(0, 1, 60)
            area = float(np.mean(above[:, None] > below[None]))
            low, high = auc_interval(area, 40, 60)
            covered += low <= truth <= high
        assert 0.91 <= covered / 300 <= 0.99


class TestBootstrap:
    def test_every_resample_has_all_samples(self):
        cells = np.array([3, 0, 7])
        weights = np.concatenate(list(bootstrap_weights(cells)))
        assert weights.shape == (1000, 3)
        assert (weights.sum(axis=1) == 10).all()
        assert (weights[:, 1] == 0).all()

    def test_is_the_same_each_time(self):
        first, again = (np.concatenate(list(bootstrap_weights(np.ones(5)))) for _ in range(2))
        assert (first == again).all()

    def test_of_a_mean_agrees_with_the_standard_error(self):
        values = np.random.default_rng(3).normal(size=400)
        drawn = np.concatenate([w @ values / 400 for w in bootstrap_weights(np.ones(400))])
        low, high = percentile_interval(drawn, float(values.mean()))
        assert high - low == pytest.approx(2 * Z95 * values.std() / 20, rel=0.1)

    def test_very_many_samples_get_fewer_resamples(self):
        assert sum(len(w) for w in bootstrap_weights(np.ones(40_000))) == 250

    @pytest.mark.parametrize(
        ("drawn", "estimate"), [([math.nan], 1.0), ([1.0, 2.0], math.nan)], ids=["none", "NaN"]
    )
    def test_without_a_finite_figure_there_is_no_interval(self, drawn, estimate):
        assert percentile_interval(np.array(drawn), estimate) is None


class TestStreamedBootstrap:
    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.integers(1, 30), min_size=1, max_size=6))
    def test_each_resample_draws_as_many_as_there_are_samples(self, blocks):
        bootstrap = StreamedBootstrap(sum(blocks))
        drawn = np.concatenate([bootstrap.draw(count) for count in blocks], axis=1)
        assert drawn.shape == (bootstrap.resamples, sum(blocks))
        assert (drawn >= 0).all()
        assert (drawn.sum(axis=1) == sum(blocks)).all()

    def test_every_sample_is_as_likely_as_the_others_whatever_its_block(self):
        bootstrap = StreamedBootstrap(60)
        drawn = np.concatenate([bootstrap.draw(count) for count in (1, 50, 9)], axis=1)
        # Binomial (60, 1/60): mean 1, variance 59/60; 1000 resamples.
        assert drawn.mean(axis=0) == pytest.approx(np.ones(60), abs=5 / math.sqrt(1000))
        assert drawn.var(axis=0).mean() == pytest.approx(59 / 60, abs=0.05)

    def test_more_samples_than_announced_are_refused(self):
        bootstrap = StreamedBootstrap(3)
        bootstrap.draw(2)
        with pytest.raises(ValueError, match="at most 1 more samples, found 2"):
            bootstrap.draw(2)
