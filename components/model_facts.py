"""What a model is, read by a child process and kept by hash."""

from __future__ import annotations

from dataclasses import replace
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
from components.formula_names import render_names
from components.formulas.model import model_formulas
from components.open_sizes import render_batch
from components.plain_text import code_span, escape_markdown, show_notes, visible_text
from components.session import ChosenModel
from converter.input_shapes import fix_shapes
from converter.inspection import inspect_model_file
from converter.model_options import ModelOptions, set_dimensions
from converter.signature import TensorSpec

_MOST_TENSORS, _MOST_OPERATORS, _MOST_NOTES, _MOST_SHAPES = 200, 12, 12, 8

FORMAT_NAMES = {
    "keras": "Keras (.keras)", "h5": "Keras HDF5 (.h5)", "saved_model": "SavedModel",
    "frozen_graph": "Frozen graph (.pb)", "tflite": "TensorFlow Lite (.tflite)",
}


def read_model_facts(model: ChosenModel) -> dict[str, Any]:
    """Return `inspect_model_file`'s answer, cached by the file's hash.

    Its inputs have the sizes that were chosen for them; `declared_inputs` are the file's own.

    Raises:
        ModelFileError: When it is not a usable model file, or what was chosen does not fit it.
    """
    options = model.options
    asked = replace(options, dimensions=(), unroll=False)
    facts = _inspect_model(model.sha256, asked, model.name, model.path)
    declared = tuple(TensorSpec.from_json(item) for item in facts["inputs"])
    sized = set_dimensions(declared, options.dimensions, model.name)
    return {**facts, "declared_inputs": facts["inputs"],
            "inputs": [spec.to_json() for spec in sized]}


@st.cache_data(max_entries=64, show_spinner="Reading the model file …")
def _inspect_model(
    sha256: str, options: ModelOptions, name: str, _path: Path
) -> dict[str, Any]:
    return inspect_model_file(_path, name, options)


def render_model_facts(
    model: ChosenModel, facts: dict[str, Any], *, has_data: bool = False
) -> None:
    """Show what the model is; with a data file, the sizes still open are told by that."""
    is_tflite = facts["format"] == "tflite"
    with st.container(border=True, height="stretch", gap="xsmall"):
        with st.container(horizontal=True, gap="xsmall"):
            st.badge(FORMAT_NAMES.get(facts["format"], facts["format"]), color="gray")
            if is_tflite:
                st.badge(stored_as(facts), color="blue" if is_float(facts) else "violet")
        st.subheader(code_span(shorten(facts["name"], 60)), anchor=False)
        with st.grid(3, min_column_width=104, gap="small"):
            st.metric("Parameters", short_count(facts["parameters"]),
                      help=f"{format_count(facts['parameters'])} weights, "
                      f"{format_bytes(facts['parameter_bytes'])} as stored")
            st.metric("On disk", format_bytes(facts["size_bytes"]),
                      help=f"{format_count(facts['size_bytes'])} bytes with everything in the file")
            if is_tflite:
                st.metric("Operators", format_count(facts["details"].get("operator_count")))
            else:
                st.metric("Compared", format_bytes(facts["size_without_optimizer_bytes"]),
                          help="The size that variants are compared with: without optimizer "
                          "state, which conversion leaves behind, and unpacked where it came "
                          "zipped")
        render_names(model_formulas(facts))
        _render_remark(facts)
        _render_tensors(facts)
        _render_run_shapes(facts, has_data=has_data)
        with st.container(horizontal=True, gap="small"):
            render_hash(facts["sha256"])
            if not is_tflite:
                render_batch(facts["declared_inputs"], model.options.dimensions, model.token)
        show_notes(facts.get("notes", [])[:_MOST_NOTES])


def is_float(facts: dict[str, Any]) -> bool:
    """Whether a `.tflite` stores all its weights as floats."""
    return not facts["details"].get("stored_types")


def stored_as(facts: dict[str, Any]) -> str:
    """Return how a `.tflite` stores its numbers, in a word or two."""
    stored = [escape_markdown(str(name)) for name in facts["details"].get("stored_types", [])]
    return "float32" if not stored else f"quantized: {', '.join(stored[:4])}"


def _render_remark(facts: dict[str, Any]) -> None:
    operators = [str(name) for name in facts["details"].get("operators", [])]
    if facts["format"] in {"tflite", "frozen_graph"}:
        names = [shorten(name, 40) for name in operators[:_MOST_OPERATORS]]
        more = len(operators) - len(names)
        names += [f"{more} more"] if more else []
        st.caption(f"Kinds of operators: {escape_markdown(', '.join(names) or 'none')}")
        return
    optimizer = facts.get("optimizer_bytes") or 0
    st.caption(f"{format_bytes(optimizer)} of the file are optimizer state." if optimizer
               else "The file carries no optimizer state.")


def _render_tensors(facts: dict[str, Any]) -> None:
    tensors = [(role, tensor) for role, key in (("input", "inputs"), ("output", "outputs"))
               for tensor in facts[key][:_MOST_TENSORS]]
    if not tensors:
        return
    st.dataframe(
        [
            {
                "Role": role, "Name": shorten(visible_text(tensor["name"]), 120),
                "Shape": format_shape(tensor["shape"]),
                "Type": shorten(visible_text(str(tensor["dtype"] or MISSING)), 40),
            }
            for role, tensor in tensors
        ],
        hide_index=True, alt="Inputs and outputs of the model",
    )
    left_out = len(facts["inputs"]) + len(facts["outputs"]) - len(tensors)
    if left_out:
        st.caption(f"{left_out} more inputs and outputs are not shown.")


def _render_run_shapes(facts: dict[str, Any], *, has_data: bool) -> None:
    """Say which shapes a run will take, where the file leaves more open than the batch."""
    declared = [tensor["shape"] for tensor in facts["declared_inputs"]]
    if all(shape is not None and None not in shape[1:] for shape in declared):
        return
    inputs = [TensorSpec.from_json(tensor) for tensor in facts["inputs"][:_MOST_SHAPES]]
    if has_data and any(spec.shape is None or None in spec.shape[1:] for spec in inputs):
        st.caption("In the run, the data fills the sizes that are still open.")
        return
    shapes, _ = fix_shapes(inputs)
    shown = ", ".join(f"{shorten(name, 40)} {format_shape(shape)}"
                      for name, shape in shapes.items())
    st.caption(escape_markdown(f"In the run: {shown}"))


def render_hash(sha256: str) -> None:
    """Show the hash of a file, in short, and in full on a click."""
    with st.popover(f"SHA-256 {sha256[:8]}…{sha256[-4:]}", icon=":material/fingerprint:",
                    type="tertiary"):
        st.code(sha256, language=None, wrap_lines=True)
