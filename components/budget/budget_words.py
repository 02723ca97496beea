"""Budgets and candidates in words, as Markdown-free text."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from components.format import (
    MISSING,
    format_bytes,
    format_db,
    format_ms,
    format_percent,
)
from converter.budget import DRIFT, LATENCY, SIZE, Budget, Figures

GOALS = {SIZE: "smallest file", LATENCY: "shortest predicted latency", DRIFT: "closest outputs"}


def budget_words(budget: Budget) -> str:
    """Return what must hold and what is minimized, as one phrase."""
    limits = [
        None if budget.most_size_bytes is None
        else f"at most {format_bytes(budget.most_size_bytes)}",
        None if budget.least_sqnr_db is None else f"SQNR at least {budget.least_sqnr_db:g} dB",
        None if budget.least_agreement is None
        else f"agreement at least {100 * budget.least_agreement:g} %",
        None if budget.most_accuracy_drop is None
        else f"accuracy at most {100 * budget.most_accuracy_drop:g} points lower",
        None if budget.most_predicted_ms is None
        else f"at most {format_ms(budget.most_predicted_ms)} by prediction",
    ]  # fmt: skip
    held = ", ".join(limit for limit in limits if limit) or "no limit"
    return f"{GOALS[budget.minimize]} with {held}"


def figure_rows(columns: Mapping[str, Figures]) -> list[dict[str, str]]:
    """Return candidates' figures as a table: a row for each figure that any of them has.

    Args:
        columns: Figures by heading.
    """
    rows = []
    for label, show in _ROWS.items():
        shown = {heading: show(figures) for heading, figures in columns.items()}
        if any(text != MISSING for text in shown.values()):
            rows.append({"": label, **shown})
    return rows


_ROWS: dict[str, Callable[[Figures], str]] = {
    "Size": lambda f: format_bytes(f.size_bytes),
    "SQNR": lambda f: "NaN" if f.problem is not None else format_db(f.sqnr_db),
    "Agreement": lambda f: format_percent(f.agreement),
    "Accuracy": lambda f: format_percent(f.accuracy),
    "Predicted": lambda f: format_ms(f.predicted_ms),
}
