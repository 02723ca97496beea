"""Outputs held against labels, block by block, beside what the original gave."""

from __future__ import annotations

import numpy as np

from converter.accuracy import Accuracy, measure_class_tally, measure_target_tally
from converter.class_scores import ClassScores
from converter.class_tally import ClassTally
from converter.regression import TargetErrors, TargetTally
from converter.sample_blocks import sample_blocks

Array = np.ndarray
Tally = ClassTally | TargetTally


def tally_classes(
    outputs: Array, labels: Array, *, distribution: bool, reference: Array | None = None
) -> ClassTally:
    """Return what accuracy needs of class scores.

    Args:
        outputs: Shape `(samples, classes)`, or one probability column.
        labels: Class indices, shape `(samples,)`.
        distribution: Whether scores are probabilities. The reference tells: rounded ones may not
            sum to one.
        reference: The original's outputs; None where `outputs` are those.
    """
    arrays = (outputs,) if reference is None else (outputs, reference)
    return ClassTally.of(
        (
            ClassScores.from_scores(block[0], labels[part], distribution=distribution),
            ClassScores.from_scores(block[1], labels[part], distribution=distribution)
            if len(block) > 1
            else None,
        )
        for part, block in sample_blocks(*arrays)
    )


def tally_targets(outputs: Array, labels: Array, reference: Array | None = None) -> TargetTally:
    """Return what accuracy needs of values.

    Args:
        outputs: Shape `(samples, ...)`.
        labels: As many targets; they may be flat where the output is not.
        reference: The original's outputs; None where `outputs` are those.
    """
    targets = labels.reshape(len(outputs), -1)
    tally = TargetTally(len(outputs))
    arrays = (outputs,) if reference is None else (outputs, reference)
    for part, block in sample_blocks(*arrays):
        errors = TargetErrors.from_values(block[0], targets[part], tally.centre)
        beside = None
        if len(block) > 1:
            beside = TargetErrors.from_values(block[1], targets[part], errors.centre)
        tally.add(errors, beside)
    return tally


def measure_tally(tally: Tally, reference: Tally | None = None) -> Accuracy:
    """Return the accuracy that follows from a tally.

    Args:
        tally: Of the model, taken beside the original where that is given.
        reference: Of the original; None where `tally` is that.
    """
    if isinstance(tally, TargetTally):
        return measure_target_tally(tally)
    if isinstance(reference, ClassTally):
        top1 = reference.credits / reference.samples
        return measure_class_tally(tally, top1, paired=True)
    return measure_class_tally(tally)
