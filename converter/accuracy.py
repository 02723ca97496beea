"""Accuracy against labels, with its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from converter.drift import Array, top_classes
from converter.json_figures import read_figures

Z95 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution: two-sided 95 %."""


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
    """

    task: str
    samples: int
    top1: float | None = None
    ci95: tuple[float, float] | None = None
    delta: float | None = None
    mae: float | None = None
    rmse: float | None = None
    r2: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Accuracy:
        """Read `to_json`'s form."""
        known = read_figures(cls, values)
        if known["ci95"] is not None:
            known["ci95"] = tuple(known["ci95"])
        return cls(**known)


def wilson_interval(successes: float, trials: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a proportion.

    Args:
        successes: Number of successes; tied predictions contribute fractions.
        trials: Number of trials, at least 1.

    Raises:
        ValueError: When there is no trial.
    """
    if trials < 1:
        raise ValueError("expected at least one trial, found none")
    share = successes / trials
    denominator = 1 + Z95**2 / trials
    centre = (share + Z95**2 / (2 * trials)) / denominator
    half = Z95 * math.sqrt(share * (1 - share) / trials + Z95**2 / (4 * trials**2)) / denominator
    # Rounding must not push an end beyond the estimate: error bars have no negative length.
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def class_credits(scores: Array, labels: Array) -> Array:
    """Return each sample's chance of being right, shape `(samples,)`: 1, 0, or 1/k in a k-fold tie.

    Args:
        scores: Shape `(samples, classes)`, or one probability column.
        labels: Shape `(samples,)`, class indices.
    """
    top = top_classes(scores)
    hit = top[np.arange(len(top)), labels.astype(np.int64)]
    return hit / np.maximum(top.sum(axis=1), 1)


def measure_classification(
    scores: Array, labels: Array, reference_top1: float | None = None
) -> Accuracy:
    """Return top-1 accuracy with its interval.

    Args:
        scores: Shape `(samples, classes)`, or one probability column.
        labels: Shape `(samples,)`, class indices.
        reference_top1: The reference's `top1`, for `delta`.
    """
    credits_ = class_credits(scores, labels)
    top1 = float(np.mean(credits_))
    return Accuracy(
        task="classification",
        samples=len(labels),
        top1=top1,
        ci95=wilson_interval(float(np.sum(credits_)), len(labels)),
        delta=None if reference_top1 is None else top1 - reference_top1,
    )


def measure_regression(predictions: Array, targets: Array) -> Accuracy:
    """Return MAE, RMSE and R^2 = 1 - sum (t - p)^2 / sum (t - mean t)^2.

    Args:
        predictions: Shape `(samples, ...)`.
        targets: As many values as `predictions`.
    """
    p = predictions.astype(np.float64).reshape(len(predictions), -1)
    t = targets.astype(np.float64).reshape(p.shape)
    residual = float(np.sum(np.square(t - p)))
    spread = float(np.sum(np.square(t - t.mean(axis=0))))
    return Accuracy(
        task="regression",
        samples=len(t),
        mae=float(np.mean(np.abs(t - p))),
        rmse=math.sqrt(residual / t.size),
        # Of constant targets nothing can be explained; their spread is but rounding.
        r2=1 - residual / spread if np.ptp(t, axis=0).any() else None,
    )
