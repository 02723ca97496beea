"""The runs that wait or go on, with their progress; polled only while there are any."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from components.format import shorten
from components.job_panel import POLL_SECONDS, progress_text, render_cancel
from components.plain_text import code_span
from converter.errors import LiteDriftError
from converter.history import RunRecord
from converter.progress import Progress
from converter.run_store import follow_run

_MOST = 6
"""Shown at once; a longer queue is told as a number."""


def render_active_runs(records: Sequence[RunRecord]) -> None:
    """Show the active ones of the runs; when one ends, the whole page is drawn anew."""
    active = [(r.run_id, r.name) for r in records if r.is_active]
    if active:
        st.fragment(_draw, run_every=POLL_SECONDS)(active)


def _draw(active: list[tuple[str, str]]) -> None:
    states = [(run_id, name, _follow(run_id)) for run_id, name in active]
    if any(progress is None or not progress.is_active for _, _, progress in states):
        st.rerun()
    # Those that run come first, then the queue in its order.
    states.sort(key=lambda state: (state[2].status == "queued", state[2].position or 0))
    with st.container(border=True, gap="xsmall"):
        for run_id, name, progress in states[:_MOST]:
            _draw_run(run_id, name, progress)
        if len(states) > _MOST:
            st.caption(f"{len(states) - _MOST} more wait for their turn.")


def _draw_run(run_id: str, name: str, progress: Progress) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(progress.fraction,
                    text=f"{code_span(shorten(name, 32))} {progress_text(progress)}")
        render_cancel(run_id, "history")


def _follow(run_id: str) -> Progress | None:
    try:
        return follow_run(run_id)
    except LiteDriftError:
        return None
