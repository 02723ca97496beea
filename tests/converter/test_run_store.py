"""Uploads and runs on disk: nothing given is lost, nothing given becomes a path."""

import dataclasses
import hashlib
import io
import time

import pytest

from converter.comparison import COMPARISON_FILE
from converter.data_home import data_home
from converter.errors import StoreError
from converter.recipe import PRESETS
from converter.request import RunRequest
from converter.run_store import (
    cancel_run,
    follow_run,
    list_runs,
    load_comparison,
    load_request,
    run_files,
    run_folder,
    start_run,
)
from converter.sample_models import list_samples
from converter.uploads import find_upload, store_upload
from converter.welcome import ensure_welcome_run


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LITEDRIFT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def sample_request(recipes=("float32",), **more):
    sample = list_samples()[0]
    return RunRequest(
        model_path=sample.model_path, model_name="digits_cnn.keras", data_path=sample.data_path,
        data_name="data.npz", recipes=tuple(PRESETS[name] for name in recipes), samples=20,
        calibration_samples=10, runs=2, **more,
    )  # fmt: skip


def wait_for_end(run_id, seconds=300):
    end = time.monotonic() + seconds
    while (progress := follow_run(run_id)).is_active:
        assert time.monotonic() < end, progress
        time.sleep(0.05)
    return progress


@pytest.mark.parametrize(
    "name",
    ["model.keras", "../../etc/passwd", "<script>alert(1)</script>.keras", "ünï cödé.h5", "",
     "a/b\\c.zip", "con.keras\0.npz"],
)  # fmt: skip
def test_uploads_lie_under_their_hash_whatever_their_name(name, home):
    content = b"content of " + name.encode()
    stored = store_upload(io.BytesIO(content), name)
    assert stored.path.read_bytes() == content
    assert stored.path.parent == home / "uploads"
    assert stored.path.name.startswith(hashlib.sha256(content).hexdigest())
    assert stored.name == name
    assert stored.size_bytes == len(content)
    assert len(list((home / "uploads").iterdir())) == 1


def test_an_upload_is_found_again_by_its_hash_under_its_name():
    stored = store_upload(io.BytesIO(b"mine"), "my <b>model.keras")
    assert find_upload(stored.sha256) == stored
    assert find_upload("0" * 64) is None
    assert find_upload("../../etc/passwd") is None


def test_the_same_upload_twice_is_one_file(home):
    first = store_upload(io.BytesIO(b"same"), "a.keras")
    second = store_upload(io.BytesIO(b"same"), "b.keras")
    assert first.path == second.path


def test_a_run_goes_on_by_itself_and_its_result_is_found_again():
    run_id = start_run(sample_request())
    assert len(run_id) >= 20
    assert follow_run(run_id).is_active
    progress = wait_for_end(run_id)
    assert progress.status == "done", progress.error
    assert load_comparison(run_id).variants[0].status == "ok"
    assert load_request(run_id) == sample_request()
    assert [run.run_id for run in list_runs()] == [run_id]
    assert COMPARISON_FILE in run_files(run_id)


def test_a_cancelled_run_says_so():
    run_id = start_run(sample_request(("float32", "int8")))
    while not (progress := follow_run(run_id)).stage.startswith("load"):
        assert progress.is_active
        time.sleep(0.02)
    cancel_run(run_id)
    assert wait_for_end(run_id).status == "cancelled"
    cancel_run(run_id)  # cancelling what has ended changes nothing
    assert follow_run(run_id).status == "cancelled"


def test_a_run_is_cancelled_while_it_measures():
    run_id = start_run(dataclasses.replace(sample_request(), runs=None))
    while not (progress := follow_run(run_id)).stage.startswith("measure"):
        assert progress.is_active
        time.sleep(0.02)
    cancel_run(run_id)
    assert wait_for_end(run_id).status == "cancelled"


def test_a_failed_run_keeps_its_reason(tmp_path):
    path = tmp_path / "broken.keras"
    path.write_text("no model")
    run_id = start_run(RunRequest(model_path=path, model_name="mine.keras"))
    progress = wait_for_end(run_id)
    assert progress.status == "failed"
    assert progress.error.startswith("mine.keras: expected")


def test_a_killed_job_shows_as_interrupted():
    import psutil

    run_id = start_run(sample_request())
    pid = int((run_folder(run_id) / "pid").read_text())
    children = psutil.Process(pid).children(recursive=True)
    psutil.Process(pid).kill()
    progress = wait_for_end(run_id)
    assert progress.status == "interrupted"
    assert "resume it" in progress.error
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []


@pytest.mark.parametrize("run_id", ["", "..", "../uploads", "0" * 24, "a/b", "x;y"])
def test_ids_that_are_no_runs(run_id):
    data_home()
    with pytest.raises(StoreError, match="no run"):
        run_folder(run_id)


def test_the_welcome_run_starts_once():
    first = ensure_welcome_run()
    assert first is not None
    assert ensure_welcome_run() == first
    assert len(list_runs()) == 1
    cancel_run(first)
    wait_for_end(first)


def test_a_run_cancelled_before_its_process_listens_is_cancelled(tmp_path, monkeypatch):
    slow = tmp_path / "slow-python"  # as if Python took its time to start
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(slow))
    run_id = start_run(sample_request())
    cancel_run(run_id)
    assert wait_for_end(run_id).status == "cancelled"
