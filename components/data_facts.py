"""What the data is, read by a child process and kept by hash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from components.format import format_count, format_error, format_shape, shorten
from components.plain_text import code_span, show_notes
from components.session import SAMPLE, ChosenData
from converter.inspection import inspect_data_file
from converter.request import DataOptions


def read_data_facts(data: ChosenData, facts: dict[str, Any]) -> dict[str, Any] | None:
    """Return `inspect_data_file`'s answer, cached by hashes and options; None for random samples.

    Raises:
        DataError: When the data does not fit the model.
    """
    if data.file is None:
        return None
    return _inspect_data(
        data.file.sha256, facts["sha256"], data.options, data.file.name, data.file.path, facts
    )


@st.cache_data(max_entries=64, show_spinner="Reading the data …")
def _inspect_data(
    sha256: str, model_sha256: str, options: DataOptions, name: str, _path: Path,
    _facts: dict[str, Any],
) -> dict[str, Any]:
    return inspect_data_file(_path, name, _facts, options)


def render_data_facts(data: ChosenData, facts: dict[str, Any] | None) -> None:
    """Show what the data is."""
    with st.container(border=True, height="stretch", gap="xsmall"):
        if data.file is None or facts is None:
            st.badge("Random", color="orange")
            st.subheader("Random samples", anchor=False)
            st.caption("Seeded, so a repeated run sees the same numbers. The Convert page sets "
                       "the seed and how many.")
            return
        st.badge("Sample's own" if data.source == SAMPLE else "Your file", color="gray")
        st.subheader(code_span(shorten(data.file.name, 60)), anchor=False)
        with st.grid(2, min_column_width=120, gap="small"):
            st.metric("Samples", format_count(facts["samples"]))
            st.metric("Labels", _label_text(facts))
        st.caption("Split by seed into calibration and evaluation samples; none is both."
                   if facts["labelled"] else "Without labels there is drift, but no accuracy.")
        st.dataframe(
            [
                {
                    "Input": tensor["name"], "Shape": format_shape(tensor["shape"]),
                    "Type": tensor["dtype"],
                    "Range": f"{format_error(tensor['min'])} to {format_error(tensor['max'])}",
                    "Mean": format_error(tensor["mean"]),
                }
                for tensor in facts["inputs"]
            ],
            hide_index=True, alt="The data's inputs with their ranges",
        )
        show_notes(facts.get("notes", []))


def _label_text(facts: dict[str, Any]) -> str:
    if not facts["labelled"]:
        return "none"
    names = facts.get("label_names") or []
    return "yes" if len(names) < 2 else str(len(names))
