"""Searches mixed precision on a finished run's float file for what holds a budget.

The kept evaluation samples are cut in two: the search sees one half, and every answer is reported
on the other, which it never saw.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from converter.analysed_run import Files
from converter.budget import Budget
from converter.budget_answers import Answers, find_answers
from converter.candidate_layers import CandidateLayer
from converter.candidate_search import CandidateSearch, Choice, Evaluation
from converter.candidate_session import REPORT, SEARCH, CandidateSession
from converter.comparison import write_whole
from converter.precision import FLOAT32

MOST_EVALUATIONS = 400
Listener = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class Solution:
    """What a search found.

    Attributes:
        budget: What was asked.
        answers: Up to three, checked on the report split.
        found: Every distinct candidate, in order.
        uniform: The best candidate with one precision for all operators that holds the budget on
            the search split; None where none does.
        least_bytes: `CandidateSearch.smallest_bytes`: no useful candidate can be smaller.
        repeats: Candidates whose file was known already.
        layers: The operators that a precision was chosen for.
        samples: On which the search was made, and on which was reported.
        seconds: How long it took.
        files: Names of the files written, by answer.
    """

    budget: Budget
    answers: Answers
    found: list[Evaluation]
    uniform: Evaluation | None
    least_bytes: int
    repeats: int
    layers: list[CandidateLayer]
    samples: tuple[int, int]
    seconds: float
    files: list[str] = field(default_factory=list)


def solve_budget(
    files: Files,
    budget: Budget,
    *,
    out: Path,
    most_evaluations: int = MOST_EVALUATIONS,
    seed: int = 0,
    listener: Listener = lambda _stage, _share: None,
) -> Solution:
    """Search for the best candidate that holds a budget, and write the answers' files.

    Args:
        files: Of the run, by name.
        budget: What must hold, and what to minimize.
        out: Gets `budget_<n>.tflite` and `budget_<n>.recipe.json`, litert-quantizer's own form.
        most_evaluations: Distinct candidates at most.
        seed: Of the random steps.
        listener: Told of each stage; what it raises ends the search, no child process is left.

    Raises:
        LiteDriftError: When the run has no float file or no samples.
    """
    began = time.monotonic()
    with CandidateSession(files, out) as session:
        listener("asking what each operator can be stored as", 0.0)
        search = CandidateSearch(
            session.layers, partial(session.figures, split=SEARCH), budget, most_evaluations,
            seed=seed,
        )  # fmt: skip
        state = search.state
        for evaluation in search.run():
            best = state.best()
            found = "nothing holds yet" if best is None else f"{best.figures.size_bytes:,} bytes"
            listener(f"searching: {found}", min(0.95, evaluation.number / most_evaluations))
        original = session.figures({}, REPORT)[1]
        answers = find_answers(
            state, lambda choice: session.figures(dict(choice), REPORT)[1], original
        )
        names = [
            _write(session, answer.evaluation.choice, out, number + 1)
            for number, answer in enumerate(answers.answers)
        ]
        return Solution(
            budget=budget, answers=answers, found=state.found, uniform=_uniform(search),
            least_bytes=search.smallest_bytes(), repeats=state.repeats,
            layers=[layer for layer in session.layers if layer.has_weights],
            samples=(session.samples[SEARCH], session.samples[REPORT]),
            seconds=round(time.monotonic() - began, 3), files=names,
        )  # fmt: skip


def _write(session: CandidateSession, choice: Choice, out: Path, number: int) -> str:
    """Write an answer's file and its recipe; return the file's name."""
    content, rules = session.write(dict(choice))
    name = f"budget_{number}.tflite"
    write_whole(out / name, content)
    write_whole(out / f"budget_{number}.recipe.json", json.dumps(rules, indent=1).encode())
    return name


def _uniform(search: CandidateSearch) -> Evaluation | None:
    """Return the smallest candidate of one precision that holds the budget."""
    holding = [
        evaluation
        for evaluation in search.state.found
        if len({name for _, name in evaluation.choice if name != FLOAT32.name}) == 1
        and len(evaluation.choice) == search.offering(evaluation.choice[0][1])
        and search.state.holds(evaluation)
    ]
    return min(holding, key=lambda e: e.figures.size_bytes, default=None)


def format_solution(solution: Solution) -> str:
    """Return a solution as plain text, for the command line."""
    lines = [solution.answers.sentence, ""]
    for number, answer in enumerate(solution.answers.answers):
        figures = answer.report
        agreement = "-" if figures.agreement is None else f"{figures.agreement:.1%}"
        lines.append(
            f"{', '.join(answer.names)}: {figures.size_bytes:,} bytes, {figures.sqnr_db:.1f} dB, "
            f"agreement {agreement} on {solution.samples[1]} samples that the search never saw; "
            f"{solution.files[number]}"
            + ("" if answer.holds else "  [breaks the budget]")
        )
        chosen = dict(answer.evaluation.choice)
        lines += [
            f"    {layer.number:3d} {layer.operator:18s} {chosen.get(layer.number, 'float32')}"
            for layer in solution.layers
        ]
    uniform = solution.uniform
    if uniform is not None:
        name = uniform.choice[0][1]
        lines.append(
            f"best with one precision for all: {name}, {uniform.figures.size_bytes:,} bytes; no "
            f"choice that gives finite outputs can be below {solution.least_bytes:,}"
        )
    lines.append(
        f"{len(solution.found)} distinct candidates on {solution.samples[0]} samples, "
        f"{solution.repeats} repeats left out, {solution.seconds:.1f} s"
    )
    return "\n".join(lines)
