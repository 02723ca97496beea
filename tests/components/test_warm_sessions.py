"""Warm sessions: few, shared, replaced when they die, closed when nobody asks; real children."""

from __future__ import annotations

import contextlib
import threading
import time

import numpy as np
import psutil
import pytest

from components.explore.warm_sessions import BusyError, WarmSessions
from converter.__main__ import main
from converter.analysed_run import files_of
from converter.candidate_session import REPORT, SEARCH, CandidateSession
from converter.errors import DataError, LiteDriftError
from converter.measurement_lock import measuring_alone
from tests.converter.example_tflites import features, write_classifier


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("warm")
    model = write_classifier(folder / "net.tflite")
    np.savez(folder / "data.npz", x=features(40), y=np.arange(40) % 3)
    assert main(["run", str(model), "--data", str(folder / "data.npz"), "--recipes", "int8",
                 "--samples", "20", "--calibration-samples", "10", "--runs", "1",
                 "--out", str(folder / "run")]) == 0  # fmt: skip
    return folder / "run"


class Opener:
    """Opens sessions on one folder, whatever the run is called, and remembers them."""

    def __init__(self, folder):
        self.folder = folder
        self.opened = []

    def __call__(self, run_id):
        if run_id == "none":
            raise DataError("none: no such run.")
        session = CandidateSession(files_of(self.folder), self.folder)
        self.opened.append((run_id, session))
        return session

    @property
    def alive(self):
        return [run_id for run_id, session in self.opened if session.is_alive]


@pytest.fixture
def opener(run_folder):
    return Opener(run_folder)


@pytest.fixture
def warm(opener):
    sessions = WarmSessions(opener)
    yield sessions
    sessions.close()
    assert opener.alive == []
    assert not list(opener.folder.glob(".candidates-*"))


def numbers(session):
    return [layer.number for layer in session.layers if layer.has_weights]


def children():
    """Return the sessions' children; one that enters its walls forks for a moment, as itself."""
    found = []
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # a zombie too
            if "converter.workers.candidates" in process.cmdline():
                found.append(process)
    return found


def test_at_most_two_are_warm_and_the_least_recently_used_goes(warm, opener):
    for run_id in ("a", "b", "a", "c"):
        warm.judge(run_id, {}, SEARCH)
        assert len(opener.alive) <= 2
    assert [run_id for run_id, _ in opener.opened] == ["a", "b", "c"]
    assert opener.alive == ["a", "c"]
    assert len(children()) == 2
    assert (warm.is_warm("a"), warm.is_warm("b"), len(warm)) == (True, False, 2)
    assert warm.judge("b", {}, SEARCH).figures.sqnr_db > 100
    assert opener.alive == ["c", "b"]


def test_one_that_nobody_asks_is_closed_and_opened_again(opener):
    warm = WarmSessions(opener, idle_seconds=0.4)
    warm.judge("a", {}, SEARCH)
    end = time.monotonic() + 20
    while opener.alive and time.monotonic() < end:
        time.sleep(0.05)
    assert opener.alive == []
    assert len(warm) == 0
    warm.judge("a", {}, SEARCH)
    assert opener.alive == ["a"]
    warm.close()
    assert opener.alive == []


def test_a_child_that_was_killed_is_replaced(warm, opener):
    chosen = warm.ask("a", lambda session: dict.fromkeys(numbers(session), "dynamic_int8"))
    before = warm.judge("a", chosen, SEARCH)
    (child,) = children()
    child.kill()
    child.wait(10)
    after = warm.judge("a", chosen, REPORT)
    assert after.figures.problem is None
    assert after.sha256 == before.sha256
    assert [p.pid for p in children()] != [child.pid]
    assert len(children()) == 1


def test_what_was_found_in_a_bounded_time_is_not_run_again(warm):
    chosen = warm.ask("a", lambda session: dict.fromkeys(numbers(session), "dynamic_int8"))
    bounded = warm.judge("a", chosen, SEARCH, seconds=60.0)
    assert bounded.samples == 10
    assert warm.judge("a", chosen, SEARCH) is bounded
    assert warm.judge("a", chosen, SEARCH, samples=10) is bounded
    few = warm.judge("a", chosen, SEARCH, samples=4)
    assert few.samples == 4
    whole = warm.judge("a", {}, SEARCH)
    assert warm.judge("a", {}, SEARCH, seconds=60.0) is whole


def test_what_was_judged_is_not_judged_again(warm):
    first = warm.judge("a", {}, SEARCH)
    with measuring_alone():  # nothing can be judged meanwhile
        assert warm.judge("a", {}, SEARCH) is first


def test_beside_a_measurement_it_says_so(warm, monkeypatch):
    monkeypatch.setattr("components.explore.warm_sessions._MOST_WAIT_SECONDS", 0.2)
    warm.ask("a", lambda session: None)
    with measuring_alone(), pytest.raises(BusyError, match="Latency is being measured"):
        warm.judge("a", {}, SEARCH)
    assert warm.judge("a", {}, SEARCH).samples == 10


def test_people_on_one_run_share_one_child_and_get_their_own_answers(warm, opener):
    found, problems = {}, []
    layers = CandidateSession(files_of(opener.folder), opener.folder)
    asked = [{}, *({n: name} for n in numbers(layers) for name in ("dynamic_int8", "int8"))]
    alone = [layers.figures(choices, SEARCH)[0] for choices in asked]
    layers.close()

    def person(order):
        try:
            for place in order:
                found[threading.get_ident(), place] = warm.judge("a", asked[place], SEARCH).sha256
        except LiteDriftError as error:
            problems.append(error)

    orders = [range(len(asked)), reversed(range(len(asked)))]
    people = [threading.Thread(target=person, args=(order,)) for order in orders]
    for each in people:
        each.start()
    for each in people:
        each.join(60)
    assert problems == []
    assert len(opener.opened) == 1
    assert len(found) == 2 * len(asked)
    assert all(sha256 == alone[place] for (_, place), sha256 in found.items())


def test_three_people_on_three_runs_never_hold_more_than_two_children(warm, opener):
    most, problems, done = [], [], threading.Event()

    def person(run_id):
        try:
            for _ in range(2):
                warm.judge(run_id, {}, SEARCH)
        except LiteDriftError as error:
            problems.append(error)

    def watch():
        while not done.is_set():
            most.append(len(children()))
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    people = [threading.Thread(target=person, args=(run_id,)) for run_id in "abc"]
    for each in people:
        each.start()
    for each in people:
        each.join(120)
    done.set()
    watcher.join(10)
    assert problems == []
    assert max(most) <= 2


def test_one_that_cannot_be_opened_leaves_room_and_can_be_tried_again(warm, opener):
    for _ in range(3):
        with pytest.raises(DataError, match="no such run"):
            warm.judge("none", {}, SEARCH)
    assert len(warm) == 0
    assert warm.judge("a", {}, SEARCH).figures.problem is None


def test_latency_is_told_once_the_table_is_checked(warm):
    assert warm.judge("a", {}, SEARCH).figures.predicted_ms is None
    assert warm.costs("a") is None
    warm.start_costs("a")
    warm.start_costs("a")
    end = time.monotonic() + 60
    while warm.costs("a") is None and time.monotonic() < end:
        warm.judge("a", {}, REPORT)  # it goes on meanwhile
        time.sleep(0.02)
    check = warm.costs("a")
    assert check.error is not None
    assert warm.costs_progress("a") is None
    found = warm.judge("a", {}, SEARCH).figures
    (float32,) = [each for each in check.checks if each.label == "float32"]
    assert found.predicted_ms == float32.predicted_ms


def test_a_check_that_is_cut_short_says_why(warm):
    warm.ask("a", lambda session: None)
    with measuring_alone():
        warm.start_costs("a")
        time.sleep(0.2)
        assert warm.costs("a") is None
        place = warm._places["a"]
        warm.close()
        place.checking.join(10)
    assert "closed" in place.costs_problem
