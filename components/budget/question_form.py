"""What a person asks of the solver: limits that must hold, what to minimize, how long to search."""

from __future__ import annotations

import streamlit as st

from components.format import format_bytes
from components.plain_text import choice_label, escape_markdown
from components.session import widget_key
from converter.budget import DRIFT, LATENCY, SIZE, Budget
from converter.budget_solution import MOST_EVALUATIONS, BudgetQuestion
from converter.comparison import Comparison

_PAGE = "budget"
_GOAL_LABELS = {SIZE: "Size", DRIFT: "Drift", LATENCY: "Predicted latency"}
_LENGTHS = {100: "100, short", MOST_EVALUATIONS: f"{MOST_EVALUATIONS}", 1000: "1000, long"}


def ask_question(comparison: Comparison, *, has_labels: bool) -> BudgetQuestion | None:
    """Ask what must hold.

    Args:
        comparison: The run.
        has_labels: Whether accuracy can be told.

    Returns:
        The question; None while nothing must hold.
    """
    has_classes = any(v.drift and v.drift.top1_agreement is not None for v in comparison.variants)
    with st.container(border=True):
        st.header("What must hold", anchor=False)
        st.caption(_known_sizes(comparison))
        with st.grid(4, min_column_width=190, gap="small"):
            size = _limit("Size at most (kB)", "size", 0.001, None, 1.0)
            sqnr = _limit("SQNR at least (dB)", "sqnr", 0.0, None if has_classes else 30.0, 1.0)
            agreement = _limit(
                "Agreement at least (%)", "agreement", 0.0, 99.0 if has_classes else None, 0.5,
                most=100.0, why=None if has_classes else "The outputs are no classes.",
            )  # fmt: skip
            drop = _limit(
                "Accuracy drop at most (points)", "drop", 0.0, None, 0.5, most=100.0,
                why=None if has_labels else "Not every kept sample has a label.",
            )
            latency = _limit(
                "Predicted latency at most (ms)", "latency", 0.000001, None, 0.01,
                note="Every operator is timed once before the search, with the machine alone.",
            )
        goal = st.segmented_control(
            "Minimize", list(_GOAL_LABELS), default=SIZE, required=True, wrap=True,
            format_func=lambda name: choice_label(_GOAL_LABELS[name]),
            key=widget_key(_PAGE, "goal"),
        ) or SIZE  # fmt: skip
        length = st.segmented_control(
            "Candidates to try at most", list(_LENGTHS), default=MOST_EVALUATIONS, required=True,
            wrap=True, format_func=lambda n: choice_label(_LENGTHS[n]),
            key=widget_key(_PAGE, "length"),
        ) or MOST_EVALUATIONS  # fmt: skip
    budget = Budget(
        most_size_bytes=None if size is None else round(size * 1000),
        least_sqnr_db=sqnr,
        least_agreement=None if agreement is None else agreement / 100,
        most_accuracy_drop=None if drop is None else drop / 100,
        most_predicted_ms=latency,
        minimize=goal,
    )
    return BudgetQuestion(budget=budget, most_evaluations=length) if budget.has_limits else None


def _limit(
    label: str, name: str, least: float, default: float | None, step: float, *,
    most: float | None = None, why: str | None = None, note: str | None = None,
) -> float | None:
    found = st.number_input(
        label, min_value=least, max_value=most, value=default, step=step, format="%g",
        placeholder="no limit", disabled=why is not None, help=why or note,
        key=widget_key(_PAGE, f"limit.{name}"),
    )
    return None if why is not None else found


def _known_sizes(comparison: Comparison) -> str:
    known = [
        f"{escape_markdown(v.recipe)} {format_bytes(v.size_bytes)}"
        for v in comparison.usable if v.size_bytes is not None
    ]  # fmt: skip
    return "Leave empty what does not matter. Files of this run: " + ", ".join(known[:8]) + "."
