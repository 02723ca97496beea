"""Samples: how accurate each variant is, on which samples it differs, and how errors spread."""

import streamlit as st

from components.accuracy_details import render_accuracy_details, render_distributions
from components.format import shorten
from components.frame import ensure_frame
from components.palette import custom_names, recipe_color
from components.plain_text import code_span, show_error
from components.run_states import pick_run, render_no_run, render_without_result
from components.sample_browser import render_sample_browser
from components.sample_choice import pick_measured, pick_output, render_no_samples
from components.session import Session
from converter.errors import LiteDriftError
from converter.run_store import follow_run, load_comparison, run_files
from converter.sample_file import load_sample_file

ensure_frame()

run_id = pick_run(Session())
if run_id is None:
    render_no_run("Samples")
    st.stop()

try:
    progress = follow_run(run_id)
    if progress.status != "done":
        render_without_result(run_id, progress)
        st.stop()
    comparison = load_comparison(run_id)
except LiteDriftError as error:
    show_error(error)
    render_no_run("Samples")
    st.stop()

st.title(f"Samples of {code_span(shorten(comparison.model.name, 48))}", anchor=False)
output = pick_output(comparison)
render_accuracy_details(comparison, output)
variant = pick_measured(comparison)
content = variant and load_sample_file(run_files(run_id), variant.recipe)
if variant is None or content is None or output not in content.outputs:
    render_no_samples(variant)
    st.stop()

custom = custom_names([each.recipe for each in comparison.variants])
color = recipe_color(variant.recipe, custom)
render_sample_browser(variant, content, content.outputs[output], color)
render_distributions(variant, content.outputs[output], color)
