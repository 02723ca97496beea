"""Where a person is on the live bench: the state, what led to it, and its form in the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from components.explore.warm_sessions import Judged
from components.session import widget_key
from converter.candidate_choices import Steps, decode_choices, encode_choices
from converter.candidate_layers import CandidateLayer
from converter.errors import SettingError

STATE_PARAMETER = "state"
"""The query parameter that carries the choices, so that a link brings them along."""


def lead_to(run_id: str, choices: Mapping[int, str]) -> None:
    """Let the bench of a run open at a state; undo there leads back to where the person was."""
    key = _state_key(run_id, "steps")
    before: Steps = st.session_state.get(key) or Steps.start({})
    st.session_state[key] = before.go(choices)


class BenchState:
    """Typed access to one run's state; cheap, made anew wherever it is needed.

    Args:
        run_id: The run.
        layers: Of its float file.
    """

    def __init__(self, run_id: str, layers: Sequence[CandidateLayer]) -> None:
        self._run_id = run_id
        self._layers = layers
        if self._key("steps") not in st.session_state:
            self._begin()

    @property
    def steps(self) -> Steps:
        """The state and those before it."""
        found: Steps = st.session_state[self._key("steps")]
        return found

    @property
    def told(self) -> list[str]:
        """What the last change did, in sentences."""
        return list(st.session_state.get(self._key("told"), []))

    @property
    def problem(self) -> str | None:
        """Why the last change could not be made."""
        found: str | None = st.session_state.get(self._key("problem"))
        return found

    @property
    def code(self) -> str:
        """The state as the address has it."""
        return encode_choices(self._layers, self.steps.now)

    @property
    def is_checked(self) -> bool:
        """Whether this state's figures on the held-back half were asked for."""
        return self.code in st.session_state.get(self._key("checked"), set())

    def go(self, choices: Mapping[int, str], told: Sequence[str] = ()) -> None:
        """Come to a state."""
        self._move(self.steps.go(choices), told)

    def undo(self) -> None:
        """Go back one step."""
        self._move(self.steps.undo(), [])

    def start_over(self) -> None:
        """Come to float32 everywhere; undo leads back."""
        self._move(self.steps.go({}), [])

    def refuse(self, problem: str) -> None:
        """Say why a change could not be made."""
        st.session_state[self._key("problem")] = problem
        st.session_state[self._key("told")] = []

    def check(self) -> None:
        """Ask for this state's figures on the held-back half."""
        st.session_state.setdefault(self._key("checked"), set()).add(self.code)

    @property
    def is_whole(self) -> bool:
        """Whether this state's figures on all samples of the half were asked for."""
        return self.code in st.session_state.get(self._key("whole"), set())

    def ask_whole(self) -> None:
        """Ask for this state's figures on all samples of the half, however long they take."""
        st.session_state.setdefault(self._key("whole"), set()).add(self.code)

    def keep(self, choices: Mapping[int, str], found: Judged) -> None:
        """Remember a state's figures, for the picture of the way."""
        code = encode_choices(self._layers, choices)
        st.session_state.setdefault(self._key("figures"), {})[code] = found

    @property
    def kept(self) -> list[tuple[dict[int, str], Judged]]:
        """The states tried, those whose figures are known, in the order of the first visit."""
        known = st.session_state.get(self._key("figures"), {})
        pairs = [(each, encode_choices(self._layers, each)) for each in self.steps.tried]
        return [(each, known[code]) for each, code in pairs if code in known]

    def write_address(self) -> None:
        """Let the address lead back to the state."""
        if self.code:
            st.query_params[STATE_PARAMETER] = self.code
        elif STATE_PARAMETER in st.query_params:
            del st.query_params[STATE_PARAMETER]

    def _begin(self) -> None:
        try:
            linked = decode_choices(self._layers, st.query_params.get(STATE_PARAMETER, ""))
        except SettingError as error:
            linked = {}
            self.refuse(str(error))
        st.session_state[self._key("steps")] = Steps.start(linked)

    def _move(self, steps: Steps, told: Sequence[str]) -> None:
        st.session_state[self._key("steps")] = steps
        st.session_state[self._key("told")] = list(told)
        st.session_state[self._key("problem")] = None

    def _key(self, name: str) -> str:
        return _state_key(self._run_id, name)


def _state_key(run_id: str, name: str) -> str:
    return widget_key("explore", f"{name}.{run_id}")
