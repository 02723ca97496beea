"""The search on the History page, kept in the address so that a link or a refresh restores it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from components.job_panel import OUTCOMES
from components.plain_text import visible_text
from components.session import widget_key
from converter.history import RunRecord
from converter.run_search import LARGEST, NAME, NEWEST, OLDEST, ORDERS, RunSearch, known_tags

FIND_PARAMETER, STATUS_PARAMETER, TAG_PARAMETER, SORT_PARAMETER = "find", "status", "tag", "sort"
_ORDER_WORDS = {NEWEST: "Newest first", OLDEST: "Oldest first", NAME: "By name",
                LARGEST: "Largest first"}
_FIND, _STATUS, _TAG, _SORT = (
    widget_key("history", name)
    for name in (FIND_PARAMETER, STATUS_PARAMETER, TAG_PARAMETER, SORT_PARAMETER)
)


def ask_search(records: Sequence[RunRecord]) -> RunSearch:
    """Show the search and return it; the address follows.

    Args:
        records: All runs that could be found, for their tags.
    """
    tags = known_tags(records)
    _take_from_address(tags)
    with st.grid(4 if tags else 3, min_column_width=170, gap="small"):
        words = st.text_input(
            "Search", key=_FIND, icon=":material/search:", persist_state="session",
            placeholder="Name, model, data, tag, note, id",
        )
        statuses = st.multiselect(
            "Status", list(OUTCOMES), key=_STATUS, placeholder="Any", persist_state="session",
            format_func=lambda status: OUTCOMES[status][2],
        )
        # Without tags it would be a box that is closed, whose name is too faint to read.
        chosen = st.multiselect(
            "Tags", tags, key=_TAG, persist_state="session", placeholder="Any",
            format_func=visible_text,
        ) if tags else []  # fmt: skip
        order = st.selectbox("Sort", ORDERS, key=_SORT, format_func=_ORDER_WORDS.__getitem__,
                             persist_state="session")
    search = RunSearch(words=words or "", statuses=tuple(statuses), tags=tuple(chosen),
                       order=order or NEWEST)
    for name, value in search_parameters(search).items():
        if value:
            st.query_params[name] = value
        elif name in st.query_params:
            del st.query_params[name]
    return search


def search_parameters(search: RunSearch) -> dict[str, str | list[str] | None]:
    """Return the search as parameters of an address; what is left at its default is None."""
    return {
        FIND_PARAMETER: search.words.strip() or None,
        STATUS_PARAMETER: list(search.statuses) or None,
        TAG_PARAMETER: list(search.tags) or None,
        SORT_PARAMETER: search.order if search.order != NEWEST else None,
    }


def clear_search() -> None:
    """Look for everything again."""
    st.session_state[_FIND] = ""
    st.session_state[_STATUS] = []
    st.session_state[_TAG] = []


def _take_from_address(tags: Sequence[str]) -> None:
    """Take up a link's search once; what no longer exists in it is passed over."""
    asked = st.query_params
    if _FIND not in st.session_state:
        st.session_state[_FIND] = asked.get(FIND_PARAMETER, "")
        known = asked.get_all(STATUS_PARAMETER)
        st.session_state[_STATUS] = [status for status in known if status in OUTCOMES]
        st.session_state[_TAG] = [tag for tag in asked.get_all(TAG_PARAMETER) if tag in tags]
        order = asked.get(SORT_PARAMETER, NEWEST)
        st.session_state[_SORT] = order if order in ORDERS else NEWEST
    # A tag goes with the last run that had it.
    st.session_state[_TAG] = [tag for tag in st.session_state.get(_TAG, []) if tag in tags]
