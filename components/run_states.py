"""What the Compare page shows when there is no result: nothing yet, or a run that ended early."""

from __future__ import annotations

import streamlit as st

from components.format import shorten
from components.job_panel import OUTCOMES, render_log, render_progress
from components.plain_text import code_span, escape_markdown
from components.routes import CONVERT_PAGE, MODEL_PAGE
from components.session import RUN_PARAMETER, Session, widget_key
from converter.errors import LiteDriftError
from converter.progress import Progress
from converter.run_store import load_request

_NEXT = {
    "failed": "Change what the sentence names, on the Model or the Convert page, and start again.",
    "cancelled": "Nothing was kept; start it again whenever you like.",
    "interrupted": "The server or the machine was stopped meanwhile; start it again.",
}


def pick_run(session: Session) -> str | None:
    """Return the run to show: the address's, else the session's newest, else the first visit's.

    Where this session knows several runs, a selector offers them.
    """
    known = session.own_runs
    current = session.run_id or session.welcome_run_id
    if current is not None and session.run_id is None:
        st.query_params[RUN_PARAMETER] = current  # the address then leads back to it
    if current is None or len(known) < 2 or current not in known:
        return current
    names = {run_id: _name(run_id, known) for run_id in known}
    with st.sidebar:
        st.selectbox(
            "Runs of this session", known, index=known.index(current),
            format_func=lambda run_id: names.get(run_id, run_id),
            key=widget_key("compare", f"run.{current}"),
            on_change=lambda: session.open_run(
                st.session_state[widget_key("compare", f"run.{current}")]
            ),
        )
    return current


def render_no_run(title: str = "Compare") -> None:
    """Say what to do where there is nothing to compare."""
    st.title(title, anchor=False)
    with st.container(border=True, horizontal_alignment="center"):
        st.header("Nothing to compare yet", anchor=False, text_alignment="center")
        st.markdown("Pick a model, choose flags and start a run; its result appears here.",
                    text_alignment="center")
        st.page_link(MODEL_PAGE, label="Pick a model", icon=":material/deployed_code:")


def render_without_result(run_id: str, progress: Progress) -> None:
    """Show a run that goes on, or say how it ended, what to do next, and its steps."""
    if progress.is_active:
        st.title("Compare", anchor=False)
        render_progress(run_id)
        return
    icon, color, word = OUTCOMES.get(progress.status, OUTCOMES["failed"])
    st.title(f"Compare {code_span(_model_name(run_id))}", anchor=False)
    with st.container(border=True, gap="xsmall"):
        st.badge(word, icon=icon, color=color)
        sentence = progress.error or f"The run was {progress.status} before it had a result."
        st.header(escape_markdown(sentence), anchor=False)
        st.markdown(_NEXT.get(progress.status, _NEXT["failed"]))
        with st.container(horizontal=True):
            st.page_link(CONVERT_PAGE, label="Start again", icon=":material/replay:")
            st.page_link(MODEL_PAGE, label="Another model", icon=":material/deployed_code:")
    render_log(progress, expanded=progress.status == "failed")


def _model_name(run_id: str) -> str:
    try:
        return load_request(run_id).model_name
    except LiteDriftError:
        return "a model"


def _name(run_id: str, known: list[str]) -> str:
    number = len(known) - known.index(run_id)
    return f"{number}. {shorten(_model_name(run_id), 28)}"
