"""How the values of an array are distributed: range, mean, what is not finite, and a histogram."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

BINS = 40
"""Bars of a histogram at most: as many as can be told apart on a phone."""
HISTOGRAM_VALUES = 1_000_000
"""Values that a histogram counts at most; of more, as many are drawn at random, seeded."""
_BLOCK = 1 << 22
_EXACT = 2.0**53
"""Up to here a float64 tells every integer from the next."""


def describe_fed(arrays: Mapping[str, np.ndarray]) -> dict[str, dict[str, Any]]:
    """Return the distribution of each input's values, by input name.

    Args:
        arrays: For each input name, shape `(samples, ...)`.

    Returns:
        For each name `describe_distribution`'s answer, with `samples` and `shape` before it.
    """
    return {
        name: {
            "samples": len(array),
            "shape": list(array.shape),
            **describe_distribution(array),
        }
        for name, array in arrays.items()
    }


def describe_distribution(array: np.ndarray) -> dict[str, Any]:
    """Return the distribution of an array's values, as JSON-ready values.

    Range, mean and the counts of what is not finite are those of all values. The histogram counts
    a random part where there are more than `HISTOGRAM_VALUES`.

    Args:
        array: Any shape, of numbers or truth values.

    Returns:
        `{"dtype", "values", "nan", "infinite", "min", "max", "mean", "histogram"}`; the figures are
        those of the finite values, None where there is none. The histogram is `{"edges",
        "counts", "counted"}`, with one edge more than counts, or None. Whole numbers have edges
        halfway between them.
    """
    flat = array.reshape(-1, order="A")
    facts = {"dtype": str(array.dtype), "values": int(flat.size), **measure_range(flat)}
    if facts["min"] is None:
        return {**facts, "histogram": None}
    return {**facts, "histogram": _histogram(_draw(flat), facts["min"], facts["max"])}


def _blocks(flat: np.ndarray) -> Iterator[np.ndarray]:
    """Cut an array into pieces, so that no temporary is as large as the whole."""
    for start in range(0, flat.size, _BLOCK):
        block = flat[start : start + _BLOCK]
        # Beyond float64 there is nothing that JSON or a chart could hold.
        with np.errstate(over="ignore"):
            yield block.astype(np.float64) if block.dtype.char == "g" else block


def measure_range(array: np.ndarray) -> dict[str, Any]:
    """Return `{"nan", "infinite", "min", "max", "mean"}` of an array, as `describe_distribution`.

    Args:
        array: Any shape, of numbers or truth values.
    """
    flat = array.reshape(-1, order="A")
    nan = infinite = finite_count = 0
    low, high, mean = np.inf, -np.inf, 0.0
    for block in _blocks(flat):
        finite = block
        if block.dtype.kind == "f":
            is_finite = np.isfinite(block)
            if not is_finite.all():
                missing = int(np.isnan(block).sum())
                nan += missing
                infinite += int(block.size - is_finite.sum()) - missing
                finite = block[is_finite]
        if finite.size == 0:
            continue
        low = min(low, float(finite.min()))
        high = max(high, float(finite.max()))
        finite_count += finite.size
        # A running mean: the sum of many large numbers would leave float64's range.
        share = finite.size / finite_count
        mean += (_mean(finite) - mean) * share if finite_count > finite.size else _mean(finite)
    known = finite_count > 0
    return {
        "nan": nan,
        "infinite": infinite,
        "min": low if known else None,
        "max": high if known else None,
        "mean": mean if known else None,
    }


def _mean(values: np.ndarray) -> float:
    with np.errstate(over="ignore"):
        mean = float(values.mean(dtype=np.float64))
    if np.isfinite(mean):
        return mean
    return float((values / values.size).sum(dtype=np.float64))


def _draw(flat: np.ndarray) -> np.ndarray:
    """Return the finite values as float64, or a seeded random part of them where they are many."""
    if flat.size > HISTOGRAM_VALUES:
        # Not every nth: with n a multiple of the columns that would be one column alone.
        places = np.random.default_rng(0).integers(0, flat.size, HISTOGRAM_VALUES)
        flat = flat[np.sort(places)]
    with np.errstate(over="ignore"):
        drawn = flat.astype(np.float64)
    return drawn[np.isfinite(drawn)]


def _histogram(drawn: np.ndarray, low: float, high: float) -> dict[str, Any]:
    edges = _edges(drawn, low, high)
    # Halves, because the span of two numbers near the ends of float64 is beyond it.
    counts, _ = np.histogram(drawn / 2, bins=edges / 2)
    return {
        "edges": edges.tolist(),
        "counts": counts.astype(int).tolist(),
        "counted": int(drawn.size),
    }


def _edges(drawn: np.ndarray, low: float, high: float) -> np.ndarray:
    is_whole = max(abs(low), abs(high)) < _EXACT and bool((drawn == np.round(drawn)).all())
    if is_whole and low == round(low):
        width = max(1, -(-int(high - low + 1) // BINS))
        bars = -(-int(high - low + 1) // width)
        return low - 0.5 + width * np.arange(bars + 1, dtype=np.float64)
    if low == high:
        reach = max(abs(low) / 20, 1e-300)
        ends = np.finfo(np.float64)
        return np.array([max(low - reach, ends.min), min(low + reach, ends.max)])
    edges = 2 * np.linspace(low / 2, high / 2, BINS + 1)
    edges[0], edges[-1] = low, high
    # Neighbouring floats leave no room for forty bars between them.
    return np.unique(edges)
