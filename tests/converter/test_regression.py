"""Figures of a regression, in blocks, against scikit-learn and a plain bootstrap."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from converter.regression import MOST_COLUMNS, TargetErrors, TargetTally


def noisy(samples, columns, seed, offset=0.0):
    random = np.random.default_rng(seed)
    targets = offset + random.normal(size=(samples, columns))
    return targets + random.normal(size=targets.shape) / 2, targets


def figures_of(predictions, targets):
    tally = TargetTally(len(predictions))
    tally.add(TargetErrors.from_values(predictions, targets))
    return tally.figures()


class TestFigures:
    @settings(max_examples=30, deadline=None)
    @given(
        st.integers(2, 40), st.integers(1, 4), st.integers(0, 2**32 - 1),
        st.sampled_from([0.0, 1e6]),
    )  # fmt: skip
    def test_in_blocks_equal_scikit_learn_on_the_whole(self, samples, columns, seed, offset):
        predictions, targets = noisy(samples, columns, seed, offset)
        tally = TargetTally(samples)
        tally.add(TargetErrors.from_values(predictions[:1], targets[:1]))
        for start in range(1, samples, 7):
            part = slice(start, start + 7)
            tally.add(TargetErrors.from_values(predictions[part], targets[part], tally.centre))
        figures, intervals = tally.figures()
        assert figures["mae"] == pytest.approx(mean_absolute_error(targets, predictions))
        assert figures["rmse"] == pytest.approx(math.sqrt(mean_squared_error(targets, predictions)))
        expected = r2_score(targets, predictions, multioutput="variance_weighted")
        assert figures["r2"] == pytest.approx(expected, rel=1e-6, abs=1e-6)
        for name in ("mae", "rmse"):
            assert intervals[name][0] <= figures[name] <= intervals[name][1]

    @pytest.mark.parametrize("block", [300, 37])
    def test_intervals_agree_with_a_plain_bootstrap_of_scikit_learn(self, block):
        predictions, targets = noisy(300, 1, 2)
        tally = TargetTally(300)
        for start in range(0, 300, block):
            part = slice(start, start + block)
            tally.add(TargetErrors.from_values(predictions[part], targets[part], tally.centre))
        _, intervals = tally.figures()
        random = np.random.default_rng(7)
        drawn = {"mae": [], "rmse": [], "r2": []}
        for _ in range(600):
            rows = random.integers(0, 300, 300)
            t, p = targets[rows], predictions[rows]
            drawn["mae"].append(mean_absolute_error(t, p))
            drawn["rmse"].append(math.sqrt(mean_squared_error(t, p)))
            drawn["r2"].append(r2_score(t, p))
        for name, values in drawn.items():
            expected = np.percentile(values, [2.5, 97.5])
            assert intervals[name] == pytest.approx(tuple(expected), abs=0.015), name

    def test_constant_targets_have_no_r2(self):
        figures, intervals = figures_of(np.array([1.0, 2.0]), np.array([0.1, 0.1])
        )
        assert figures["r2"] is None
        assert "r2" not in intervals

    def test_wide_targets_have_r2_without_interval(self):
        figures, intervals = figures_of(*noisy(5, MOST_COLUMNS + 1, 0)
        )
        assert figures["r2"] is not None
        assert set(intervals) == {"mae", "rmse"}

    def test_nan_has_no_interval(self):
        figures, intervals = figures_of(np.array([math.nan, 1.0]), np.array([0.0, 1.0])
        )
        assert math.isnan(figures["mae"])
        assert intervals == {}
