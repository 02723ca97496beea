"""The execution environment of a run: delegate, memory over time, cold and warm, imports."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from components.charts import show_figure
from components.conditions import condition_lists
from components.format import format_bytes, format_date, format_ms, format_ratio
from components.formula_names import render_names
from components.formulas import Formula
from components.formulas.execution import (
    arena_formula,
    delegation_formulas,
    import_formulas,
    tensor_formula,
)
from components.formulas.latency import median_formula, start_formulas
from components.formulas.variant import memory_formulas
from components.palette import custom_names, recipe_color
from components.plain_text import escape_markdown, show_error
from components.session import widget_key
from converter.comparison import Comparison, Variant
from converter.errors import LiteDriftError
from converter.inspection import find_lifetimes
from converter.run_store import keep_file
from converter.start_cost import (
    LITERT,
    START_COST_FILE,
    TENSORFLOW,
    StartCosts,
    load_start_costs,
    measure_start_costs,
)
from converter.tensor_lifetimes import Lifetimes

if TYPE_CHECKING:
    import plotly.graph_objects as go

_PAGE = "execution"
_MOST_LISTED = 12


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


def render_memory(files: dict[str, Path], comparison: Comparison, variant: Variant) -> None:
    """Show which tensors of a variant live when, and what its process needed."""
    from components.figures.execution import build_lifetimes_figure, build_spans_figure

    path = files.get(variant.file or "")
    if path is None:
        return
    try:
        found = _lifetimes(str(path), variant.given_name or f"{variant.recipe}.tflite")
    except LiteDriftError as error:
        show_error(error)
        return
    color = recipe_color(variant.recipe, custom_names([v.recipe for v in comparison.variants]))
    st.header("Memory over one inference", anchor=False)
    if found.peak_operator is None:
        st.info("This file has no operators.")
        return
    peak = found.peak_operator
    with st.container(horizontal=True):
        st.metric("Activations at the peak", format_bytes(found.peak_bytes), width="content",
                  help="The least that must be held at once in this order of operators: a lower "
                       "bound of LiteRT's arena.")
        st.metric("Process at its peak", format_bytes(variant.peak_memory_bytes), width="content",
                  help="Resident memory of a fresh process that loads the file and runs it once.")
        if variant.peak_memory_bytes and variant.runtime_memory_bytes:
            st.metric("Of it, the model's",
                      format_bytes(variant.peak_memory_bytes - variant.runtime_memory_bytes),
                      width="content", help="Without what the process held before loading it.")
    render_names([arena_formula(found), *map(tensor_formula, found.alive_at(peak)[:1]),
                  *memory_formulas(variant)])
    _card("What lives at once", "Bytes of the activations that live during each operator; "
          f":color[▌]{{foreground=\"#D55E00\"}} the peak, operator {peak + 1}. Batch as in the "
          "file. XNNPACK's own workspace is not in it.", build_lifetimes_figure(found, color))
    _card("Lifetimes", "The largest activations, each from the operator that gives it to the last "
          "that takes it; :color[▌]{foreground=\"#D55E00\"} alive at the peak.",
          build_spans_figure(found, color))
    with st.expander("What lives at the peak"):
        st.dataframe(
            [{"Tensor": t.name, "Stored as": t.dtype, "Shape": str(list(t.shape)),
              "Bytes": t.size_bytes} for t in found.alive_at(peak)[:_MOST_LISTED]],
            hide_index=True, alt="Activations that live during the operator at the peak",
        )


@st.cache_data(max_entries=32, show_spinner="Reading the file …")
def _lifetimes(path: str, name: str) -> Lifetimes:
    # A file of the store lies under its hash, so its path says what is in it.
    return find_lifetimes(Path(path), name)


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


def render_imports(run_id: str, files: dict[str, Path], comparison: Comparison) -> None:
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
    else:
        st.caption("Imports TensorFlow and LiteRT, and starts every variant, three times each in "
                   "processes of their own, one at a time: some 15 seconds.")
    label = "Measure again" if known else "Measure it here"
    if not st.button(label, icon=":material/timer:", key=widget_key(_PAGE, "measure")):
        return
    started = {v.recipe: files[v.file] for v in comparison.usable
               if v.file in files and v.runnable}
    bar = st.progress(0.0, "starting")
    try:
        costs = measure_start_costs(
            started, listener=lambda stage, share: bar.progress(share, stage))
        with tempfile.TemporaryDirectory() as work:
            costs.save(Path(work))
            keep_file(run_id, Path(work) / START_COST_FILE)
    except LiteDriftError as error:
        bar.empty()
        show_error(error)
        return
    st.rerun()


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
