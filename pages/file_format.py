"""File format: what the original file holds, what the .tflite holds, and the way between them."""

from pathlib import Path

import streamlit as st

from components.file_format_view import (
    read_both,
    render_graphs,
    render_map,
    render_netron,
    render_trees,
)
from components.format import shorten
from components.frame import ensure_frame
from components.plain_text import code_span
from components.run_states import open_run
from components.verdict_card import pick_variant
from converter.errors import LiteDriftError
from converter.run_store import load_request
from converter.verdict import judge

ensure_frame()

run = open_run("File format")
comparison = run.comparison

st.title(f"File format of {code_span(shorten(comparison.model.name, 48))}", anchor=False)
variant = pick_variant(comparison, judge(comparison).recipe)
if variant is None:
    st.info("No variant of this run was converted: there is nothing to hold beside the original.")
    st.stop()
original: Path | None = None
try:
    original = load_request(run.run_id).model_path
except LiteDriftError:  # the variant can be shown all the same
    original = None
before, after = read_both(original, run.files, comparison, variant)
render_trees(before, after)
render_map(before, after, variant.recipe)
render_graphs(run.files, comparison, variant)
render_netron(run.files, variant)
