"""Budgets and candidates in words, as Markdown-free text."""

from __future__ import annotations

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


def figures_row(what: str, figures: Figures | None) -> dict[str, str]:
    """Return a candidate's figures as a row of a table."""
    if figures is None:
        return {"": what}
    usable = figures.problem is None
    return {
        "": what,
        "Size": format_bytes(figures.size_bytes),
        "SQNR": format_db(figures.sqnr_db) if usable else "NaN",
        "Agreement": format_percent(figures.agreement),
        "Accuracy": format_percent(figures.accuracy),
        "Predicted latency": MISSING if figures.predicted_ms is None
        else format_ms(figures.predicted_ms),
    }  # fmt: skip
