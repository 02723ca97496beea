"""Values of data as people read them: four digits, any magnitude."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.format import MISSING, format_count


def format_value(value: float | None) -> str:
    """Return a value of an input with four significant digits.

    Example:
        >>> format_value(3432.0)
        '3432'
    """
    if value is None:
        return MISSING
    if 1e4 <= abs(value) < 1e6:
        digits = f"{value:,.0f}"
    else:
        digits = f"{value:.4g}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.3g}"
    return digits.replace("-", "\N{MINUS SIGN}")


def format_range(facts: Mapping[str, Any]) -> str:
    """Return the range of `describe_distribution`'s figures; `all 3` for a constant."""
    low, high = facts["min"], facts["max"]
    if low is None:
        return "no finite value"
    return f"all {format_value(low)}" if low == high else (
        f"{format_value(low)} to {format_value(high)}"
    )


def describe_values(facts: Mapping[str, Any]) -> str:
    """Return `describe_distribution`'s figures on a line: `float32 · 0 to 1 · mean 0.3 · …`."""
    parts = [str(facts["dtype"]), format_range(facts)]
    if facts["min"] is not None and facts["min"] != facts["max"]:
        parts.append(f"mean {format_value(facts['mean'])}")
    parts += [f"{format_count(facts[key])} {word}"
              for key, word in (("nan", "NaN"), ("infinite", "infinite")) if facts[key]]
    parts.append(_count_text(facts))
    return " · ".join(parts)


def _count_text(facts: Mapping[str, Any]) -> str:
    histogram, values = facts.get("histogram"), facts["values"]
    if facts.get("drawn"):
        return f"{format_count(values)} values drawn"
    if histogram and histogram["counted"] < values - facts["nan"] - facts["infinite"]:
        return f"{format_count(values)} values, {format_count(histogram['counted'])} drawn"
    return f"{format_count(values)} value{'' if values == 1 else 's'}"
