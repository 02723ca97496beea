"""A budget search and a map of sensitivity as jobs of the server."""

from __future__ import annotations

import signal
import time

import psutil
import pytest

from converter import run_store
from converter.analysis_jobs import start_analysis
from converter.analysis_kinds import BUDGET, SENSITIVITY, Analysis, is_known
from converter.budget import Budget
from converter.budget_solution import BudgetQuestion, Findings, load_solution
from converter.errors import ModelFileError, SettingError
from converter.history import CANCELLED, DONE, INTERRUPTED
from converter.live_file import ask_to_stop, read_live
from converter.pipeline import run_comparison
from converter.recipe import find_recipes
from converter.request import RunRequest
from converter.sensitivity import SENSITIVITY_FILE, load_sensitivity
from tests.converter.following_jobs import adopted, finish, job_of, jobs_with, wait_for

QUESTION = BudgetQuestion(budget=Budget(least_sqnr_db=25.0), most_evaluations=300)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, mlp_keras_file):
    """Return the request and the files of a run of a Keras model."""
    folder = tmp_path_factory.mktemp("run")
    request = RunRequest(
        model_path=mlp_keras_file, model_name="mlp.keras", samples=12, calibration_samples=4,
        recipes=tuple(find_recipes(["float32", "int8"])), runs=1,
    )  # fmt: skip
    run_comparison(request, folder / "out")
    return request, {path.name: path for path in (folder / "out").iterdir() if path.is_file()}


@pytest.fixture
def run_id(finished, tmp_path, monkeypatch):
    with adopted(finished, tmp_path, monkeypatch) as found:
        yield found


@pytest.fixture
def asked(run_id):
    return Analysis(run_id=run_id, kind=BUDGET, detail=QUESTION.to_text())


def files(asked):
    return run_store.run_files(asked.run_id)


def knows(asked):
    return is_known(asked, run_store.load_comparison(asked.run_id), files(asked))


def wait_for_findings(asked, most=60):
    end = time.monotonic() + most
    while True:
        found = read_live(run_store.run_folder(asked.job_id), Findings.from_json)
        if found is not None and found.found:
            return found
        assert time.monotonic() < end
        time.sleep(0.01)


def test_two_who_ask_get_one_job_whose_answer_stays_with_the_run(asked):
    assert start_analysis(asked, "ada") == start_analysis(asked, "bob") == asked.job_id
    assert len(jobs_with(asked.job_id)) == 1
    progress = finish(asked.job_id)
    assert (progress.status, progress.error) == (DONE, None)
    solution = load_solution(files(asked)[QUESTION.file])
    assert solution.answers.answers[0].holds
    assert not solution.stopped
    for stem, answer in zip(solution.files, solution.answers.answers, strict=True):
        assert {f"{stem}.tflite", f"{stem}.recipe.json", f"{stem}.py"} <= set(files(asked))
        assert files(asked)[f"{stem}.tflite"].stat().st_size == answer.report.size_bytes
    assert knows(asked)
    start_analysis(asked, "eve")
    assert not run_store.follow_run(asked.job_id).is_active
    other = BudgetQuestion(budget=Budget(least_sqnr_db=26.0))
    assert not knows(Analysis(run_id=asked.run_id, kind=BUDGET, detail=other.to_text()))


def test_it_shows_what_it_finds_and_stopped_it_keeps_the_best(asked):
    start_analysis(asked)
    so_far = wait_for_findings(asked)
    ask_to_stop(run_store.run_folder(asked.job_id))
    assert finish(asked.job_id).status == DONE
    solution = load_solution(files(asked)[QUESTION.file])
    found = solution.findings.found
    assert repr(found[: len(so_far.found)]) == repr(so_far.found)
    assert len(found) < QUESTION.most_evaluations
    assert solution.stopped
    assert solution.answers.answers
    assert not knows(asked)  # who asks again gets all of it
    start_analysis(asked)
    assert finish(asked.job_id).status == DONE
    assert not load_solution(files(asked)[QUESTION.file]).stopped


def test_cancelled_it_ends_with_all_that_it_started_and_keeps_nothing(asked):
    start_analysis(asked)
    wait_for_findings(asked)
    job = job_of(asked.job_id)
    family = [job, *job.children(recursive=True)]
    run_store.cancel_run(asked.job_id)
    assert finish(asked.job_id).status == CANCELLED
    assert psutil.wait_procs(family, timeout=60)[1] == []
    assert QUESTION.file not in files(asked)


def test_a_child_that_crashes_costs_one_candidate(asked):
    start_analysis(asked)
    wait_for(asked.job_id, "searching")
    job = job_of(asked.job_id)
    job.suspend()
    for child in job.children(recursive=True):
        child.send_signal(signal.SIGSEGV)
    job.resume()
    assert finish(asked.job_id).status == DONE
    solution = load_solution(files(asked)[QUESTION.file])
    crashed = [e for e in solution.findings.unusable if "crashed" in e.figures.problem]
    assert len(crashed) == 1
    assert solution.answers.answers[0].holds


def test_killed_it_is_interrupted_and_what_it_had_found_can_still_be_read(asked):
    start_analysis(asked)
    wait_for_findings(asked)
    job = job_of(asked.job_id)
    children = job.children(recursive=True)
    job.kill()
    assert finish(asked.job_id).status == INTERRUPTED
    assert psutil.wait_procs(children, timeout=60)[1] == []
    assert read_live(run_store.run_folder(asked.job_id), Findings.from_json).found
    assert QUESTION.file not in files(asked)


def test_what_cannot_be_searched_is_refused_at_once(run_id, finished):
    for detail in ("", "{", BudgetQuestion(budget=Budget()).to_text()):
        with pytest.raises(SettingError, match="budget: expected"):
            start_analysis(Analysis(run_id=run_id, kind=BUDGET, detail=detail))
    request, kept = finished
    for gone in ("float32.tflite", "evaluation.npz", "reference_outputs.npz"):
        bare = {name: path for name, path in kept.items() if name != gone}
        assert len(bare) < len(kept)
        other = run_store.adopt_run(request, bare)
        with pytest.raises(ModelFileError, match=r"^mlp\.keras: expected float32"):
            start_analysis(Analysis(run_id=other, kind=BUDGET, detail=QUESTION.to_text()))
    assert run_store.list_analyses() == []


def test_the_map_of_sensitivity_is_a_job_too(run_id):
    asked = Analysis(run_id=run_id, kind=SENSITIVITY)
    start_analysis(asked)
    assert finish(asked.job_id).status == DONE
    assert load_sensitivity(files(asked)[SENSITIVITY_FILE]).is_whole
    assert knows(asked)


@pytest.mark.parametrize(
    ("kind", "name"), [(BUDGET, QUESTION.file), (SENSITIVITY, SENSITIVITY_FILE)]
)
def test_what_is_damaged_is_not_known(run_id, tmp_path, kind, name):
    (tmp_path / name).write_text("{")
    run_store.keep_file(run_id, tmp_path / name)
    detail = QUESTION.to_text() if kind == BUDGET else ""
    assert not knows(Analysis(run_id=run_id, kind=kind, detail=detail))
