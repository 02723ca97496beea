"""Candidates a second, and what the search is worth against plain ones."""

import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from converter.analysed_run import files_of
from converter.budget import Budget
from converter.budget_solution import BudgetQuestion
from converter.budget_solver import solve_budget
from converter.candidate_search import CandidateSearch
from converter.candidate_session import REPORT, SEARCH, CandidateSession
from converter.child_process import PROJECT_ROOT
from tests.benchmarks.mobilenet import PIXELS, make_mobilenet
from tests.benchmarks.plain_searches import GreedySearch, RandomSearch

DIGITS = PROJECT_ROOT / "sample_models" / "digits_mobilenet"
GOALS = {"digits_mobilenet": (200, 20.0), "MobileNetV2": (64, 2.0)}
"""Samples on which a candidate is judged, and candidates a second."""
EVALUATIONS = 200
FLOORS = (0.995, 0.98)
SEEDS = (0, 1, 2)
MOST_SECONDS, LEAST_GAIN = 60.0, 0.15

def run(model, data, samples, out):
    command = [
        sys.executable, "-m", "converter", "run", model, "--data", data, "--recipes",
        "float32,int8", "--samples", str(samples), "--calibration-samples", "50", "--runs", "5",
        "--out", out,
    ]  # fmt: skip
    subprocess.run(command, cwd=PROJECT_ROOT, check=True, capture_output=True)
    return out


def rate(name, folder):
    """Judge one precision for all and single changes, as a search does, and tell how many."""
    samples, goal = GOALS[name.split()[0]]
    with CandidateSession(files_of(folder), folder, most_samples=2 * samples) as session:
        judge = partial(session.figures, split=SEARCH)
        search = CandidateSearch(session.layers, judge, Budget(least_sqnr_db=20.0), 60)
        started = time.perf_counter()
        found = sum(1 for _ in search.run())
        seconds = time.perf_counter() - started
        costs = session.check_costs()
        live = []
        for evaluation in search.state.found[:20]:
            began = time.perf_counter()
            session.figures(dict(evaluation.choice), SEARCH, predict=True)
            live.append(time.perf_counter() - began)
    speed = (found + search.state.repeats) / seconds
    print(
        f"candidates of {name}, {samples} samples, a walled child: {speed:.1f} a second (goal "
        f"{goal:.0f} {'met' if speed >= goal else 'NOT met'}); a change with predicted latency "
        f"{statistics.median(live):.2f} s, slowest {max(live):.2f} s; cost table off by "
        f"{costs.error:.1%} at the median of {len(costs.checks)} files",
        flush=True,
    )


def strategies(folder):
    """Equal evaluations for each; the report half says whether an answer holds."""
    with CandidateSession(files_of(folder), folder) as session:
        judge = partial(session.figures, split=SEARCH)
        for floor in FLOORS:
            budget = Budget(least_agreement=floor)
            sizes = {"uniform": [], "ours": [], "greedy": [], "random": []}
            for seed in SEEDS:
                for name, kind in (
                    ("ours", CandidateSearch), ("greedy", GreedySearch), ("random", RandomSearch),
                ):  # fmt: skip
                    search = kind(session.layers, judge, budget, EVALUATIONS, seed=seed)
                    list(search.run())
                    sizes[name].append(smallest_that_holds(session, search, floor))
                    if name == "ours" and not sizes["uniform"]:
                        plain = CandidateSearch(session.layers, judge, budget, EVALUATIONS)
                        list(plain.uniform())
                        sizes["uniform"].append(smallest_that_holds(session, plain, floor))
            best = statistics.median(sizes.pop("ours"))
            others = {name: statistics.median(found) for name, found in sizes.items()}
            print(
                f"smallest of {EVALUATIONS} candidates of digits_mobilenet with at least "
                f"{floor:.1%} agreement on both halves (median of {len(SEEDS)} seeds): {best:,.0f} "
                "bytes; "
                + ", ".join(
                    f"{name} {size:,.0f} (ours is {1 - best / size:.1%} smaller)"
                    for name, size in others.items()
                ),
                flush=True,
            )


def smallest_that_holds(session, search, floor):
    """Return the size of the smallest candidate that holds on the report half as well."""
    holding = sorted(
        (e for e in search.state.found if search.state.holds(e)),
        key=lambda e: e.figures.size_bytes,
    )
    for evaluation in holding:
        if (session.figures(dict(evaluation.choice), REPORT)[1].agreement or 0.0) >= floor:
            return evaluation.figures.size_bytes
    return search.state.original.size_bytes


def solver(folder):
    with tempfile.TemporaryDirectory() as out:
        question = BudgetQuestion(budget=Budget(least_agreement=0.99))
        found = solve_budget(files_of(folder), question, out=Path(out).resolve())
    first, uniform = found.answers.answers[0], found.uniform.figures.size_bytes
    least = found.findings.least_bytes
    gain, most = 1 - first.report.size_bytes / uniform, 1 - least / uniform
    below = sum(e.figures.size_bytes < least for e in found.findings.found)
    verdict = "met" if gain >= LEAST_GAIN else "NOT met"
    print(
        f"budget of 99 % agreement on digits_mobilenet: {first.report.size_bytes:,} bytes in "
        f"{found.seconds:.0f} s (goal {MOST_SECONDS:.0f} "
        f"{'met' if found.seconds < MOST_SECONDS else 'NOT met'}), {gain:.1%} under the best with "
        f"one precision ({uniform:,}; goal {LEAST_GAIN:.0%} "
        f"{verdict}; below {least:,}, {most:.1%} under it, an operator needs a precision that "
        f"alone breaks the budget, and all {below} candidates measured there break it)",
        flush=True,
    )


def main(rounds):
    del rounds  # medians over seeds
    with tempfile.TemporaryDirectory() as name:
        work = Path(name).resolve()
        digits = run(DIGITS / "digits_mobilenet.keras", DIGITS / "data.npz", 400, work / "digits")
        rate("digits_mobilenet", digits)
        strategies(digits)
        solver(digits)
        for pixels in PIXELS:
            model, data = make_mobilenet(work, pixels)
            rate(f"MobileNetV2 of {pixels} pixels", run(model, data, 128, work / str(pixels)))


if __name__ == "__main__":
    main(1)
