"""Errors and distributions of a tensor, gathered sample by sample in memory of a fixed size."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from converter.drift import cosine_similarities, sqnr_of_sums
from converter.json_figures import read_figures

Array = np.ndarray
BINS = 256
"""Bars of a histogram while it grows: half of them hold the values of one sign."""
SHOWN_BINS = 64
"""Bars that are kept in the end."""
_MOST_COUNTED = 1 << 16
"""Values of a block that a histogram counts at most; of more, as many are drawn, seeded."""

_MAY_BE_MISSING = {"rmse_in_steps", "signal_square_sum", "error_square_sum"}


@dataclass(frozen=True, kw_only=True)
class TensorError:
    """How far a tensor of a variant is from the float model's, over all samples.

    Attributes:
        values: Numbers compared.
        sqnr_db: `10 log10(sum(r^2) / sum((y - r)^2))`.
        rmse: `sqrt(mean((y - r)^2))`.
        rmse_in_steps: RMSE over the tensor's scale; 0.29 (one over the root of 12) is what rounding
            alone does. None for a float tensor.
        mean_error: `mean(y - r)`, the bias.
        mean_abs_error: `mean(|y - r|)`.
        max_abs_error: `max(|y - r|)`.
        cosine_similarity: Of each sample, then the mean.
        non_finite_count: NaN and infinities in y.
        signal_square_sum: `sum(r^2)`; None in an analysis of an earlier version.
        error_square_sum: `sum((y - r)^2)`; None likewise.
    """

    values: int
    sqnr_db: float
    rmse: float
    rmse_in_steps: float | None
    mean_error: float
    mean_abs_error: float
    max_abs_error: float
    cosine_similarity: float
    non_finite_count: int
    signal_square_sum: float | None = None
    error_square_sum: float | None = None

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TensorError:
        """Read the form that `encode_figures` writes; null is NaN where a figure always exists."""
        read = read_figures(cls, values)
        for name, value in read.items():
            if value is None and name not in _MAY_BE_MISSING:
                read[name] = math.nan
        return cls(**read)


@dataclass
class StreamedError:
    """The sums from which a `TensorError` follows; NaN stays in them and shows in the figures."""

    values: int = 0
    signal: float = 0.0
    noise: float = 0.0
    absolute: float = 0.0
    signed: float = 0.0
    largest: float = 0.0
    similarities: float = 0.0
    rows: int = 0
    non_finite: int = 0

    def add(self, reference: Array, candidate: Array) -> None:
        """Take in one block.

        Args:
            reference: Shape `(samples, ...)`.
            candidate: The same shape, dequantized.
        """
        r, y = reference.astype(np.float64), candidate.astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            error = y - r
            self.values += error.size
            self.signal += float(np.sum(r * r))
            self.noise += float(np.sum(error * error))
            self.absolute += float(np.sum(np.abs(error)))
            self.signed += float(np.sum(error))
            # max() of Python would drop a NaN that comes second.
            self.largest = float(np.maximum(self.largest, np.max(np.abs(error), initial=0.0)))
            self.similarities += float(np.sum(cosine_similarities(r, y)))
        self.rows += len(r)
        self.non_finite += int(y.size - np.isfinite(y).sum())

    def finish(self, step: float | None) -> TensorError | None:
        """Return the figures; None where nothing was taken in.

        Args:
            step: The tensor's scale; None for a float tensor.
        """
        if not self.values:
            return None
        rmse = math.sqrt(self.noise / self.values)
        return TensorError(
            values=self.values,
            sqnr_db=sqnr_of_sums(self.signal, self.noise),
            rmse=rmse,
            rmse_in_steps=rmse / step if step else None,
            mean_error=self.signed / self.values,
            mean_abs_error=self.absolute / self.values,
            max_abs_error=self.largest,
            cosine_similarity=self.similarities / self.rows,
            non_finite_count=self.non_finite,
            signal_square_sum=self.signal,
            error_square_sum=self.noise,
        )


@dataclass
class StreamedPair:
    """Two histograms over one axis that doubles when a value lies beyond it.

    The axis is `[-reach, reach]` with `reach` a power of two, so that doubling it joins bars two by
    two and no count is ever estimated.
    """

    reach: float = 0.0
    counts: Array = field(default_factory=lambda: np.zeros((2, BINS), np.int64))

    def add(self, reference: Array, candidate: Array) -> None:
        """Count the finite values of both, in large blocks those at the same places of both."""
        reference, candidate = reference.reshape(-1), candidate.reshape(-1)
        if reference.size > _MOST_COUNTED:
            places = np.random.default_rng(0).integers(0, reference.size, _MOST_COUNTED)
            reference, candidate = reference[places], candidate[places]
        pair = [values[np.isfinite(values)] for values in (reference, candidate)]
        largest = max(float(np.max(np.abs(values), initial=0.0)) for values in pair)
        self._reach_to(largest)
        for row, values in enumerate(pair):
            self.counts[row] += (
                np.histogram(values, bins=BINS, range=(-self.reach, self.reach))[0]
                if self.reach
                else 0
            )
            if not self.reach:
                self.counts[row, BINS // 2] += values.size

    def finish(self) -> dict[str, list[Any]] | None:
        """Return `{"edges", "reference", "variant"}` around what was seen; None for nothing."""
        seen = np.flatnonzero(self.counts.sum(axis=0))
        if not len(seen):
            return None
        first, last = int(seen[0]), int(seen[-1]) + 1
        group = -(-(last - first) // SHOWN_BINS)
        bars = -(-(last - first) // group)
        counts = np.zeros((2, bars * group), np.int64)
        counts[:, : last - first] = self.counts[:, first:last]
        width = 2 * (self.reach or 0.5) / BINS
        edges = -(self.reach or 0.5) + width * (first + group * np.arange(bars + 1))
        joined = counts.reshape(2, bars, group).sum(axis=2)
        return {
            "edges": [float(edge) for edge in edges],
            "reference": joined[0].tolist(),
            "variant": joined[1].tolist(),
        }

    def _reach_to(self, largest: float) -> None:
        if largest <= self.reach:
            return
        wanted = 2.0 ** math.ceil(math.log2(largest))
        if not self.reach:
            zeros = self.counts[:, BINS // 2].copy()
            self.counts[:] = 0
            self.reach = wanted
            self.counts[:, BINS // 2] = zeros
        while self.reach < wanted:
            quarter = BINS // 4
            joined = self.counts.reshape(2, BINS // 2, 2).sum(axis=2)
            self.counts[:] = 0
            self.counts[:, quarter : quarter + BINS // 2] = joined
            self.reach *= 2
