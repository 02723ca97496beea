"""The deep analysis of a variant as a job: asked for, followed while it goes on, started again."""

from __future__ import annotations

import streamlit as st

from components.job_panel import OUTCOMES, POLL_SECONDS, progress_text, render_cancel
from components.plain_text import code_span, escape_markdown, show_error
from components.session import Session, widget_key
from converter.analysis_jobs import analysis_id, follow_analysis, start_analysis
from converter.comparison import Comparison
from converter.deep_analysis import MOST_SAMPLES
from converter.errors import LiteDriftError
from converter.history import DONE
from converter.progress import Progress
from converter.run_store import follow_run

_PROBLEM = widget_key("layers", "problem")


def render_analysis_job(run_id: str, comparison: Comparison, recipe: str) -> None:
    """Show the analysis that goes on, or say how the last one ended, and offer to start one."""
    try:
        progress = follow_analysis(run_id, recipe)
    except LiteDriftError as error:
        show_error(error)
        return
    if progress is not None and progress.is_active:
        st.fragment(_draw_progress, run_every=POLL_SECONDS)(analysis_id(run_id, recipe), recipe)
    else:
        _offer(run_id, comparison, recipe, progress)


def _draw_progress(job_id: str, recipe: str) -> None:
    try:
        progress = follow_run(job_id)
    except LiteDriftError as error:
        show_error(error)
        return
    if not progress.is_active:
        st.rerun()
    waits = progress.status == "queued"
    with st.container(border=True):
        verb = "Waiting to look into" if waits else "Looking into"
        st.header(f"{verb} {code_span(recipe)}", anchor=False)
        st.progress(progress.fraction, text=progress_text(progress))
        with st.container(horizontal=True, vertical_alignment="center",
                          horizontal_alignment="distribute"):
            st.caption("It goes on when you leave this page, and is kept with the run.")
            render_cancel(job_id, "layers")


def _offer(run_id: str, comparison: Comparison, recipe: str, ended: Progress | None) -> None:
    samples = min(MOST_SAMPLES, comparison.data.evaluation_samples)
    with st.container(border=True, gap="small"):
        if ended is not None and ended.status != DONE:
            icon, color, word = OUTCOMES.get(ended.status, OUTCOMES["failed"])
            st.badge(word, icon=icon, color=color)
        st.header(f"Look into {code_span(recipe)}", anchor=False)
        if ended is not None and ended.error:
            show_error(ended.error)
        problem = st.session_state.pop(_PROBLEM, None)
        if problem:
            show_error(problem)
        st.markdown(escape_markdown(
            f"Runs the float32 file and the variant layer by layer on {samples} evaluation "
            "samples, and times every operator alone: seconds for a small model, minutes for a "
            "large one. You may leave the page meanwhile."
        ))
        again = ended is not None and ended.status != DONE
        st.button("Start again" if again else "Look into it", icon=":material/biotech:",
                  type="primary", key=widget_key("layers", "start"), on_click=_start,
                  args=(run_id, recipe))


def _start(run_id: str, recipe: str) -> None:
    session = Session()
    session.mark_cancelling(analysis_id(run_id, recipe), asked=False)
    try:
        start_analysis(run_id, recipe, session.visitor)
    except LiteDriftError as error:
        st.session_state[_PROBLEM] = str(error)
