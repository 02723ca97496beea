"""Searches mixed precision on a finished run's float file for what holds a budget.

The kept evaluation samples are cut in two: the search sees one half, and every answer is reported
on the other, which it never saw.
"""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from converter.analysed_run import Files, find_subject
from converter.budget import Budget, Figures
from converter.budget_answers import Answers, find_answers
from converter.candidate_layers import CandidateLayer
from converter.candidate_search import CandidateSearch, Choice, Evaluation
from converter.child_process import Worker
from converter.comparison import CALIBRATION_FILE, COMPARISON_FILE, Comparison, write_whole
from converter.drift import Drift
from converter.errors import DataError, WorkerError
from converter.kept_samples import EVALUATION_FILE, REFERENCE_FILE, load_kept
from converter.limits import current_limits
from converter.precision import FLOAT32
from converter.sample_arrays import save_arrays
from converter.sandbox import Permissions
from converter.signature import Signature

MOST_EVALUATIONS = 400
MOST_SAMPLES = 400
"""Kept evaluation samples that take part, both halves together."""
_LEAST_SAMPLES = 4
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
    comparison = Comparison.load(_need(files, COMPARISON_FILE))
    first = comparison.variants[0]
    asked = first if comparison.starts_from_tflite else comparison.variant("float32")
    subject = find_subject(files, comparison, asked)
    source = subject.reference or subject.variant
    inputs = load_kept(_need(files, EVALUATION_FILE))
    reference = load_kept(files[REFERENCE_FILE]) if REFERENCE_FILE in files else {}
    samples = min(MOST_SAMPLES, len(next(iter(inputs.values()))))
    if samples < _LEAST_SAMPLES or not reference:
        raise DataError(
            f"{comparison.model.name}: expected at least {_LEAST_SAMPLES} kept evaluation samples "
            f"with the original's outputs, found {samples if reference else 'none'}; run it again "
            "with more data."
        )
    calibration = load_kept(files[CALIBRATION_FILE]) if CALIBRATION_FILE in files else {}
    with tempfile.TemporaryDirectory(prefix=".budget-", dir=out) as folder:
        work = Path(folder).resolve()
        half = samples // 2
        save_arrays(work / "calibration", calibration)
        for name, part in (("search", slice(0, half)), ("report", slice(half, samples))):
            save_arrays(work / name, {n: a[part] for n, a in inputs.items()})
            save_arrays(work / f"{name}.reference", {n: a[part] for n, a in reference.items()})
        with Worker(
            "converter.workers.candidates", "litert-quantizer", task="while searching",
            permissions=Permissions(read=(source.resolve(),), write=(work,)),
        ) as worker:  # fmt: skip
            solver = _Solver(worker, listener, budget, most_evaluations, seed)
            opened = {
                "source": str(source.resolve()),
                "signature": Signature(
                    tuple(comparison.model.inputs), tuple(comparison.model.outputs)
                ).to_json(),
                "binding": subject.reference_binding.to_json(),
                "work": str(work),
                "threads": subject.threads,
            }
            solution = solver.carry_out(opened, (half, samples - half))
            names = [solver.write(answer.evaluation.choice, out, work, number + 1)
                     for number, answer in enumerate(solution.answers.answers)]  # fmt: skip
    return Solution(**{**vars(solution), "files": names,
                       "seconds": round(time.monotonic() - began, 3)})  # fmt: skip


def _need(files: Files, name: str) -> Path:
    if name not in files:
        raise DataError(f"budget: expected {name} in the run's folder, found none; run it again.")
    return files[name]


class _Solver:
    """Asks the worker for one candidate after the other."""

    def __init__(
        self, worker: Worker, listener: Listener, budget: Budget, most: int, seed: int
    ) -> None:
        self._worker = worker
        self._listener = listener
        self._budget = budget
        self._most = most
        self._seed = seed
        self._seconds = current_limits().evaluate_seconds

    def carry_out(self, opened: dict[str, Any], samples: tuple[int, int]) -> Solution:
        self._listener("asking what each operator can be stored as", 0.0)
        answer = self._worker.ask("open", self._seconds, **opened)
        layers = [CandidateLayer.from_json(item) for item in answer["layers"]]
        search = CandidateSearch(
            layers, self._judge_on_search, self._budget, self._most, seed=self._seed
        )
        state = search.state
        for evaluation in search.run():
            best = state.best()
            found = "nothing holds yet" if best is None else f"{best.figures.size_bytes:,} bytes"
            self._listener(f"searching: {found}", min(0.95, evaluation.number / self._most))
        original = self._figures({}, "report")[1]
        answers = find_answers(state, lambda c: self._figures(dict(c), "report")[1], original)
        return Solution(
            budget=self._budget, answers=answers, found=state.found, uniform=_uniform(search),
            repeats=state.repeats, layers=[layer for layer in layers if layer.has_weights],
            samples=samples, seconds=0.0,
        )  # fmt: skip

    def write(self, choice: Choice, out: Path, work: Path, number: int) -> str:
        """Write an answer's file and its recipe; return the file's name."""
        made = work / "answer.tflite"
        rules = self._worker.ask(
            "write", self._seconds, choices=[list(pair) for pair in choice], target=str(made)
        )["rules"]
        name = f"budget_{number}.tflite"
        write_whole(out / name, made.read_bytes())
        write_whole(out / f"budget_{number}.recipe.json", json.dumps(rules, indent=1).encode())
        return name

    def _judge_on_search(self, choices: Mapping[int, str]) -> tuple[str, Figures]:
        return self._figures(choices, "search")

    def _figures(self, choices: Mapping[int, str], split: str) -> tuple[str, Figures]:
        try:
            found = self._worker.ask(
                "judge", self._seconds, choices=[list(pair) for pair in choices.items()],
                split=split,
            )  # fmt: skip
        except WorkerError as error:
            if not self._worker.is_alive:
                raise
            return f"refused {sorted(choices.items())}", Figures(
                size_bytes=2**62, sqnr_db=math.nan, problem=str(error)
            )
        drift = None if found["drift"] is None else Drift.from_json(found["drift"])
        problem = found["problem"]
        if drift is not None and drift.non_finite_count:
            problem = f"{drift.non_finite_count} of its output values are NaN or infinite"
        return str(found["sha256"]), Figures(
            size_bytes=int(found["size_bytes"]),
            sqnr_db=math.nan if drift is None else drift.sqnr_db,
            agreement=None if drift is None else drift.top1_agreement,
            problem=problem,
        )


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
            f"best with one precision for all: {name}, {uniform.figures.size_bytes:,} bytes"
        )
    lines.append(
        f"{len(solution.found)} distinct candidates on {solution.samples[0]} samples, "
        f"{solution.repeats} repeats left out, {solution.seconds:.1f} s"
    )
    return "\n".join(lines)


def best_share(solution: Solution) -> float | None:
    """Return the first answer's size over the best uniform one's; None where either is missing."""
    if solution.uniform is None or not solution.answers.answers:
        return None
    first = solution.answers.answers[0]
    if not first.holds:
        return None
    return float(np.divide(first.report.size_bytes, solution.uniform.figures.size_bytes))
