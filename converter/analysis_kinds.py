"""What can be looked into of a finished run: what each needs, which file keeps it, who makes it.

`analysis_jobs.py` lets a process of its own carry one out; see docs/runs.md.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from converter.analysed_run import (
    Files,
    can_be_analysed,
    check_candidates,
    files_of,
    find_analysis,
)
from converter.budget_solution import ANSWER_ENDINGS, BudgetQuestion, load_solution
from converter.calibration_findings import load_study, study_file
from converter.comparison import COMPARISON_FILE, Comparison
from converter.errors import LiteDriftError, ModelFileError, WorkerError
from converter.layer_analysis import analysis_file
from converter.operator_evidence import TARGETS, target_of
from converter.run_operators import PROBE_FILE, Probe
from converter.sensitivity import SENSITIVITY_FILE, load_sensitivity

LAYERS, CALIBRATION = "layers", "calibration"
OPERATORS, STARTS = "operators", "starts"
BUDGET, SENSITIVITY = "budget", "sensitivity"
Listener = Callable[[str, float], None]
"""Told of each stage, and of the share of all that is done by then."""


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """What is asked about a finished run.

    Attributes:
        run_id: The run.
        kind: One of `KINDS`.
        recipe: The variant that is meant; empty where it is about the run as a whole.
        detail: What else is asked, as a text that the kind reads; empty for most.
    """

    run_id: str
    kind: str = LAYERS
    recipe: str = ""
    detail: str = ""

    @property
    def job_id(self) -> str:
        """The id under which it waits, goes on and is cancelled, whoever asks."""
        word = "analysis" if self.kind == LAYERS else self.kind
        asked = f"{word} {self.run_id} {self.recipe}" + (f" {self.detail}" if self.detail else "")
        return hashlib.sha256(asked.encode()).hexdigest()[:24]

    def to_request(self) -> dict[str, Any]:
        """Return what the job's row keeps as its request."""
        values = {"analysis_of": self.run_id, "kind": self.kind, "recipe": self.recipe}
        return {**values, "detail": self.detail} if self.detail else values

    @classmethod
    def from_request(cls, request: Mapping[str, Any]) -> Self:
        """Read `to_request`'s form; a row that names no kind is of the time of layers alone."""
        return cls(
            run_id=request["analysis_of"],
            kind=request.get("kind", LAYERS),
            recipe=request.get("recipe", ""),
            detail=request.get("detail", ""),
        )


class Kind(Protocol):
    """One kind of analysis."""

    def title(self, recipe: str) -> str:
        """Return what the history calls it, before the run's name."""

    def check(self, asked: Analysis, comparison: Comparison, files: Files) -> None:
        """Refuse at once what cannot be carried out.

        Raises:
            LiteDriftError: With the reason.
        """

    def is_known(self, asked: Analysis, comparison: Comparison, files: Files) -> bool:
        """Whether the run has kept the answer.

        Raises:
            LiteDriftError: When what it has kept is unreadable.
        """

    def carry_out(self, asked: Analysis, work: Path, listener: Listener) -> list[Path]:
        """Find the answer and return the files that the run is to keep. Jobs only.

        The last one is the answer: who finds it finds all that it names.

        Args:
            asked: What is asked.
            work: A folder that holds the run's files by name.
            listener: What it raises ends the analysis, no child process is left.

        Raises:
            LiteDriftError: When there is no answer.
        """


class _Layers:
    def title(self, recipe: str) -> str:
        return f"Layers of {recipe}"

    def check(self, asked: Analysis, comparison: Comparison, files: Files) -> None:
        reason = can_be_analysed(files, comparison, comparison.variant(asked.recipe))
        if reason is not None:
            raise ModelFileError(
                f"{asked.recipe[:80]}: this variant cannot be looked into: {reason}."
            )

    def is_known(self, asked: Analysis, comparison: Comparison, files: Files) -> bool:
        return find_analysis(files, comparison.variant(asked.recipe)) is not None

    def carry_out(self, asked: Analysis, work: Path, listener: Listener) -> list[Path]:
        from converter.analysed_run import analyse_run

        found = analyse_run(work, asked.recipe, listener=listener)
        if found.drift is None and found.costs is None:
            raise WorkerError(" ".join(found.notes))
        return [work / analysis_file(asked.recipe)]


class _Calibration:
    def title(self, recipe: str) -> str:
        return f"Calibration of {recipe}"

    def check(self, asked: Analysis, comparison: Comparison, files: Files) -> None:
        from converter.calibration_study import check_study

        check_study(files, comparison, asked.recipe)

    def is_known(self, asked: Analysis, comparison: Comparison, files: Files) -> bool:
        path = files.get(study_file(comparison.variant(asked.recipe).recipe))
        return path is not None and bool(load_study(path))

    def carry_out(self, asked: Analysis, work: Path, listener: Listener) -> list[Path]:
        from converter.calibration_study import study_calibration

        found = study_calibration(files_of(work), asked.recipe, work=work, listener=listener)
        return [found.save(work)]


class _Operators:
    def title(self, recipe: str) -> str:
        return "Operations"

    def check(self, asked: Analysis, comparison: Comparison, files: Files) -> None:
        from converter.probed_run import check_probe

        check_probe(asked.run_id, comparison)

    def is_known(self, asked: Analysis, comparison: Comparison, files: Files) -> bool:
        found = {target.name for v in comparison.variants if (target := target_of(v)) is not None}
        if PROBE_FILE in files:
            found |= {item.target for item in Probe.load(files[PROBE_FILE]).evidence}
        return PROBE_FILE in files and found >= {target.name for target in TARGETS}

    def carry_out(self, asked: Analysis, work: Path, listener: Listener) -> list[Path]:
        from converter.probed_run import probe_run

        return [probe_run(asked.run_id, listener).save(work)]


class _Starts:
    def title(self, recipe: str) -> str:
        return "Start costs"

    def check(self, asked: Analysis, comparison: Comparison, files: Files) -> None:
        """Imports can be timed on every machine that has a run."""

    def is_known(self, asked: Analysis, comparison: Comparison, files: Files) -> bool:
        from converter.start_cost import START_COST_FILE, load_start_costs

        return START_COST_FILE in files and bool(load_start_costs(files[START_COST_FILE]))

    def carry_out(self, asked: Analysis, work: Path, listener: Listener) -> list[Path]:
        from converter.start_cost import files_to_start, measure_start_costs

        comparison = Comparison.load(work / COMPARISON_FILE)
        started = files_to_start(comparison, files_of(work))
        return [measure_start_costs(started, listener=listener).save(work)]


class _Budget:
    def title(self, recipe: str) -> str:
        return "Budget"

    def check(self, asked: Analysis, comparison: Comparison, files: Files) -> None:
        from converter.budget_solver import check_budget

        check_budget(BudgetQuestion.from_text(asked.detail).budget)
        check_candidates(files, comparison)

    def is_known(self, asked: Analysis, comparison: Comparison, files: Files) -> bool:
        question = BudgetQuestion.from_text(asked.detail)
        path = files.get(question.file)
        # One that was stopped is of no use to who asks for all of it.
        return path is not None and not load_solution(path).stopped

    def carry_out(self, asked: Analysis, work: Path, listener: Listener) -> list[Path]:
        from converter.budget_solver import solve_budget
        from converter.run_store import run_folder

        question = BudgetQuestion.from_text(asked.detail)
        solution = solve_budget(
            files_of(work), question, out=work, progress=run_folder(asked.job_id),
            listener=listener,
        )  # fmt: skip
        made = [f"{stem}{ending}" for stem in solution.files for ending in ANSWER_ENDINGS]
        return [path for name in [*made, question.file] if (path := work / name).exists()]


class _Sensitivity:
    def title(self, recipe: str) -> str:
        return "Sensitivity"

    def check(self, asked: Analysis, comparison: Comparison, files: Files) -> None:
        check_candidates(files, comparison)

    def is_known(self, asked: Analysis, comparison: Comparison, files: Files) -> bool:
        path = files.get(SENSITIVITY_FILE)
        return path is not None and load_sensitivity(path).is_whole

    def carry_out(self, asked: Analysis, work: Path, listener: Listener) -> list[Path]:
        from converter.run_store import run_folder
        from converter.sensitivity_run import measure_sensitivity

        found = measure_sensitivity(
            files_of(work), work, listener=listener, progress=run_folder(asked.job_id)
        )
        return [found.save(work)]


KINDS: Mapping[str, Kind] = {
    LAYERS: _Layers(),
    CALIBRATION: _Calibration(),
    OPERATORS: _Operators(),
    STARTS: _Starts(),
    BUDGET: _Budget(),
    SENSITIVITY: _Sensitivity(),
}


def is_known(asked: Analysis, comparison: Comparison, files: Files) -> bool:
    """Whether a run has kept the answer, in a form that can be read."""
    with contextlib.suppress(LiteDriftError):  # one that is unreadable is made anew
        return KINDS[asked.kind].is_known(asked, comparison, files)
    return False
