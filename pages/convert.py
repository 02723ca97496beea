"""Convert: which flags to try, under which conditions, and the run while it goes on."""

import streamlit as st

from components.frame import ensure_frame
from components.given_files import pick_given_files
from components.job_panel import render_progress
from components.recipe_form import pick_custom_recipes, pick_presets
from components.run_settings import ask_settings
from components.run_starter import (
    follow_expected_run,
    render_another,
    render_ending,
    render_start,
    render_target,
)
from components.session import Session
from components.starting_point import read_starting_point, render_starting_point
from components.steps import render_no_model
from converter.recipe import AS_GIVEN

ensure_frame()

session = Session()
progress = follow_expected_run(session)
if progress is not None and progress.is_active:
    st.title("Converting", anchor=False)
    render_progress(session.expected_run)
    render_another(session)
    st.stop()

st.title("Choose flags", anchor=False)
if progress is not None:
    render_ending(progress)
model, data = session.model, session.data
if model is None:
    render_no_model(session)
    st.stop()

render_target(model, data)
start = read_starting_point(model)
render_starting_point(start)
if start.is_quantized:
    recipes = [AS_GIVEN]
else:
    st.header("Presets", anchor=False)
    recipes = pick_presets(start)
    st.header("Custom recipes", anchor=False)
    recipes += pick_custom_recipes(session, start)
st.header("Files of your own", anchor=False)
given = pick_given_files(session, recipes)
st.header("Run settings", anchor=False)
settings = ask_settings(start, data)
render_start(session, model, data, recipes, given, settings)
