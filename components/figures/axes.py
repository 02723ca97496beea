"""Axes with few, round and fully labelled ticks, linear or logarithmic."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

LOG_SPREAD = 20.0
"""From this ratio of the largest to the smallest value on, a linear axis hides the small ones."""
_MOST_TICKS = 4
"""As many as fit side by side on a phone."""


def needs_log(values: Sequence[float]) -> bool:
    """Whether positive values spread so far that only a logarithmic axis shows them all."""
    positive = [value for value in values if value > 0 and math.isfinite(value)]
    return bool(positive) and max(positive) / min(positive) > LOG_SPREAD


def linear_axis(low: float, high: float, text: Callable[[float], str]) -> dict[str, Any]:
    """Return a linear axis from `low` to `high` with round ticks.

    Args:
        low: Where the axis begins.
        high: Where it ends; must be greater.
        text: How a tick is written, with its unit.
    """
    # A step just above a quarter of the range leaves room for four ticks, never five.
    step = _round_step((high - low) / _MOST_TICKS * 1.0001)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    ticks = [round(index * step, 12) for index in range(first, last + 1)]
    return {
        "type": "linear", "range": [low, high], "tickvals": ticks,
        "ticktext": [text(tick) for tick in ticks],
    }


def log_axis(low: float, high: float, text: Callable[[float], str]) -> dict[str, Any]:
    """Return a logarithmic axis around positive bounds; arguments as for `linear_axis`."""
    start, end = math.log10(low), math.log10(high)
    pad = 0.06 * max(end - start, 0.3)
    decades = range(math.floor(start - pad), math.ceil(end + pad) + 1)
    for mantissas in ((1, 2, 5), (1, 3), (1,)):
        ticks = [
            mantissa * 10.0**decade
            for decade in decades
            for mantissa in mantissas
            if start - pad <= math.log10(mantissa * 10.0**decade) <= end + pad
        ]
        if len(ticks) <= _MOST_TICKS:
            break
    stride = math.ceil(len(ticks) / _MOST_TICKS)
    ticks = ticks[::stride]
    return {
        "type": "log", "range": [start - pad, end + pad], "tickvals": ticks,
        "ticktext": [text(tick) for tick in ticks],
    }


def positive_axis(values: Sequence[float], text: Callable[[float], str]) -> dict[str, Any]:
    """Return the axis that shows all positive values: linear from zero, or logarithmic."""
    known = [value for value in values if value > 0 and math.isfinite(value)]
    if not known:
        return linear_axis(0.0, 1.0, text)
    if needs_log(known):
        return log_axis(min(known), max(known), text)
    return linear_axis(0.0, max(known) * 1.05, text)


def _round_step(rough: float) -> float:
    magnitude = 10.0 ** math.floor(math.log10(rough))
    for factor in (1, 2, 2.5, 5):
        if rough <= factor * magnitude * (1 + 1e-9):
            return factor * magnitude
    return 10 * magnitude
