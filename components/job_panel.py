"""A run while it goes on: the panel in the sidebar and the larger one on a page.

Both poll only while the run is active; when it ends they ask for one full rerun and fall silent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from components.format import format_seconds, shorten
from components.plain_text import code_span, escape_markdown, show_error
from components.routes import COMPARE_PAGE
from components.session import RUN_PARAMETER, Session, widget_key
from converter.errors import LiteDriftError
from converter.progress import Progress
from converter.run_store import cancel_run, follow_run, load_record

POLL_SECONDS = 1.0
KEPT_NOTE = "It goes on when you leave this page, and is kept with the run."
"""What is said of an analysis while it goes on."""
OUTCOMES = {
    "queued": (":material/schedule:", "blue", "Waiting"),
    "running": (":material/play_circle:", "blue", "Running"),
    "done": (":material/check_circle:", "green", "Finished"),
    "failed": (":material/error:", "red", "Failed"),
    "cancelled": (":material/cancel:", "gray", "Cancelled"),
    "interrupted": (":material/power_off:", "orange", "Interrupted"),
}


def render_job_panel(page_title: str) -> None:
    """Show the visitor's latest run in the sidebar, unless the page itself is about it."""
    session = Session()
    run_id = session.run_id or session.welcome_run_id
    progress = _follow_quietly(run_id)
    if run_id is None or progress is None or page_title in ("Compare", "History"):
        return
    if page_title == "Convert" and run_id == session.expected_run and progress.is_active:
        return
    every = POLL_SECONDS if progress.is_active else None
    with st.sidebar:
        st.fragment(_draw_sidebar_panel, run_every=every)(run_id, progress.is_active)


@dataclass(frozen=True, kw_only=True)
class JobWords:
    """What a page says of a job that waits or goes on, as Markdown.

    Attributes:
        waits: Its heading while it waits for its turn.
        runs: Its heading while it goes on.
        note: What stands below; the number of the step when left out.
    """

    waits: str
    runs: str
    note: str = ""


def render_progress(run_id: str) -> None:
    """Show an active run in full on a page: stage, time left, steps so far, Cancel."""
    name = code_span(_run_name(run_id))
    words = JobWords(waits=f"Waiting to compare {name}", runs=f"Comparing {name}")
    render_job(run_id, words, "page")


def render_job(
    run_id: str,
    words: JobWords,
    place: str,
    *,
    actions: Callable[[bool], None] | None = None,
    found: Callable[[], None] | None = None,
) -> None:
    """Show an active run, or an analysis of one, until it ends: then the page is drawn anew.

    Args:
        run_id: The job.
        words: What is said of it.
        place: Names its widgets apart from those that show the same job elsewhere.
        actions: Draws buttons beside Cancel; told whether the job still waits for its turn.
        found: Draws what was found so far, in place of the finished steps.
    """
    st.fragment(_draw_job, run_every=POLL_SECONDS)(run_id, words, place, actions, found)


def render_log(progress: Progress, *, expanded: bool = False) -> None:
    """Show the finished stages with their seconds."""
    if not progress.log:
        return
    with st.expander(f"Steps so far ({len(progress.log)})", icon=":material/list:",
                     expanded=expanded):
        st.dataframe(
            {
                "Step": [str(entry["stage"]) for entry in progress.log],
                "Seconds": [float(entry["seconds"]) for entry in progress.log],
            },
            hide_index=True,
            column_config={"Seconds": st.column_config.NumberColumn(format="%.2f", width="small")},
            alt="Finished steps of the run with their duration in seconds",
        )


def progress_text(progress: Progress) -> str:
    """Return the running stage and the time left, or the place in the queue, as Markdown."""
    left = progress.seconds_left
    if progress.status == "queued":
        done_in = f", done in about {format_seconds(left)}" if left else ""
        place = f"Position {max(1, progress.position or 1)} of {progress.waiting or 1}"
        return escape_markdown(f"{place}{done_in}")
    time_left = f" · about {format_seconds(left)} left" if left else ""
    return escape_markdown(f"{progress.stage[:1].upper()}{progress.stage[1:]}{time_left}")


def _draw_sidebar_panel(run_id: str, was_active: bool) -> None:
    progress = _follow_quietly(run_id)
    if progress is None:
        return
    if was_active and not progress.is_active:
        st.rerun()
    with st.container(border=True, gap="xsmall"):
        name = _run_name(run_id)
        if progress.is_active:
            st.caption("WAITING" if progress.status == "queued" else "RUNNING")
            st.markdown(code_span(shorten(name, 22)))
            st.progress(progress.fraction, text=progress_text(progress))
            render_cancel(run_id, "sidebar")
            return
        icon, color, word = OUTCOMES.get(progress.status, OUTCOMES["failed"])
        st.markdown(f":{color}[{icon} {word}]")
        st.markdown(code_span(shorten(name, 22)))
        label = "Open result" if progress.status == "done" else "Details"
        st.page_link(COMPARE_PAGE, label=label, icon=":material/arrow_forward:",
                     query_params={RUN_PARAMETER: run_id})


def _draw_job(
    run_id: str,
    words: JobWords,
    place: str,
    actions: Callable[[bool], None] | None,
    found: Callable[[], None] | None,
) -> None:
    try:
        progress = follow_run(run_id)
    except LiteDriftError as error:
        show_error(error)
        return
    if not progress.is_active:
        st.rerun()
    waits = progress.status == "queued"
    with st.container(border=True):
        st.header(words.waits if waits else words.runs, anchor=False)
        st.progress(progress.fraction, text=progress_text(progress))
        with st.container(horizontal=True, vertical_alignment="center",
                          horizontal_alignment="distribute"):
            st.caption(words.note or _step_words(progress))
            with st.container(horizontal=True, width="content"):
                if actions is not None:
                    actions(waits)
                render_cancel(run_id, place)
        if found is None:
            render_log(progress, expanded=False)
        else:
            found()


def _step_words(progress: Progress) -> str:
    if progress.total:
        return f"Step {min(progress.done + 1, progress.total)} of {progress.total}"
    if progress.status == "queued":
        return "It starts by itself; you may close this page."
    return "Starting"


def may_cancel(run_id: str) -> bool:
    """Whether the run is this visitor's own, not one opened by a link."""
    try:
        return load_record(run_id).owner == Session().visitor
    except LiteDriftError:
        return False


def render_cancel(run_id: str, place: str) -> None:
    """Offer Cancel to who started the run; whoever has the link may only look on."""
    if not may_cancel(run_id):
        return
    key = widget_key("job", f"cancel.{place}.{run_id}")
    asked = Session().is_cancelling(run_id)
    st.button("Cancelling …" if asked else "Cancel", key=key, icon=":material/stop_circle:",
              disabled=asked, on_click=_cancel, args=(run_id,))


def _cancel(run_id: str) -> None:
    try:
        cancel_run(run_id)
    except (LiteDriftError, OSError) as error:
        show_error(error)
    else:
        Session().mark_cancelling(run_id)


def _run_name(run_id: str) -> str:
    try:
        return load_record(run_id).name
    except LiteDriftError:
        return "a model"


def _follow_quietly(run_id: str | None) -> Progress | None:
    """Return a run's progress; None where the run is gone, which its own page reports."""
    if run_id is None:
        return None
    try:
        return follow_run(run_id)
    except LiteDriftError:
        return None
