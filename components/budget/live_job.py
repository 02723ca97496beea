"""A search while it goes on: how far it is, what it has found, Stop that keeps the best."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from components.job_panel import POLL_SECONDS, may_cancel, progress_text, render_cancel
from components.plain_text import show_error
from components.session import widget_key
from converter.analysis_kinds import Analysis
from converter.errors import LiteDriftError
from converter.live_file import ask_to_stop, is_stopping
from converter.run_store import follow_run, run_folder

Draw = Callable[[Path], None]


def render_live_job(
    asked: Analysis, heading: str, draw: Draw, stop: str = "Stop and keep the best"
) -> None:
    """Show a job until it ends; then the page is drawn anew.

    Args:
        asked: What it does.
        heading: What is said of it, as Markdown.
        draw: Draws what was found so far, out of the job's folder.
        stop: What the button says that ends it early.
    """
    st.fragment(_draw, run_every=POLL_SECONDS)(asked, heading, draw, stop)


def _draw(asked: Analysis, heading: str, draw: Draw, stop: str) -> None:
    job_id = asked.job_id
    try:
        progress, folder = follow_run(job_id), run_folder(job_id)
    except LiteDriftError as error:
        show_error(error)
        return
    if not progress.is_active:
        st.rerun()
    waits = progress.status == "queued"
    with st.container(border=True):
        st.header(f"Waiting: {heading}" if waits else heading, anchor=False)
        st.progress(progress.fraction, text=progress_text(progress))
        with st.container(horizontal=True, vertical_alignment="center",
                          horizontal_alignment="distribute"):
            st.caption("It goes on when you leave this page, and is kept with the run.")
            with st.container(horizontal=True, width="content"):
                if may_cancel(job_id) and not waits:
                    stops = is_stopping(folder)
                    st.button(
                        "Stopping …" if stops else stop, disabled=stops,
                        icon=":material/front_hand:", type="primary",
                        key=widget_key(asked.kind, f"stop.{job_id}"), on_click=_stop,
                        args=(folder,),
                    )
                render_cancel(job_id, asked.kind)
        draw(folder)


def _stop(folder: Path) -> None:
    try:
        ask_to_stop(folder)
    except OSError as error:
        show_error(f"The search could not be stopped ({error.strerror}); cancel it.")
