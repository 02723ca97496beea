"""Flags: what each flag of a conversion does, alone and together with another."""

import streamlit as st

from components.engine_view import render_engines
from components.flag_choice import pick_subject, render_flag_choice, subject_of_run
from components.flag_effects_view import render_flag_effects
from components.flag_runs import pick_further_runs
from components.format import shorten
from components.frame import ensure_frame
from components.plain_text import code_span, show_error
from components.run_states import open_run
from components.session import RUN_PARAMETER, Session
from components.share_link import render_link
from converter.errors import LiteDriftError
from converter.flag_study import study_flags

ensure_frame()

session = Session()
run = of_run = None
if session.model is not None and session.run_id is None and session.welcome_run_id is None:
    st.title("Flags", anchor=False)  # a model in hand and no run yet: one can be started here
else:
    run = open_run("Flags")
    st.title(f"Flags of {code_span(shorten(run.comparison.model.name, 48))}", anchor=False)
    render_link({RUN_PARAMETER: run.run_id})
    of_run = subject_of_run(run.run_id, run.comparison)
    try:
        further = pick_further_runs(session, run.run_id, run.comparison)
        render_flag_effects(study_flags([run.comparison, *further]))
    except LiteDriftError as error:
        show_error(error)

st.header("Cross flags", anchor=False)
st.markdown("Every allowed setting of some flags in one run tells what each flag does, and what "
            "two of them do together.")
subject = pick_subject(session, of_run)
if subject is not None:
    render_flag_choice(session, subject)
if run is not None:
    render_engines(run.run_id, run.files, run.comparison)
