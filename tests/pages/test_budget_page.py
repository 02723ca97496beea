"""The Budget page: nothing yet, what cannot be searched, a search that goes on, its ends."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from components.budget.searches import BUDGET_PARAMETER
from components.explore.bench_state import STATE_PARAMETER
from components.format import format_bytes
from components.session import RUN_PARAMETER, widget_key
from converter import run_store
from converter.analysed_run import files_of
from converter.analysis_kinds import BUDGET, SENSITIVITY, Analysis
from converter.budget import Budget
from converter.budget_answers import find_answers
from converter.budget_solution import BudgetQuestion, Findings, load_solution
from converter.budget_solver import solve_budget
from converter.history import CANCELLED, DONE, FAILED, INTERRUPTED, RUNNING, RunRecord
from converter.live_file import LiveFile, is_stopping
from converter.measurement_lock import measuring_alone
from converter.pipeline import run_comparison
from converter.progress import Progress, write_progress
from converter.recipe import find_recipes
from converter.request import RunRequest
from converter.sensitivity import SENSITIVITY_FILE
from converter.sensitivity_run import measure_sensitivity
from tests.converter.example_tflites import write_classifier
from tests.converter.following_jobs import finish, wait_for
from tests.pages.opened_names import opened, tiles_without_formula
from tests.pages.synthetic import make_comparison, write_run

QUESTION = BudgetQuestion(budget=Budget(least_agreement=0.9), most_evaluations=40)
START = widget_key("budget", "ask")
AGREEMENT = widget_key("budget", "limit.agreement")
SIZE = widget_key("budget", "limit.size")
LENGTH = widget_key("budget", "length")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return a run's request and files, with a solution and a map among them."""
    folder = tmp_path_factory.mktemp("run")
    request = RunRequest(
        model_path=write_classifier(folder / "net.tflite"), model_name="net.tflite", samples=20,
        calibration_samples=4, recipes=tuple(find_recipes(["float32", "int8"])), runs=1,
    )  # fmt: skip
    out = folder / "out"
    run_comparison(request, out)
    bare = {path.name: path for path in out.iterdir() if path.is_file()}
    solve_budget(files_of(out), QUESTION, out=out)
    measure_sensitivity(files_of(out), out).save(out)
    return request, bare, {path.name: path for path in out.iterdir() if path.is_file()}


@pytest.fixture
def run_id(finished, home):
    yield run_store.adopt_run(*finished[:2])
    for record in run_store.list_analyses():
        run_store.cancel_run(record.run_id)


def open_page(app, run_id=None, **parameters):
    app.run()
    for name, value in {RUN_PARAMETER: run_id, **parameters}.items():
        if value is not None:
            app.query_params[name] = value
    return app.switch_page("pages/budget.py").run()


def asked_of(run_id, question=QUESTION):
    return Analysis(run_id=run_id, kind=BUDGET, detail=question.to_text())


def put_job(run_id, status, error=None, owner="somebody else"):
    """Put a search into the history as its job would have left it; return its folder."""
    asked = asked_of(run_id)
    now = time.time()
    assert run_store.history().add_run(RunRecord(
        run_id=asked.job_id, name="Budget", model_name="net.tflite", model_sha256="",
        data_name=None, request=asked.to_request(), owner=owner, created=now, queued=now,
        started=now, status=status, error=error,
    ))  # fmt: skip
    return run_store.run_folder(asked.job_id)


def texts(app):
    return " ".join(
        str(item.value)
        for kind in (app.header, app.subheader, app.markdown, app.caption, app.success,
                     app.warning, app.error)
        for item in kind
    ).replace("\\", "")  # fmt: skip


def labels(app):
    return [button.label for button in app.button]


def test_without_a_run_it_leads_to_a_model(app):
    open_page(app)
    assert not app.exception
    assert app.title[0].value == "Budget"
    assert app.header[0].value == "Nothing to compare yet"


def test_a_run_without_what_is_needed_says_what_is_missing(app, home):
    write_run(home, "r1", *make_comparison())
    open_page(app, "r1")
    assert not app.exception
    assert len(app.error) == 1
    assert "float32" in app.error[0].value
    assert START not in [button.key for button in app.button]


def test_it_asks_and_searches_only_for_what_must_hold(app, run_id):
    open_page(app, run_id)
    assert not app.exception
    assert app.number_input(key=AGREEMENT).value == 99.0
    assert app.number_input(key=widget_key("budget", "limit.drop")).disabled  # no labels
    assert not app.button(key=START).disabled
    assert run_store.list_analyses(run_id) == []


def test_without_a_limit_nothing_can_be_searched(app, run_id):
    app.session_state[AGREEMENT] = None  # as if a person had emptied it
    open_page(app, run_id)
    assert not app.exception
    assert app.button(key=START).disabled


def test_it_searches_while_the_page_is_left_and_the_answer_is_found_again(app, run_id):
    app.default_timeout = 120
    open_page(app, run_id)
    app.button_group(key=LENGTH).set_value(100)
    with measuring_alone():
        app.button(key=START).click().run()
        assert not app.exception
        assert "Searching for the smallest file with agreement at least 99 %" in texts(app)
        app.switch_page("pages/history.py").run()  # left: it is found there
        assert [b.label for b in app.button if "cancel.history" in b.key] == ["Cancel"]
        [record] = run_store.list_analyses(run_id)
        wait_for(record.run_id, "waiting for the machine")
        open_page(app, run_id)  # and come back to
        assert {"Stop and keep the best", "Cancel"} <= set(labels(app))
    assert finish(record.run_id).status == DONE
    open_page(app, run_id)
    assert not app.exception
    assert not app.error
    assert "The frontier" in texts(app)
    assert "Smallest" in [card.value for card in app.subheader]
    assert "distinct candidates" in texts(app)
    question = BudgetQuestion.from_text(record.request["detail"])
    assert question.budget == Budget(least_agreement=0.99)
    assert question.key in app.query_params[BUDGET_PARAMETER]


@pytest.mark.usefixtures("jobs_alive")
def test_what_is_found_is_drawn_while_it_goes_on_and_only_its_owner_stops_it(
    app, run_id, finished
):
    findings = load_solution(finished[2][QUESTION.file]).findings
    folder = put_job(run_id, RUNNING)
    write_progress(folder, Progress("running", "searching: 900 bytes", done=30, total=100))
    LiveFile(folder).write(replace(findings, found=findings.found[:7]))
    open_page(app, run_id)
    assert not app.exception
    assert "7 files, each" in texts(app)
    assert len(app.get("plotly_chart")) == 1
    assert not {"Stop and keep the best", "Cancel"} & set(labels(app))
    assert not is_stopping(folder)


def test_stop_asks_the_job_to_keep_the_best(app, run_id):
    app.default_timeout = 120
    open_page(app, run_id)
    with measuring_alone():
        app.button(key=START).click().run()
        [record] = run_store.list_analyses(run_id)
        wait_for(record.run_id, "waiting for the machine")
        open_page(app, run_id)
        [stop] = [b for b in app.button if b.label == "Stop and keep the best"]
        stop.click().run()
        assert not app.exception
        assert is_stopping(run_store.run_folder(record.run_id))
    assert finish(record.run_id).status == DONE
    open_page(app, run_id)
    assert "stopped before its end" in texts(app)
    assert "Search to the end" in labels(app)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (INTERRUPTED, "The analysis was interrupted: its process ended; start it again."),
        (FAILED, "litert-quantizer crashed (signal SIGSEGV) while searching."),
        (CANCELLED, None),
    ],
)
def test_one_that_died_says_so_shows_what_it_had_and_can_be_started_again(
    app, run_id, finished, status, error
):
    folder = put_job(run_id, status, error)
    LiveFile(folder).write(load_solution(finished[2][QUESTION.file]).findings)
    open_page(app, run_id)
    assert not app.exception
    assert "No answer for the smallest file" in texts(app)
    assert "The frontier" in texts(app)
    assert (error or "").lower() in texts(app).lower()
    assert "Start again" in labels(app)


def adopt_with(finished, **contents):
    """Adopt a run with further files; None takes the finished one's own."""
    request, bare, full = finished
    files = {name: full[name] for name in full if name in bare or name.startswith("budget_")}
    return run_store.adopt_run(request, {**files, **contents})


def test_what_the_command_line_found_is_shown_with_its_files(app, home, finished):
    run_id = adopt_with(finished)
    open_page(app, run_id)
    assert not app.exception
    assert not app.error
    solution = load_solution(finished[2][QUESTION.file])
    assert len(app.get("download_button")) == 3 * len(solution.answers.answers)
    assert "samples that the search never saw" in texts(app)
    assert "Breaks the budget" not in texts(app)
    assert len(app.success) == 1
    assert app.metric
    assert tiles_without_formula(app) == set()


def test_an_answer_opens_in_explore_with_its_layers(app, home, finished):
    run_id = adopt_with(finished)
    open_page(app, run_id)
    (first, *_) = load_solution(finished[2][QUESTION.file]).answers.answers
    next(b for b in app.button if b.label == "Open in Explore").click().run()
    assert not app.exception
    assert app.title[0].value.startswith("Explore")
    sizes = {metric.label: metric.value for metric in app.metric}
    assert sizes["Size"] == format_bytes(first.report.size_bytes)
    assert app.query_params[STATE_PARAMETER]


def test_a_budget_that_cannot_be_met_says_so_with_the_nearest(app, home, finished, tmp_path):
    solution = load_solution(finished[2][QUESTION.file])
    budget = Budget(least_sqnr_db=20.0, most_size_bytes=10)
    findings = replace(solution.findings, budget=budget)
    answers = find_answers(findings.state, lambda _: findings.original, findings.original)
    replace(solution, findings=findings, answers=answers, files=["budget_00_1"]).save(
        tmp_path, "budget_00.json"
    )
    run_id = adopt_with(finished, **{"budget_00.json": tmp_path / "budget_00.json"})
    open_page(app, run_id, **{BUDGET_PARAMETER: "00"})
    assert not app.exception
    assert "cannot be met" in app.warning[0].value
    assert not app.success
    assert "Breaks the budget" in texts(app)
    assert "Nearest" in [card.value for card in app.subheader]


def test_what_gives_nan_is_said_and_counted(app, home, finished, tmp_path):
    solution = load_solution(finished[2][QUESTION.file])
    first = solution.findings.found[-1]
    bad = replace(first, sha256="nan", figures=replace(
        first.figures, sqnr_db=float("nan"), problem="3 of its output values are NaN or infinite"))
    found = [*solution.findings.found, bad]
    made = replace(solution, findings=replace(solution.findings, found=found, repeats=7))
    made.save(tmp_path, "budget_00.json")
    run_id = adopt_with(finished, **{"budget_00.json": tmp_path / "budget_00.json"})
    open_page(app, run_id, **{BUDGET_PARAMETER: "00"})
    assert not app.exception
    useless = len(made.findings.unusable)
    assert useless >= 1
    assert f"{useless} give" in texts(app)
    assert "3 of its output values are NaN or infinite" in texts(app)
    assert "7 more were the same file as another and are not counted" in texts(app)


@pytest.mark.parametrize("content", ["{", '{"findings": 1}'])
def test_damaged_files_are_told_in_a_sentence_and_can_be_made_anew(
    app, home, finished, tmp_path, content
):
    for name in ("budget_11.json", SENSITIVITY_FILE):
        (tmp_path / name).write_text(content)
    run_id = adopt_with(finished, **{
        name: tmp_path / name for name in ("budget_11.json", SENSITIVITY_FILE)
    })  # fmt: skip
    open_page(app, run_id)
    assert not app.exception
    assert sorted(error.value.split(":")[0].replace("\\", "") for error in app.error) == [
        "budget_11.json", "sensitivity.json",
    ]  # fmt: skip
    assert START in [button.key for button in app.button]
    assert "Measure it" in labels(app)


def test_the_map_is_offered_made_and_found_again(app, run_id, finished):
    app.default_timeout = 120
    open_page(app, run_id)
    start = widget_key("sensitivity", "start")
    with measuring_alone():
        app.button(key=start).click().run()
        assert not app.exception
        job_id = Analysis(run_id=run_id, kind=SENSITIVITY).job_id
        wait_for(job_id, "waiting for the machine")
        open_page(app, run_id)
        assert "Stop and keep this" in labels(app)
    assert finish(job_id).status == DONE
    open_page(app, run_id)
    assert not app.exception
    assert "Layer by precision" in [card.value for card in app.subheader]
    assert start not in [button.key for button in app.button]
    for value in ("others", "parts"):
        app.button_group(key=widget_key("sensitivity", "side.done")).set_value(value).run()
        assert not app.exception
    assert "cannot be expressed" in texts(app)
    assert {"Sensitivity", "What is left"} <= set(opened(app))
    assert " dB" in opened(app)["Sensitivity"]


def test_findings_read_back_are_strict_json(finished):
    findings = load_solution(finished[2][QUESTION.file]).findings
    again = Findings.from_json(json.loads(json.dumps(findings.to_json(), allow_nan=False)))
    assert repr(again) == repr(findings)
