"""Which step is shown, kept in the address, and which run its figures may come from."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from components.lesson.parts import PAGE
from components.session import Session, widget_key
from converter.comparison import Comparison
from converter.errors import LiteDriftError
from converter.history import DONE
from converter.run_store import follow_run, load_comparison

STEP_PARAMETER = "step"


def pick_step(titles: Sequence[str]) -> int:
    """Ask which step is shown, and return its number from 1."""
    key = widget_key(PAGE, "step")
    asked = st.query_params.get(STEP_PARAMETER, "")
    numbers = list(range(1, len(titles) + 1))
    if st.session_state.get(key) not in numbers:
        known = int(asked) if asked.isascii() and asked.isdigit() and len(asked) == 1 else 1
        st.session_state[key] = known if known in numbers else 1
    step = st.segmented_control(
        "Step", numbers, key=key, required=True, wrap=True,
        format_func=lambda number: f":gray[{number}. {titles[number - 1]}]",
        label_visibility="collapsed",
    ) or 1
    st.query_params[STEP_PARAMETER] = str(step)
    return int(step)


def run_in_view() -> Comparison | None:
    """Return the finished run of this session, else that of the first visit; None without one."""
    session = Session()
    for run_id in (session.run_id, session.welcome_run_id):
        if run_id is None:
            continue
        try:
            if follow_run(run_id).status == DONE:
                return load_comparison(run_id)
        except LiteDriftError:  # the next may do
            continue
    return None
