"""Story: a finished run for people who decide, in one sentence, three figures and one picture."""

import streamlit as st

from components.formula_names import render_names
from components.formulas.overview import story_formulas
from components.frame import ensure_frame
from components.run_states import open_run
from components.session import RUN_PARAMETER, VARIANT_PARAMETER
from components.share_link import render_present_link
from components.story.stage import ask_audience, render_downloads, render_meaning, render_stage
from components.story.telling import tell_story
from components.verdict_card import pick_variant
from converter.comparison import load_latency_samples
from converter.verdict import judge

ensure_frame()

run = open_run("Story")
comparison = run.comparison
variant = pick_variant(comparison, judge(comparison).recipe)
if variant is None:
    st.title("Story", anchor=False)
    st.info("No variant of this run was converted, so there is nothing to tell.")
    st.stop()

place = st.container()
users, inferences = ask_audience()
story = tell_story(
    comparison, variant, load_latency_samples(run.files), users=users, inferences=inferences
)
with place:
    st.title(story.title, anchor=False)
    render_stage(story)
render_names(story_formulas(comparison, variant, users=users, inferences=inferences))
render_meaning(story)
if not st.context.is_embedded:
    render_downloads(story)
render_present_link({
    RUN_PARAMETER: run.run_id, VARIANT_PARAMETER: variant.recipe, "users": str(users),
    "inferences": str(inferences),
})
