"""The map of sensitivity of a run's layers: measured as a job, drawn while it grows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from components.analysis_panel import Offer, render_analysis_job
from components.budget.live_job import render_live_job
from components.charts import CHART_CONFIG
from components.format import MISSING, format_db
from components.formula_names import render_names
from components.formulas import Formula
from components.formulas.inside import sensitivity_formulas
from components.plain_text import choice_label, show_error, show_notes
from components.session import widget_key
from converter.analysis_jobs import follow_analysis
from converter.analysis_kinds import SENSITIVITY, Analysis
from converter.errors import LiteDriftError
from converter.live_file import read_live
from converter.precision import PRECISIONS
from converter.sensitivity import (
    ONLY,
    OTHERS,
    SENSITIVITY_FILE,
    Sensitivity,
    load_sensitivity,
)

_PAGE = "sensitivity"
_PARTS = "parts"
_SIDES = {ONLY: "Only this layer", OTHERS: "All but this layer",
          _PARTS: "Weights against activations"}  # fmt: skip


def render_sensitivity(run_id: str, files: Mapping[str, Path]) -> None:
    """Show the map of a run, the one that is being made, or offer to make it.

    Args:
        run_id: A finished run out of which candidates can be made.
        files: Its files by name.
    """
    st.header("How much each layer matters", anchor=False)
    asked = Analysis(run_id=run_id, kind=SENSITIVITY)
    progress = follow_analysis(asked)
    if progress is not None and progress.is_active:
        render_live_job(asked, "Measuring how much each layer matters", _draw_so_far,
                        "Stop and keep this")
        return
    found = _load(files)
    if found is not None and found.layers:
        _render(found, "done")
        if found.is_whole:
            return
        st.caption(f"Stopped early: {len(found.cells)} of {found.planned} places are measured.")
    render_analysis_job(asked, Offer(
        waits="Waiting to measure how much each layer matters",
        runs="Measuring how much each layer matters",
        heading="The map that the solver walks",
        text="Quantizes each layer alone, and all but each, in every precision that it takes, and "
             "measures the outputs: seconds for a small model, minutes for a large one.",
        button="Measure it", icon=":material/grid_on:",
    ))  # fmt: skip


def _load(files: Mapping[str, Path]) -> Sensitivity | None:
    path = files.get(SENSITIVITY_FILE)
    if path is None:
        return None
    try:
        return load_sensitivity(path)
    except LiteDriftError as error:
        show_error(error)
        return None


def _draw_so_far(folder: Path) -> None:
    found = read_live(folder, Sensitivity.from_json)
    if found is not None and found.layers and found.cells:
        _render(found, "live")


def _render(found: Sensitivity, place: str) -> None:
    from components.figures.sensitivity import build_sensitivity_figure

    with st.container(border=True, gap="xsmall"):
        st.subheader("Layer by precision", anchor=False)
        side = st.segmented_control(
            "What is quantized", list(_SIDES), default=ONLY, required=True, wrap=True,
            format_func=lambda name: choice_label(_SIDES[name]),
            key=widget_key(_PAGE, f"side.{place}"),
        ) or ONLY  # fmt: skip
        if side == _PARTS:
            _render_parts(found)
        else:
            useless = sum(c.figures.problem is not None for c in found.cells if c.side == side)
            note = (f" \N{MULTIPLICATION SIGN} gives NaN or does not run: {useless} here."
                    if useless else "")  # fmt: skip
            st.caption(
                f"Blue: the output hardly minds; orange: it suffers. {found.samples} samples of "
                f"the search, {found.distinct} distinct files. A dot: the precision changes "
                f"nothing in that layer.{note}"
            )
            figure = build_sensitivity_figure(found, side)
            st.plotly_chart(figure, config=CHART_CONFIG, alt=figure.layout.meta["alt"],
                            key=widget_key(_PAGE, f"map.{place}"))
        render_names([*sensitivity_formulas(found),
                      *([Formula(key="activation_share")] if side == _PARTS else [])])
        show_notes([f"{name} is refused by litert-quantizer: {reason}"
                    for name, reason in found.refused.items()])


def _render_parts(found: Sensitivity) -> None:
    st.caption(
        "SQNR of the output with this layer alone quantized: wholly, and by its weights alone "
        "(the weight-only file, which computes in float). Integer activations beside float weights "
        "cannot be expressed: litert-quantizer refuses them. What is left when the power of the "
        "weights' error is taken from the whole is therefore worked out, not measured; a dash "
        "where weights alone err more."
    )
    operators = {layer.number: layer.operator for layer in found.layers}
    rows = [
        {
            "Layer": parts.number, "Operator": operators[parts.number],
            "Precision": PRECISIONS[parts.precision].label,
            "Wholly": _db(parts.whole_db), "Weights alone": _db(parts.weights_db),
            "What is left": _left(parts.activations_db),
        }
        for parts in found.parts()
    ]  # fmt: skip
    if rows:
        st.dataframe(rows, hide_index=True, alt="Error of each layer by weights and by the rest")
    else:
        st.caption("Nothing was measured yet that can be taken apart.")


def _db(value: float) -> str:
    return format_db(value)


def _left(value: float) -> str:
    if value != value:  # noqa: PLR0124 - NaN: nothing can be said
        return MISSING
    return "nothing" if value == float("inf") else format_db(value)
