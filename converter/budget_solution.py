"""What a search for a budget has found so far and what it ended with, as files of the run.

Pure Python: pages read these without starting anything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from converter.budget import Budget, Figures
from converter.budget_answers import Answer, Answers
from converter.candidate_layers import CandidateLayer
from converter.candidate_search import Evaluation, SearchState
from converter.comparison import write_whole
from converter.errors import DataError, SettingError
from converter.json_figures import encode_figures, read_figures
from converter.precision import FLOAT32, PRECISIONS

MOST_EVALUATIONS = 400
SOLUTION_PREFIX = "budget_"
ANSWER_ENDINGS = (".tflite", ".recipe.json", ".py")
"""Of the files of each answer."""


@dataclass(frozen=True, kw_only=True)
class BudgetQuestion:
    """What a search is asked.

    Attributes:
        budget: What must hold, and what to minimize.
        most_evaluations: Distinct candidates at most.
        seed: Of the random steps.
    """

    budget: Budget
    most_evaluations: int = MOST_EVALUATIONS
    seed: int = 0

    @property
    def key(self) -> str:
        """Eight hexadecimal digits that keep the files of two questions apart."""
        return hashlib.sha256(self.to_text().encode()).hexdigest()[:8]

    @property
    def file(self) -> str:
        """The name of the file with the answer."""
        return f"{SOLUTION_PREFIX}{self.key}.json"

    def to_text(self) -> str:
        """Return it as JSON, the same text for the same question."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read `to_text`'s form.

        Raises:
            SettingError: When it is no question.
        """
        try:
            values = json.loads(text)
            return cls(**{**values, "budget": Budget.from_json(values["budget"])})
        except (ValueError, KeyError, TypeError) as broken:
            raise SettingError(
                "budget: expected what must hold and what to minimize, found other content "
                f"({type(broken).__name__}); ask again."
            ) from broken


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What a search has measured, while it goes on or at its end.

    Attributes:
        budget: What was asked.
        original: The float file's figures on the samples of the search.
        found: Every distinct candidate, in order.
        repeats: Candidates whose file was known already; they count nowhere.
        layers: The operators that a precision is chosen for.
        samples: On which is searched, and on which is reported.
        least_bytes: `CandidateSearch.smallest_bytes`: nothing that holds is expected below it.
        refused: Precisions that litert-quantizer refuses for this file, with its reason.
        cost_error: Median error of predicted latency against whole files that were timed, as a
            share; None where latency is not predicted.
    """

    budget: Budget
    original: Figures
    found: list[Evaluation]
    repeats: int
    layers: list[CandidateLayer]
    samples: tuple[int, int]
    least_bytes: int
    refused: dict[str, str] = field(default_factory=dict)
    cost_error: float | None = None

    @property
    def state(self) -> SearchState:
        """The same as the search keeps it: who holds, the best, the nearest."""
        return SearchState(self.budget, self.original, self.found, self.repeats)

    @property
    def unusable(self) -> list[Evaluation]:
        """Candidates that give NaN or do not run."""
        return [e for e in self.found if e.figures.problem is not None]

    def uniform_precision(self, evaluation: Evaluation) -> str | None:
        """Return the precision of a candidate that has one for all operators that take it."""
        names = {name for _, name in evaluation.choice}
        if len(names) != 1:
            return FLOAT32.name if not names else None
        (name,) = names
        takers = sum(name in layer.offered for layer in self.layers)
        return name if len(evaluation.choice) == takers else None

    @property
    def uniform_holding(self) -> list[Evaluation]:
        """Candidates of one precision that hold on the samples of the search, smallest first."""
        holding = [
            e for e in self.found if self.uniform_precision(e) is not None and self.state.holds(e)
        ]
        return sorted(holding, key=lambda e: e.figures.size_bytes)

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name, fit for strict JSON."""
        values: dict[str, Any] = encode_figures(asdict(self))
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read `to_json`'s form."""
        searched, reported = values["samples"]
        return cls(
            budget=Budget.from_json(values["budget"]),
            original=figures_from(values["original"]),
            found=[_evaluation(each) for each in values["found"]],
            repeats=int(values["repeats"]),
            layers=[CandidateLayer.from_json(each) for each in values["layers"]],
            samples=(int(searched), int(reported)),
            least_bytes=int(values["least_bytes"]),
            refused=dict(values["refused"]),
            cost_error=values["cost_error"],
        )


@dataclass(frozen=True, kw_only=True)
class Solution:
    """What a search ended with.

    Attributes:
        findings: All that it measured.
        answers: Up to three, checked on the report split.
        original: The float file's figures on the report split.
        uniform: The smallest candidate with one precision for all operators that holds the budget
            on both splits; None where none does.
        seconds: How long it took.
        files: Stem of each answer's files: `.tflite`, `.recipe.json` and `.py`.
        stopped: Whether a person ended it before its end.
        created: When, UTC.
    """

    findings: Findings
    answers: Answers
    original: Figures
    uniform: Evaluation | None
    seconds: float
    files: list[str]
    stopped: bool
    created: str

    @property
    def best_share(self) -> float | None:
        """The first answer's size over the best uniform one's; None where either is missing."""
        answers = self.answers.answers
        if self.uniform is None or not answers or not answers[0].holds:
            return None
        return answers[0].report.size_bytes / self.uniform.figures.size_bytes

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name, fit for strict JSON."""
        values = {**asdict(self), "findings": self.findings.to_json()}
        encoded: dict[str, Any] = encode_figures(values)
        return encoded

    def save(self, folder: Path, name: str) -> Path:
        """Write it under a name and return its path."""
        path = folder / name
        write_whole(path, json.dumps(self.to_json()).encode())
        return path


def load_solution(path: Path, name: str = "") -> Solution:
    """Read what `Solution.save` wrote.

    Args:
        path: Where it lies.
        name: What messages call it; the path's own name when left out.

    Raises:
        DataError: When the file is damaged.
    """
    try:
        values = json.loads(path.read_text())
        answers = values["answers"]
        return Solution(
            findings=Findings.from_json(values["findings"]),
            answers=Answers(
                answers=[_answer(each) for each in answers["answers"]],
                sentence=str(answers["sentence"]), refuted=int(answers["refuted"]),
            ),
            original=figures_from(values["original"]),
            uniform=values["uniform"] and _evaluation(values["uniform"]),
            seconds=float(values["seconds"]), files=[str(f) for f in values["files"]],
            stopped=bool(values["stopped"]), created=str(values["created"]),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as broken:
        raise DataError(
            f"{name or path.name}: expected what a budget search found, found a damaged file "
            f"({type(broken).__name__}); search again."
        ) from broken


def solution_files(files: Mapping[str, Path]) -> dict[str, Path]:
    """Return the files with solutions among a run's."""
    return {
        name: path
        for name, path in files.items()
        if name.startswith(SOLUTION_PREFIX) and name.endswith(".json")
        and not name.endswith(".recipe.json")
    }  # fmt: skip


def figures_from(values: Mapping[str, Any]) -> Figures:
    """Read figures after they were JSON."""
    found = read_figures(Figures, values)
    if found["sqnr_db"] is None:
        found["sqnr_db"] = float("nan")
    # A sentence is no figure, even where it should say `inf`.
    return Figures(**{**found, "problem": values["problem"]})


def _evaluation(values: Mapping[str, Any]) -> Evaluation:
    unknown = {name for _, name in values["choice"]} - set(PRECISIONS)
    if unknown:
        raise ValueError(f"unknown precision {min(unknown)!r}")
    return Evaluation(
        choice=tuple((int(n), str(p)) for n, p in values["choice"]),
        sha256=str(values["sha256"]),
        figures=figures_from(values["figures"]),
        number=int(values["number"]),
    )


def _answer(values: Mapping[str, Any]) -> Answer:
    return Answer(
        names=tuple(values["names"]), evaluation=_evaluation(values["evaluation"]),
        report=figures_from(values["report"]),
        broken={str(name): float(share) for name, share in values["broken"].items()},
    )  # fmt: skip
