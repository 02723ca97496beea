"""One run of the history in full: what it is, what can be done with it, its measurements."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from components.format import format_bytes, format_seconds, shorten
from components.formula_names import render_names
from components.formulas import Formula
from components.formulas.overview import run_size_formula
from components.history_filters import search_parameters
from components.job_panel import OUTCOMES
from components.measurement_table import render_measurements
from components.plain_text import code_span, escape_markdown, show_error, visible_text
from components.routes import COMPARE_PAGE, SIDE_BY_SIDE_PAGE
from components.run_resume import (
    RESUMABLE,
    finished_sentence,
    render_measure_again,
    render_resume,
    show_resume_problem,
)
from components.session import RUN_PARAMETER, Session, widget_key
from components.share_link import render_link
from components.side_by_side_choice import RUNS_PARAMETER
from components.whose_runs import may_change
from converter.errors import LiteDriftError
from converter.history import RunRecord
from converter.run_search import RunSearch
from converter.run_store import (
    delete_run,
    describe_run,
    load_record,
    pin_run,
    rename_run,
    run_files,
)

_PROBLEM = widget_key("history", "problem")


def render_run_panel(session: Session, search: RunSearch, tags: list[str]) -> None:
    """Show the run in view; nothing where there is none, or it was deleted.

    Args:
        session: Of this visitor.
        search: What the list is narrowed to, for the link.
        tags: Known ones, to choose from.
    """
    if session.run_id is None:
        st.caption("Choose a run in the table to open, name, tag, keep or delete it.")
        return
    try:
        record = load_record(session.run_id)
    except LiteDriftError as error:
        show_error(error)
        return
    if record.deleted is not None:
        return
    _show_problem()
    with st.container(border=True):
        _render_facts(record)
        show_resume_problem()
        _render_actions(session, record, search)
        if may_change(session, record):
            _render_form(record, tags)
        render_measurements(record)


def _render_facts(record: RunRecord) -> None:
    icon, color, word = OUTCOMES.get(record.status, OUTCOMES["failed"])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(code_span(shorten(record.name, 48)), anchor=False, width="content")
        st.badge(word, icon=icon, color=color)
        if record.pinned:
            st.badge("Pinned", icon=":material/keep:", color="gray")
        for tag in record.tags:
            st.badge(escape_markdown(tag), color="gray")
    data = shorten(record.data_name, 40) if record.data_name else "random samples"
    parts = [
        f"{shorten(record.model_name, 40)} on {data}",
        f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%d %H:%M} UTC",
        format_bytes(record.size_bytes),
    ]
    if record.finished and record.started:
        parts.append(f"took {format_seconds(record.finished - record.started)}")
    st.caption(escape_markdown(" · ".join(parts)))
    render_names([_size_formula(record)])
    if record.error:
        show_error(record.error)
    if record.status in RESUMABLE:
        st.markdown(finished_sentence(record.run_id))


def _size_formula(record: RunRecord) -> Formula:
    """Return the run's size as the sum of its files; runs share a file by its content."""
    try:
        sizes = {str(path): path.stat().st_size for path in run_files(record.run_id).values()}
    except (LiteDriftError, OSError):
        sizes = {}
    return run_size_formula(sizes, record.size_bytes)


def _render_actions(session: Session, record: RunRecord, search: RunSearch) -> None:
    run_id = record.run_id
    changes = may_change(session, record)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        label = "Open result" if record.status == "done" else "Open run"
        if st.button(label, icon=":material/arrow_forward:", type="primary",
                     key=widget_key("history", f"open.{run_id}")):
            st.switch_page(COMPARE_PAGE, query_params={RUN_PARAMETER: run_id})
        if changes:
            render_resume(run_id, record.status, "history")
            render_measure_again(record, "history")
            st.button("Unpin" if record.pinned else "Pin", icon=":material/keep:",
                      key=widget_key("history", f"pin.{run_id}"), on_click=_pin,
                      args=(run_id, not record.pinned),
                      help="A pinned run is kept whatever the quota says.")
            st.button("Delete", icon=":material/delete:",
                      key=widget_key("history", f"delete.{run_id}"), on_click=_delete,
                      args=(run_id,), help="It can be had back for a while.")
        if record.status == "done":
            st.page_link(SIDE_BY_SIDE_PAGE, label="Side by side", icon=":material/view_column_2:",
                         query_params={RUNS_PARAMETER: run_id})
        render_link({RUN_PARAMETER: run_id, **search_parameters(search)})


def _render_form(record: RunRecord, tags: list[str]) -> None:
    run_id = record.run_id
    with st.form(widget_key("history", f"form.{run_id}"), border=False):
        with st.grid(2, min_column_width=260, gap="small"):
            name = st.text_input("Name", visible_text(record.name), max_chars=200,
                                 key=widget_key("history", f"name.{run_id}"))
            chosen = st.multiselect(
                "Tags", list(dict.fromkeys([*tags, *record.tags])), default=list(record.tags),
                accept_new_options=True, format_func=visible_text,
                placeholder="Choose or type one", key=widget_key("history", f"tags.{run_id}"),
            )
        note = st.text_area("Note", record.note, max_chars=10_000, height=80,
                            key=widget_key("history", f"note.{run_id}"))
        if st.form_submit_button("Save", icon=":material/save:"):
            _save(record, name, tuple(chosen), note)


def _save(record: RunRecord, name: str, tags: tuple[str, ...], note: str) -> None:
    try:
        if name != visible_text(record.name):
            rename_run(record.run_id, name)
        describe_run(record.run_id, tags=tags, note=note)
    except LiteDriftError as error:
        show_error(error)
        return
    st.rerun()


def _pin(run_id: str, pinned: bool) -> None:
    try:
        pin_run(run_id, pinned=pinned)
    except LiteDriftError as error:
        st.session_state[_PROBLEM] = str(error)


def _delete(run_id: str) -> None:
    session = Session()
    try:
        delete_run(run_id)
    except (LiteDriftError, OSError) as error:
        st.session_state[_PROBLEM] = str(error)
        return
    session.offer_undo(run_id)
    session.leave_run()


def _show_problem() -> None:
    problem = st.session_state.pop(_PROBLEM, None)
    if problem:
        show_error(problem)
