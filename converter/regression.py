"""Figures of a regression from a few sums of each sample: MAE, RMSE, R², with intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from converter.intervals import Interval, StreamedBootstrap, percentile_interval
from converter.paired_test import ErrorChanges

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

    def part(self, place: slice) -> tuple[Array, Array, Array, Array | None]:
        """Return `absolute`, `squared`, `target_squares` and `targets` of some samples."""
        targets = None if self.targets is None else self.targets[place]
        return self.absolute[place], self.squared[place], self.target_squares[place], targets


class TargetTally:
    """What accuracy needs of all samples of a regression together: sums, taken block by block.

    Args:
        samples: All that will come, at least 1.
    """

    def __init__(self, samples: int) -> None:
        self.samples = samples
        self.changes = ErrorChanges()
        self._bootstrap = StreamedBootstrap(samples)
        self._drawn: dict[str, Array] = {}
        self._sums: dict[str, Array] = {}
        self._centre: Array | None = None
        self._low = self._high = np.zeros(0)

    @property
    def centre(self) -> Array | None:
        """The `centre` of the first block, for the later ones; None before it."""
        return self._centre

    def add(self, errors: TargetErrors, reference: TargetErrors | None = None) -> None:
        """Take the next samples, all with the first block's `centre`.

        Args:
            errors: Of the model.
            reference: Of the original on the same samples; None for the original itself.
        """
        if self._centre is None:
            self._centre, self._low, self._high = errors.centre, errors.low, errors.high
        self._low = np.minimum(self._low, errors.low)
        self._high = np.maximum(self._high, errors.high)
        for name in ("absolute", "squared", "target_squares"):
            self._gather(self._sums, name, getattr(errors, name).sum())
        self._gather(self._sums, "target_sums", errors.target_sums)
        if reference is not None:
            width = len(errors.centre)
            self.changes.add(reference.absolute / width, errors.absolute / width)
        for start in range(0, len(errors), self._bootstrap.block):
            self._resample(*errors.part(slice(start, start + self._bootstrap.block)))

    def _resample(
        self, absolute: Array, squared: Array, target_squares: Array, targets: Array | None
    ) -> None:
        weights = self._bootstrap.draw(len(absolute)).astype(np.float64)
        with np.errstate(invalid="ignore"):  # NaN stays, and `figures` tells
            self._gather(self._drawn, "absolute", weights @ absolute)
            self._gather(self._drawn, "squared", weights @ squared)
            self._gather(self._drawn, "target_squares", weights @ target_squares)
            if targets is not None:
                self._gather(self._drawn, "targets", weights @ targets)

    @staticmethod
    def _gather(sums: dict[str, Array], name: str, more: Array) -> None:
        sums[name] = sums[name] + more if name in sums else np.asarray(more)

    def terms(self) -> dict[str, float]:
        """Return what the figures are ratios of.

        Returns:
            `values`; `absolute_sum`, of |t - p|; `square_sum`, of (t - p)^2; `target_square_sum`,
            of (t - mean t)^2.

        Raises:
            ValueError: When no sample was taken.
        """
        if self._centre is None:
            raise ValueError(f"expected {self.samples} samples, found none")
        squared_means = np.square(self._sums["target_sums"]).sum() / self.samples
        return {
            "values": self.samples * len(self._centre),
            "absolute_sum": float(self._sums["absolute"]),
            "square_sum": float(self._sums["squared"]),
            "target_square_sum": float(self._sums["target_squares"] - squared_means),
        }

    def figures(self) -> tuple[dict[str, float | None], dict[str, Interval]]:
        """Return `mae`, `rmse` and `r2`, and the 95 % percentile bootstrap interval of each.

        R² is None where the targets are constant: of those nothing can be explained.

        Raises:
            ValueError: When no sample was taken.
        """
        terms = self.terms()
        residual, spread = terms["square_sum"], terms["target_square_sum"]
        varies = bool((self._high > self._low).any())
        figures: dict[str, float | None] = {
            "mae": terms["absolute_sum"] / terms["values"],
            "rmse": math.sqrt(residual / terms["values"]),
            "r2": 1 - residual / spread if varies and spread > 0 else None,
        }
        if not math.isfinite(residual):
            return figures, {}
        intervals = {
            name: found
            for name, values in self._resampled(terms["values"]).items()
            if figures[name] is not None
            and (found := percentile_interval(values, figures[name] or 0.0)) is not None
        }
        return figures, intervals

    def _resampled(self, cells: float) -> dict[str, Array]:
        """Return each figure on every resample, shape `(resamples,)`; R² only of few columns."""
        drawn = {
            "mae": self._drawn["absolute"] / cells,
            "rmse": np.sqrt(self._drawn["squared"] / cells),
        }
        if "targets" in self._drawn:
            means = np.square(self._drawn["targets"]).sum(axis=1) / self.samples
            spreads = self._drawn["target_squares"] - means
            # A resample of one sample alone has no spread: it is left out.
            with np.errstate(divide="ignore", invalid="ignore"):
                explained = 1 - self._drawn["squared"] / spreads
            drawn["r2"] = np.where(spreads > 0, explained, np.nan)
        return drawn
