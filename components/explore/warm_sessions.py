"""Candidate sessions kept warm in the web process: few, shared by all who look at the same run.

A session is a child process with a float model in memory. The least recently used one is closed
where another run needs the place, each one when nobody has asked for a while, all at exit.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from converter.budget import Figures
from converter.candidate_session import REFUSED_BYTES, CandidateSession, CostCheck
from converter.errors import LiteDriftError, WorkerError
from converter.measurement_lock import building
from converter.run_store import load_request, run_files, run_folder

MOST_SESSIONS = 2
LIVE_SECONDS = 1.0
"""Of running samples where a person waits for each change; with the rest, two at most."""
IDLE_SECONDS = 600.0
_MOST_KEPT = 2000
_MOST_WAIT_SECONDS = 20.0
_GIVE_WAY_SECONDS = 0.01
Answer = TypeVar("Answer")
Opener = Callable[[str], CandidateSession]
State = frozenset[tuple[int, str]]
Question = tuple[State, str, bool, int, float | None]
"""The choices, the half, whether latency is predicted, how many samples, in how many seconds."""


class BusyError(LiteDriftError):
    """The machine is held by a measurement, which a candidate beside it would disturb."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A candidate's figures with their condition.

    Attributes:
        sha256: Of its file.
        figures: What is known.
        samples: On how many samples of the half; fewer than all where those would take too long.
        seconds: From the question to the answer; of the first time where it is asked again.
    """

    sha256: str
    figures: Figures
    samples: int
    seconds: float


class _Warm:
    """A place for the session of one run; its lock is held while it opens, answers or closes."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.session: CandidateSession | None = None
        self.is_closed = False
        self.last_used = time.monotonic()
        self.kept: OrderedDict[Question, Judged] = OrderedDict()
        self.costs: CostCheck | None = None
        self.costs_problem: str | None = None
        self.checking: threading.Thread | None = None
        self.checked: tuple[int, int] | None = None

    def close(self) -> None:
        """End the session after its present question."""
        with self.lock:
            self.is_closed = True
            if self.session is not None:
                self.session.close()
                self.session = None


class WarmSessions:
    """At most a few sessions, by run.

    Args:
        opener: Opens a run's session.
        most: How many at once.
        idle_seconds: After so long without a question a session is closed.
    """

    def __init__(
        self, opener: Opener, *, most: int = MOST_SESSIONS, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        self._open = opener
        self._most = most
        self._idle_seconds = idle_seconds
        self._places: OrderedDict[str, _Warm] = OrderedDict()
        self._guard = threading.Lock()
        self._sweeper: threading.Thread | None = None

    def __len__(self) -> int:
        """Return how many sessions are warm."""
        with self._guard:
            return sum(place.session is not None for place in self._places.values())

    def is_warm(self, run_id: str) -> bool:
        """Whether a run's session answers at once."""
        with self._guard:
            place = self._places.get(run_id)
            return place is not None and place.session is not None

    def ask(self, run_id: str, question: Callable[[CandidateSession], Answer]) -> Answer:
        """Ask a run's session, which is opened where it is not warm; others wait meanwhile.

        Raises:
            LiteDriftError: When it cannot be opened or does not answer.
        """
        return self._ask(run_id, lambda place, session: question(session))

    def judge(
        self,
        run_id: str,
        choices: Mapping[int, str],
        split: str,
        *,
        samples: int | None = None,
        seconds: float | None = None,
    ) -> Judged:
        """Return a candidate's figures; those found before are not measured again.

        Latency is predicted once the cost table was held against whole files.

        Args:
            run_id: The run.
            choices: A precision's name by operator number.
            split: `search` or `report`.
            samples: The first so many; all when left out.
            seconds: As for `CandidateSession.judge`.

        Raises:
            BusyError: When somebody measures latency for longer than a person waits.
            LiteDriftError: When the session cannot be opened or no child can be started.
        """

        def question(place: _Warm, session: CandidateSession) -> Judged:
            predict = place.costs is not None
            asked = (frozenset(choices.items()), split, predict)
            key = (*asked, samples or session.samples[split], seconds)
            if key in place.kept:
                return place.kept[key]
            whole = (*asked, session.samples[split], None)
            if seconds is not None and whole in place.kept:
                return place.kept[whole]
            # Beside another's measurement it would be measured with it. The session's own, of its
            # cost table, is a row of questions to the same child, between which this one falls.
            with nullcontext() if place.checked else building(_patience()):
                start = time.perf_counter()
                ask = partial(
                    session.judge, choices, split, samples, predict=predict, seconds=seconds
                )
                sha256, figures, count = ask()
                if figures.size_bytes == REFUSED_BYTES:
                    # The child may have died of something else: the next one is asked once more.
                    sha256, figures, count = ask()
                took = time.perf_counter() - start
            found = Judged(sha256=sha256, figures=figures, samples=count, seconds=took)
            # What was found in a bounded time is also what so many samples say without one.
            place.kept[key] = place.kept[*asked, count, None] = found
            while len(place.kept) > _MOST_KEPT:
                place.kept.popitem(last=False)
            return found

        return self._ask(run_id, question)

    def start_costs(self, run_id: str) -> None:
        """Begin to hold the cost table against whole files, once for a warm session."""
        place = self._place(run_id)
        with self._guard:
            if place.checking is not None or place.is_closed:
                return
            place.checking = threading.Thread(
                target=self._check_costs, args=(run_id, place), name="cost table", daemon=True
            )
            place.checking.start()

    def costs(self, run_id: str) -> CostCheck | str | None:
        """Return the cost table's check, why there is none, or None while it is not known yet."""
        with self._guard:
            place = self._places.get(run_id)
        return None if place is None else place.costs or place.costs_problem

    def costs_progress(self, run_id: str) -> tuple[int, int] | None:
        """Return how many precisions of how many are timed; None while it waits or is over."""
        with self._guard:
            place = self._places.get(run_id)
        return None if place is None else place.checked

    def close(self) -> None:
        """Close all sessions."""
        with self._guard:
            places = list(self._places.values())
            self._places.clear()
        for place in places:
            place.close()

    def _check_costs(self, run_id: str, place: _Warm) -> None:
        def waiting() -> None:
            if place.is_closed:
                raise WorkerError("The session was closed.")

        def listener(done: int, total: int) -> None:
            place.checked = (done, total)
            time.sleep(_GIVE_WAY_SECONDS)  # a lock that is taken again at once lets nobody in

        try:
            # Not while the place is locked: it takes seconds, in which a person changes things.
            session = self._ask(run_id, lambda here, s: s if here is place else None)
            if session is not None:
                place.costs = session.check_costs(waiting, listener)
        except (LiteDriftError, OSError) as error:
            place.costs_problem = str(error)
        finally:
            place.checked = None

    def _ask(self, run_id: str, question: Callable[[_Warm, CandidateSession], Answer]) -> Answer:
        while True:
            place = self._place(run_id)
            with place.lock:
                if place.is_closed:  # while this one waited for it
                    continue
                place.last_used = time.monotonic()
                try:
                    if place.session is None or not place.session.is_alive:
                        self._replace(run_id, place)
                    return question(place, _session_of(place))
                finally:
                    place.last_used = time.monotonic()

    def _replace(self, run_id: str, place: _Warm) -> None:
        if place.session is not None:
            place.session.close()
            place.session = None
        try:
            place.session = self._open(run_id)
        except BaseException:
            with self._guard:
                if self._places.get(run_id) is place:
                    del self._places[run_id]
            place.is_closed = True
            raise

    def _place(self, run_id: str) -> _Warm:
        """Return a run's place; where it is a new one too many, an old one is closed first."""
        with self._guard:
            place = self._places.get(run_id)
            if place is not None:
                self._places.move_to_end(run_id)
                return place
            gone = [self._places.popitem(last=False)[1]
                    for _ in range(len(self._places) - self._most + 1)]
            place = _Warm()
            place.lock.acquire()  # nobody opens here before the old one has ended
            self._places[run_id] = place
            self._start_sweeper()
        try:
            for old in gone:
                old.close()
        finally:
            place.lock.release()
        return place

    def _start_sweeper(self) -> None:
        if self._sweeper is None or not self._sweeper.is_alive():
            self._sweeper = threading.Thread(target=self._sweep, name="idle sessions", daemon=True)
            self._sweeper.start()

    def _sweep(self) -> None:
        while True:
            time.sleep(min(5.0, self._idle_seconds / 4))
            with self._guard:
                now = time.monotonic()
                idle = [
                    run_id for run_id, place in self._places.items()
                    if now - place.last_used > self._idle_seconds
                    and place.lock.acquire(blocking=False)
                ]
                gone = [self._places.pop(run_id) for run_id in idle]
                if not self._places:
                    self._sweeper = None
            for place in gone:
                place.close()
                place.lock.release()
            if self._sweeper is not threading.current_thread():
                return


def _session_of(place: _Warm) -> CandidateSession:
    if place.session is None:
        raise WorkerError("The session was closed; open it again.")
    return place.session


def _patience() -> Callable[[], None]:
    end = time.monotonic() + _MOST_WAIT_SECONDS

    def check() -> None:
        if time.monotonic() > end:
            raise BusyError(
                "Latency is being measured on this machine, and a candidate beside it would "
                "disturb that; try again when the run that goes on has ended."
            )

    return check


def _open_run(run_id: str) -> CandidateSession:
    started = load_request(run_id).model_path
    return CandidateSession(
        run_files(run_id), run_folder(run_id), task="on the live bench",
        original=started if started.suffix == ".tflite" and started.is_file() else None,
    )


warm_sessions = WarmSessions(_open_run)
"""Of this web process. Not in `st.cache_resource`: clearing a cache would leave children behind."""
atexit.register(warm_sessions.close)
