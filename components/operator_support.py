"""Operations against targets: how far the model gets on each, the matrix, a probe on request."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from components.analysis_panel import Offer, render_analysis_job
from components.formula_names import render_names
from components.formulas.overview import operation_formulas
from components.plain_text import code_span, escape_markdown, show_error, show_notes, visible_text
from components.run_states import OpenRun
from components.session import widget_key
from converter.analysis_kinds import OPERATORS, Analysis
from converter.comparison import Comparison
from converter.errors import ModelFileError
from converter.operator_fates import CUSTOM, FLOAT, SELECT_TF, TAKEN, UNKNOWN, UNSUPPORTED
from converter.operator_support import OperationRow, SupportReport, TargetReport
from converter.operator_table import words_for, words_of
from converter.run_operators import PROBE_FILE, read_support

_WORKS = "✓"
_ICONS = {
    UNSUPPORTED: "✕", CUSTOM: "✕", SELECT_TF: "▲", FLOAT: "◐", TAKEN: "○", UNKNOWN: "?",
}
_SOURCES = {"run": "seen in this run", "probe": "probed"}
_MOST_LAYERS = 50


def render_operator_support(run: OpenRun) -> None:
    """Show what is known of the operations of a run's model, and offer to probe the rest."""
    if run.comparison.starts_from_tflite:
        st.info("This run started from a .tflite, whose operations are TFLite's own already. Bring "
                "the TensorFlow model that it was converted from to see what became of each.")
        return
    try:
        report = _read(run.files, run.comparison)
    except ModelFileError as error:
        show_error(error)
        _offer_probe(run.run_id, "Probe the model")
        return
    _render_targets(report)
    if report.untried:
        _offer_probe(run.run_id, f"Probe {len(report.untried)} more"
                     if len(report.untried) > 1 else f"Probe {report.untried[0]}")
    _render_matrix(report)
    show_notes([*report.notes])


def _read(files: Mapping[str, Path], comparison: Comparison) -> SupportReport:
    # Artifacts lie under their hash: what was read of the same ones is the same.
    wanted = {"comparison.json", "graph.json", PROBE_FILE, *(v.file for v in comparison.variants)}
    key = tuple(sorted((name, str(path)) for name, path in files.items() if name in wanted))
    return _read_once(key, files, comparison)


@st.cache_data(max_entries=8, show_spinner="Reading the converted files …")
def _read_once(
    key: tuple[tuple[str, str], ...], _files: Mapping[str, Path], _comparison: Comparison
) -> SupportReport:
    return read_support(_files, _comparison)


def _offer_probe(run_id: str, label: str) -> None:
    render_analysis_job(Analysis(run_id=run_id, kind=OPERATORS), Offer(
        waits="Waiting to probe the model", runs="Probing the model",
        heading="Try the other targets",
        text="A probe converts the model for each target that this run has not tried, lets "
             "LiteRT prepare the file and runs it once, behind the walls of a child process: "
             "seconds for a small model, minutes for a large one. You may leave the page "
             "meanwhile.",
        button=escape_markdown(label), icon=":material/labs:",
    ))


def _render_targets(report: SupportReport) -> None:
    st.header("Targets", anchor=False)
    told: dict[str, str] = {}
    with st.container(border=True, gap="xsmall"):
        for target in report.targets:
            with st.container(horizontal=True, vertical_alignment="center"):
                icon, color = _target_mark(target)
                st.markdown(f"**{escape_markdown(target.label)}** {code_span(target.name)}",
                            width="content")
                st.badge(words_for(target), icon=icon, color=color)
                text = " ".join(part for part in (target.reason, target.way) if part)
                if target.source:
                    again = f", as for {told[text]}" if text in told else ""
                    st.caption(escape_markdown(_SOURCES[target.source] + again), width="content")
            if target.source and text and text not in told:
                st.caption(escape_markdown(text))
                told[text] = target.label


def _target_mark(target: TargetReport) -> tuple[str, Any]:
    if target.converts is None:
        return ":material/help:", "gray"
    if target.runs:
        return ":material/check:", "green"
    if target.converts:
        return ":material/warning:", "orange"
    return ":material/close:", "red"


def _render_matrix(report: SupportReport) -> None:
    st.header("Operation by operation", anchor=False)
    problems = sum(row.is_problem for row in report.rows)
    aim = {0: "none misses its aim", 1: "1 misses its aim"}.get(
        problems, f"{problems} miss their aim")
    st.caption(f"{sum(row.count for row in report.rows)} operations of {len(report.rows)} kinds in "
               f"the frozen graph, constants left out; of the kinds {aim} on a target that was "
               "tried. ✓ works, ◐ stays float on an integer target, ▲ needs Select TF, ✕ does not "
               "work, ○ not refused where the converter stopped at others, ? not told.")
    render_names(operation_formulas(report.rows))
    only = st.toggle("Only problems", key=widget_key("operators", "problems"))
    rows = [row for row in report.rows if row.is_problem or not only]
    if not rows:
        st.info("No operation is a problem on any target that was tried."
                if report.rows else "The frozen graph holds no operations.",
                icon=":material/check:")
        return
    st.dataframe(
        [_table_row(row, report) for row in rows], hide_index=True,
        column_config={"Operation": st.column_config.TextColumn(pinned=True)},
        alt="What became of each kind of operation on each target, and the nearest way that works",
    )
    place = st.selectbox(
        "Operation to look at", range(len(rows)), key=widget_key("operators", f"chosen.{only}"),
        format_func=lambda i: f"{visible_text(rows[i].op)} ({rows[i].count})", width=320,
    )
    _render_operation(rows[place], report)


def _table_row(row: OperationRow, report: SupportReport) -> dict[str, Any]:
    return {
        "Operation": visible_text(row.op),
        "Count": row.count,
        **{target.label: f"{_icon(row, target)} {words_of(row.fates[target.name], short=True)}"
           for target in report.targets},
        "Nearest way": row.way,
        "From": visible_text(row.places),
    }


def _icon(row: OperationRow, target: TargetReport) -> str:
    fates = row.fates[target.name]
    return _ICONS.get(fates[0][0].state, _WORKS) if fates else _ICONS[UNKNOWN]


def _render_operation(row: OperationRow, report: SupportReport) -> None:
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"**{escape_markdown(row.op)}**, {row.count} in the frozen graph")
        for target in report.targets:
            st.markdown(f"{_icon(row, target)} **{escape_markdown(target.label)}** "
                        f"{escape_markdown(words_of(row.fates[target.name]))}")
        if row.way:
            st.markdown(f"**Nearest way:** {escape_markdown(row.way)}")
        shown = ", ".join(code_span(layer) for layer in row.layers[:_MOST_LAYERS])
        more = len(row.layers) - _MOST_LAYERS
        st.caption(f"From {shown}{f' and {more} more' if more > 0 else ''}.")
