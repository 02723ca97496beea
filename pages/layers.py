"""Layers: where a variant's error and time come from, layer by layer and operator by operator."""

import streamlit as st

from components.calibration_study import render_calibration_study
from components.format import shorten
from components.frame import ensure_frame
from components.layer_analysis import offer_analysis, pick_analysable, render_layer_analysis
from components.plain_text import code_span, show_error
from components.run_states import open_run
from components.session import RUN_PARAMETER, VARIANT_PARAMETER
from components.share_link import render_link
from converter.analysed_run import find_analysis
from converter.errors import LiteDriftError

ensure_frame()

run = open_run("Layers")
comparison, files = run.comparison, run.files

st.title(f"Layers of {code_span(shorten(comparison.model.name, 48))}", anchor=False)
with st.container(horizontal=True, vertical_alignment="bottom"):
    variant = pick_analysable(files, comparison)
    if variant is None:
        st.stop()
    render_link({RUN_PARAMETER: run.run_id, VARIANT_PARAMETER: variant.recipe})
try:
    analysis = find_analysis(files, variant)
except LiteDriftError as error:  # it can be made anew
    show_error(error)
    analysis = None
if analysis is None:
    offer_analysis(run.run_id, comparison, variant.recipe)
else:
    render_layer_analysis(files, comparison, analysis)
render_calibration_study(run.run_id, files, comparison)
