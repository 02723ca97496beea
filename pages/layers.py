"""Layers: where a variant's error and time come from, layer by layer and operator by operator."""

import streamlit as st

from components.calibration_study import render_calibration_study
from components.format import shorten
from components.frame import ensure_frame
from components.layer_analysis import render_layer_analysis
from components.plain_text import code_span, show_error
from components.run_states import open_run
from converter.errors import LiteDriftError
from converter.run_store import keep_new_files, lay_out_files

ensure_frame()

run = open_run("Layers")
comparison = run.comparison

st.title(f"Layers of {code_span(shorten(comparison.model.name, 48))}", anchor=False)
try:
    render_layer_analysis(lay_out_files(run.run_id), comparison)
    keep_new_files(run.run_id)
    if render_calibration_study(lay_out_files(run.run_id), comparison) is not None:
        keep_new_files(run.run_id)
        st.rerun()
except LiteDriftError as error:
    show_error(error)
