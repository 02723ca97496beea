"""Accuracy against labels, with its uncertainty. Formulas and sources: docs/metrics.md."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from converter.class_scores import ClassScores, class_credits
from converter.class_tally import ClassTally
from converter.classification import (
    auc,
    auc_terms,
    calibration_gaps,
    expected_calibration_error,
    f1_terms,
    macro_f1,
)
from converter.drift import Array
from converter.intervals import Z95, Interval, wilson_interval
from converter.json_figures import read_figures
from converter.paired_test import PairedTest, compare_classes, compare_errors
from converter.regression import TargetErrors, TargetTally

__all__ = [
    "Z95",
    "Accuracy",
    "class_credits",
    "measure_class_tally",
    "measure_classification",
    "measure_regression",
    "measure_target_tally",
    "wilson_interval",
]

INTERVAL_METHODS = {
    "top1": "Wilson score",
    "top5": "Wilson score",
    "macro_f1": "percentile bootstrap of the samples, seeded",
    "auc": "score, Newcombe 2006",
    "mae": "percentile bootstrap of the samples, seeded",
    "rmse": "percentile bootstrap of the samples, seeded",
    "r2": "percentile bootstrap of the samples, seeded",
}
"""How the 95 % interval of each figure is found."""


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Accuracy of one model on the labelled evaluation samples.

    Attributes:
        task: `classification` or `regression`.
        samples: Number of labelled samples.
        top1: Share of samples whose top class is the label; a tie counts as its chance of being
            right. None for regression.
        ci95: 95 % Wilson score interval of `top1` (Wilson 1927). None for regression.
        delta: `top1` minus the reference's; None for the reference itself.
        mae: Mean absolute error against the labels; None for classification.
        rmse: Root mean square error against the labels; None for classification.
        r2: Coefficient of determination; None for classification.
        top5: Share of samples whose label is among the five highest classes; None with no more than
            five.
        macro_f1: Mean F1 of the classes; None for regression.
        auc: Area under the ROC curve; None where there are not two classes.
        expected_calibration_error: In 15 equal bins (Guo et al. 2017); None where the scores are no
            probabilities.
        intervals: 95 % interval of each figure that has one, by its name (`INTERVAL_METHODS`).
        paired: The original against this variant, sample by sample; None for the original.
        terms: What the figures are computed from, by name: of classes `f1_sum` over `f1_classes`,
            `auc_above` over `auc_pairs`, `calibration_gaps`; of values `absolute_sum` and
            `square_sum` over `values`, and `target_square_sum`. Empty in a run of an earlier
            version.
    """

    task: str
    samples: int
    top1: float | None = None
    ci95: Interval | None = None
    delta: float | None = None
    mae: float | None = None
    rmse: float | None = None
    r2: float | None = None
    top5: float | None = None
    macro_f1: float | None = None
    auc: float | None = None
    expected_calibration_error: float | None = None
    intervals: dict[str, Interval] = field(default_factory=dict)
    paired: PairedTest | None = None
    terms: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Accuracy:
        """Read `to_json`'s form."""
        known = read_figures(cls, values)
        if known["ci95"] is not None:
            known["ci95"] = tuple(known["ci95"])
        known["intervals"] = {
            name: (float(low), float(high))
            for name, (low, high) in (known["intervals"] or {}).items()
        }
        known["terms"] = dict(known["terms"] or {})
        if known["paired"] is not None:
            known["paired"] = PairedTest.from_json(known["paired"])
        return cls(**known)


def measure_classification(
    scores: Array, labels: Array, reference_top1: float | None = None
) -> Accuracy:
    """Return the accuracy of class scores.

    Args:
        scores: Shape `(samples, classes)`, or one probability column.
        labels: Shape `(samples,)`, class indices.
        reference_top1: The reference's `top1`, for `delta`.
    """
    tally = ClassTally.of([(ClassScores.from_scores(scores, labels), None)])
    return measure_class_tally(tally, reference_top1)


def measure_class_tally(
    tally: ClassTally, reference_top1: float | None = None, *, paired: bool = False
) -> Accuracy:
    """Return the accuracy of scores that were reduced to what it needs.

    Args:
        tally: Of the model.
        reference_top1: The reference's `top1`, for `delta`; None for the original itself.
        paired: Whether the tally holds what the original did on the same samples.
    """
    samples = tally.samples
    top1 = tally.credits / samples
    ci95 = wilson_interval(tally.credits, samples)
    intervals = {"top1": ci95}
    top5 = None
    if not math.isnan(tally.top5):
        top5 = tally.top5 / samples
        intervals["top5"] = wilson_interval(tally.top5, samples)
    f1, f1_interval = macro_f1(tally)
    if f1_interval is not None:
        intervals["macro_f1"] = f1_interval
    area = auc(tally)
    if area is not None:
        intervals["auc"] = area[1]
    return Accuracy(
        task="classification",
        samples=samples,
        top1=top1,
        ci95=ci95,
        delta=None if reference_top1 is None else top1 - reference_top1,
        top5=top5,
        macro_f1=f1,
        auc=None if area is None else area[0],
        expected_calibration_error=expected_calibration_error(tally),
        intervals=intervals,
        paired=compare_classes(tally.lost, tally.won, samples) if paired else None,
        terms=_class_terms(tally),
    )


def _class_terms(tally: ClassTally) -> dict[str, float]:
    f1_sum, classes = f1_terms(tally)
    terms: dict[str, float] = {"f1_sum": f1_sum, "f1_classes": classes}
    ranks, gaps = auc_terms(tally), calibration_gaps(tally)
    if ranks is not None:
        above, positives, negatives = ranks
        terms |= {"auc_above": above, "auc_pairs": positives * negatives}
    if gaps is not None:
        terms["calibration_gaps"] = gaps
    return terms


def measure_regression(predictions: Array, targets: Array) -> Accuracy:
    """Return MAE, RMSE and R^2 = 1 - sum (t - p)^2 / sum (t - mean t)^2.

    Args:
        predictions: Shape `(samples, ...)`.
        targets: As many values as `predictions`.
    """
    tally = TargetTally(len(predictions))
    tally.add(TargetErrors.from_values(predictions, targets))
    return measure_target_tally(tally)


def measure_target_tally(tally: TargetTally) -> Accuracy:
    """Return the accuracy of values that were reduced to sums.

    Args:
        tally: Of the model; `paired` is None where it holds nothing of the original.
    """
    figures, intervals = tally.figures()
    return Accuracy(
        task="regression",
        samples=tally.samples,
        mae=figures["mae"],
        rmse=figures["rmse"],
        r2=figures["r2"],
        intervals=intervals,
        paired=compare_errors(tally.changes),
        terms=tally.terms(),
    )
