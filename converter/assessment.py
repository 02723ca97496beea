"""Drift and accuracy of one candidate, from the arrays that the workers left on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from converter.accuracy import Accuracy, measure_classification, measure_regression
from converter.comparison import Reference, Variant
from converter.drift import Drift, is_class_distribution, measure_drift, two_columns, worst_drift
from converter.errors import RuntimeModelError
from converter.samples import LABELS

Array = np.ndarray
_LEAST_INTEGER_TOLERANCE = 1e-6


@dataclass(frozen=True)
class OutputTask:
    """What an output stands for.

    Attributes:
        classes: Whether its rows are class scores (or one probability), so that a top class means
            something.
        labels: Class indices or regression targets that fit it; None where there are none.
        note: Why labels that were given cannot be used; None where they can.
    """

    classes: bool
    labels: Array | None
    note: str | None = None


def describe_output(name: str, reference: Array, labels: Array | None) -> OutputTask:
    """Find out what an output stands for from the reference's values and the labels.

    A row of scores is a class distribution when it sums to one, or when class indices are given
    for it (logits). A single column is a probability when it lies in 0..1 and the labels are 0 and
    1. Everything else is a regression.

    Args:
        name: The output's name, for notes.
        reference: Shape `(samples, ...)`.
        labels: Shape `(samples,)` or one-hot `(samples, classes)`, or None.
    """
    distribution = is_class_distribution(reference)
    if labels is None:
        return OutputTask(distribution, None)
    classes = reference.shape[1] if reference.ndim == 2 else 1 if reference.ndim == 1 else 0
    if labels.ndim == 2 and classes >= 2 and labels.shape[1] == classes and _is_one_hot(labels):
        labels = np.argmax(labels, axis=1)
    if classes >= 2 and labels.ndim == 1:
        if _are_indices(labels, classes):
            return OutputTask(True, labels.astype(np.int64))
        return OutputTask(
            distribution,
            None,
            f"The labels (from {labels.min():g} to {labels.max():g}) are no class indices of "
            f"{name}, which has {classes} classes.",
        )
    if classes == 1 and _are_indices(labels, 2) and _is_probability(reference):
        return OutputTask(True, labels.reshape(-1).astype(np.int64))
    if labels.size == reference.size and not distribution:
        return OutputTask(False, labels)
    return OutputTask(
        distribution,
        None,
        f"The labels of shape {labels.shape} do not fit {name} of shape {reference.shape}.",
    )


def _is_one_hot(labels: Array) -> bool:
    return bool(np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all())


def _are_indices(labels: Array, classes: int) -> bool:
    values = labels.astype(np.float64)
    whole = np.abs(values - np.round(values)) < _LEAST_INTEGER_TOLERANCE
    return bool(whole.all() and (values >= 0).all() and (values < classes).all())


def _is_probability(reference: Array) -> bool:
    return bool(np.isfinite(reference).all() and (reference >= 0).all() and (reference <= 1).all())


def label_outputs(
    labels: Mapping[str, Array], outputs: list[str]
) -> tuple[dict[str, Array], list[str]]:
    """Pair labels with outputs: by name, or `y` with the first output.

    Returns:
        Labels by output name, and a note for each that belongs to no output.
    """
    paired: dict[str, Array] = {}
    notes = []
    for key, values in labels.items():
        target = outputs[0] if key == LABELS else key
        if target in outputs:
            paired[target] = values
        else:
            notes.append(f"The labels y_{key} belong to none of the outputs {', '.join(outputs)}.")
    return paired, notes


class Assessor:
    """Compares candidates with one reference.

    Args:
        reference: Outputs by name, shape `(samples, ...)`.
        labels: Labels by output name.
        record: Where the reference's own accuracy and notes go.
    """

    def __init__(
        self, reference: Mapping[str, Array], labels: Mapping[str, Array], record: Reference
    ) -> None:
        self._reference = reference
        self._tasks = {
            name: describe_output(name, array, labels.get(name))
            for name, array in reference.items()
        }
        record.notes.extend(task.note for task in self._tasks.values() if task.note)
        record.output_accuracy = {
            name: found
            for name, task in self._tasks.items()
            if (found := _accuracy(reference[name], task, None)) is not None
        }
        record.accuracy = next(iter(record.output_accuracy.values()), None)
        self._reference_accuracy = record.output_accuracy

    def assess(
        self, variant: Variant, outputs: Mapping[str, Array], steps: Mapping[str, float | None]
    ) -> None:
        """Fill in a variant's drift and accuracy, and why a figure is missing.

        Raises:
            RuntimeModelError: When an output is missing or of another shape.
        """
        drifts: dict[str, Drift] = {}
        for name, expected in self._reference.items():
            found = outputs.get(name)
            if found is None or found.size != expected.size:
                shape = "none" if found is None else str(found.shape)
                raise RuntimeModelError(
                    f"{variant.recipe}: expected the output {name} of shape {expected.shape}, "
                    f"found {shape}."
                )
            task = self._tasks[name]
            found = found.reshape(expected.shape)
            drifts[name] = measure_drift(
                expected, found, classes=task.classes, step=steps.get(name)
            )
            accuracy = _accuracy(found, task, self._reference_accuracy.get(name))
            if accuracy is not None:
                variant.output_accuracy[name] = accuracy
        variant.output_drift = drifts
        variant.drift = worst_drift(drifts.values())
        variant.accuracy = next(iter(variant.output_accuracy.values()), None)
        self._explain_missing(variant)

    def _explain_missing(self, variant: Variant) -> None:
        notes = variant.audit.notes
        drift = variant.drift
        if drift is not None and drift.top1_agreement is None:
            reason = "no output is a class distribution"
            if drift.top1_samples == 0:
                reason = "the original scores several classes exactly alike on every sample"
            notes.append(f"top1_agreement is null: {reason}.")
        if drift is not None and drift.non_finite_count:
            notes.append(
                f"{drift.non_finite_count} output values are NaN or infinite; figures that depend "
                "on them are null."
            )
        if variant.accuracy is None:
            given = any(task.note for task in self._tasks.values())
            reason = "the labels fit no output" if given else "no labels were given"
            notes.append(f"accuracy is null: {reason}.")
        elif variant.accuracy.top1 is None:
            notes.append("accuracy.top1 is null: the labels are values, not classes.")


def _accuracy(outputs: Array, task: OutputTask, reference: Accuracy | None) -> Accuracy | None:
    if task.labels is None:
        return None
    if task.classes:
        return measure_classification(
            two_columns(outputs), task.labels, None if reference is None else reference.top1
        )
    return measure_regression(outputs, task.labels)
