"""The paired test against scipy and by simulation, and its sentences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, ttest_rel

from converter.paired_test import (
    ErrorChanges,
    PairedTest,
    compare_classes,
    compare_errors,
    describe_paired,
    mcnemar_p_value,
    samples_for_mcnemar,
)


def pair(lost, won, same):
    return lost, won, lost + won + same


def changes(reference, variant, block=1000):
    found = ErrorChanges()
    for start in range(0, len(reference), block):
        found.add(reference[start : start + block], variant[start : start + block])
    return found


class TestMcNemar:
    @settings(max_examples=100, deadline=None)
    @given(st.integers(0, 400), st.integers(0, 400))
    def test_equals_the_binomial_test_of_scipy(self, lost, won):
        expected = binomtest(lost, lost + won, 0.5).pvalue if lost + won else 1.0
        assert mcnemar_p_value(lost, won) == pytest.approx(expected, rel=1e-9)

    def test_of_very_many_samples_does_not_leave_the_floats(self):
        assert mcnemar_p_value(30_000, 30_100) == pytest.approx(
            2 * binom.cdf(30_000, 60_100, 0.5), rel=1e-6
        )
        assert mcnemar_p_value(0, 20_000) == 0.0

    def test_counts_who_alone_is_right(self):
        test = compare_classes(*pair(12, 2, 86))
        assert (test.lost, test.won, test.samples) == (12, 2, 100)
        assert test.difference == pytest.approx(-0.1)
        assert test.distinguishable
        assert test.ci95[0] <= -0.1 <= test.ci95[1] < 0


class TestSamplesNeeded:
    def test_by_hand(self):
        # Connor 1987 on paper: d = 0.09, D = 0.05.
        expected = (1.959964 * math.sqrt(0.09) + 0.841621 * math.sqrt(0.0875)) ** 2 / 0.0025
        assert samples_for_mcnemar(7, 2, 100) == math.ceil(expected)

    def test_so_many_have_the_power_that_is_said(self):
        needed = samples_for_mcnemar(30, 15, 500)
        random = np.random.default_rng(0)
        draws = random.multinomial(needed, [0.06, 0.03, 0.91], size=500).tolist()
        found = np.mean([mcnemar_p_value(lost, won) < 0.05 for lost, won, _ in draws])
        # The exact test is a little less powerful than the formula's.
        assert 0.72 <= found <= 0.86

    def test_no_difference_needs_no_number(self):
        assert samples_for_mcnemar(3, 3, 100) is None

    @settings(max_examples=100, deadline=None)
    @given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 1000))
    def test_what_cannot_be_told_apart_needs_more_samples_than_there_are(self, lost, won, same):
        if lost + won == 0:
            return
        test = compare_classes(*pair(lost, won, same))
        if not test.distinguishable and test.samples_needed is not None and lost + won > 5:
            assert test.samples_needed > test.samples


class TestErrors:
    def test_agrees_with_the_t_test_of_scipy_on_many_samples(self):
        random = np.random.default_rng(4)
        reference = random.exponential(size=2000)
        variant = reference + random.normal(0.01, 0.2, size=2000)
        test = compare_errors(changes(reference, variant))
        assert compare_errors(changes(reference, variant, 77)).p_value == pytest.approx(
            test.p_value
        )
        assert test.p_value == pytest.approx(ttest_rel(variant, reference).pvalue, rel=0.02)
        assert test.ci95[0] < test.difference < test.ci95[1]

    def test_identical_errors_are_not_distinguishable(self):
        test = compare_errors(changes(np.ones(5), np.ones(5)))
        assert (test.p_value, test.distinguishable, test.samples_needed) == (1.0, False, None)

    def test_the_same_change_everywhere_is_certain(self):
        test = compare_errors(changes(np.zeros(5), np.full(5, 0.25)))
        assert (test.p_value, test.distinguishable, test.lost) == (0.0, True, 5)

    @pytest.mark.parametrize("errors", [[1.0], [1.0, math.nan], [1.0, math.inf]])
    def test_too_few_or_not_finite_is_no_test(self, errors):
        assert compare_errors(changes(np.zeros(len(errors)), np.array(errors))) is None


class TestSentences:
    @pytest.mark.parametrize(
        ("counts", "sentence"),
        [
            (
                (12, 2, 86),
                "int8 is worse than the original by 10 percentage points: 12 turned wrong and 2 "
                "right of 100 samples (p = 0.013).",
            ),
            (
                (2, 1, 297),
                "int8 is not distinguishable from the original with 300 samples: 2 turned wrong "
                "and 1 right (p = 1); about 7,100 would be needed to tell the difference seen, "
                "0.33 percentage points.",
            ),
            (
                (0, 0, 300),
                "int8 is not distinguishable from the original with 300 samples: 0 turned wrong "
                "and 0 right; a difference of up to 0.92 percentage points would stay unseen.",
            ),
        ],
        ids=["worse", "too few", "no difference"],
    )
    def test_of_classes(self, counts, sentence):
        assert describe_paired(compare_classes(*pair(*counts)), "int8") == sentence

    def test_of_values_says_that_a_smaller_error_is_better(self):
        test = compare_errors(changes(np.full(9, 0.5), np.full(9, 0.25)))
        text = describe_paired(test, "int8", "the given file")
        assert text.startswith("int8 is better than the given file by 0.25 in the mean absolute")


def test_json_round_trip():
    test = compare_classes(*pair(3, 1, 10))
    values = {**test.to_json(), "ci95": list(test.ci95), "a_field_of_later": 1}
    assert PairedTest.from_json(values) == test
