"""Figures of a regression from a few sums of each sample: MAE, RMSE, R², with intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from converter.intervals import Interval, bootstrap_weights, percentile_interval

Array = np.ndarray
MOST_COLUMNS = 64
"""Target values of a sample up to which R² has an interval: a resample needs each one's mean."""


@dataclass(frozen=True, kw_only=True)
class TargetErrors:
    """Of each sample, shape `(samples,)` unless said otherwise.

    Attributes:
        absolute: Sum of |t - p|.
        squared: Sum of (t - p)^2.
        target_squares: Sum of (t - c)^2, with c each value's mean target in the first block: near
            the mean of all, so that no digits are lost.
        targets: t - c, shape `(samples, width)`; None with more than `MOST_COLUMNS` values.
        target_sums: Sum over all samples of t - c, shape `(width,)`.
        low: Least t of each value, shape `(width,)`.
        high: Greatest t of each value, shape `(width,)`.
        centre: c, shape `(width,)`.
    """

    absolute: Array
    squared: Array
    target_squares: Array
    targets: Array | None
    target_sums: Array
    low: Array
    high: Array
    centre: Array

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.absolute)

    @property
    def width(self) -> int:
        """Target values of a sample."""
        return len(self.target_sums)

    @classmethod
    def from_values(
        cls, predictions: Array, targets: Array, centre: Array | None = None
    ) -> TargetErrors:
        """Reduce predictions and targets.

        Args:
            predictions: Shape `(samples, ...)`.
            targets: As many values.
            centre: The `centre` of the first block, for the later ones.
        """
        p = predictions.astype(np.float64).reshape(len(predictions), -1)
        t = targets.astype(np.float64).reshape(p.shape)
        centre = t.mean(axis=0) if centre is None else centre
        shifted = t - centre
        return cls(
            absolute=np.abs(t - p).sum(axis=1),
            squared=np.square(t - p).sum(axis=1),
            target_squares=np.square(shifted).sum(axis=1),
            targets=shifted if t.shape[1] <= MOST_COLUMNS else None,
            target_sums=shifted.sum(axis=0),
            low=t.min(axis=0),
            high=t.max(axis=0),
            centre=centre,
        )

    @classmethod
    def join(cls, parts: list[TargetErrors]) -> TargetErrors:
        """Put blocks of samples together, in their order; all with the first one's `centre`."""
        kept = [part.targets for part in parts if part.targets is not None]
        return cls(
            absolute=np.concatenate([part.absolute for part in parts]),
            squared=np.concatenate([part.squared for part in parts]),
            target_squares=np.concatenate([part.target_squares for part in parts]),
            targets=np.concatenate(kept) if len(kept) == len(parts) else None,
            target_sums=np.sum([part.target_sums for part in parts], axis=0),
            low=np.min([part.low for part in parts], axis=0),
            high=np.max([part.high for part in parts], axis=0),
            centre=parts[0].centre,
        )


def value_terms(errors: TargetErrors) -> dict[str, float]:
    """Return what the figures of a regression are ratios of.

    Returns:
        `values`; `absolute_sum`, of |t - p|; `square_sum`, of (t - p)^2; `target_square_sum`, of
        (t - mean t)^2.
    """
    samples = len(errors)
    spread = errors.target_squares.sum() - np.square(errors.target_sums).sum() / samples
    return {
        "values": samples * errors.width,
        "absolute_sum": float(errors.absolute.sum()),
        "square_sum": float(errors.squared.sum()),
        "target_square_sum": float(spread),
    }


def regression_figures(
    errors: TargetErrors,
) -> tuple[dict[str, float | None], dict[str, Interval]]:
    """Return `mae`, `rmse` and `r2`, and the 95 % percentile bootstrap interval of each.

    R² is None where the targets are constant: of those nothing can be explained.
    """
    samples, width = len(errors), errors.width
    terms = value_terms(errors)
    residual, spread = terms["square_sum"], terms["target_square_sum"]
    varies = bool((errors.high > errors.low).any())
    figures: dict[str, float | None] = {
        "mae": terms["absolute_sum"] / (samples * width),
        "rmse": math.sqrt(residual / (samples * width)),
        "r2": 1 - residual / spread if varies and spread > 0 else None,
    }
    if not math.isfinite(residual):
        return figures, {}
    drawn: dict[str, list[Array]] = {"mae": [], "rmse": [], "r2": []}
    for weights in bootstrap_weights(np.ones(samples)):
        squared = weights @ errors.squared
        drawn["mae"].append(weights @ errors.absolute / (samples * width))
        drawn["rmse"].append(np.sqrt(squared / (samples * width)))
        if errors.targets is not None and figures["r2"] is not None:
            means = weights @ errors.targets
            spreads = weights @ errors.target_squares - np.square(means).sum(axis=1) / samples
            # A resample of one sample alone has no spread: it is left out.
            with np.errstate(divide="ignore", invalid="ignore"):
                drawn["r2"].append(np.where(spreads > 0, 1 - squared / spreads, np.nan))
    intervals = {
        name: found
        for name, parts in drawn.items()
        if parts
        and (found := percentile_interval(np.concatenate(parts), figures[name] or 0.0)) is not None
    }
    return figures, intervals
