"""Deleted runs: Undo at once, which stays until it is used, and the list to restore from later."""

from __future__ import annotations

import time
from collections.abc import Sequence

import streamlit as st

from components.format import format_seconds, shorten
from components.plain_text import code_span, show_error
from components.session import Session, widget_key
from converter.errors import LiteDriftError
from converter.history import RunRecord
from converter.limits import current_limits
from converter.run_store import load_record, restore_run

_PROBLEM = widget_key("history", "restore_problem")


def render_undo(session: Session) -> None:
    """Offer Undo for every run that was just deleted here."""
    problem = st.session_state.pop(_PROBLEM, None)
    if problem:
        show_error(problem)
    for run_id in session.deleted_runs:
        record = _deleted(run_id)
        if record is None:
            session.withdraw_undo(run_id)
            continue
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/delete: {code_span(shorten(record.name, 48))} was deleted.")
            st.button("Undo", icon=":material/undo:", type="primary", on_click=_restore,
                      args=(run_id,), key=widget_key("history", f"undo.{run_id}"))
            st.button("Dismiss", type="tertiary", on_click=session.withdraw_undo, args=(run_id,),
                      key=widget_key("history", f"dismiss.{run_id}"))


def render_deleted_runs(records: Sequence[RunRecord]) -> None:
    """Show what can be had back, and for how long."""
    if not records:
        return
    with st.expander(f"Recently deleted ({len(records)})", icon=":material/delete:"):
        for record in records:
            with st.container(horizontal=True, vertical_alignment="center",
                              horizontal_alignment="distribute"):
                st.markdown(f"{code_span(shorten(record.name, 48))} "
                            f":small[{_time_left(record)}]")
                st.button("Restore", icon=":material/undo:", on_click=_restore,
                          args=(record.run_id,),
                          key=widget_key("history", f"restore.{record.run_id}"))


def _time_left(record: RunRecord) -> str:
    left = (record.deleted or 0) + current_limits().undo_seconds - time.time()
    if left <= 0:
        return "goes at the next clean-up"
    return f"kept for {format_hours(left)}"


def format_hours(seconds: float) -> str:
    """Return a span as a person plans with it: hours, or less where it is less."""
    if seconds < 3600:
        return format_seconds(seconds)
    hours = round(seconds / 3600)
    return f"{hours} hour{'' if hours == 1 else 's'}"


def _deleted(run_id: str) -> RunRecord | None:
    try:
        record = load_record(run_id)
    except LiteDriftError:
        return None
    return record if record.deleted is not None else None


def _restore(run_id: str) -> None:
    session = Session()
    try:
        restore_run(run_id)
    except LiteDriftError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    session.withdraw_undo(run_id)
    session.open_run(run_id)
