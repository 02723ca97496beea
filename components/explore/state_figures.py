"""The figures of the present state, each with its condition, and what the held-back half says."""

from __future__ import annotations

import streamlit as st

from components.explore.bench import Bench
from components.explore.warm_sessions import Judged, warm_sessions
from components.format import (
    MISSING,
    format_bytes,
    format_db,
    format_ms,
    format_percent,
)
from components.formula_names import render_names
from components.formulas import Formula
from components.formulas.candidates import candidate_formulas, prediction_errors
from components.plain_text import escape_markdown, show_error, show_warning
from components.session import widget_key
from converter.budget import Figures
from converter.candidate_session import REFUSED_BYTES, REPORT, SEARCH, CostCheck
from converter.errors import LiteDriftError

_POLL_SECONDS = 1.0


def file_size(figures: Figures) -> int | None:
    """Return a candidate's size; None where there is no file."""
    return None if figures.size_bytes == REFUSED_BYTES else figures.size_bytes


def render_figures(bench: Bench, found: Judged, plain: Judged) -> None:
    """Show the figures of a state.

    Args:
        bench: Of the run.
        found: The present state's.
        plain: The float file's, on the same samples.
    """
    figures, float32 = found.figures, plain.figures
    with st.container(border=True, gap="xsmall"):
        with st.grid(5, min_column_width=132, gap="small"):
            _metric("Size", format_bytes(file_size(figures)),
                    f"float32: {format_bytes(float32.size_bytes)}")
            _metric("SQNR", format_db(None if figures.problem else figures.sqnr_db),
                    f"float32: {format_db(float32.sqnr_db)}")
            _metric("Agreement", format_percent(figures.agreement),
                    "no classes" if float32.agreement is None else "top-1",
                    "Share of samples whose top class is the original's.")
            _metric("Accuracy", format_percent(figures.accuracy),
                    "no labels" if float32.accuracy is None
                    else f"float32: {format_percent(float32.accuracy)}")
            _render_latency(bench, figures, float32)
        if figures.problem is not None:
            show_warning(f"This state cannot be used: {figures.problem.rstrip('.')}. Undo it, or "
                         "give the layers that were changed last another precision.")
        half = bench.samples[SEARCH]
        is_whole = found.samples == half
        which = f"{half}" if is_whole else f"the first {found.samples} of {half}"
        why = "" if is_whole else ": all of them take longer than a moment"
        st.caption(escape_markdown(
            f"Drift and accuracy on {which} evaluation samples, the half to choose by{why}; "
            f"found in {format_ms(1000 * found.seconds)}."
        ))
        _render_names(bench, found, plain)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if not is_whole:
                st.button(
                    f"Run all {half}", icon=":material/hourglass_top:", type="tertiary",
                    key=widget_key("explore", "whole"), on_click=bench.state.ask_whole,
                )
            _render_held_back(bench, half)


def _render_names(bench: Bench, found: Judged, plain: Judged) -> None:
    check = warm_sessions.costs(bench.run_id)
    formulas = [*candidate_formulas(found.figures, found.samples, "this state"),
                *candidate_formulas(plain.figures, plain.samples, "float32")]
    if found.figures.predicted_ms is None:
        why = "the operators are being timed" if check is None else "it cannot be told"
        formulas.append(Formula(key="predicted_ms", note=why))
    if isinstance(check, CostCheck):
        formulas += prediction_errors(check)
    render_names(formulas)


def _metric(label: str, value: str, detail: str, help_text: str | None = None) -> None:
    st.metric(label, value, delta=detail or None, delta_color="off", delta_arrow="off",
              help=help_text)


def _render_latency(bench: Bench, figures: Figures, float32: Figures) -> None:
    check = warm_sessions.costs(bench.run_id)
    if check is None:
        warm_sessions.start_costs(bench.run_id)
        st.fragment(_wait_for_costs, run_every=_POLL_SECONDS)(bench.run_id)
    elif isinstance(check, CostCheck) and check.untimed:
        name, reason = next(iter(check.untimed.items()))
        _metric("Predicted latency", MISSING, "not told",
                f"{escape_markdown(name)} cannot be timed alone: {escape_markdown(reason)}. A sum "
                "without it would promise too much; Run this measures the whole.")
    elif isinstance(check, CostCheck):
        error = "not known" if check.error is None else f"± {format_percent(check.error, 0)}"
        _metric(
            "Predicted latency", format_ms(figures.predicted_ms), error,
            "The sum of what each operator takes alone on this machine; float32: "
            f"{format_ms(float32.predicted_ms)}. ±: the median of |predicted / measured "
            f"\N{MINUS SIGN} 1| over {len(check.checks)} whole files of one precision, timed here. "
            "Run this measures it.",
        )
    else:
        _metric("Predicted latency", MISSING, "none", check)


def _wait_for_costs(run_id: str) -> None:
    if warm_sessions.costs(run_id) is not None:
        st.rerun()
    progress = warm_sessions.costs_progress(run_id)
    words = "waits for the machine" if progress is None else \
        f"timing operators, {progress[0]} of {progress[1]}"
    _metric("Predicted latency", "…", words)


def _render_held_back(bench: Bench, samples: int) -> None:
    if not bench.state.is_checked:
        st.button(
            "Check on the other half", icon=":material/fact_check:", type="tertiary",
            key=widget_key("explore", "check"), on_click=bench.state.check,
            help=f"{bench.samples[REPORT]} samples that no figure above has seen: whoever chooses "
            f"by the first {samples} learns here what the choice is worth.",
        )
        return
    try:
        other = bench.judge_held_back()
    except LiteDriftError as error:
        show_error(error)
        return
    parts = [f"SQNR {format_db(None if other.figures.problem else other.figures.sqnr_db)}"]
    if other.figures.agreement is not None:
        parts.append(f"agreement {format_percent(other.figures.agreement)}")
    if other.figures.accuracy is not None:
        parts.append(f"accuracy {format_percent(other.figures.accuracy)}")
    st.caption(escape_markdown(
        f"On the other {other.samples} samples, which no choice was made by: {', '.join(parts)}."
    ))

