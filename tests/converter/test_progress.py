"""Progress: stages, time left and the file that others read."""

from __future__ import annotations

import copy

import pytest

from converter import progress as progress_module
from converter.progress import (
    PROGRESS_FILE,
    Progress,
    ProgressTracker,
    read_progress,
    write_progress,
)


class Clock:
    """A clock that the test moves."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    def time(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress_module, "time", clock)
    return clock


@pytest.fixture
def seen():
    return []


@pytest.fixture
def tracker(clock, seen):
    return ProgressTracker(
        {"load": 2.0, "convert": 4.0, "measure": 6.0},
        lambda state: seen.append(copy.deepcopy(state)),
    )


def test_a_new_run_is_running_at_nothing(tracker, seen):
    assert (seen[0].status, seen[0].done, seen[0].total) == ("running", 0, 3)
    assert seen[0].started == 1000.0
    assert seen[0].fraction == 0.0


def test_stages_are_counted_and_logged_with_their_seconds(tracker, seen, clock):
    tracker.begin("load")
    assert seen[-1].stage == "load"
    clock.now += 3.0
    tracker.end("load")
    assert seen[-1].done == 1
    assert seen[-1].log == [{"stage": "load", "seconds": 3.0}]
    assert seen[-1].fraction == pytest.approx(1 / 3)


def test_time_left_follows_the_pace_of_finished_stages(tracker, seen, clock):
    tracker.begin("load")
    assert seen[-1].seconds_left == 12.0
    clock.now += 4.0  # twice as long as expected
    tracker.end("load")
    assert seen[-1].seconds_left == 20.0
    tracker.begin("convert")
    clock.now += 3.0
    tracker.begin("measure")
    assert seen[-1].seconds_left == 17.0


def test_a_stage_that_takes_longer_than_expected_leaves_no_negative_time(tracker, seen, clock):
    tracker.begin("measure")
    clock.now += 100.0
    tracker.begin("load")
    assert seen[-1].seconds_left == 6.0


def test_of_overlapping_stages_the_one_begun_last_is_named(tracker, seen):
    tracker.begin("load")
    tracker.begin("convert")
    tracker.end("convert")
    assert seen[-1].stage == "load"


def test_a_skipped_stage_counts_as_done_and_costs_no_time(tracker, seen):
    tracker.skip("measure")
    assert (seen[-1].done, seen[-1].seconds_left) == (1, 6.0)
    assert seen[-1].log == []


@pytest.mark.parametrize("label", ["load", "unknown"])
def test_ending_or_skipping_what_never_began_changes_nothing(tracker, seen, label):
    tracker.end(label)
    tracker.skip("unknown")
    assert len(seen) == 1


def test_a_stage_nobody_planned_does_not_pass_the_whole(tracker, seen):
    for label in ("load", "convert", "measure", "surprise"):
        tracker.begin(label)
        tracker.end(label)
    assert (seen[-1].done, seen[-1].total, seen[-1].fraction) == (4, 4, 1.0)


@pytest.mark.parametrize("status", ["done", "failed", "cancelled"])
def test_the_end_is_final(tracker, seen, clock, status):
    clock.now += 5.0
    tracker.finish(status, "why")
    assert (seen[-1].status, seen[-1].error, seen[-1].finished) == (status, "why", 1005.0)
    assert seen[-1].seconds_left == 0.0
    assert not seen[-1].is_active


@pytest.mark.parametrize(
    ("status", "active"),
    [("starting", True), ("running", True), ("done", False), ("interrupted", False)],
)
def test_active_states(status, active):
    assert Progress(status=status).is_active is active


def test_a_run_of_unknown_length_has_no_fraction():
    assert Progress(done=3, total=0).fraction == 0.0


def test_the_file_round_trip(tmp_path):
    progress = Progress(status="failed", stage="load", done=1, total=2, error='no "disk"\n')
    write_progress(tmp_path, progress)
    assert read_progress(tmp_path) == progress


@pytest.mark.parametrize(
    "content",
    [None, b"", b"{", b"\xff", b"null", b"[]"],
    ids=["missing", "empty", "cut", "binary", "null", "list"],
)
def test_a_folder_without_a_readable_state_is_a_run_not_begun(tmp_path, content):
    if content is not None:
        (tmp_path / PROGRESS_FILE).write_bytes(content)
    assert read_progress(tmp_path) == Progress()


def test_fields_of_a_later_version_are_left_out():
    assert Progress.from_json({"status": "done", "later": 1}) == Progress(status="done")
