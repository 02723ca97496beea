"""The formulas of candidates, which are judged and thrown away: sizes, closeness, predictions."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

from components.format import format_bytes, format_db, format_ms, format_percent
from components.formulas.formula import Formula, ratio, term
from converter.budget import Figures
from converter.candidate_session import REFUSED_BYTES, CostCheck

_NO_SUMS = "a candidate's sums are not kept; Run this keeps them"


def candidate_formulas(figures: Figures, samples: int, owner: str = "") -> list[Formula]:
    """Return what is known of a candidate on one half of the samples.

    Args:
        figures: Of the candidate.
        samples: Of the half.
        owner: What it is called beside others.
    """
    size = figures.size_bytes
    usable = figures.problem is None
    found = [
        Formula(key="size_bytes", owner=owner,
                worked="" if size == REFUSED_BYTES else format_bytes(size),
                note="" if size == REFUSED_BYTES else f"{term(size)} bytes, exact"),
        Formula(key="sqnr_db", owner=owner,
                worked=format_db(figures.sqnr_db) if usable else "",
                note=f"over {samples:,} samples; {_NO_SUMS}" if usable else ""),
    ]  # fmt: skip
    if figures.agreement is not None:
        found.append(Formula(key="top1_agreement", worked=format_percent(figures.agreement),
                             note=f"over {samples:,} samples, ties by their overlap",
                             owner=owner))  # fmt: skip
    if figures.accuracy is not None:
        found.append(Formula(key="top1", owner=owner, worked=ratio(
            round(figures.accuracy * samples), samples, format_percent(figures.accuracy))))
    if figures.predicted_ms is not None:
        found.append(Formula(key="predicted_ms", worked=format_ms(figures.predicted_ms),
                             note="operators of one kind are timed once", owner=owner))  # fmt: skip
    return found


def prediction_errors(check: CostCheck) -> list[Formula]:
    """Return how far predictions are off, on each whole file that was timed."""
    return [
        Formula(key="table_error", owner=each.label,
                worked=f"{term(each.predicted_ms)} / {term(each.measured_ms)} − 1 = "
                       f"{format_percent(each.error)}".replace("-", "−"))
        for each in check.checks if each.measured_ms > 0
    ]  # fmt: skip
