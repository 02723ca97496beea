"""Accuracy against scipy and scikit-learn, with ties, NaN and constant targets."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, mean_absolute_error, mean_squared_error, r2_score

from converter.accuracy import (
    Accuracy,
    class_credits,
    measure_classification,
    measure_regression,
)


class TestClassification:
    @settings(max_examples=50, deadline=None)
    @given(st.integers(1, 30), st.integers(2, 6), st.integers(0, 2**32 - 1))
    def test_top1_equals_that_of_scikit_learn_without_ties(self, samples, classes, seed):
        random = np.random.default_rng(seed)
        scores = random.permuted(np.tile(np.arange(classes), (samples, 1)), axis=1) / 10
        labels = random.integers(0, classes, samples)
        found = measure_classification(scores, labels)
        assert found.top1 == pytest.approx(accuracy_score(labels, scores.argmax(axis=1)))
        assert found.samples == samples
        assert found.ci95[0] <= found.top1 <= found.ci95[1]

    @pytest.mark.parametrize(
        ("scores", "label", "credit"),
        [
            ([0.1, 0.9], 1, 1.0),
            ([0.1, 0.9], 0, 0.0),
            ([0.5, 0.5], 0, 0.5),
            ([0.4, 0.4, 0.2], 1, 0.5),
            ([0.4, 0.4, 0.2], 2, 0.0),
            ([math.nan, 0.9], 1, 0.0),
            ([0.3], 0, 1.0),
            ([0.3], 1, 0.0),
            ([0.5], 1, 0.5),
        ],
        ids=[
            "right",
            "wrong",
            "tie",
            "two of three",
            "outside the tie",
            "NaN",
            "one column, right",
            "one column, wrong",
            "one column, on the cut",
        ],
    )
    def test_credit_of_one_sample(self, scores, label, credit):
        assert class_credits(np.array([scores]), np.array([label])).tolist() == [credit]

    def test_delta_is_against_the_reference(self):
        found = measure_classification(np.eye(2), np.array([0, 0]), reference_top1=1.0)
        assert found.delta == pytest.approx(-0.5)
        assert measure_classification(np.eye(2), np.array([0, 0])).delta is None

    @pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float32"])
    def test_labels_of_any_number_type_are_indices(self, dtype):
        labels = np.array([1, 0]).astype(dtype)
        assert measure_classification(np.eye(2), labels).top1 == 0.0


class TestRegression:
    @settings(max_examples=50, deadline=None)
    @given(st.integers(2, 20), st.integers(1, 3), st.integers(0, 2**32 - 1))
    def test_equals_scikit_learn(self, samples, columns, seed):
        random = np.random.default_rng(seed)
        targets = random.normal(size=(samples, columns))
        predictions = targets + random.normal(size=targets.shape)
        assume(np.ptp(targets) > 0)
        found = measure_regression(predictions, targets)
        assert found.mae == pytest.approx(mean_absolute_error(targets, predictions))
        assert found.rmse == pytest.approx(math.sqrt(mean_squared_error(targets, predictions)))
        expected = r2_score(targets, predictions, multioutput="variance_weighted")
        assert found.r2 == pytest.approx(expected)

    def test_flat_targets_fit_one_column_of_predictions(self):
        found = measure_regression(np.array([[1.0], [2.0]]), np.array([1.0, 4.0]))
        assert found.mae == 1.0
        assert (found.task, found.samples, found.top1) == ("regression", 2, None)

    @pytest.mark.parametrize("value", [0.0, 3.0, 0.1, 1e6 / 3], ids=str)
    def test_constant_targets_have_no_r2(self, value):
        found = measure_regression(np.array([1.0, 2.0, 3.0]), np.full(3, value))
        assert found.r2 is None

    def test_nan_stays_in_the_figures(self):
        found = measure_regression(np.array([np.nan, 1.0]), np.array([0.0, 1.0]))
        assert math.isnan(found.mae)
        assert math.isnan(found.rmse)
        assert math.isnan(found.r2)


def test_json_round_trip_keeps_the_interval_a_pair():
    accuracy = measure_classification(np.eye(3), np.array([0, 1, 0]), 1.0)
    values = accuracy.to_json()
    values["ci95"] = list(values["ci95"])
    assert Accuracy.from_json({**values, "a_field_of_later": 1}) == accuracy


class TestTerms:
    """What is kept of the sums gives the figures again, by another way than the figures take."""

    def test_of_classes(self):
        rng = np.random.default_rng(3)
        scores = rng.dirichlet(np.ones(2), 80)
        labels = (rng.random(80) < scores[:, 1]).astype(int)
        found = measure_classification(scores, labels)
        terms = found.terms
        assert terms["f1_sum"] / terms["f1_classes"] == pytest.approx(found.macro_f1, rel=1e-12)
        assert terms["auc_above"] / terms["auc_pairs"] == pytest.approx(found.auc, rel=1e-12)
        assert terms["calibration_gaps"] / 80 == pytest.approx(
            found.expected_calibration_error, rel=1e-12
        )

    def test_of_classes_with_nan_and_a_class_never_predicted(self):
        scores = np.array([[0.1, 0.7, 0.2], [np.nan, 0.5, 0.5], [0.6, 0.3, 0.1]])
        found = measure_classification(scores, np.array([1, 2, 0]))
        assert found.terms["f1_sum"] / found.terms["f1_classes"] == pytest.approx(found.macro_f1)
        assert set(found.terms) == {"f1_sum", "f1_classes"}

    def test_of_values(self):
        rng = np.random.default_rng(4)
        targets = rng.normal(3, 2, (50, 2))
        found = measure_regression(targets + rng.normal(0, 1, (50, 2)), targets)
        terms = found.terms
        assert terms["values"] == 100
        assert terms["absolute_sum"] / 100 == pytest.approx(found.mae, rel=1e-12)
        assert (terms["square_sum"] / 100) ** 0.5 == pytest.approx(found.rmse, rel=1e-12)
        spread = np.square(targets - targets.mean(axis=0)).sum()
        assert terms["target_square_sum"] == pytest.approx(spread, rel=1e-9)
        assert 1 - terms["square_sum"] / spread == pytest.approx(found.r2, rel=1e-9)

    def test_they_come_back_from_json_and_an_earlier_version_has_none(self):
        found = measure_classification(np.eye(3), np.arange(3))
        assert Accuracy.from_json(found.to_json()) == found
        earlier = {k: v for k, v in found.to_json().items() if k != "terms"}
        assert Accuracy.from_json(earlier).terms == {}
