"""Figures of a classifier against scikit-learn and by hand; ties, NaN, one class alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, recall_score, roc_auc_score, top_k_accuracy_score

from converter.class_scores import ClassScores
from converter.class_tally import ECE_BINS, ClassTally
from converter.classification import (
    auc,
    expected_calibration_error,
    macro_f1,
    per_class,
    reliability,
)

SEEDS = st.integers(0, 2**32 - 1)


def softmax(logits):
    values = np.exp(logits - logits.max(axis=1, keepdims=True))
    return values / values.sum(axis=1, keepdims=True)


def tally(scores, labels, *, distribution=None, reference=None):
    """All samples as one block; tests/converter/test_class_tally.py has several."""
    found = [ClassScores.from_scores(scores, labels, distribution=distribution)]
    found.append(None if reference is None else ClassScores.from_scores(reference, labels))
    return ClassTally.of([tuple(found)])


def scored(samples, classes, seed):
    random = np.random.default_rng(seed)
    return softmax(random.normal(size=(samples, classes)) * 2), random.integers(0, classes, samples)


class TestMacroF1:
    @settings(max_examples=40, deadline=None)
    @given(st.integers(1, 60), st.integers(2, 7), SEEDS)
    def test_equals_that_of_scikit_learn(self, samples, classes, seed):
        scores, labels = scored(samples, classes, seed)
        found, interval = macro_f1(tally(scores, labels))
        expected = f1_score(labels, scores.argmax(axis=1), average="macro", zero_division=0)
        assert found == pytest.approx(expected)
        assert 0 <= interval[0] <= found <= interval[1] <= 1

    def test_interval_agrees_with_a_plain_bootstrap_of_scikit_learn(self):
        scores, labels = scored(150, 3, 5)
        _, (low, high) = macro_f1(tally(scores, labels))
        random, predicted = np.random.default_rng(9), scores.argmax(axis=1)
        drawn = []
        for _ in range(400):
            rows = random.integers(0, 150, 150)
            drawn.append(f1_score(labels[rows], predicted[rows], average="macro"))
        expected = np.percentile(drawn, [2.5, 97.5])
        assert (low, high) == pytest.approx(tuple(expected), abs=0.02)

    def test_of_equal_scores_the_first_class_is_predicted(self):
        found = ClassScores.from_scores(np.array([[0.5, 0.5], [0.5, 0.5]]), np.array([0, 1]))
        assert found.predicted.tolist() == [0, 0]
        assert macro_f1(ClassTally.of([(found, None)]))[0] == pytest.approx((2 / 3) / 2)

    def test_a_sample_with_nan_predicts_no_class(self):
        found = ClassScores.from_scores(np.array([[math.nan, 1.0], [0.1, 0.9]]), np.array([1, 1]))
        assert found.predicted.tolist() == [-1, 1]
        assert macro_f1(ClassTally.of([(found, None)]))[0] == pytest.approx(2 / 3)


class TestTop5:
    @settings(max_examples=40, deadline=None)
    @given(st.integers(1, 40), st.integers(6, 12), SEEDS)
    def test_equals_that_of_scikit_learn_without_ties(self, samples, classes, seed):
        scores, labels = scored(samples, classes, seed)
        found = ClassScores.from_scores(scores, labels).top5.mean()
        expected = top_k_accuracy_score(labels, scores, k=5, labels=np.arange(classes))
        assert found == pytest.approx(expected)

    def test_ties_count_by_their_chance(self):
        # Four above, then three alike, one of which is the label: one place for three.
        scores = np.array([[9, 8, 7, 6, 1, 1, 1, 0]], float)
        for label, chance in ((0, 1.0), (5, 1 / 3), (7, 0.0)):
            assert ClassScores.from_scores(scores, np.array([label])).top5 == pytest.approx(chance)
        assert ClassScores.from_scores(np.ones((1, 10)), np.array([3])).top5 == 0.5

    def test_five_classes_have_none(self):
        assert np.isnan(ClassScores.from_scores(np.eye(5), np.arange(5)).top5).all()

    def test_nan_has_no_chance(self):
        scores = np.full((1, 8), math.nan)
        assert ClassScores.from_scores(scores, np.array([0])).top5.tolist() == [0.0]


class TestAuc:
    @settings(max_examples=60, deadline=None)
    @given(st.integers(2, 80), st.integers(1, 12), SEEDS)
    def test_equals_that_of_scikit_learn_with_ties(self, samples, steps, seed):
        random = np.random.default_rng(seed)
        scores, labels = random.integers(0, steps + 1, samples) / steps, random.integers(
            0, 2, samples
        )
        assume(0 < labels.sum() < samples)
        area, (low, high) = auc(tally(scores[:, None], labels))
        assert area == pytest.approx(roc_auc_score(labels, scores))
        assert low <= area <= high

    def test_two_logits_are_judged_by_their_difference(self):
        random = np.random.default_rng(0)
        logits, labels = random.normal(size=(50, 2)) * 5, random.integers(0, 2, 50)
        area, _ = auc(tally(logits, labels, distribution=False))
        assert area == pytest.approx(roc_auc_score(labels, logits[:, 1] - logits[:, 0]))

    @pytest.mark.parametrize(
        ("scores", "labels"),
        [
            (np.array([[0.1], [0.9]]), [1, 1]),
            (np.array([[0.1], [math.nan]]), [0, 1]),
            (np.eye(3), [0, 1, 1]),
        ],
        ids=["one class alone", "NaN", "three classes"],
    )
    def test_where_it_has_no_meaning_there_is_none(self, scores, labels):
        assert auc(tally(scores, np.array(labels))) is None


class TestCalibrationError:
    @settings(max_examples=40, deadline=None)
    @given(st.integers(1, 80), st.integers(2, 6), SEEDS)
    def test_equals_the_sum_taken_by_hand(self, samples, classes, seed):
        scores, labels = scored(samples, classes, seed)
        expected = 0.0
        for number in range(ECE_BINS):
            inside = [
                (row.max(), float(row.argmax() == label))
                for row, label in zip(scores, labels, strict=True)
                if number / ECE_BINS < row.max() <= (number + 1) / ECE_BINS
            ]
            if inside:
                confidence, right = np.mean(inside, axis=0)
                expected += len(inside) / samples * abs(right - confidence)
        found = expected_calibration_error(tally(scores, labels))
        assert found == pytest.approx(expected, abs=1e-9)

    def test_on_paper(self):
        # Ten samples, each 80 % sure, six of them right: the gap is 0.2.
        scores = np.tile([0.8, 0.2], (10, 1))
        labels = np.array([0] * 6 + [1] * 4)
        found = tally(scores, labels)
        assert expected_calibration_error(found) == pytest.approx(0.2)
        assert sum(reliability(found)["samples"]) == 10

    def test_logits_and_nan_have_none(self):
        logits = tally(np.array([[3.0, -1.0]]), np.array([0]))
        broken = tally(np.array([[math.nan, 0.5]]), np.array([0]), distribution=True)
        assert expected_calibration_error(logits) is None
        assert expected_calibration_error(broken) is None


class TestPerClass:
    @settings(max_examples=40, deadline=None)
    @given(st.integers(1, 50), st.integers(2, 6), SEEDS)
    def test_equals_the_recall_of_scikit_learn(self, samples, classes, seed):
        reference, labels = scored(samples, classes, seed)
        variant, _ = scored(samples, classes, seed + 1)
        found = per_class(tally(variant, labels, reference=reference))
        occurring = np.unique(labels)
        assert found["class"] == occurring.tolist()
        assert sum(found["samples"]) == samples
        for name, scores in (("reference", reference), ("variant", variant)):
            expected = recall_score(labels, scores.argmax(axis=1), labels=occurring, average=None)
            assert found[name] == pytest.approx(expected.tolist())
