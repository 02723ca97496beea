"""The run that a page is about: the one in view, or what there is to say where it has no result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from components.format import shorten
from components.job_panel import OUTCOMES, render_log, render_progress
from components.plain_text import code_span, escape_markdown, show_error
from components.routes import CONVERT_PAGE, HISTORY_PAGE, MODEL_PAGE
from components.run_resume import finished_sentence, render_resume, show_resume_problem
from components.session import RUN_PARAMETER, Session, widget_key
from converter.comparison import Comparison
from converter.errors import LiteDriftError
from converter.history import DONE
from converter.progress import Progress
from converter.run_store import follow_run, load_comparison, load_record, run_files

_NEXT = {
    "failed": "Change what the sentence names, on the Model or the Convert page, and start a new "
    "run; or resume this one where the reason has passed.",
    "cancelled": "Resume it whenever you like.",
    "interrupted": "The server or the machine was stopped meanwhile.",
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


@dataclass(frozen=True)
class OpenRun:
    """A finished run in view.

    Attributes:
        run_id: The run.
        progress: How it ended.
        comparison: Its result.
        files: Its files by name, to be read only.
    """

    run_id: str
    progress: Progress
    comparison: Comparison
    files: Mapping[str, Path]


def open_run(page: str) -> OpenRun:
    """Return the run to show; where it has no result, say so and end the page.

    Args:
        page: The page's name, for its title.
    """
    run_id = pick_run(Session())
    if run_id is None:
        render_no_run(page)
        st.stop()
    try:
        progress = follow_run(run_id)
        if progress.status != DONE:
            render_without_result(run_id, progress, page)
            st.stop()
        return OpenRun(run_id, progress, load_comparison(run_id), run_files(run_id))
    except LiteDriftError as error:
        show_error(error)
        render_no_run(page)
        st.stop()


def render_no_run(title: str = "Compare") -> None:
    """Say what to do where there is nothing to compare."""
    st.title(title, anchor=False)
    with st.container(border=True, horizontal_alignment="center"):
        st.header("Nothing to compare yet", anchor=False, text_alignment="center")
        st.markdown("Pick a model, choose flags and start a run; its result appears here.",
                    text_alignment="center")
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.page_link(MODEL_PAGE, label="Pick a model", icon=":material/deployed_code:")
            st.page_link(HISTORY_PAGE, label="Earlier runs", icon=":material/history:")


def render_no_history() -> None:
    """Say what to do where no run was kept yet."""
    with st.container(border=True, horizontal_alignment="center"):
        st.header("No runs yet", anchor=False, text_alignment="center")
        st.markdown("Every run that you start is kept here, to be found, named, compared and "
                    "shared.", text_alignment="center")
        st.page_link(MODEL_PAGE, label="Pick a model", icon=":material/deployed_code:")


def render_without_result(run_id: str, progress: Progress, page: str = "Compare") -> None:
    """Show a run that goes on, or say how it ended, what to do next, and its steps."""
    if progress.is_active:
        st.title(page, anchor=False)
        render_progress(run_id)
        return
    icon, color, word = OUTCOMES.get(progress.status, OUTCOMES["failed"])
    st.title(f"Compare {code_span(shorten(_model_name(run_id), 40))}", anchor=False)
    with st.container(border=True, gap="xsmall"):
        st.badge(word, icon=icon, color=color)
        sentence = progress.error or f"The run was {progress.status} before it had a result."
        st.header(escape_markdown(sentence), anchor=False)
        st.markdown(f"{_NEXT.get(progress.status, _NEXT['failed'])} {finished_sentence(run_id)}")
        show_resume_problem()
        with st.container(horizontal=True, vertical_alignment="center"):
            render_resume(run_id, progress.status, "compare", primary=True)
            st.page_link(CONVERT_PAGE, label="Change the flags", icon=":material/tune:")
            st.page_link(MODEL_PAGE, label="Another model", icon=":material/deployed_code:")
    render_log(progress, expanded=progress.status == "failed")


def _model_name(run_id: str) -> str:
    try:
        return load_record(run_id).name
    except LiteDriftError:
        return "a model"


def _name(run_id: str, known: list[str]) -> str:
    number = len(known) - known.index(run_id)
    return f"{number}. {shorten(_model_name(run_id), 28)}"
