"""Looking into a variant as a job: one for all who ask, in turn, cancelled, killed, begun anew."""

import fcntl
import threading
import time
from dataclasses import replace

import numpy as np
import psutil
import pytest

from converter import run_cleanup, run_store
from converter.analysed_run import find_analysis
from converter.analysis_jobs import follow_analysis, start_analysis
from converter.analysis_kinds import Analysis
from converter.errors import GateError, ModelFileError, StoreError
from converter.history import CANCELLED, DONE, FAILED, INTERRUPTED
from converter.installation import history
from converter.layer_analysis import LayerAnalysis
from converter.measurement_lock import building, lock_path, measuring_alone
from converter.pipeline import run_comparison
from converter.recipe import find_recipes
from converter.request import RunRequest
from tests.converter import example_tflites as examples
from tests.converter.following_jobs import adopted, finish, job_of, jobs_with, wait_for


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return the request and the files of a run from a `.tflite`."""
    folder = tmp_path_factory.mktemp("run")
    model = examples.write_classifier(folder / "net.tflite")
    np.savez(folder / "data.npz", x=examples.features(12))
    request = RunRequest(
        model_path=model, model_name="net.tflite", data_path=folder / "data.npz",
        data_name="data.npz", recipes=tuple(find_recipes(["float32", "int8"])), runs=2,
    )  # fmt: skip
    run_comparison(request, folder / "out")
    return request, {path.name: path for path in (folder / "out").iterdir() if path.is_file()}


@pytest.fixture
def run_id(finished, tmp_path, monkeypatch):
    with adopted(finished, tmp_path, monkeypatch) as found:
        yield found


def layers_of(run_id, recipe="int8"):
    return Analysis(run_id=run_id, recipe=recipe)


def is_held_alone():
    with lock_path().open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def found_of(run_id):
    variant = run_store.load_comparison(run_id).variant("int8")
    return find_analysis(run_store.run_files(run_id), variant)


def test_it_takes_its_turn_and_is_kept_with_the_run(run_id):
    assert follow_analysis(layers_of(run_id)) is None
    with measuring_alone():
        job_id = start_analysis(layers_of(run_id), owner="ada")
        wait_for(job_id, "waiting for the machine")
        assert found_of(run_id) is None
    with building():  # as a conversion does: it may compare layers beside it, and time nothing
        wait_for(job_id, "waiting for the machine", share=0.6)
        job = job_of(job_id)
    wait_for(job_id, "timing the operators")
    job.suspend()
    assert is_held_alone()
    job.resume()
    assert finish(job_id).status == DONE
    assert follow_analysis(layers_of(run_id)).status == DONE
    found = found_of(run_id)
    assert found.notes == []
    assert found.drift.layers
    assert found.costs.timed
    assert [r.run_id for r in run_store.list_runs()] == [run_id]
    assert [(r.run_id, r.owner) for r in run_store.list_analyses(run_id)] == [(job_id, "ada")]
    assert not run_store.work_folder(job_id).exists()
    # Known: nobody has to wait for it a second time.
    assert start_analysis(layers_of(run_id), owner="bob") == job_id
    assert not run_store.follow_run(job_id).is_active


def test_all_who_ask_together_get_the_same_one(run_id):
    ids = []
    with measuring_alone():
        askers = [
            threading.Thread(target=lambda n=n: ids.append(start_analysis(layers_of(run_id), n)))
            for n in ("ada", "bob", "eve")
        ]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        assert ids == [layers_of(run_id).job_id] * 3
        wait_for(ids[0], "waiting for the machine")
        assert len(jobs_with(ids[0])) == 1
        [record] = run_store.list_analyses()
        assert record.owner in ("ada", "bob", "eve")


def test_it_waits_in_the_queue_of_the_runs(run_id, finished, monkeypatch):
    monkeypatch.setenv("LITEDRIFT_PARALLEL_RUNS", "1")
    with measuring_alone():
        running = run_store.start_run(finished[0], owner="ada")
        wait_for(running, "wait for the machine")
        job_id = start_analysis(layers_of(run_id), owner="ada")
        progress = run_store.follow_run(job_id)
        assert (progress.status, progress.position, progress.waiting) == ("queued", 1, 1)
        run_store.cancel_run(running)
        assert finish(running).status == CANCELLED
        wait_for(job_id, "waiting for the machine")


def test_a_killed_one_is_interrupted_and_started_again(run_id):
    job_id = start_analysis(layers_of(run_id))
    wait_for(job_id, "comparing the layers")
    job = job_of(job_id)
    children = job.children(recursive=True)
    job.kill()
    progress = finish(job_id)
    assert progress.status == INTERRUPTED
    assert progress.error == "The analysis was interrupted: its process ended; start it again."
    assert not run_store.work_folder(job_id).exists()
    assert psutil.wait_procs(children, timeout=60)[1] == []
    assert run_store.load_record(run_id).status == DONE
    assert start_analysis(layers_of(run_id)) == job_id
    assert finish(job_id).status == DONE
    assert found_of(run_id).costs.timed


@pytest.mark.parametrize("hangs", [False, True], ids=["listens", "hangs"])
def test_cancelled_it_ends_with_all_that_it_started(run_id, hangs):
    job_id = start_analysis(layers_of(run_id))
    wait_for(job_id, "comparing the layers")
    job = job_of(job_id)
    family = [job, *job.children(recursive=True)]
    if hangs:
        job.suspend()
    run_store.cancel_run(job_id)
    assert finish(job_id).status == CANCELLED
    assert psutil.wait_procs(family, timeout=60)[1] == []
    assert found_of(run_id) is None


def test_deleting_the_run_cancels_it_and_a_purge_takes_it_along(run_id, tmp_path):
    with measuring_alone():
        job_id = start_analysis(layers_of(run_id))
        wait_for(job_id, "waiting for the machine")
        run_cleanup.clean_up(now=time.time() + 25 * 3600)
        run_store.delete_run(run_id)
        assert finish(job_id).status == CANCELLED
    run_cleanup.clean_up(now=time.time() + 25 * 3600)
    assert history().runs() == []
    assert list((tmp_path / "home" / "runs").iterdir()) == []
    assert list((tmp_path / "home" / "artifacts").glob("??/*")) == []


def test_the_quota_does_not_cost_a_run_that_is_being_looked_into(run_id, monkeypatch):
    monkeypatch.setenv("LITEDRIFT_QUOTA_BYTES", "1")
    assert run_cleanup.read_usage().runs == 1
    with measuring_alone():
        job_id = start_analysis(layers_of(run_id))
        wait_for(job_id, "waiting for the machine")
        assert run_cleanup.read_usage().runs == 1
        assert run_cleanup.clean_up() == []
        run_store.cancel_run(job_id)
        finish(job_id)
    assert run_cleanup.clean_up() == ["net.tflite"]
    assert history().runs() == []


@pytest.mark.parametrize("content", ["damaged", "of another build"])
def test_what_does_not_hold_is_made_anew(run_id, tmp_path, content):
    kept = tmp_path / "layers_int8.json"
    if content == "damaged":
        kept.write_text("{")
    else:
        LayerAnalysis(recipe="int8", sha256="0" * 64, reference_sha256="1" * 64).save(tmp_path)
    run_store.keep_file(run_id, kept)
    if content != "damaged":
        assert found_of(run_id) is None
    assert finish(start_analysis(layers_of(run_id))).status == DONE
    sha256 = run_store.load_comparison(run_id).variant("int8").sha256
    assert found_of(run_id).sha256 == sha256


def test_one_that_measured_nothing_has_failed_and_may_be_tried_again(finished, run_id, tmp_path):
    request, files = finished
    broken = tmp_path / "int8.tflite"
    broken.write_bytes(b"\x1c\0\0\0TFL3" + b"\0" * 64)
    without = run_store.adopt_run(request, {**files, "int8.tflite": broken})
    progress = finish(start_analysis(layers_of(without)))
    assert progress.status == FAILED
    assert "Not measured: layers" in progress.error
    assert "layers_int8.json" not in run_store.run_files(without)


def test_what_cannot_be_looked_into_is_said_and_leaves_nothing(run_id, finished):
    with pytest.raises(GateError, match="found no 'nine'"):
        start_analysis(layers_of(run_id, "nine"))
    with pytest.raises(StoreError, match="There is no run"):
        start_analysis(layers_of("no" * 12))
    request, files = finished
    bare = {name: path for name, path in files.items() if not name.startswith("evaluation")}
    assert len(bare) < len(files)
    other = run_store.adopt_run(replace(request), bare)
    with pytest.raises(ModelFileError, match=r"^int8: .*kept no evaluation samples"):
        start_analysis(layers_of(other))
    assert run_store.list_analyses() == []
