"""Counts taken block by block are those of the whole, whatever the blocks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.class_scores import ClassScores
from converter.class_tally import ClassTally
from converter.classification import auc, expected_calibration_error, macro_f1, per_class

SEEDS = st.integers(0, 2**32 - 1)


def drawn(samples, classes, seed):
    """Scores of two models with ties, some NaN, and labels."""
    random = np.random.default_rng(seed)
    scores = random.integers(1, 6, (2, samples, classes)).astype(float)
    scores /= scores.sum(axis=2, keepdims=True)
    if seed % 3 == 0:
        scores[1, random.integers(0, samples)] = np.nan
    return scores[0], scores[1], random.integers(0, classes, samples)


def taken(reference, variant, labels, cuts):
    def reduced(scores, part):
        return ClassScores.from_scores(scores[part], labels[part], distribution=True)

    ends = sorted({0, len(labels), *(cut % (len(labels) + 1) for cut in cuts)})
    parts = [slice(a, b) for a, b in pairwise(ends)]
    return ClassTally.of([(reduced(variant, p), reduced(reference, p)) for p in parts])


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 60), st.integers(2, 7), SEEDS, st.lists(st.integers(0, 60), max_size=5))
def test_blocks_of_any_size_are_the_whole(samples, classes, seed, cuts):
    reference, variant, labels = drawn(samples, classes, seed)
    whole = taken(reference, variant, labels, [])
    parts = taken(reference, variant, labels, cuts)
    for name in ("samples", "pairs", "lost", "won", "ranked"):
        assert getattr(parts, name) == getattr(whole, name), name
    assert parts.credits == pytest.approx(whole.credits)
    assert parts.top5 == pytest.approx(whole.top5, nan_ok=True)
    assert macro_f1(parts) == macro_f1(whole)
    assert auc(parts) == auc(whole)
    error = expected_calibration_error(whole)
    assert expected_calibration_error(parts) == (None if error is None else pytest.approx(error))
    for name, values in per_class(whole).items():
        assert per_class(parts)[name] == pytest.approx(values), name


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(2, 7), SEEDS)
def test_a_sample_counts_for_the_side_with_the_greater_chance(samples, classes, seed):
    reference, variant, labels = drawn(samples, classes, seed)
    credits = [
        ClassScores.from_scores(scores, labels, distribution=True).credits
        for scores in (reference, variant)
    ]
    found = taken(reference, variant, labels, [7, 20])
    assert found.lost == sum(a > b for a, b in zip(*credits, strict=True))
    assert found.won == sum(a < b for a, b in zip(*credits, strict=True))


def test_it_does_not_grow_with_the_samples():
    def held(tally):
        return sum(v.nbytes for v in vars(tally).values() if hasattr(v, "nbytes"))

    reference, variant, labels = drawn(500, 5, 1)
    few = taken(reference, variant, labels, [])
    many = ClassTally.of([])
    for _ in range(20):
        many.add(
            ClassScores.from_scores(variant, labels, distribution=True),
            ClassScores.from_scores(reference, labels, distribution=True),
        )
    assert many.samples == 20 * few.samples
    assert held(many) == held(few)
    assert many.pairs.keys() == few.pairs.keys()
