"""Starting, operations and calibration as jobs: shared, cancelled, crashed, killed, kept."""

from __future__ import annotations

import signal
import threading
import time
from dataclasses import replace

import psutil
import pytest

from converter import run_store
from converter.analysis_jobs import follow_analysis, start_analysis
from converter.analysis_kinds import (
    CALIBRATION,
    ENGINES,
    KINDS,
    LAYERS,
    OPERATORS,
    STARTS,
    Analysis,
    is_known,
)
from converter.calibration_findings import load_study, study_file
from converter.comparison import CALIBRATION_FILE
from converter.engine_comparison import ENGINES_FILE, EngineComparison
from converter.errors import DataError, ModelFileError, RecipeError
from converter.history import CANCELLED, DONE, FAILED, INTERRUPTED
from converter.measurement_lock import measuring_alone
from converter.operator_evidence import TARGETS
from converter.pipeline import run_comparison
from converter.recipe import find_recipes
from converter.request import RunRequest
from converter.run_operators import PROBE_FILE, Probe, read_support
from converter.start_cost import LITERT, START_COST_FILE, TENSORFLOW, load_start_costs
from tests.converter.following_jobs import adopted, finish, job_of, jobs_with, wait_for

FILES = {
    CALIBRATION: study_file("int8"), OPERATORS: PROBE_FILE, STARTS: START_COST_FILE,
    ENGINES: ENGINES_FILE,
}  # fmt: skip
STAGES = {
    CALIBRATION: "calibrating", OPERATORS: "loading the model", STARTS: "importing",
    ENGINES: "making",
}  # fmt: skip
"""In which a child's death is the end of all: later ones cost a part alone."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory, mlp_keras_file):
    """Return the request and the files of a run of a Keras model."""
    folder = tmp_path_factory.mktemp("run")
    request = RunRequest(
        model_path=mlp_keras_file, model_name="mlp.keras", samples=12, calibration_samples=4,
        recipes=tuple(find_recipes(["float32", "int8", "dynamic_range"])), runs=2,
    )  # fmt: skip
    run_comparison(request, folder / "out")
    return request, {path.name: path for path in (folder / "out").iterdir() if path.is_file()}


@pytest.fixture
def run_id(finished, tmp_path, monkeypatch):
    with adopted(finished, tmp_path, monkeypatch) as found:
        yield found


@pytest.fixture(params=list(FILES))
def asked(request, run_id):
    return Analysis(
        run_id=run_id, kind=request.param, recipe="int8" if request.param == CALIBRATION else ""
    )


def knows(asked):
    comparison, files = run_store.load_comparison(asked.run_id), run_store.run_files(asked.run_id)
    return is_known(asked, comparison, files)


def crash_a_child(job_id, stage):
    """Let what a job asks in a stage crash; the job itself stands still meanwhile."""
    wait_for(job_id, stage)
    job, end = job_of(job_id), time.monotonic() + 30
    while True:
        assert time.monotonic() < end
        job.suspend()
        children = job.children(recursive=True)
        for child in children:
            child.send_signal(signal.SIGSEGV)
        job.resume()
        if children:
            return
        time.sleep(0.005)


def test_two_who_ask_get_one_job_that_waits_goes_on_and_is_kept(asked):
    ids = []
    assert follow_analysis(asked) is None
    with measuring_alone():
        askers = [
            threading.Thread(target=lambda n=n: ids.append(start_analysis(asked, n)))
            for n in ("ada", "bob")
        ]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        assert ids == [asked.job_id] * 2
        wait_for(asked.job_id, "waiting for the machine")
        assert len(jobs_with(asked.job_id)) == 1
        [record] = run_store.list_analyses(asked.run_id)
        assert record.name.endswith(", mlp.keras")
        assert Analysis.from_request(record.request) == asked
    wait_for(asked.job_id, STAGES[asked.kind])
    progress = finish(asked.job_id)
    assert (progress.status, progress.error) == (DONE, None)
    assert FILES[asked.kind] in run_store.run_files(asked.run_id)
    assert knows(asked)
    assert not run_store.work_folder(asked.job_id).exists()
    assert [record.run_id for record in run_store.list_runs()] == [asked.run_id]
    # Known: who asks once more gets the answer, not another job.
    assert start_analysis(asked, "eve") == asked.job_id
    assert not run_store.follow_run(asked.job_id).is_active
    look_at(asked)


def look_at(asked):
    files = run_store.run_files(asked.run_id)
    if asked.kind == STARTS:
        costs = load_start_costs(files[START_COST_FILE])
        assert {cost.package for cost in costs.imports} == {LITERT, TENSORFLOW}
        assert {f.recipe for f in costs.files} == {"float32", "int8", "dynamic_range"}
    elif asked.kind == CALIBRATION:
        study = load_study(files[study_file("int8")])
        assert [p.samples for p in study.points] == [1, 1, 1, 2, 2, 2, 4]
    elif asked.kind == ENGINES:
        found = EngineComparison.load(files[ENGINES_FILE])
        assert [pair.recipe for pair in found.pairs] == ["int8", "dynamic_range"]
        assert all(pair.quantizer.problem is None for pair in found.pairs)
    else:
        report = read_support(files, run_store.load_comparison(asked.run_id))
        assert report.untried == []


def test_cancelled_it_ends_with_all_that_it_started_and_can_be_asked_again(asked):
    start_analysis(asked, "ada")
    wait_for(asked.job_id, STAGES[asked.kind])
    job = job_of(asked.job_id)
    family = [job, *job.children(recursive=True)]
    run_store.cancel_run(asked.job_id)
    assert finish(asked.job_id).status == CANCELLED
    assert psutil.wait_procs(family, timeout=60)[1] == []
    assert FILES[asked.kind] not in run_store.run_files(asked.run_id)
    with measuring_alone():
        start_analysis(asked, "bob")
        wait_for(asked.job_id, "waiting for the machine")
        assert run_store.load_record(asked.job_id).owner == "bob"


@pytest.mark.parametrize("asked", [CALIBRATION, OPERATORS, STARTS], indirect=True)
def test_a_crash_of_its_child_is_told_in_a_sentence(asked):
    start_analysis(asked)
    crash_a_child(asked.job_id, STAGES[asked.kind])
    progress = finish(asked.job_id)
    assert progress.status == FAILED
    assert "crashed" in progress.error
    assert progress.error.endswith(".")
    assert "\n" not in progress.error
    assert "Traceback" not in progress.error
    assert FILES[asked.kind] not in run_store.run_files(asked.run_id)
    assert not knows(asked)


def test_killed_it_is_interrupted(asked):
    start_analysis(asked)
    wait_for(asked.job_id, STAGES[asked.kind])
    job = job_of(asked.job_id)
    children = job.children(recursive=True)
    job.kill()
    progress = finish(asked.job_id)
    assert progress.status == INTERRUPTED
    assert progress.error == "The analysis was interrupted: its process ended; start it again."
    assert psutil.wait_procs(children, timeout=60)[1] == []


def test_what_is_known_is_found_once_more_where_that_is_asked(run_id, tmp_path):
    asked = Analysis(run_id=run_id, kind=CALIBRATION, recipe="int8")
    start_analysis(asked)
    assert finish(asked.job_id).status == DONE
    known = run_store.run_files(run_id)[study_file("int8")]
    found, made = known.read_bytes(), known.stat().st_mtime_ns
    start_analysis(asked, anew=True)
    assert run_store.follow_run(asked.job_id).is_active
    assert finish(asked.job_id).status == DONE
    again = run_store.run_files(run_id)[study_file("int8")]
    assert (again.read_bytes() != found) or again.stat().st_mtime_ns > made


@pytest.mark.parametrize("content", ["{", "[]", '{"evidence": []}', "\0"])
def test_what_is_damaged_is_not_known(asked, tmp_path, content):
    path = tmp_path / FILES[asked.kind]
    path.write_text(content)
    run_store.keep_file(asked.run_id, path)
    assert not knows(asked)


def test_a_probe_of_fewer_targets_is_made_anew(run_id, tmp_path):
    asked = Analysis(run_id=run_id, kind=OPERATORS)
    run_store.keep_file(run_id, Probe().save(tmp_path))
    assert not knows(asked)
    assert len(TARGETS) > 3  # more than the run itself has tried


def test_what_cannot_be_carried_out_is_refused_at_once(run_id, finished, tmp_path):
    with pytest.raises(RecipeError, match="expected a variant that was calibrated"):
        start_analysis(Analysis(run_id=run_id, kind=CALIBRATION, recipe="dynamic_range"))
    request, files = finished
    bare = {name: path for name, path in files.items() if name != CALIBRATION_FILE}
    assert len(bare) < len(files)
    other = run_store.adopt_run(request, bare)
    with pytest.raises(DataError, match="expected the calibration samples"):
        start_analysis(Analysis(run_id=other, kind=CALIBRATION, recipe="int8"))
    changed = tmp_path / "mlp.keras"
    changed.write_bytes(request.model_path.read_bytes() + b"!")
    other = run_store.adopt_run(replace(request, model_path=changed), files)
    with pytest.raises(ModelFileError, match=r"^mlp\.keras: .* found another one"):
        start_analysis(Analysis(run_id=other, kind=OPERATORS))
    changed.unlink()
    with pytest.raises(ModelFileError, match="found none"):
        start_analysis(Analysis(run_id=other, kind=OPERATORS))
    assert run_store.list_analyses() == []


def test_no_two_questions_share_a_job_and_old_rows_are_of_layers():
    ids = {
        Analysis(run_id=run, kind=kind, recipe=recipe).job_id
        for run in ("r1", "r2") for kind in KINDS for recipe in ("", "int8", "starts")
    }  # fmt: skip
    assert len(ids) == 2 * len(KINDS) * 3
    old = Analysis.from_request({"analysis_of": "r1", "recipe": "int8"})
    assert old == Analysis(run_id="r1", kind=LAYERS, recipe="int8")
