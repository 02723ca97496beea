"""Layers: where a variant's error and time come from, layer by layer and operator by operator."""

import streamlit as st

from components.format import shorten
from components.frame import ensure_frame
from components.layer_analysis import render_layer_analysis
from components.plain_text import code_span, show_error
from components.run_states import pick_run, render_no_run, render_without_result
from components.session import Session
from converter.errors import LiteDriftError
from converter.run_store import follow_run, keep_new_files, lay_out_files, load_comparison

ensure_frame()

run_id = pick_run(Session())
if run_id is None:
    render_no_run("Layers")
    st.stop()

try:
    progress = follow_run(run_id)
    if progress.status != "done":
        render_without_result(run_id, progress)
        st.stop()
    comparison = load_comparison(run_id)
    folder = lay_out_files(run_id)
except LiteDriftError as error:
    show_error(error)
    render_no_run("Layers")
    st.stop()

st.title(f"Layers of {code_span(shorten(comparison.model.name, 48))}", anchor=False)
try:
    render_layer_analysis(folder, comparison)
finally:  # what a person has waited for is kept, even where drawing it is interrupted
    keep_new_files(run_id)
