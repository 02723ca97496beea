"""Scale and zero point by hand: what every integer in a quantized file stands for.

`real = (stored - zero_point) * scale`, as TensorFlow Lite's quantization specification has it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Grid:
    """The real numbers that some bits can hold, for each channel.

    Attributes:
        scales: Distance of two neighbours; shape `()` or broadcastable to the tensor.
        zero_points: The integer that stands for 0; likewise.
        low: The least integer.
        high: The greatest.
    """

    scales: Array
    zero_points: Array
    low: int
    high: int

    def store(self, values: Array) -> Array:
        """Return the integers: `clip(round(x / scale) + zero_point)`."""
        rounded = np.round(values / self.scales) + self.zero_points
        return np.clip(rounded, self.low, self.high)

    def restore(self, stored: Array) -> Array:
        """Return the real numbers: `(q - zero_point) * scale`."""
        return np.asarray((stored - self.zero_points) * self.scales)

    def quantize(self, values: Array) -> Array:
        """Return values as they come back out of the integers."""
        return self.restore(self.store(values)).astype(np.float32)

    def levels(self, channel: int = 0) -> Array:
        """Return the real numbers of a channel's grid, in order."""
        scale = float(np.ravel(self.scales)[channel])
        zero = float(np.ravel(self.zero_points)[channel])
        return (np.arange(self.low, self.high + 1) - zero) * scale


def make_grid(
    values: Array,
    bits: int,
    *,
    parts: tuple[float, float] = (1.0, 1.0),
    symmetric: bool = True,
    channel_axis: int | None = None,
) -> Grid:
    """Return the grid for a tensor's own range, or for parts of it.

    Args:
        values: The tensor.
        bits: Of one stored integer, 2 to 16.
        parts: Where the range begins and ends, as parts of the least and the greatest value (of
            each channel its own): below 1 what lies beyond is clipped, above 1 numbers are wasted.
        symmetric: Whether zero is stored as 0, as weights are; else the grid begins at the least
            value, as activations have it.
        channel_axis: The axis with a scale for each channel; None for one scale.
    """
    low, high = _range(values, channel_axis)
    return grid_between(low * parts[0], high * parts[1], bits, symmetric=symmetric)


def _range(values: Array, channel_axis: int | None) -> tuple[Array, Array]:
    if channel_axis is None:
        return np.asarray(values.min()), np.asarray(values.max())
    axes = tuple(i for i in range(values.ndim) if i != channel_axis % values.ndim)
    return values.min(axis=axes, keepdims=True), values.max(axis=axes, keepdims=True)


def grid_between(low: Array, high: Array, bits: int, *, symmetric: bool) -> Grid:
    """Return the grid between two values for each channel; zero is always one of its numbers."""
    least, most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
    if symmetric:
        reach = np.maximum(np.abs(low), np.abs(high))
        # One integer less, so that both signs reach as far (TFLite's narrow range).
        scales = np.where(reach > 0, reach / most, 1.0)
        return Grid(scales, np.zeros_like(scales), -most, most)
    span = np.where(high > low, high - low, 1.0)
    scales = span / (most - least)
    zero = np.clip(np.round(least - low / scales), least, most)
    return Grid(scales, zero, least, most)


def error_db(values: Array, quantized: Array) -> float:
    """Return SQNR in decibels, `10 log10(sum x^2 / sum (q - x)^2)`."""
    noise = float(np.sum(np.square(quantized.astype(np.float64) - values)))
    signal = float(np.sum(np.square(values.astype(np.float64))))
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal > 0 else -math.inf


def clipped_share(values: Array, grid: Grid) -> float:
    """Return the share of values that lie beyond the grid by more than half a step."""
    stored = np.round(values / grid.scales) + grid.zero_points
    return float(np.mean((stored < grid.low) | (stored > grid.high)))


def running_sums(products: Array, bits: int | None) -> Array:
    """Return the sum after each product, in an accumulator that saturates.

    Args:
        products: Integers, shape `(terms, ...)`; summed along the first axis.
        bits: Of the accumulator; None for one without end.
    """
    if bits is None:
        return np.cumsum(products, axis=0)
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    sums = np.empty_like(products)
    total = np.zeros_like(products[0])
    for term, product in enumerate(products):
        total = np.clip(total + product, low, high)
        sums[term] = total
    return sums


def float16_sums(left: Array, right: Array) -> Array:
    """Return the sum after each product, in an accumulator of 16 bits of floating point.

    Each product is exact and rounded once with its sum, as a fused multiply-add does it
    (`FMLA` on half floats); factors are float16, one after another along the first axis.

    Args:
        left: Factors, shape `(terms, ...)`.
        right: The others, broadcastable to `left`.
    """
    # A product of two float16 has 22 significant bits, so a float64 holds it and its sum exactly.
    products = left.astype(np.float16).astype(np.float64) * right.astype(np.float16)
    sums = np.empty(products.shape, np.float16)
    total = np.zeros(products.shape[1:], np.float16)
    for term, product in enumerate(products):
        total = (total.astype(np.float64) + product).astype(np.float16)
        sums[term] = total
    return sums
