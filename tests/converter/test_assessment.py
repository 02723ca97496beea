"""What an output stands for, and the figures that follow from it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, mean_absolute_error

from converter.assessment import Assessor, describe_output, label_outputs
from converter.comparison import Reference, Variant
from converter.errors import RuntimeModelError

PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])
LOGITS = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, 1.0], [0.0, 1.0, 5.0]])
COLUMN = np.array([[0.2], [0.7], [0.9]])


class TestDescribeOutput:
    @pytest.mark.parametrize(
        ("reference", "labels", "classes", "expected"),
        [
            (PROBABILITIES, None, True, None),
            (LOGITS, None, False, None),
            (PROBABILITIES, np.array([0, 1, 2]), True, [0, 1, 2]),
            (LOGITS, np.array([0, 1, 2]), True, [0, 1, 2]),
            (LOGITS, np.array([0.0, 1.0, 2.0]), True, [0, 1, 2]),
            (LOGITS, np.eye(3), True, [0, 1, 2]),
            (PROBABILITIES, np.array([True, False, True]), True, [1, 0, 1]),
            (COLUMN, np.array([0, 1, 1]), True, [0, 1, 1]),
            (COLUMN[:, 0], np.array([0, 1, 1]), True, [0, 1, 1]),
            (COLUMN, np.array([3.5, 0.1, 2.0]), False, [3.5, 0.1, 2.0]),
            (COLUMN * 10, np.array([0, 1, 1]), False, [0, 1, 1]),
            (LOGITS, LOGITS + 1, False, (LOGITS + 1).tolist()),
        ],
        ids=[
            "probabilities alone",
            "values alone",
            "indices",
            "indices for logits",
            "indices as floats",
            "one-hot",
            "booleans",
            "one probability",
            "flat probability",
            "regression",
            "0/1 targets of a regression",
            "several targets",
        ],
    )
    def test_by_values_and_labels(self, reference, labels, classes, expected):
        task = describe_output("out", reference, labels)
        assert task.classes is classes
        assert (None if task.labels is None else task.labels.tolist()) == expected
        assert task.note is None

    @pytest.mark.parametrize(
        ("reference", "labels", "message"),
        [
            (PROBABILITIES, np.array([1, 2, 3]), "from 1 to 3.* no class indices of out"),
            (PROBABILITIES, np.array([0.5, 1, 2]), "no class indices"),
            (PROBABILITIES, np.array([-1, 1, 2]), "no class indices"),
            (PROBABILITIES, np.zeros((3, 2)), r"shape \(3, 2\) do not fit out"),
            (np.zeros((3, 4, 5)), np.zeros((3, 4)), "do not fit"),
        ],
        ids=["too large", "fraction", "negative", "other shape", "sequence"],
    )
    def test_labels_that_do_not_fit_are_explained(self, reference, labels, message):
        import re

        task = describe_output("out", reference, labels)
        assert task.labels is None
        assert re.search(message, task.note)

    def test_nan_labels_are_not_taken_for_classes(self):
        task = describe_output("out", LOGITS, np.array([0.0, math.nan, 1.0]))
        assert task.labels is None
        assert task.note


class TestLabelOutputs:
    def test_y_is_the_first_output_and_names_are_names(self):
        y, amount = np.zeros(2), np.ones(2)
        paired, notes = label_outputs({"y": y, "amount": amount}, ["kind", "amount"])
        assert paired["kind"] is y
        assert paired["amount"] is amount
        assert notes == []

    def test_labels_of_no_output_are_noted(self):
        paired, notes = label_outputs({"colour": np.zeros(2)}, ["kind"])
        assert paired == {}
        assert notes == ["The labels y_colour belong to none of the outputs kind."]


def assess(reference, labels, outputs, steps=None):
    record = Reference()
    assessor = Assessor(reference, labels, record)
    variant = Variant(recipe="int8", flags={})
    assessor.assess(variant, outputs, steps or {})
    return record, variant


class TestAssessor:
    def test_a_classifier(self):
        labels = np.array([0, 1, 0])
        candidate = PROBABILITIES[:, ::-1]
        record, variant = assess({"p": PROBABILITIES}, {"p": labels}, {"p": candidate})
        assert record.accuracy.top1 == pytest.approx(
            accuracy_score(labels, PROBABILITIES.argmax(axis=1))
        )
        assert variant.accuracy.top1 == pytest.approx(
            accuracy_score(labels, candidate.argmax(axis=1))
        )
        assert variant.accuracy.delta == pytest.approx(variant.accuracy.top1 - record.accuracy.top1)
        assert variant.drift.top1_agreement == pytest.approx(1 / 3)
        assert variant.audit.notes == []

    def test_a_regression_of_two_outputs(self):
        reference = {"a": LOGITS, "b": COLUMN * 10}
        outputs = {"a": LOGITS + 0.5, "b": COLUMN * 10 - 1}
        record, variant = assess(reference, {"b": np.array([2.0, 7.0, 8.0])}, outputs)
        assert list(record.output_accuracy) == ["b"]
        assert variant.accuracy.mae == pytest.approx(
            mean_absolute_error([2.0, 7.0, 8.0], outputs["b"].ravel())
        )
        assert variant.drift.max_abs_error == pytest.approx(1.0)
        assert variant.output_drift["a"].max_abs_error == pytest.approx(0.5)
        assert "accuracy.top1 is null: the labels are values, not classes." in variant.audit.notes
        assert any("top1_agreement is null" in note for note in variant.audit.notes)

    def test_one_column_is_read_as_a_probability_where_labels_say_so(self):
        _, variant = assess(
            {"p": COLUMN}, {"p": np.array([0, 1, 1])}, {"p": np.array([[0.4], [0.3], [0.9]])}
        )
        assert variant.accuracy.top1 == pytest.approx(2 / 3)
        assert variant.drift.top1_agreement == pytest.approx(2 / 3)

    def test_without_labels_the_missing_figure_is_explained(self):
        record, variant = assess({"p": PROBABILITIES}, {}, {"p": PROBABILITIES})
        assert record.accuracy is None
        assert variant.accuracy is None
        assert variant.audit.notes == ["accuracy is null: no labels were given."]

    def test_labels_that_fit_nothing_are_explained_on_both_sides(self):
        record, variant = assess(
            {"p": PROBABILITIES}, {"p": np.array([7, 8, 9])}, {"p": PROBABILITIES}
        )
        assert "no class indices of p" in record.notes[0]
        assert variant.audit.notes == ["accuracy is null: the labels fit no output."]

    def test_nan_outputs_are_counted_and_noted(self):
        broken = PROBABILITIES.copy()
        broken[0] = math.nan
        _, variant = assess({"p": PROBABILITIES}, {}, {"p": broken})
        assert variant.drift.non_finite_count == 3
        assert math.isnan(variant.drift.sqnr_db)
        assert any(note.startswith("3 output values are NaN") for note in variant.audit.notes)

    def test_a_reference_that_never_decides_is_explained(self):
        even = np.full((3, 2), 0.5)
        _, variant = assess({"p": even}, {}, {"p": even})
        assert variant.drift.top1_agreement is None
        assert any("exactly alike on every sample" in note for note in variant.audit.notes)

    def test_errors_are_told_in_steps_of_a_quantized_output(self):
        _, variant = assess({"p": LOGITS}, {}, {"p": LOGITS + 0.5}, {"p": 0.25})
        assert variant.drift.max_abs_error_lsb == pytest.approx(2.0)

    def test_outputs_of_the_same_size_in_another_shape_are_taken(self):
        _, variant = assess({"p": COLUMN}, {}, {"p": COLUMN[:, 0]})
        assert variant.drift.sqnr_db == math.inf

    @pytest.mark.parametrize(
        ("outputs", "found"),
        [({}, "none"), ({"p": np.zeros((2, 3))}, r"\(2, 3\)")],
        ids=["missing", "fewer samples"],
    )
    def test_an_output_that_is_not_there_is_refused(self, outputs, found):
        with pytest.raises(RuntimeModelError, match=rf"int8: expected the output p .*{found}"):
            assess({"p": PROBABILITIES}, {}, outputs)
