"""Model size: where a variant's bytes went, and why it is not four times smaller."""

import streamlit as st

from components.format import shorten
from components.frame import ensure_frame
from components.plain_text import code_span
from components.run_states import open_run
from components.session import RUN_PARAMETER, VARIANT_PARAMETER
from components.share_link import render_link
from components.size_view import (
    read_variant,
    render_answer,
    render_areas,
    render_predictions,
    render_steps,
)
from components.verdict_card import pick_variant
from converter.verdict import judge

ensure_frame()

run = open_run("Model size")
comparison = run.comparison

st.title(f"Size of {code_span(shorten(comparison.model.name, 48))}", anchor=False)
variant = pick_variant(comparison, judge(comparison).recipe)
if variant is None:
    st.info("No variant of this run was converted, so there is no file to take apart.",
            icon=":material/info:")
    st.stop()

sized = read_variant(run.files, comparison, variant)
if sized is not None:
    render_answer(comparison, sized)
    render_link({RUN_PARAMETER: run.run_id, VARIANT_PARAMETER: variant.recipe})
    render_steps(comparison, sized)
    render_areas(sized)
render_predictions(comparison, variant)
