"""Figures as people read them: every function returns text with its unit, or a dash for None."""

from __future__ import annotations

import math
from datetime import UTC, datetime

MISSING = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"
INFINITE = "\N{INFINITY}"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_BYTE_UNITS = ("kB", "MB", "GB", "TB")


def format_bytes(value: float | None) -> str:
    """Return bytes in decimal units with three significant digits.

    Example:
        >>> format_bytes(431_200)
        '431 kB'
    """
    if value is None or math.isnan(value):
        return MISSING
    if abs(value) < 1000:
        return f"{value:.0f} B"
    power = next((p for p in (1, 2, 3) if abs(value) < 999.5 * 1000**p), 4)
    return f"{_three_digits(value / 1000**power)} {_BYTE_UNITS[power - 1]}"


def format_ms(value: float | None) -> str:
    """Return milliseconds as µs, ms or s, whichever reads best.

    Example:
        >>> format_ms(0.0421)
        '42.1 µs'
    """
    if value is None or math.isnan(value):
        return MISSING
    if value == 0:
        return "0 ms"
    if value < 0.1:
        return f"{_three_digits(value * 1000)} µs"
    return f"{_three_digits(value)} ms" if value < 1000 else f"{_three_digits(value / 1000)} s"


def format_tick(value: float) -> str:
    """Return a number for an axis whose title has the unit, as short as it can be."""
    return f"{value:g}" if value == 0 or 1e-3 <= abs(value) < 1e6 else format_error(value)


def byte_unit(value: float) -> tuple[str, float]:
    """Return the unit in which an amount of bytes reads best, and its bytes."""
    units = (("B", 1.0), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9))
    return next(((n, size) for n, size in reversed(units) if value >= size), units[0])


def format_percent(value: float | None, digits: int = 1) -> str:
    """Return a share of one as per cent; only what is exactly 1 shows as 100 %."""
    if value is None or math.isnan(value):
        return MISSING
    limit = 100 - 10**-digits
    percent = min(100 * value, limit) if value < 1 else 100 * value
    return "100 %" if percent == 100 else f"{percent:.{digits}f} %"


def format_points(value: float | None) -> str:
    """Return a difference of shares in signed percentage points."""
    if value is None or math.isnan(value):
        return MISSING
    if abs(value) < 0.0005:
        return "no change"
    return f"{100 * value:+.1f} pp".replace("-", "\N{MINUS SIGN}")


def format_db(value: float | None) -> str:
    """Return decibels; `identical` where there is no error, `NaN` where it is no number."""
    if value is None:
        return MISSING
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "identical" if value > 0 else f"\N{MINUS SIGN}{INFINITE} dB"
    return f"{value:.1f} dB".replace("-", "\N{MINUS SIGN}")


def format_error(value: float | None) -> str:
    """Return an error of an output value with two significant digits."""
    if value is None:
        return MISSING
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return INFINITE
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e4:
        return f"{value:.2g}"
    mantissa, exponent = f"{value:.1e}".split("e")
    power = f"10{str(int(exponent)).translate(_SUPERSCRIPTS)}"
    return power if mantissa == "1.0" else f"{mantissa.removesuffix('.0')}·{power}"


def format_ratio(value: float) -> str:
    """Return a factor with one decimal at most, such as 3.9 times."""
    return MISSING if math.isnan(value) else f"{_three_digits(value, most=1)}{TIMES}"


def format_count(value: int | None) -> str:
    """Return a count with thousands separated."""
    return MISSING if value is None else f"{value:,}"


def short_count(value: int) -> str:
    """Return a count with three digits, such as `160 k`."""
    for limit, divisor, unit in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if value >= limit:
            return f"{_three_digits(value / divisor)} {unit}"
    return format_count(value)


def format_seconds(value: float | None) -> str:
    """Return a duration in words for a person who waits."""
    if value is None or math.isnan(value):
        return MISSING
    if value < 60:
        return f"{max(1, round(value))} s"
    minutes, seconds = divmod(round(value), 60)
    return f"{minutes} min {seconds:02d} s"


def format_shape(shape: list[int | None] | tuple[int | None, ...] | None) -> str:
    """Return a tensor's shape; `?` marks an open dimension."""
    if shape is None:
        return "unknown"
    return f" {TIMES} ".join("?" if size is None else str(size) for size in shape) or "scalar"


def format_date(text: str) -> str:
    """Return an ISO date and time as a short UTC date, or the text where it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text[:40]
    moment = moment.astimezone(UTC) if moment.tzinfo else moment
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def shorten(text: str, length: int) -> str:
    """Cut a name to a length, keeping its end: endings tell files apart."""
    if len(text) <= length:
        return text
    tail = max(4, length // 3)
    return f"{text[: length - tail - 1]}…{text[-tail:]}"


def escape_label(text: str) -> str:
    """Return text for Plotly, which reads tags and entities in labels as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _three_digits(value: float, most: int = 2) -> str:
    digits = 0 if abs(value) >= 99.95 else 1 if abs(value) >= 9.995 else 2
    return f"{value:.{min(digits, most)}f}"
