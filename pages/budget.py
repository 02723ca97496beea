"""Budget: what must hold, and the mixed precision that a search finds for it."""

import streamlit as st

from components.budget.question_form import ask_question
from components.budget.searches import BUDGET_PARAMETER, render_searches, start_search
from components.budget.sensitivity_view import render_sensitivity
from components.format import shorten
from components.frame import ensure_frame
from components.plain_text import code_span, show_error
from components.run_states import open_run
from components.session import RUN_PARAMETER, widget_key
from components.share_link import render_link
from converter.analysed_run import check_candidates
from converter.errors import LiteDriftError

ensure_frame()

run = open_run("Budget")
comparison, files = run.comparison, run.files

st.title(f"A budget for {code_span(shorten(comparison.model.name, 44))}", anchor=False)
with st.container(horizontal=True, vertical_alignment="center",
                  horizontal_alignment="distribute"):
    st.markdown("Say what must hold: each layer gets a precision of its own. The search sees one "
                "half of the kept samples; every answer is reported on the other.")
    render_link({RUN_PARAMETER: run.run_id,
                 BUDGET_PARAMETER: st.query_params.get(BUDGET_PARAMETER)})
try:
    check_candidates(files, comparison)
except LiteDriftError as error:
    show_error(error)
    st.stop()

question = ask_question(comparison, has_labels=comparison.reference.accuracy is not None)
st.button("Search", icon=":material/search:", type="primary", disabled=question is None,
          key=widget_key("budget", "ask"), on_click=start_search, args=(run.run_id, question),
          help="Set at least one limit." if question is None else None)
render_searches(run.run_id, files)
render_sensitivity(run.run_id, files)
