"""Starting a run again that has ended: Resume, and measuring its latency once more."""

from __future__ import annotations

import streamlit as st

from components.plain_text import show_error, show_warning
from components.session import Session, widget_key
from converter.errors import LiteDriftError
from converter.history import RunRecord
from converter.progress import Progress
from converter.run_store import finished_variants, load_record, resume_run

RESUMABLE = ("interrupted", "failed", "cancelled")
_PROBLEM = widget_key("resume", "problem")


def render_resume(run_id: str, status: str, place: str, *, primary: bool = False) -> None:
    """Offer to go on with a run that ended early, and say what is used again."""
    if status not in RESUMABLE:
        return
    st.button("Resume", icon=":material/resume:", type="primary" if primary else "secondary",
              key=widget_key(place, f"resume.{run_id}"), on_click=_start_again,
              args=(run_id, False), help=finished_sentence(run_id))


def finished_sentence(run_id: str) -> str:
    """Return how many finished variants of a run are used again."""
    count = finished_variants(run_id)
    if not count:
        return "No variant was finished; a resumed run begins from the start."
    are = "variant is finished and is" if count == 1 else "variants are finished and are"
    return f"{count} {are} used again."


def render_measure_again(record: RunRecord, place: str) -> None:
    """Offer one more latency measurement of a finished run."""
    if record.status != "done":
        return
    st.button("Measure latency again", icon=":material/timer:",
              key=widget_key(place, f"measure.{record.run_id}"), on_click=_start_again,
              args=(record.run_id, True),
              help="Times the original and every variant anew, with nothing else going on. What "
              "was converted is used again, and the earlier measurements are kept.")


def render_last_attempt(run_id: str, progress: Progress) -> None:
    """Say of a run with a result that it was deleted, or what went wrong when it ran again."""
    if load_record(run_id).deleted is not None:
        show_warning("This run was deleted; the History page can have it back for a while.")
    if progress.status == "done" and progress.error:
        show_error(progress.error)


def show_resume_problem() -> None:
    """Show why the last Resume was refused, once."""
    problem = st.session_state.pop(_PROBLEM, None)
    if problem:
        show_error(problem)


def _start_again(run_id: str, measure_anew: bool) -> None:
    session = Session()
    try:
        resume_run(run_id, session.visitor, measure_anew=measure_anew)
    except LiteDriftError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    session.mark_cancelling(run_id, asked=False)
    session.open_run(run_id)
