"""A figure's formula with a run's own values put in.

What stands on the right of each `=` is computed out of the values that stand on its left, so that a
formula that does not give the figure shown would show it. Where a run does not keep the terms, the
result stands alone, and the note says what it follows from: no term is made up.
"""

# ruff: noqa: RUF001, RUF002 - the signs are what a person reads

from __future__ import annotations

import math
from dataclasses import dataclass

from components.format import format_db, format_error
from converter.metrics import METRICS

NOT_STORED = "the terms are not kept in this run; run it again to see them"


@dataclass(frozen=True, kw_only=True)
class Formula:
    """One figure of one owner.

    Attributes:
        key: Of its definition, in `converter.metrics.METRICS`.
        worked: The formula with values, or the value alone; empty where it was not measured.
        note: What else belongs to it: over how many samples, an interval, where terms are kept.
        owner: Whose values they are: a variant, a layer, a run; empty where the place says it.
    """

    key: str
    worked: str = ""
    note: str = ""
    owner: str = ""

    @property
    def label(self) -> str:
        """What the interface calls it."""
        return METRICS[self.key].label

    @property
    def formula(self) -> str:
        """In symbols."""
        return METRICS[self.key].formula

    @property
    def meaning(self) -> str:
        """In a sentence or two."""
        return METRICS[self.key].meaning

    @property
    def here(self) -> str:
        """The values put in, with their note, as plain text."""
        worked = self.worked or "not measured"
        return f"{worked} ({self.note})" if self.note else worked


def term(value: float) -> str:
    """Return a value as it stands in a formula: enough digits to compute on with it."""
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e15):
        return f"{value:,.0f}".replace("-", "−")
    return f"{value:.8g}".replace("-", "−")


def signed(text: str) -> str:
    """Return a formatted value whose minus is a minus sign, as in the formula beside it."""
    return text.replace("-", "−")


def ratio(above: float, below: float, shown: str) -> str:
    """Return `above / below = shown`; the shown alone where there is nothing to divide by."""
    return f"{term(above)} / {term(below)} = {shown}" if below else shown


def sqnr(signal: float | None, error: float | None, value: float | None) -> tuple[str, str]:
    """Return SQNR worked out from its two sums, and its note.

    Args:
        signal: Σ r²; None where it is not kept.
        error: Σ (y − r)²; None likewise.
        value: The figure itself, in dB; None where it was not measured.
    """
    if value is None:
        return "", ""
    if signal is None or error is None:
        return format_db(value), "" if math.isinf(value) else NOT_STORED
    if not math.isfinite(value) or not signal > 0 or not error > 0:
        return format_db(value), f"Σ r² = {term(signal)}, Σ (y − r)² = {term(error)}"
    shown = format_db(10 * math.log10(signal / error))
    return f"10 · log₁₀({term(signal)} / {term(error)}) = {shown}", ""


def root_mean(square_sum: float | None, values: float | None, value: float) -> tuple[str, str]:
    """Return a root mean square worked out from its sum, and its note.

    Args:
        square_sum: Σ of the squares; None where it is not kept.
        values: How many there are.
        value: The figure itself.
    """
    if square_sum is None or not values:
        return format_error(value), NOT_STORED
    shown = format_error(math.sqrt(square_sum / values))
    return f"√({term(square_sum)} / {term(values)}) = {shown}", ""
