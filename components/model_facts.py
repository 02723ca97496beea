"""What a model is, read by a child process and kept by hash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from components.format import (
    MISSING,
    format_bytes,
    format_count,
    format_shape,
    short_count,
    shorten,
)
from components.plain_text import code_span, show_notes
from components.session import ChosenModel
from converter.inspection import inspect_model_file
from converter.model_options import ModelOptions

FORMAT_NAMES = {
    "keras": "Keras (.keras)", "h5": "Keras HDF5 (.h5)", "saved_model": "SavedModel",
    "frozen_graph": "Frozen graph (.pb)", "tflite": "TensorFlow Lite (.tflite)",
}


def read_model_facts(model: ChosenModel) -> dict[str, Any]:
    """Return `inspect_model_file`'s answer, cached by the file's hash.

    Raises:
        ModelFileError: When it is not a usable model file.
    """
    return _inspect_model(model.sha256, model.options, model.name, model.path)


@st.cache_data(max_entries=64, show_spinner="Reading the model file …")
def _inspect_model(
    sha256: str, options: ModelOptions, name: str, _path: Path
) -> dict[str, Any]:
    return inspect_model_file(_path, name, options)


def render_model_facts(facts: dict[str, Any]) -> None:
    """Show what the model is."""
    with st.container(border=True, height="stretch", gap="xsmall"):
        st.badge(FORMAT_NAMES.get(facts["format"], facts["format"]), color="gray")
        st.subheader(code_span(shorten(facts["name"], 60)), anchor=False)
        with st.grid(3, min_column_width=104, gap="small"):
            st.metric("Parameters", short_count(facts["parameters"]),
                      help=f"{format_count(facts['parameters'])} weights, "
                      f"{format_bytes(facts['parameter_bytes'])} as stored")
            st.metric("On disk", format_bytes(facts["size_bytes"]),
                      help=f"{format_count(facts['size_bytes'])} bytes with everything in the file")
            st.metric("Compared", format_bytes(facts["size_without_optimizer_bytes"]),
                      help="The size that variants are compared with: without optimizer state, "
                      "which conversion leaves behind, and unpacked where it came zipped")
        optimizer = facts.get("optimizer_bytes") or 0
        st.caption(f"{format_bytes(optimizer)} of the file are optimizer state." if optimizer
                   else "The file carries no optimizer state.")
        _render_tensors(facts)
        _render_hash(facts["sha256"])
        show_notes(facts.get("notes", []))


def _render_tensors(facts: dict[str, Any]) -> None:
    rows = [
        {"Role": role, "Name": tensor["name"], "Shape": format_shape(tensor["shape"]),
         "Type": tensor["dtype"] or MISSING}
        for role, key in (("input", "inputs"), ("output", "outputs"))
        for tensor in facts[key]
    ]
    if rows:
        st.dataframe(rows, hide_index=True, alt="Inputs and outputs of the model")


def _render_hash(sha256: str) -> None:
    with st.popover(f"SHA-256 {sha256[:8]}…{sha256[-4:]}", icon=":material/fingerprint:",
                    type="tertiary"):
        st.code(sha256, language=None, wrap_lines=True)
