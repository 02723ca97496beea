"""How outputs and errors are distributed: histograms, and the agreement of Bland and Altman."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from converter.sample_blocks import sample_blocks

Array = np.ndarray
BINS = 40
GRID = 32
"""Cells of the Bland-Altman picture in each direction."""
MOST_VALUES = 20_000_000
"""Pairs of values that are counted; of more, each nth sample."""
_LIMIT = 1.96
_SANE = 1e150
"""Beyond it squares leave float64, and no axis could show the rest beside it."""


@dataclass
class _Ranges:
    """What a first walk finds: ends, mean and spread."""

    pairs: int = 0
    left_out: int = 0
    low: float = math.inf
    high: float = -math.inf
    error_low: float = math.inf
    error_high: float = -math.inf
    mean: float = 0.0
    squares: float = 0.0
    middle_low: float = math.inf
    middle_high: float = -math.inf

    def add(self, r: Array, y: Array, size: int) -> None:
        self.left_out += size - r.size
        if not r.size:
            return
        error = y - r
        middle = (r + y) / 2
        self.low = min(self.low, float(r.min()), float(y.min()))
        self.high = max(self.high, float(r.max()), float(y.max()))
        self.error_low = min(self.error_low, float(error.min()))
        self.error_high = max(self.error_high, float(error.max()))
        self.middle_low = min(self.middle_low, float(middle.min()))
        self.middle_high = max(self.middle_high, float(middle.max()))
        # Chan, Golub and LeVeque 1979: variances of parts put together without losing digits.
        mean, count = float(error.mean()), r.size
        change = mean - self.mean
        total = self.pairs + count
        self.squares += float(np.square(error - mean).sum())
        self.squares += change**2 * self.pairs * count / total
        self.mean += change * count / total
        self.pairs = total


def describe_errors(reference: Array, candidate: Array) -> dict[str, Any]:
    """Return the distributions of one output, as JSON-ready values of bounded size.

    Args:
        reference: Shape `(samples, ...)`.
        candidate: The same shape, dequantized.

    Returns:
        `pairs` of finite values that were counted and `left_out` that are not finite; `every`: each
        so many samples counted. `bias` = mean(y - r), `deviation` its standard deviation and
        `limits` = bias -+ 1.96 deviations (Bland and Altman 1986). `edges` with the counts
        `reference` and `variant`; `error_edges` with `errors`; `mean_edges`, `difference_edges` and
        `density`, counts by (r + y) / 2 and y - r, a list of rows of the difference. All but the
        counts are None where no pair is finite.
    """
    values = max(1, math.prod(reference.shape[1:]))
    every = max(1, -(-len(reference) * values // MOST_VALUES))
    reference, candidate = reference[::every], candidate[::every]
    ranges = _Ranges()
    for _, (r, y) in sample_blocks(reference, candidate):
        ranges.add(*_finite(r, y), r.size)
    facts: dict[str, Any] = {
        "pairs": ranges.pairs, "left_out": ranges.left_out, "every": every,
        "bias": None, "deviation": None, "limits": None, "edges": None,
    }  # fmt: skip
    if not ranges.pairs:
        return facts
    deviation = math.sqrt(ranges.squares / (ranges.pairs - 1)) if ranges.pairs > 1 else 0.0
    reach = _LIMIT * deviation
    return {
        **facts,
        "bias": ranges.mean,
        "deviation": deviation,
        "limits": [ranges.mean - reach, ranges.mean + reach],
        **_count(reference, candidate, ranges),
    }


def _count(reference: Array, candidate: Array, ranges: _Ranges) -> dict[str, Any]:
    edges = _edges(ranges.low, ranges.high, BINS)
    error_edges = _edges(ranges.error_low, ranges.error_high, BINS)
    mean_edges = _edges(ranges.middle_low, ranges.middle_high, GRID)
    difference_edges = _edges(ranges.error_low, ranges.error_high, GRID)
    counts = {name: np.zeros(BINS, np.int64) for name in ("reference", "variant", "errors")}
    density = np.zeros(GRID * GRID, np.int64)
    for _, block in sample_blocks(reference, candidate):
        r, y = _finite(*block)
        error = y - r
        counts["reference"] += np.bincount(_places(r, edges), minlength=BINS)
        counts["variant"] += np.bincount(_places(y, edges), minlength=BINS)
        counts["errors"] += np.bincount(_places(error, error_edges), minlength=BINS)
        cells = _places(error, difference_edges) * GRID + _places((r + y) / 2, mean_edges)
        density += np.bincount(cells, minlength=GRID * GRID)
    return {
        "edges": edges.tolist(),
        "error_edges": error_edges.tolist(),
        "mean_edges": mean_edges.tolist(),
        "difference_edges": difference_edges.tolist(),
        "density": density.reshape(GRID, GRID).tolist(),
        **{name: found.tolist() for name, found in counts.items()},
    }


def _finite(reference: Array, candidate: Array) -> tuple[Array, Array]:
    r = reference.astype(np.float64).reshape(-1)
    y = candidate.astype(np.float64).reshape(-1)
    with np.errstate(invalid="ignore"):
        sane = (np.abs(r) < _SANE) & (np.abs(y) < _SANE)
    return (r, y) if sane.all() else (r[sane], y[sane])


def _edges(low: float, high: float, bins: int) -> Array:
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-30):
        reach = max(abs(low) * 0.01, 1e-9)
        low, high = low - reach, high + reach
    return np.linspace(low, high, bins + 1)


def _places(values: Array, edges: Array) -> Array:
    """Return each value's bin; the last one holds its upper edge, as in `numpy.histogram`."""
    bins = len(edges) - 1
    places = ((values - edges[0]) * (bins / (edges[-1] - edges[0]))).astype(np.int64)
    return np.clip(places, 0, bins - 1)
