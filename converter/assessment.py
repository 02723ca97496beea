"""Drift and accuracy of one candidate, from the arrays that the workers left on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from converter.class_tally import ClassTally
from converter.classification import per_class, reliability
from converter.comparison import Reference, Variant
from converter.drift import DriftSums, is_class_distribution, two_columns, worst_drift
from converter.error_distribution import describe_errors
from converter.errors import RuntimeModelError
from converter.label_tally import Tally, measure_tally, tally_classes, tally_targets
from converter.paired_test import describe_paired
from converter.sample_blocks import sample_blocks
from converter.sample_differences import DifferenceCollector, compare_samples
from converter.sample_file import OutputSamples, VariantSamples, rows_for, samples_to_picture
from converter.samples import LABELS
from converter.thumbnails import is_image_batch, make_thumbnails

Array = np.ndarray
_LEAST_INTEGER_TOLERANCE = 1e-6
_MOST_CLASS_PAIRS = 1000


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
    distribution = all(is_class_distribution(r) for _, (r,) in sample_blocks(reference))
    if labels is None:
        return OutputTask(distribution, None)
    classes = reference.shape[1] if reference.ndim == 2 else 1 if reference.ndim == 1 else 0
    if labels.ndim == 2 and classes >= 2 and labels.shape[1] == classes and _is_one_hot(labels):
        labels = np.argmax(labels, axis=1)
    if classes >= 2 and labels.ndim == 1:
        if _are_indices(labels, classes):
            return OutputTask(True, labels.astype(np.int64, copy=False))
        return OutputTask(
            distribution,
            None,
            f"The labels (from {labels.min():g} to {labels.max():g}) are no class indices of "
            f"{name}, which has {classes} classes.",
        )
    if classes == 1 and _are_indices(labels, 2) and _is_probability(reference):
        return OutputTask(True, labels.reshape(-1).astype(np.int64, copy=False))
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
    for _, (block,) in sample_blocks(labels):
        values = block.astype(np.float64)
        whole = np.abs(values - np.round(values)) < _LEAST_INTEGER_TOLERANCE
        if not (whole.all() and (values >= 0).all() and (values < classes).all()):
            return False
    return True


def _is_probability(reference: Array) -> bool:
    return all(
        np.isfinite(r).all() and (r >= 0).all() and (r <= 1).all()
        for _, (r,) in sample_blocks(reference)
    )


def _is_distribution(reference: Array) -> bool:
    return all(is_class_distribution(two_columns(r)) for _, (r,) in sample_blocks(reference))


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
    """Compares candidates with one reference, block by block of the samples.

    Args:
        reference: Outputs by name, shape `(samples, ...)`.
        labels: Labels by output name.
        record: Where the reference's own accuracy and notes go.
        rows: Each sample's place in the data file; counted from 0 when left out.
        inputs: What was fed, by input name, to show the pictures of single samples.
        original: What sentences call the reference.
    """

    def __init__(
        self,
        reference: Mapping[str, Array],
        labels: Mapping[str, Array],
        record: Reference,
        *,
        rows: Array | None = None,
        inputs: Mapping[str, Array] | None = None,
        original: str = "the original",
    ) -> None:
        self._reference = reference
        self._original = original
        self._rows = rows
        self._images = next((a for a in (inputs or {}).values() if is_image_batch(a)), None)
        self._tasks = {
            name: describe_output(name, array, labels.get(name))
            for name, array in reference.items()
        }
        record.notes.extend(task.note for task in self._tasks.values() if task.note)
        self._distributions = {
            name: _is_distribution(reference[name])
            for name, task in self._tasks.items()
            if task.classes and task.labels is not None
        }
        self._tallies = {
            name: self._tally(name, reference[name], None)
            for name, task in self._tasks.items()
            if task.labels is not None
        }
        record.output_accuracy = {
            name: measure_tally(tally) for name, tally in self._tallies.items()
        }
        record.accuracy = next(iter(record.output_accuracy.values()), None)

    def labelled_classes(self) -> tuple[str, Array] | None:
        """Return the first output with class labels, and those; None where there is none."""
        for name, task in self._tasks.items():
            if task.classes and task.labels is not None:
                return name, task.labels
        return None

    def assess(
        self, variant: Variant, outputs: Mapping[str, Array], steps: Mapping[str, float | None]
    ) -> VariantSamples:
        """Fill in a variant's drift and accuracy, and why a figure is missing.

        Returns:
            What each sample did, bounded.

        Raises:
            RuntimeModelError: When an output is missing or of another shape.
        """
        differences: dict[str, DifferenceCollector] = {}
        details: dict[str, OutputSamples] = {}
        for name, expected in self._reference.items():
            found = outputs.get(name)
            if found is None or found.size != expected.size:
                shape = "none" if found is None else str(found.shape)
                raise RuntimeModelError(
                    f"{variant.recipe}: expected the output {name} of shape {expected.shape}, "
                    f"found {shape}."
                )
            found = found.reshape(expected.shape)
            differences[name] = self._compare(variant, name, found, steps.get(name))
            tally = self._measure_accuracy(variant, name, found)
            details[name] = self._details(name, found, differences[name], tally)
        variant.drift = worst_drift(variant.output_drift.values())
        variant.accuracy = next(iter(variant.output_accuracy.values()), None)
        self._explain_missing(variant)
        return self._with_pictures(details)

    def _compare(
        self, variant: Variant, name: str, found: Array, step: float | None
    ) -> DifferenceCollector:
        task = self._tasks[name]
        sums = DriftSums(classes=task.classes, step=step)
        collector = DifferenceCollector(rows_for(len(self._reference)))
        for part, (r, y) in sample_blocks(self._reference[name], found):
            sums.add(r, y)
            samples = np.arange(part.start, part.stop)
            collector.add(
                compare_samples(
                    r,
                    y,
                    classes=task.classes,
                    rows=samples if self._rows is None else self._rows[part],
                    samples=samples,
                    labels=None if task.labels is None else task.labels[part],
                )
            )
        variant.output_drift[name] = sums.result()
        return collector

    def _tally(self, name: str, outputs: Array, reference: Array | None) -> Tally:
        task = self._tasks[name]
        if task.labels is None:
            raise ValueError(f"expected labels for {name}, found none")
        if not task.classes:
            return tally_targets(outputs, task.labels, reference)
        return tally_classes(
            outputs, task.labels, distribution=self._distributions[name], reference=reference
        )

    def _measure_accuracy(self, variant: Variant, name: str, found: Array) -> Tally | None:
        if name not in self._tallies:
            return None
        tally = self._tally(name, found, self._reference[name])
        accuracy = measure_tally(tally, self._tallies[name])
        if accuracy.paired is not None:
            sentence = describe_paired(accuracy.paired, variant.recipe, self._original)
            accuracy = replace(accuracy, paired=replace(accuracy.paired, sentence=sentence))
        variant.output_accuracy[name] = accuracy
        return tally

    def _details(
        self, name: str, found: Array, differences: DifferenceCollector, tally: Tally | None
    ) -> OutputSamples:
        task, reference = self._tasks[name], self._tallies.get(name)
        pairs = differences.class_pairs(_MOST_CLASS_PAIRS) if task.classes else None
        shares, bins = None, {}
        if isinstance(tally, ClassTally) and isinstance(reference, ClassTally):
            shares = per_class(tally)
            both = {"reference": reliability(reference), "variant": reliability(tally)}
            bins = {} if None in both.values() else both
        return OutputSamples(
            classes=task.classes,
            labelled=task.labels is not None,
            samples=differences.samples,
            differences=differences.most_telling(),
            distribution=describe_errors(self._reference[name], found),
            class_pairs=pairs,
            per_class=shares,
            reliability=bins,
        )

    def _with_pictures(self, details: dict[str, OutputSamples]) -> VariantSamples:
        if self._images is None:
            return VariantSamples(outputs=details)
        shown = samples_to_picture({name: each.differences for name, each in details.items()})
        return VariantSamples(
            outputs=details,
            pictures=make_thumbnails(self._images, shown),
            picture_samples=tuple(shown),
        )

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
