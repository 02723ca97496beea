"""The live bench of one run: its warm session, the state, and the figures of the state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from components.explore.bench_state import BenchState
from components.explore.warm_sessions import LIVE_SECONDS, BusyError, Judged, warm_sessions
from components.plain_text import show_error
from components.routes import CONVERT_PAGE, MODEL_PAGE
from components.session import widget_key
from converter.candidate_layers import CandidateLayer, resolve
from converter.candidate_session import REPORT, SEARCH, CandidateSession
from converter.errors import LiteDriftError


@dataclass(frozen=True)
class Bench:
    """What the bench knows of a run.

    Attributes:
        run_id: The run.
        layers: Operators of its float file.
        refused: Precisions that litert-quantizer refuses for the file, with the reason.
        samples: By name of the half.
        source: The float file.
        state: Where the person is.
    """

    run_id: str
    layers: list[CandidateLayer]
    refused: Mapping[str, str]
    samples: Mapping[str, int]
    source: Path
    state: BenchState

    @property
    def precisions(self) -> dict[int, str]:
        """Of every operator, by its number."""
        return resolve(self.layers, self.state.steps.now)

    def judge_state(self) -> Judged:
        """Return the present state's figures, on as many samples as a person waits for."""
        choices = self.state.steps.now
        found = warm_sessions.judge(
            self.run_id, choices, SEARCH, seconds=None if self.state.is_whole else LIVE_SECONDS
        )
        self.state.keep(choices, found)
        return found

    def judge_float(self, samples: int) -> Judged:
        """Return the float file's figures on the first samples."""
        found = warm_sessions.judge(self.run_id, {}, SEARCH, samples=samples)
        self.state.keep({}, found)
        return found

    def judge_held_back(self) -> Judged:
        """Return the present state's figures on the other half."""
        return warm_sessions.judge(self.run_id, self.state.steps.now, REPORT)


def open_bench(run_id: str) -> Bench | None:
    """Return a run's bench; None where it has none, and the reason is shown."""

    def describe(session: CandidateSession) -> Bench:
        return Bench(run_id, session.layers, session.refused, session.samples, session.source,
                     BenchState(run_id, session.layers))

    try:
        if warm_sessions.is_warm(run_id):
            return warm_sessions.ask(run_id, describe)
        with st.spinner("Loading the float file and calibrating: seconds, once…"):
            return warm_sessions.ask(run_id, describe)
    except LiteDriftError as error:
        show_error(error)
        _offer_ways_out()
        return None


def judge_or_explain(bench: Bench) -> tuple[Judged, Judged] | None:
    """Return the figures of the present state and of the float file, on the same samples.

    Returns:
        None where they cannot be had; the reason is shown.
    """
    try:
        with st.spinner("Quantizing and running the samples…"):
            found = bench.judge_state()
            return found, bench.judge_float(found.samples)
    except BusyError as error:
        st.info(str(error), icon=":material/hourglass_top:")
    except LiteDriftError as error:
        show_error(error)
    st.button("Try again", icon=":material/refresh:", key=widget_key("explore", "again"))
    return None


def _offer_ways_out() -> None:
    with st.container(horizontal=True):
        st.page_link(CONVERT_PAGE, label="Start another run", icon=":material/tune:")
        st.page_link(MODEL_PAGE, label="Another model", icon=":material/deployed_code:")
