"""An analysis of a run as a job: offered, followed while it goes on, started again.

What is said of each kind stands with its own page; see `converter/analysis_kinds.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from components.job_panel import KEPT_NOTE, OUTCOMES, JobWords, render_job
from components.plain_text import show_error
from components.session import Session, widget_key
from converter.analysis_jobs import follow_analysis, start_analysis
from converter.analysis_kinds import Analysis
from converter.errors import LiteDriftError
from converter.history import DONE
from converter.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What a page says of an analysis, as Markdown.

    Attributes:
        waits: The heading while it waits for its turn.
        runs: The heading while it goes on.
        heading: Of the offer.
        text: What will be done, and about how long it takes.
        button: Starts it.
        icon: Of the button.
    """

    waits: str
    runs: str
    heading: str
    text: str
    button: str
    icon: str


def render_analysis_job(asked: Analysis, offer: Offer, *, known: bool = False) -> None:
    """Show the analysis that goes on, or say how the last one ended, and offer to start one.

    Args:
        asked: What the offer is about.
        offer: What is said of it.
        known: Whether the page shows an answer already: then to measure it again is offered.
    """
    try:
        progress = follow_analysis(asked)
    except LiteDriftError as error:
        show_error(error)
        return
    if progress is not None and progress.is_active:
        words = JobWords(waits=offer.waits, runs=offer.runs, note=KEPT_NOTE)
        render_job(asked.job_id, words, asked.kind)
    else:
        _render_offer(asked, offer, progress, known=known)


def _render_offer(asked: Analysis, offer: Offer, ended: Progress | None, *, known: bool) -> None:
    failed = ended is not None and ended.status != DONE
    with st.container(border=not known, gap="small"):
        if ended is not None and failed:
            icon, color, word = OUTCOMES.get(ended.status, OUTCOMES["failed"])
            st.badge(word, icon=icon, color=color)
        if not known:
            st.header(offer.heading, anchor=False)
        if ended is not None and ended.error:
            show_error(ended.error)
        problem = st.session_state.pop(_problem_key(asked), None)
        if problem:
            show_error(problem)
        if not known:
            st.markdown(offer.text)
        label = "Measure again" if known else "Start again" if failed else offer.button
        st.button(label, icon=offer.icon, type="secondary" if known else "primary",
                  key=widget_key(asked.kind, "start"), on_click=_start, args=(asked, known))


def _start(asked: Analysis, anew: bool) -> None:
    session = Session()
    session.mark_cancelling(asked.job_id, asked=False)
    try:
        start_analysis(asked, session.visitor, anew=anew)
    except LiteDriftError as error:
        st.session_state[_problem_key(asked)] = str(error)


def _problem_key(asked: Analysis) -> str:
    return widget_key(asked.kind, f"problem.{asked.job_id}")
