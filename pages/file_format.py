"""File format: what the original file holds, what the .tflite holds, and the way between them."""

import streamlit as st

from components.file_format_view import (
    find_original,
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
from converter.verdict import judge

ensure_frame()

run = open_run("File format")
comparison = run.comparison

st.title(f"File format of {code_span(shorten(comparison.model.name, 48))}", anchor=False)
variant = pick_variant(comparison, judge(comparison).recipe)
if variant is None:
    st.info("No variant of this run was converted: there is nothing to hold beside the original.")
    st.stop()
original = find_original(run.run_id, comparison)
before, after = read_both(original, run.files, comparison, variant)
render_trees(before, after)
render_map(before, after, variant.recipe, same_format=comparison.starts_from_tflite)
render_graphs(original, run.files, comparison, variant)
render_netron(run.files, variant)
