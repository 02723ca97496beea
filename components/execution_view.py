"""The execution environment of a run: delegate, cold and warm, imports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from components.analysis_panel import Offer, render_analysis_job
from components.charts import show_figure
from components.conditions import condition_lists
from components.format import format_bytes, format_date, format_ms, format_ratio
from components.formula_names import render_names
from components.formulas import Formula
from components.formulas.execution import delegation_formulas, import_formulas
from components.formulas.latency import median_formula, start_formulas
from components.plain_text import escape_markdown, show_error
from converter.analysis_kinds import STARTS, Analysis
from converter.comparison import Comparison
from converter.errors import LiteDriftError
from converter.start_cost import (
    LITERT,
    START_COST_FILE,
    TENSORFLOW,
    StartCosts,
    load_start_costs,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

_PAGE = "execution"


def render_machine(comparison: Comparison) -> None:
    """Show on what the figures of the run were measured."""
    pairs = condition_lists(comparison)["Machine"]
    sets = comparison.environment.get("instruction_sets") or []
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True):
            for key in ("CPU", "Cores", "Threads", "LiteRT", "TensorFlow"):
                if key in pairs:
                    st.metric(key, escape_markdown(pairs[key]), width="content")
        if sets:
            st.caption("Instruction sets that kernels look for: "
                       + escape_markdown(", ".join(sets)) + ".")


def render_delegation(comparison: Comparison) -> None:
    """Show what XNNPACK took over of each variant and what built-in kernels run."""
    from components.figures.execution import build_delegation_figure

    if not any(v.delegation is not None for v in comparison.variants):
        return
    _card("Which kernels run", "Coloured: operators that XNNPACK, LiteRT's delegate, runs; grey: "
          "those left to built-in kernels. Between two pieces tensors change hands.",
          build_delegation_figure(comparison))
    render_names(formula for variant in comparison.variants if variant.delegation is not None
                 for formula in delegation_formulas(variant))
    rows = [
        {"Variant": v.recipe, "Operator": name, "Count": count}
        for v in comparison.variants if v.delegation is not None
        for name, count in v.delegation.left_names.items()
    ]
    if rows:
        with st.expander("Operators left to built-in kernels"):
            st.dataframe(rows, hide_index=True, alt="Operators that the delegate did not take")


def render_starts(comparison: Comparison) -> None:
    """Show loading and first inference against the warm median."""
    from components.figures.execution import build_start_figure

    if comparison.reference.latency is None and not any(v.latency for v in comparison.variants):
        return
    st.header("Cold start against warm", anchor=False)
    _card("Load, first, warm", "■ loading and allocating, ◆ the first inference, ● the median once "
          "warm. On the right: how many warm inferences the first one takes.",
          build_start_figure(comparison))
    render_names(_start_formulas(comparison))


def _start_formulas(comparison: Comparison) -> list[Formula]:
    timed = {"original": comparison.reference.latency,
             **{v.recipe: v.latency for v in comparison.variants}}
    return [
        formula for owner, stats in timed.items() if stats is not None
        for formula in (*start_formulas(stats, owner), median_formula(stats, owner))
    ]


def render_imports(run_id: str, files: dict[str, Path]) -> None:
    """Show what importing TensorFlow and LiteRT costs here, or offer to measure it."""
    st.header("What the runtime itself costs", anchor=False)
    path = files.get(START_COST_FILE)
    known = None
    if path is not None:
        try:
            known = load_start_costs(path)
        except LiteDriftError as error:
            show_error(error)
    if known is not None:
        _show_imports(known)
    render_analysis_job(Analysis(run_id=run_id, kind=STARTS), Offer(
        waits="Waiting to measure what starting costs", runs="Measuring what starting costs",
        heading="Measure what starting costs",
        text="Imports TensorFlow and LiteRT, and starts every variant, three times each in "
             "processes of their own, one at a time: some 15 seconds for small models. You may "
             "leave the page meanwhile.",
        button="Measure it here", icon=":material/timer:",
    ), known=known is not None)


def _show_imports(costs: StartCosts) -> None:
    from components.figures.execution import build_import_figure

    with st.grid(2, min_column_width=380, gap="small"):
        _card("Time to import", _import_words(costs), build_import_figure(costs, memory=False))
        _card("Memory that it takes", "Growth of the process's resident memory by the import.",
              build_import_figure(costs, memory=True))
    render_names(import_formulas(costs))
    rows = [
        {"Variant": f.recipe, "Load": _middle(f.load_ms), "First inference": _middle(f.first_ms),
         "Warm": _middle(f.warm_ms),
         "Memory": format_bytes(sorted(f.resident_bytes)[len(f.resident_bytes) // 2])
         if f.resident_bytes else "", "Problem": f.error or ""}
        for f in costs.files
    ]
    if rows:
        st.dataframe(rows, hide_index=True,
                     alt="Each variant in a fresh process: load, first and warm inference, memory")
    st.caption(f"Measured {format_date(costs.created)} on {escape_markdown(costs.cpu)}; medians of "
               f"{len(costs.imports[0].seconds)} fresh processes that had Python and NumPy.")


def _import_words(costs: StartCosts) -> str:
    from components.figures.execution import duration

    found = {cost.package: cost.median_seconds for cost in costs.imports}
    ratio = found[TENSORFLOW] / max(found[LITERT], 1e-9)
    return ("import tensorflow against import ai\\_edge\\_litert: "
            f"{duration(found[TENSORFLOW])} against {duration(found[LITERT])}, "
            f"{format_ratio(ratio)}.")


def _middle(values: list[float]) -> str:
    return format_ms(sorted(values)[len(values) // 2]) if values else ""


def _card(title: str, caption: str, figure: go.Figure) -> None:
    show_figure(title, caption, figure, _PAGE)
