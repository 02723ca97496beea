"""A search while it goes on: how far it is, what it has found, Stop that keeps the best."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st

from components.job_panel import KEPT_NOTE, JobWords, may_cancel, render_job
from components.plain_text import show_error
from components.session import widget_key
from converter.analysis_kinds import Analysis
from converter.live_file import ask_to_stop, is_stopping
from converter.run_store import run_folder

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
    folder = run_folder(asked.job_id)
    render_job(
        asked.job_id, JobWords(waits=f"Waiting: {heading}", runs=heading, note=KEPT_NOTE),
        asked.kind, actions=partial(_stop_button, asked, folder, stop), found=partial(draw, folder),
    )  # fmt: skip


def _stop_button(asked: Analysis, folder: Path, label: str, waits: bool) -> None:  # noqa: FBT001
    if waits or not may_cancel(asked.job_id):
        return
    stops = is_stopping(folder)
    st.button(
        "Stopping …" if stops else label, disabled=stops, icon=":material/front_hand:",
        type="primary", key=widget_key(asked.kind, f"stop.{asked.job_id}"), on_click=_stop,
        args=(folder,),
    )


def _stop(folder: Path) -> None:
    try:
        ask_to_stop(folder)
    except OSError as error:
        show_error(f"The search could not be stopped ({error.strerror}); cancel it.")
