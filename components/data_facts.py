"""What the data is, read by a child process and kept by hash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import streamlit as st

from components.data_format import format_range
from components.format import format_count, format_shape, shorten
from components.model_facts import read_model_facts, render_hash
from components.plain_text import code_span, show_notes, visible_text
from components.session import SAMPLE, ChosenData, ChosenModel
from converter.errors import LiteDriftError
from converter.inspection import inspect_data_file
from converter.request import DataOptions

_MOST_INPUTS, _MOST_NOTES = 200, 12


def read_data_facts(data: ChosenData, facts: dict[str, Any]) -> dict[str, Any] | None:
    """Return `inspect_data_file`'s answer, cached by hashes and options; None for random samples.

    Args:
        data: The data in hand.
        facts: `read_model_facts`'s answer.

    Raises:
        DataError: When the data does not fit the model.
    """
    if data.file is None:
        return None
    # One file has other ends for another signature, and other sizes where those are chosen.
    ends = json.dumps([facts["inputs"], facts["outputs"]])
    return _inspect_data(data.file.sha256, facts["sha256"], ends, data.options, data.file.name,
                         data.file.path, facts)


def count_samples(model: ChosenModel, data: ChosenData | None) -> int | None:
    """Return how many samples the data in hand has; None for random ones and what does not fit."""
    if data is None or data.file is None:
        return None
    try:
        facts = read_data_facts(data, read_model_facts(model))
    except LiteDriftError:
        return None  # the Model page says what is wrong
    return None if facts is None else facts["samples"]


@st.cache_data(max_entries=32, show_spinner="Reading the data …")
def _inspect_data(
    sha256: str, model_sha256: str, ends: str, options: DataOptions, name: str, _path: Path,
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
        if data.source != SAMPLE:
            render_hash(data.file.sha256)
        with st.grid(2, min_column_width=120, gap="small"):
            st.metric("Samples", format_count(facts["samples"]))
            st.metric(*_label_metric(facts))
        if not facts["labelled"]:
            st.caption("Without labels there is drift, but no accuracy.")
        _render_inputs(facts["inputs"])
        show_notes(facts.get("notes", [])[:_MOST_NOTES])


def _render_inputs(inputs: list[dict[str, Any]]) -> None:
    st.dataframe(
        [
            {
                "Input": shorten(visible_text(tensor["name"]), 120),
                "Shape": format_shape(tensor["shape"]), "Type": tensor["dtype"],
                "Range": format_range(tensor),
            }
            for tensor in inputs[:_MOST_INPUTS]
        ],
        hide_index=True, alt="The data's inputs with their ranges",
    )
    if len(inputs) > _MOST_INPUTS:
        st.caption(f"{len(inputs) - _MOST_INPUTS} more inputs are not shown.")


def _label_metric(facts: dict[str, Any]) -> tuple[str, str]:
    """Return what the labels are called and how many there are."""
    if not facts["labelled"]:
        return "Labels", "none"
    sets = facts.get("labels") or []
    if len(sets) > 1:
        return "Sets of labels", str(len(sets))
    classes = sets[0]["classes"] if sets else None
    if classes is None:
        return "Labels", "values" if sets else "yes"
    return "Classes", format_count(classes)
