"""How much is kept, against the quota, and a clean-up that says what it takes before it does."""

from __future__ import annotations

import datetime
import time
from collections.abc import Sequence

import streamlit as st

from components.format import format_bytes, shorten
from components.formula_names import render_names
from components.formulas.overview import usage_formula
from components.plain_text import code_span, escape_markdown, show_error
from components.session import widget_key
from components.whose_runs import is_private
from converter.cleanup_preview import CleanupPreview, preview_cleanup
from converter.errors import LiteDriftError
from converter.history import RunRecord
from converter.limits import current_limits
from converter.run_cleanup import LastCleanup, Usage, clean_up, last_cleanup, read_usage
from converter.run_store import list_runs

_DONE = widget_key("history", "cleaned")
_MOST_NAMES = 5


def render_storage() -> None:
    """Show the space that runs take and offer to clean up."""
    try:
        usage = read_usage()
        records = [*list_runs(), *list_runs(deleted=True)]
        limits = current_limits()
        preview = preview_cleanup(
            records, artifact_bytes=usage.artifact_bytes, quota_bytes=limits.quota_bytes,
            undo_seconds=limits.undo_seconds, now=time.time(),
        )
    except LiteDriftError as error:
        show_error(error)
        return
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            share = usage.artifact_bytes / usage.quota_bytes if usage.quota_bytes else 1.0
            st.progress(min(1.0, share), text=usage_sentence(usage))
            with st.popover("Clean up", icon=":material/cleaning_services:"):
                st.markdown(preview_sentence(preview))
                st.caption("Uploads that no run needs and nobody touched for a day go too. Pinned "
                           "runs stay.")
                st.button("Clean up now", on_click=_clean_up,
                          key=widget_key("history", "clean_up"))
        render_names([usage_formula(usage)])
        last = last_cleanup()
        if last is not None and not is_private():  # whose runs they were is nobody else's affair
            st.caption(last_sentence(last))
        done = st.session_state.pop(_DONE, None)
        if done:
            st.info(done, icon=":material/cleaning_services:")


def usage_sentence(usage: Usage) -> str:
    """Return what is kept in one line."""
    runs = f"{usage.runs} run{'' if usage.runs == 1 else 's'}"
    return (f"{format_bytes(usage.artifact_bytes)} of {format_bytes(usage.quota_bytes)} kept · "
            f"{runs}, {usage.pinned} pinned")


def last_sentence(last: LastCleanup) -> str:
    """Return which runs the quota cost last, and when, as Markdown."""
    when = datetime.datetime.fromtimestamp(last.when, datetime.UTC)
    return f"On {when:%Y-%m-%d at %H:%M} UTC the quota cost {_listed(last.names)}."


def preview_sentence(preview: CleanupPreview) -> str:
    """Return what a clean-up would remove, as Markdown."""
    parts = []
    if preview.expired:
        parts.append(f"For good: {_names(preview.expired)}, deleted long ago.")
    if preview.over_quota:
        parts.append(f"The quota is exceeded by {format_bytes(preview.over_bytes)}: the oldest "
                     f"runs go, beginning with {_names(preview.over_quota)}.")
    elif preview.over_bytes and not preview.expired:
        parts.append("The quota is exceeded, and all that is kept is pinned: nothing would go.")
    return " ".join(parts) or "No run would go: the quota is kept."


def _names(records: Sequence[RunRecord]) -> str:
    return _listed([record.name for record in records])


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(code_span(shorten(name, 32)) for name in names[:_MOST_NAMES])
    more = len(names) - _MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def _clean_up() -> None:
    try:
        before, deleted = read_usage(), len(list_runs(deleted=True))
        dropped = clean_up()
        after, left = read_usage(), len(list_runs(deleted=True))
    except (LiteDriftError, OSError) as error:
        st.session_state[_DONE] = escape_markdown(str(error))
        return
    freed = format_bytes(max(0, before.artifact_bytes - after.artifact_bytes))
    parts = []
    if dropped:
        parts.append(f"removed for the quota: {_listed(dropped)}")
    gone = deleted - left
    if gone > 0:
        parts.append(f"{gone} deleted run{'' if gone == 1 else 's'} gone for good")
    what = "; ".join(parts) or "no run had to go"
    st.session_state[_DONE] = f"Cleaned up: {what}. {freed} freed."
