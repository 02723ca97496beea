"""Samples: how accurate each variant is, on which samples it differs, and how errors spread."""

import streamlit as st

from components.accuracy_details import render_accuracy_details, render_distributions
from components.format import shorten
from components.frame import ensure_frame
from components.palette import custom_names, recipe_color
from components.plain_text import code_span
from components.run_states import open_run
from components.sample_browser import render_sample_browser
from components.sample_choice import pick_measured, pick_output, render_no_samples
from converter.sample_file import load_sample_file

ensure_frame()

run = open_run("Samples")
comparison = run.comparison

st.title(f"Samples of {code_span(shorten(comparison.model.name, 48))}", anchor=False)
output = pick_output(comparison)
render_accuracy_details(comparison, output)
variant = pick_measured(comparison)
content = variant and load_sample_file(run.files, variant.recipe)
if variant is None or content is None or output not in content.outputs:
    render_no_samples(variant)
    st.stop()

custom = custom_names([each.recipe for each in comparison.variants])
color = recipe_color(variant.recipe, custom)
render_sample_browser(variant, content, content.outputs[output], color)
render_distributions(variant, content.outputs[output], color)
