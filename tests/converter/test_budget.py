"""Budgets, the search that holds them, and answers that are checked on samples it never saw."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from functools import cache

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.__main__ import main
from converter.analysed_run import files_of
from converter.budget import Budget, Figures, objective, pareto_indices, violations
from converter.budget_answers import find_answers
from converter.budget_solution import BudgetQuestion, Findings, load_solution
from converter.budget_solver import solve_budget
from converter.candidate_layers import CandidateLayer
from converter.candidate_search import CandidateSearch
from converter.errors import DataError, RunCancelledError, SettingError
from converter.live_file import ask_to_stop, read_live
from tests.benchmarks.plain_searches import GreedySearch, RandomSearch
from tests.converter.example_tflites import features, write_classifier

BYTES = {"float32": 4000, "dynamic_int8": 1000, "dynamic_int4": 500}
NOISE = {"float32": 0.0, "dynamic_int8": 1e-4, "dynamic_int4": 1e-2}


def layer(number, weight=1):
    sizes = {name: size * weight for name, size in BYTES.items()}
    return CandidateLayer(number=number, operator="CONV_2D", name=f"l{number}", scope=f"l{number};",
                          weights=1000 * weight, sources=(), from_input=not number,
                          bytes_of=sizes)  # fmt: skip


LAYERS = [layer(0), layer(1, 4), layer(2), layer(3, 2)]
FACTORS = [30.0, 1.0, 5.0, 0.2]
"""How much more an error of each layer matters: the search has to find it out."""


def world(choices):
    """A made-up model whose errors add up, each layer with a weight of its own."""
    names = [choices.get(each.number, "float32") for each in LAYERS]
    size = sum(each.bytes_of[n] for each, n in zip(LAYERS, names, strict=True)) + 300
    noise = sum(NOISE[n] * f for n, f in zip(names, FACTORS, strict=True))
    sqnr = math.inf if noise == 0 else -10 * math.log10(noise)
    return str(names), Figures(size_bytes=size, sqnr_db=sqnr, agreement=1 - min(1, noise))


def everything():
    names = list(BYTES)
    grid = np.stack(np.meshgrid(*[range(3)] * 4), -1).reshape(-1, 4)
    return [world({i: names[k] for i, k in enumerate(row)})[1] for row in grid.tolist()]


@pytest.mark.parametrize("limit", [15.0, 20.0, 25.0, 30.0, 35.0])
def test_the_search_finds_the_best_there_is(limit):
    budget = Budget(least_sqnr_db=limit)
    search = CandidateSearch(LAYERS, world, budget, 70, seed=1)
    list(search.run())
    best = min(f.size_bytes for f in everything() if f.sqnr_db >= limit)
    assert search.state.best().figures.size_bytes == best
    assert len(search.state.found) <= 70


@pytest.mark.parametrize("strategy", [GreedySearch, RandomSearch, CandidateSearch])
def test_no_strategy_measures_more_than_it_may_or_one_file_twice(strategy):
    search = strategy(LAYERS, world, Budget(least_sqnr_db=20.0), 17, seed=3)
    found = list(search.run())
    assert len(found) == len(search.state.found) <= 17
    assert len({each.sha256 for each in found}) == len(found)
    assert [each.number for each in found] == list(range(1, len(found) + 1))


def test_where_not_all_can_be_measured_alone_other_scales_still_are():
    """MSE stands for what stores the same; one scale for a tensor loses something else."""
    names = {"float32": 4000, "dynamic_int4": 500, "dynamic_int4_mse": 500,
             "dynamic_int4_tensor": 450}  # fmt: skip
    layers = [replace(layer(n), bytes_of=names) for n in range(2)]

    def judge(choices):
        size = sum(names[choices.get(n, "float32")] for n in range(2))
        return str(sorted(choices.items())), Figures(size_bytes=size, sqnr_db=30.0, agreement=1.0)

    search = CandidateSearch(layers, judge, Budget(least_sqnr_db=20.0), 10)
    list(search.run())
    alone = {e.choice[0] for e in search.state.found if len(e.choice) == 1}
    assert alone >= {(n, p) for n in range(2) for p in ("dynamic_int4", "dynamic_int4_tensor")}


def test_it_may_be_stopped_at_any_time_and_keeps_the_best():
    search = CandidateSearch(LAYERS, world, Budget(least_sqnr_db=20.0), 70)
    steps = search.run()
    sizes = []
    for _ in range(12):
        next(steps)
        best = search.state.best()
        sizes.append(math.inf if best is None else best.figures.size_bytes)
    assert sizes == sorted(sizes, reverse=True)


def test_no_candidate_is_below_the_bound():
    search = CandidateSearch(LAYERS, world, Budget(minimize="size"), 400)
    list(search.run())
    assert search.smallest_bytes() == min(e.figures.size_bytes for e in search.state.found)


def test_what_fails_alone_does_not_lower_the_bound():
    def fails(choices):
        name, figures = world(choices)
        if choices.get(1) == "dynamic_int4":
            figures = replace(figures, sqnr_db=math.nan, problem="3 values are NaN")
        return name, figures

    search = CandidateSearch(LAYERS, fails, Budget(minimize="size"), 400)
    list(search.run())
    usable = [e.figures.size_bytes for e in search.state.found if e.figures.problem is None]
    assert search.smallest_bytes() == min(usable)
    assert min(usable) > min(e.figures.size_bytes for e in search.state.found)


def test_a_precision_that_fails_alone_and_not_beside_another_lowers_the_bound():
    """As int2 in digits_cnn: NaN out of one layer, numbers where the dense layer has it too."""

    def revived(choices):
        name, figures = world(choices)
        if choices.get(1) == "dynamic_int4" and choices.get(3) != "dynamic_int4":
            figures = replace(figures, sqnr_db=math.nan, problem="3 values are NaN")
        return name, figures

    search = CandidateSearch(LAYERS, revived, Budget(minimize="size"), 400)
    list(search.run())
    usable = [e.figures.size_bytes for e in search.state.found if e.figures.problem is None]
    assert search.smallest_bytes() == min(usable)


def test_what_breaks_the_budget_alone_does_not_lower_the_bound():
    budget = Budget(least_sqnr_db=25.0)
    search = CandidateSearch(LAYERS, world, budget, 400)
    list(search.run())
    # On paper int4 alone gives 5.2, 20.0, 13.0 and 27.0 dB, int8 25.2 dB or more.
    names = dict.fromkeys(range(3), "dynamic_int8") | {3: "dynamic_int4"}
    least = sum(each.bytes_of[names[each.number]] for each in LAYERS) + 300
    assert search.smallest_bytes() == least
    assert all(
        search.state.found[i].figures.size_bytes >= least
        for i in range(len(search.state.found))
        if search.state.holds(search.state.found[i])
    )


def test_candidates_that_change_nothing_are_not_counted():
    def blind(choices):
        return world({n: p for n, p in choices.items() if n != 2})

    search = CandidateSearch(LAYERS, blind, Budget(), 80)
    list(search.run())
    assert search.state.repeats > 0
    assert len({each.sha256 for each in search.state.found}) == len(search.state.found)


def figures(**more):
    return Figures(**{"size_bytes": 1000, "sqnr_db": 30.0, "agreement": 0.99, **more})


def test_each_limit_is_held_and_broken_by_its_share():
    budget = Budget(most_size_bytes=900, least_sqnr_db=20.0, least_agreement=0.995,
                    most_predicted_ms=2.0)  # fmt: skip
    broken = violations(budget, figures(predicted_ms=3.0), figures())
    assert broken == {"most_size_bytes": pytest.approx(1 / 9),
                      "least_agreement": pytest.approx(0.005 / 0.995),
                      "most_predicted_ms": pytest.approx(0.5)}  # fmt: skip
    assert violations(budget, figures(size_bytes=900, agreement=1.0, predicted_ms=2.0),
                      figures()) == {}  # fmt: skip


def test_what_was_not_measured_holds_no_limit():
    for found in (figures(agreement=None), figures(agreement=math.nan)):
        assert violations(Budget(least_agreement=0.1), found, figures()) == {"least_agreement": 1.0}
    assert violations(Budget(least_sqnr_db=1.0), figures(sqnr_db=math.nan), figures())
    assert violations(Budget(), figures(problem="NaN"), figures()) == {"problem": math.inf}
    drop = Budget(most_accuracy_drop=0.01)
    assert violations(drop, figures(accuracy=0.9), figures()) == {"most_accuracy_drop": 1.0}
    assert violations(drop, figures(accuracy=0.89), figures(accuracy=0.9)) == {}
    assert violations(drop, figures(accuracy=0.88), figures(accuracy=0.9))


@pytest.mark.parametrize("limits", [{"minimize": "speed"}, {"least_sqnr_db": math.nan},
                                    {"most_size_bytes": -1}])  # fmt: skip
def test_nonsense_is_refused(limits):
    with pytest.raises(SettingError, match="budget: expected"):
        Budget(**limits)


POINTS = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), min_size=1, max_size=12)


@given(POINTS)
def test_the_frontier_is_what_nothing_beats(points):
    found = [figures(size_bytes=size, sqnr_db=float(sqnr)) for size, sqnr in points]
    kept = set(pareto_indices(found))
    for index, (size, sqnr) in enumerate(points):
        beaten = any(s <= size and q >= sqnr and (s, q) != (size, sqnr) for s, q in points)
        twin = any(points[k] == (size, sqnr) for k in range(index))
        assert (index in kept) == (not beaten and not twin)


def test_objectives_break_ties_by_the_others():
    small, close = figures(size_bytes=5, sqnr_db=1.0), figures(size_bytes=9, sqnr_db=50.0)
    assert min(small, close, key=lambda f: objective(Budget(), f)) is small
    assert min(small, close, key=lambda f: objective(Budget(minimize="drift"), f)) is close


def searched(budget):
    search = CandidateSearch(LAYERS, world, budget, 70)
    list(search.run())
    return search.state


def test_answers_hold_on_samples_that_the_search_never_saw():
    state = searched(Budget(least_sqnr_db=20.0))
    found = find_answers(state, lambda choice: world(dict(choice))[1], state.original)
    assert all(answer.holds for answer in found.answers)
    assert found.answers[0].names[0] == "smallest"
    assert "holds the budget" in found.sentence
    assert len({a.evaluation.choice for a in found.answers}) == len(found.answers) <= 3


def test_without_a_bound_the_second_answer_is_the_knee_not_float32_itself():
    state = searched(Budget(least_sqnr_db=5.0))
    free = find_answers(state, lambda choice: world(dict(choice))[1], state.original)
    assert [answer.names for answer in free.answers] == [("smallest",), ("balanced",)]
    smallest, balanced = (answer.report for answer in free.answers)
    assert smallest.size_bytes < balanced.size_bytes < state.original.size_bytes
    assert balanced.sqnr_db > smallest.sqnr_db
    bounded = searched(Budget(least_sqnr_db=5.0, most_size_bytes=12_000))
    found = find_answers(bounded, lambda choice: world(dict(choice))[1], bounded.original)
    assert found.answers[-1].names == ("closest",)
    closest = max(f.sqnr_db for f in everything() if f.size_bytes <= 12_000)
    assert found.answers[-1].report.sqnr_db == pytest.approx(closest)


def test_an_answer_that_breaks_on_the_report_is_never_told_as_one_that_holds():
    state = searched(Budget(least_sqnr_db=20.0))
    best = state.best()

    def report(choice):
        figures = world(dict(choice))[1]
        worse = figures.sqnr_db - (9 if choice == best.choice else 0)
        return Figures(size_bytes=figures.size_bytes, sqnr_db=worse)

    found = find_answers(state, report, state.original)
    assert found.refuted >= 1
    assert all(answer.holds for answer in found.answers)
    assert best.choice not in {a.evaluation.choice for a in found.answers}
    gone = find_answers(state, lambda c: figures(sqnr_db=1.0), state.original)
    assert [answer.holds for answer in gone.answers] == [False]
    assert "breaks on those of the report" in gone.sentence


def test_what_cannot_be_met_is_said_with_the_nearest_and_why():
    state = searched(Budget(most_size_bytes=10, least_sqnr_db=20.0))
    found = find_answers(state, lambda choice: world(dict(choice))[1], state.original)
    assert "cannot be met" in found.sentence
    assert "its size is" in found.sentence
    assert found.answers[0].names == ("nearest",)
    assert not found.answers[0].holds


@cache
def searched_once(budget):
    return searched(budget)


@given(st.integers(0, 10**6), st.sampled_from([12.0, 20.0, 30.0, 60.0]), st.booleans())
def test_whatever_the_report_half_says_no_answer_hides_that_it_breaks(seed, limit, sized):
    budget = Budget(least_sqnr_db=limit, most_size_bytes=9000 if sized else None)
    state, noise = searched_once(budget), random.Random(seed)
    worse = {}

    def report(choice):
        figures = world(dict(choice))[1]
        shift = worse.setdefault(choice, noise.gauss(0, 6))
        return replace(figures, sqnr_db=figures.sqnr_db + shift)

    found = find_answers(state, report, state.original)
    assert 1 <= len(found.answers) <= 3
    for answer in found.answers:
        broken = violations(budget, answer.report, state.original)
        own = violations(budget, answer.evaluation.figures, state.original)
        assert answer.holds == (not broken and not own)
        if not answer.holds:
            assert answer.names == ("nearest",)
            assert "cannot be met" in found.sentence or "breaks on those of" in found.sentence


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("budget")
    model = write_classifier(folder / "net.tflite")
    np.save(folder / "x.npy", features(120))
    out = folder / "run"
    assert main(["run", str(model), "--data", str(folder / "x.npy"), "--recipes", "int8",
                 "--samples", "80", "--calibration-samples", "20", "--runs", "1",
                 "--out", str(out)]) == 0  # fmt: skip
    return out


QUESTION = BudgetQuestion(budget=Budget(least_sqnr_db=20.0), most_evaluations=60)


@pytest.fixture(scope="module")
def solution(run_folder):
    return solve_budget(files_of(run_folder), QUESTION, out=run_folder)


def test_a_real_search_ends_with_answers_that_hold_on_what_it_never_saw(run_folder, solution):
    assert solution.findings.samples == (40, 40)
    first = solution.answers.answers[0]
    assert first.holds
    assert first.report.sqnr_db >= 20.0
    uniform = solution.uniform.figures
    assert solution.findings.least_bytes <= first.report.size_bytes <= uniform.size_bytes
    assert solution.best_share == first.report.size_bytes / uniform.size_bytes
    stem = solution.files[0]
    path = run_folder / f"{stem}.tflite"
    assert path.stat().st_size == first.report.size_bytes
    content, recipe = path.read_bytes(), (run_folder / f"{stem}.recipe.json").read_text()
    assert json.loads(recipe)
    again = solve_budget(files_of(run_folder), QUESTION, out=run_folder)
    assert again.files == solution.files
    assert path.read_bytes() == content
    assert (run_folder / f"{stem}.recipe.json").read_text() == recipe
    assert not list(run_folder.glob(".candidates-*"))


def test_what_is_kept_is_what_was_found(run_folder, solution):
    kept = load_solution(run_folder / QUESTION.file)
    # NaN is unequal to itself; texts are not.
    assert repr(kept.findings) == repr(solution.findings)
    assert repr(kept.answers) == repr(solution.answers)
    assert kept.best_share == solution.best_share


@pytest.mark.parametrize("content", ["{", "[]", "null", '{"findings": {}}', "\0"])
def test_a_damaged_solution_is_refused_in_a_sentence(tmp_path, content):
    (tmp_path / "budget_1.json").write_text(content)
    with pytest.raises(DataError, match=r"^budget_1\.json: expected what a budget search found"):
        load_solution(tmp_path / "budget_1.json")


def test_a_question_is_told_from_another_and_read_back():
    other = BudgetQuestion(budget=Budget(least_sqnr_db=20.5), most_evaluations=60)
    assert other.key != QUESTION.key
    assert BudgetQuestion.from_text(QUESTION.to_text()) == QUESTION
    for text in ("", "[]", '{"budget": {"minimize": "speed"}}', '{"budget": {"most": 1}}'):
        with pytest.raises(SettingError, match="budget: expected"):
            BudgetQuestion.from_text(text)


def test_where_nothing_must_hold_nothing_is_searched(run_folder):
    with pytest.raises(SettingError, match="at least one limit"):
        solve_budget(files_of(run_folder), BudgetQuestion(budget=Budget()), out=run_folder)


def test_it_stops_when_asked_and_keeps_the_best(run_folder, tmp_path):
    told = []

    def listen(stage, share):
        told.append((stage, share))
        if sum(s.startswith("searching") for s, _ in told) == 9:
            ask_to_stop(tmp_path)

    solution = solve_budget(files_of(run_folder), QUESTION, out=run_folder, progress=tmp_path,
                            listener=listen)  # fmt: skip
    assert solution.stopped
    assert len(solution.findings.found) == 9
    assert repr(read_live(tmp_path, Findings.from_json)) == repr(solution.findings)
    best = solution.findings.state.best()
    assert solution.answers.answers[0].evaluation == best
    assert solution.answers.answers[0].holds
    assert (run_folder / f"{solution.files[0]}.tflite").stat().st_size == best.figures.size_bytes


def test_what_a_listener_raises_ends_it_and_leaves_no_child(run_folder):
    def listen(stage, share):
        if stage.startswith("searching"):
            raise RunCancelledError

    before = len(psutil.Process().children(recursive=True))
    with pytest.raises(RunCancelledError):
        solve_budget(files_of(run_folder), QUESTION, out=run_folder, listener=listen)
    assert len(psutil.Process().children(recursive=True)) == before
    assert not list(run_folder.glob(".candidates-*"))


def test_the_command_says_what_it_found_and_refuses_in_one_line(run_folder, capsys, tmp_path):
    assert main(["budget", str(run_folder), "--min-sqnr-db", "20", "--evaluations", "30"]) == 0
    out = capsys.readouterr().out
    assert "candidates" in out
    assert "samples that the search never saw" in out
    assert main(["budget", str(tmp_path), "--min-sqnr-db", "20"]) == 2
    assert "error: budget: run: expected comparison.json" in capsys.readouterr().err
    assert main(["budget", str(run_folder), "--min-sqnr-db", "nan"]) == 2
    assert main(["budget", str(run_folder)]) == 2
    with pytest.raises(DataError):
        solve_budget({}, QUESTION, out=tmp_path)
