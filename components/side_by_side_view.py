"""Runs side by side: who is who, what differs, what may not be compared, and the charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import streamlit as st

from components.format import shorten
from components.formula_names import render_names
from components.formulas import list_formulas
from components.plain_text import code_span, escape_markdown, show_warning
from components.routes import COMPARE_PAGE, HISTORY_PAGE, MODEL_PAGE
from components.session import RUN_PARAMETER, widget_key
from components.side_by_side_choice import ChosenRun
from converter.comparison import load_latency_samples
from converter.condition_differences import (
    Pair,
    comparability_warnings,
    differing_conditions,
)
from converter.errors import LiteDriftError
from converter.run_store import run_files

if TYPE_CHECKING:
    import numpy as np
    import plotly.graph_objects as go

    from components.figures.side_by_side import Entry

_DRAWN = {"size_bytes", "size_ratio", "gzip_bytes", "p50_ms", "speed_ratio", "sqnr_db",
          "top1_agreement", "top1", "delta", "mae", "accuracy_rmse"}
"""The figures that the charts draw."""
_CONFIG = {"showSendToCloud": False, "displaylogo": False, "displayModeBar": False}


def render_nothing_to_compare() -> None:
    """Say what to do where there is no finished run."""
    with st.container(border=True, horizontal_alignment="center"):
        st.header("Nothing to hold side by side yet", anchor=False, text_alignment="center")
        st.markdown("Finish two runs, of two models or of one model under other conditions; then "
                    "choose them here.", text_alignment="center")
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.page_link(MODEL_PAGE, label="Pick a model", icon=":material/deployed_code:")
            st.page_link(HISTORY_PAGE, label="History", icon=":material/history:")


def render_runs_in_view(runs: Sequence[ChosenRun]) -> None:
    """Say which letter is which run, each with a link to its result."""
    with st.grid(3, min_column_width=240, gap="small"):
        for run in runs:
            with st.container(border=True, gap="xxsmall", height="stretch"):
                st.markdown(f"**{run.letter}** {code_span(shorten(run.record.name, 32))}")
                moment = datetime.fromtimestamp(run.record.created, UTC)
                model = escape_markdown(shorten(run.comparison.model.name, 32))
                st.caption(f"{model} · {moment:%Y-%m-%d %H:%M} UTC")
                st.page_link(COMPARE_PAGE, label=f"Open {run.letter}", 
                             icon=":material/arrow_forward:",
                             query_params={RUN_PARAMETER: run.record.run_id})


def render_differences(runs: Sequence[ChosenRun], pairs: Sequence[Pair]) -> None:
    """Name first what differs, and which figures that forbids to compare."""
    comparisons = [run.comparison for run in runs]
    if len(comparisons) < 2:
        return
    st.header("What differs", anchor=False)
    warnings = comparability_warnings(comparisons)
    if warnings:
        st.warning("  \n".join(map(escape_markdown, warnings)), icon=":material/warning:")
    differing = differing_conditions(comparisons, pairs)
    if not differing:
        st.caption("Nothing in settings and environment: the same model, data, machine and "
                   "versions.")
        return
    rows = [
        {"Condition": escape_markdown(item.label),
         **{run.letter: escape_markdown(shorten(value, 48))
            for run, value in zip(runs, item.values, strict=True)}}
        for item in differing
    ]
    st.table(rows, border="horizontal", hide_index=True,
             alt="Conditions in which the runs differ, one column a run")
    st.caption("All other settings and versions are the same.")


def read_entries(runs: Sequence[ChosenRun], pairs: Sequence[Pair]) -> list[Entry]:
    """Return what the charts show, in the order chosen."""
    from components.figures.latency import spread_of
    from components.figures.side_by_side import Entry

    samples = {index: _samples(runs[index]) for index in {index for index, _ in pairs}}
    return [
        Entry(letter=runs[index].letter, comparison=runs[index].comparison,
              variant=runs[index].comparison.variant(name),
              spread=spread_of(samples[index].get(name)), index=number)
        for number, (index, name) in enumerate(pairs)
    ]


def render_side_by_side(entries: Sequence[Entry]) -> None:
    """Draw the charts for which there are figures, the same as on the Compare page."""
    from components.figures import side_by_side as figures

    has_drift = any(entry.variant.drift is not None for entry in entries)
    has_latency = any(entry.variant.latency is not None for entry in entries)
    st.header("The figures", anchor=False)
    with st.grid(2, min_column_width=380, gap="small") as grid:
        with grid.cell(column_span=1 if has_drift else "all"):
            _card("Size", "Bars: files. \N{WHITE DIAMOND} gzipped. Small: against the original of "
                  "its run.", figures.build_sizes_figure(entries))
        if has_drift:
            _card("Drift", "Longer bars are closer to the outputs of the original of its run.",
                  figures.build_drifts_figure(entries))
        if has_latency:
            with grid.cell(column_span="all"):
                _card("Latency", "Box: p10, quartiles and p90. Dots: single runs. Small: against "
                      "the original of its run.", figures.build_latencies_figure(entries))
        if has_drift and has_latency:
            with grid.cell(column_span="all"):
                _card("Size, latency and drift at once", _tradeoff_caption(
                    figures.not_placed(entries)), figures.build_tradeoffs_figure(entries))
        if figures.has_accuracy(entries):
            with grid.cell(column_span="all"):
                title = "Error against the labels" if figures.is_regression(entries) else "Accuracy"
                _card(title, "On each run's own labelled evaluation samples.",
                      figures.build_accuracies_figure(entries))
    render_names(
        formula for entry in entries
        for formula in list_formulas(entry.comparison, entry.variant, entry.name).values()
        if formula.worked and formula.key in _DRAWN
    )


def _tradeoff_caption(missing: Sequence[str]) -> str:
    note = f"  \nNot placed: {', '.join(missing)}." if missing else ""
    return ("Up is closer, left is faster, a smaller mark is a smaller file. Dotted: the Pareto "
            f"frontier of all that is shown.{escape_markdown(note)}")


def _card(title: str, caption: str, figure: go.Figure) -> None:
    with st.container(border=True, gap="xsmall", height="stretch"):
        st.subheader(title, anchor=False)
        st.caption(caption)
        st.plotly_chart(figure, config=_CONFIG, alt=figure.layout.meta["alt"],
                        key=widget_key("side", f"chart.{title}"))


def _samples(run: ChosenRun) -> Mapping[str, np.ndarray]:
    try:
        return load_latency_samples(run_files(run.record.run_id))
    except LiteDriftError as error:
        show_warning(str(error))
        return {}
