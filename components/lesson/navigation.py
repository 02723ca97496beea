"""Which step is shown, kept in the address, and which run its figures may come from."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from components.lesson.parts import PAGE
from components.session import Session, widget_key
from converter.analysed_run import find_analysis
from converter.comparison import Comparison, Variant
from converter.errors import LiteDriftError
from converter.history import DONE
from converter.layer_analysis import LayerAnalysis
from converter.run_store import follow_run, load_comparison, run_files

STEP_PARAMETER = "step"
TITLES = (
    "What a scale and a zero point are", "Why calibration matters", "Why outliers hurt",
    "Why accumulation matters", "When int8 is slower", "How to choose",
)


def pick_step() -> int:
    """Ask which step is shown, and return its number from 1."""
    key = widget_key(PAGE, "step")
    asked = st.query_params.get(STEP_PARAMETER, "")
    numbers = list(range(1, len(TITLES) + 1))
    if st.session_state.get(key) not in numbers:
        known = int(asked) if asked.isascii() and asked.isdigit() and len(asked) == 1 else 1
        st.session_state[key] = known if known in numbers else 1
    step = st.segmented_control(
        "Step", numbers, key=key, required=True, wrap=True,
        format_func=lambda number: f":gray[{number}. {TITLES[number - 1]}]",
        label_visibility="collapsed",
    ) or 1
    st.query_params[STEP_PARAMETER] = str(step)
    return int(step)


@dataclass(frozen=True)
class LessonRun:
    """A finished run whose figures the lesson shows.

    Attributes:
        run_id: Its id.
        comparison: What it found.
    """

    run_id: str
    comparison: Comparison

    def find_analysis(self, variant: Variant) -> LayerAnalysis | None:
        """Return what was found of a variant's layers; None where nothing was, or is readable."""
        try:
            return find_analysis(run_files(self.run_id), variant)
        except LiteDriftError:
            return None


def run_in_view() -> LessonRun | None:
    """Return the finished run of this session, else that of the first visit; None without one."""
    session = Session()
    for run_id in (session.run_id, session.welcome_run_id):
        if run_id is None:
            continue
        try:
            if follow_run(run_id).status == DONE:
                return LessonRun(run_id, load_comparison(run_id))
        except LiteDriftError:  # the next may do
            continue
    return None
