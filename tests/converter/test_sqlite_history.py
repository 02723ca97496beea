"""The history: rows that survive, turns claimed once, artifacts that go with their rows."""

import sqlite3
import threading
import time

import pytest

from converter.artifact_store import LocalArtifacts
from converter.errors import StoreError
from converter.history import CANCELLED, DONE, FAILED, QUEUED, RUNNING, RunRecord
from converter.queue_order import NOT_WAITING
from converter.sqlite_history import SqliteHistory


@pytest.fixture
def artifacts(tmp_path):
    return LocalArtifacts(tmp_path / "artifacts")


@pytest.fixture
def history(tmp_path, artifacts):
    return SqliteHistory(tmp_path / "history.sqlite", artifacts)


@pytest.fixture
def stage(tmp_path, artifacts):
    def _stage(content):
        path = tmp_path / "content"
        path.write_bytes(content)
        return artifacts.stage(path)

    return _stage


def record(run_id, owner="me", queued=1.0, **more):
    return RunRecord(
        run_id=run_id, name=f"run {run_id}", model_name="<b>.keras", model_sha256="ab" * 32,
        data_name=None, request={"runs": 2}, owner=owner, created=queued, queued=queued, **more,
    )  # fmt: skip


def test_a_run_is_found_as_it_was_kept(history):
    given = record("a", tags=("x", "ü,'\";--"), note="'; DROP TABLE runs; --", pinned=True)
    history.add_run(given)
    assert history.run("a") == given
    assert history.runs() == [given]


def test_the_newest_run_comes_first(history):
    for number, run_id in enumerate("abc"):
        history.add_run(record(run_id, queued=float(number)))
    assert [run.run_id for run in history.runs()] == ["c", "b", "a"]


@pytest.mark.parametrize("run_id", ["", "none", "a' OR 1=1", "é" * 100])
def test_what_is_no_run_is_told(history, run_id):
    history.add_run(record("a"))
    with pytest.raises(StoreError, match="no run"):
        history.run(run_id)
    with pytest.raises(StoreError, match="no run"):
        history.change(run_id, name="x")


def test_only_fields_that_people_change_can_be_changed(history):
    history.add_run(record("a"))
    history.change("a", name="new", tags=("t",), pinned=True)
    changed = history.run("a")
    assert (changed.name, changed.tags, changed.pinned) == ("new", ("t",), True)
    with pytest.raises(ValueError, match="status"):
        history.change("a", status=DONE)


def test_a_turn_is_claimed_in_order_and_only_while_a_slot_is_free(history):
    for number, run_id in enumerate("abc"):
        history.add_run(record(run_id, owner=run_id, queued=float(number)))
    assert history.claim("b", 1, 10.0).position == 2
    assert history.claim("a", 1, 10.0).position == 0
    assert history.run("a").status == RUNNING
    assert history.claim("b", 1, 11.0).position == 1  # next, and nothing is free
    assert history.end_if_active("a", DONE, None, 12.0)
    assert history.claim("b", 1, 13.0).position == 0
    assert history.claim("a", 9, 14.0).position == NOT_WAITING


def test_many_who_claim_at_once_never_exceed_the_slots(history):
    for number in range(12):
        history.add_run(record(f"r{number}", owner=f"o{number % 3}", queued=float(number)))
    most = []
    guard = threading.Lock()

    def work(run_id):
        while history.claim(run_id, 2, time.time()).position:
            time.sleep(0.001)
        with guard:
            most.append(sum(run.status == RUNNING for run in history.runs()))
        history.end_if_active(run_id, DONE, None, time.time())

    threads = [threading.Thread(target=work, args=(f"r{number}",)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [run.status for run in history.runs()] == [DONE] * 12
    assert max(most) <= 2


def test_the_first_word_on_a_run_s_end_stands(history):
    history.add_run(record("a"))
    assert history.end_if_active("a", CANCELLED, None, 5.0)
    assert not history.end_if_active("a", FAILED, "late", 6.0)
    assert (history.run("a").status, history.run("a").finished) == (CANCELLED, 5.0)


def test_a_run_is_queued_again_by_one_only(history):
    history.add_run(record("a"))
    assert not history.requeue("a", "you", {}, 2.0)
    history.end_if_active("a", FAILED, "why", 5.0)
    assert history.requeue("a", "you", {"runs": 3}, 7.0)
    again = history.run("a")
    assert (again.status, again.owner, again.error, again.request) == (
        QUEUED, "you", None, {"runs": 3},
    )  # fmt: skip
    assert not history.requeue("a", "other", {}, 8.0)


def test_files_replace_those_of_their_name(history, artifacts, stage):
    history.add_run(record("a"))
    history.add_file("a", "int8.tflite", stage(b"old"))
    history.add_file("a", "int8.tflite", stage(b"newer"))
    file = history.files("a")["int8.tflite"]
    assert history.artifact_path(file).read_bytes() == b"newer"
    assert history.run("a").size_bytes == 5
    history.purge([])
    assert {size for _, size in artifacts.stored()} == {5}


def test_a_file_of_no_run_leaves_no_row_and_nothing_half(history, stage, tmp_path):
    with pytest.raises(StoreError):
        history.add_file("nobody", "x", stage(b"lost"))
    assert list((tmp_path / "artifacts" / "incoming").iterdir()) == []
    history.purge([])
    assert list(LocalArtifacts(tmp_path / "artifacts").stored()) == []


def test_results_live_as_long_as_a_run_needs_them(history, artifacts, stage):
    for run_id in "ab":
        history.add_run(record(run_id))
    history.add_result("a", "key", "conversion", {"audit": {}}, {"v.tflite": stage(b"model")})
    assert history.find_result("b", "other key") is None
    found = history.find_result("b", "key")
    assert found.value == {"audit": {}}
    assert history.artifact_path(found.files["v.tflite"]).read_bytes() == b"model"
    history.purge(["a"])
    assert history.find_result("b", "key") is not None
    assert history.knows_model("ab" * 32)
    history.purge(["b"])
    assert list(artifacts.stored()) == []
    assert not history.knows_model("ab" * 32)


def test_every_measurement_is_kept_and_the_newest_is_found(history, stage):
    for run_id in "ab":
        history.add_run(record(run_id))
    for number, run_id in enumerate("aab"):
        figures = {"int8": {"number": number}}
        history.add_measurement(run_id, "key", {"cpu": "x"}, figures, stage(b"%d" % number))
    assert [m.figures["int8"]["number"] for m in history.measurements("a")] == [1, 0]
    assert history.find_measurement("key").figures == {"int8": {"number": 2}}
    assert history.find_measurement("none") is None


def test_a_shared_artifact_stays_while_one_run_needs_it(history, artifacts, stage):
    for run_id in "ab":
        history.add_run(record(run_id))
        history.add_file(run_id, "float32.tflite", stage(b"shared"))
    assert history.artifact_bytes() == 6
    history.purge(["a"])
    assert history.artifact_path(history.files("b")["float32.tflite"]).read_bytes() == b"shared"
    history.purge(["b"])
    assert list(artifacts.stored()) == []


def test_a_full_disk_is_one_sentence_and_loses_nothing(history, stage, tmp_path):
    history.add_run(record("a"))
    history.add_file("a", "x", stage(b"safe"))
    pages = sqlite3.connect(tmp_path / "history.sqlite").execute("PRAGMA page_count").fetchone()[0]
    full = SqliteHistory(tmp_path / "history.sqlite", LocalArtifacts(tmp_path / "artifacts"))
    connect = sqlite3.connect

    def cramped(*arguments, **more):
        database = connect(*arguments, **more)
        database.execute(f"PRAGMA max_page_count = {pages}")  # SQLite's own way to be full
        return database

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("converter.sqlite_history.sqlite3.connect", cramped)
        with pytest.raises(StoreError, match=r"disk is full.*kept before is safe"):
            full.add_run(record("more", note="n" * 100_000))
    assert history.artifact_path(history.files("a")["x"]).read_bytes() == b"safe"
    assert history.run("a").status == QUEUED


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + b"\xff" * 200])
def test_a_damaged_history_is_one_sentence(tmp_path, content):
    (tmp_path / "broken.sqlite").write_bytes(content)
    history = SqliteHistory(tmp_path / "broken.sqlite", LocalArtifacts(tmp_path / "artifacts"))
    with pytest.raises(StoreError, match=r"broken\.sqlite: the history"):
        history.runs()
