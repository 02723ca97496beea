"""What a search found, as answers: each checked on samples that the search never saw."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from converter.budget import (
    DRIFT,
    LATENCY,
    SIZE,
    Budget,
    Figures,
    closeness_db,
    objective,
    pareto_indices,
    violations,
)
from converter.candidate_search import Choice, Evaluation, SearchState

_BALANCED = "balanced"
_TITLES = {SIZE: "smallest", LATENCY: "fastest by prediction", DRIFT: "closest",
           _BALANCED: "balanced"}  # fmt: skip
_AS_GOOD_AS_EXACT_DB = 80.0
"""Closer than this nobody sees a difference: it buys nothing in a balance."""
_MOST_TRIES = 25
"""Candidates checked on the report split for one answer, the best first."""
_WORDS = {
    "most_size_bytes": ("size", lambda f: f"{f.size_bytes:,} bytes"),
    "least_sqnr_db": ("SQNR", lambda f: f"{f.sqnr_db:.1f} dB"),
    "least_agreement": (
        "agreement", lambda f: "none" if f.agreement is None else f"{f.agreement:.1%}"
    ),
    "most_accuracy_drop": (
        "accuracy", lambda f: "none" if f.accuracy is None else f"{f.accuracy:.1%}"
    ),
    "most_predicted_ms": (
        "predicted latency",
        lambda f: "none" if f.predicted_ms is None else f"{f.predicted_ms:.4g} ms",
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One named candidate.

    Attributes:
        names: What it is the best in: `smallest`, `fastest by prediction`, `closest`, `balanced`;
            `nearest` where the budget cannot be met.
        evaluation: As the search measured it.
        report: Its figures on the report split.
        broken: By how much each limit is broken there, or else on the search split, as a share;
            empty where the budget holds on both.
    """

    names: tuple[str, ...]
    evaluation: Evaluation
    report: Figures
    broken: dict[str, float] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether the budget holds, on the report split as on the search split."""
        return not self.broken


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a search ends with.

    Attributes:
        answers: Up to three, no two the same file.
        sentence: What they mean, in one sentence.
        refuted: Candidates that held on the search split and broke on the report split.
    """

    answers: list[Answer]
    sentence: str
    refuted: int


def find_answers(
    state: SearchState, report: Callable[[Choice], Figures], original: Figures
) -> Answers:
    """Return up to three answers on the Pareto frontier, or the nearest candidate and why.

    Args:
        state: Of the search.
        report: Measures a choice on the report split.
        original: The float file's figures on the report split.
    """
    holding = [e for e in state.found if state.holds(e)]
    checked: dict[Choice, Answer] = {}
    if not holding:
        return _nearest(state, report, original)
    frontier = [holding[i] for i in pareto_indices(e.figures for e in holding)]
    named: dict[Choice, list[str]] = {}
    for goal in _goals(state.budget, holding):
        for evaluation in _best_first(goal, frontier)[:_MOST_TRIES]:
            answer = checked.setdefault(
                evaluation.choice, _check(state.budget, evaluation, report, original)
            )
            if answer.holds:
                named.setdefault(evaluation.choice, []).append(_TITLES[goal])
                break
    refuted = sum(not answer.holds for answer in checked.values())
    if not named:
        return _refuted(state, checked, refuted)
    answers = [
        Answer(names=tuple(names), evaluation=checked[choice].evaluation,
               report=checked[choice].report)
        for choice, names in named.items()
    ]  # fmt: skip
    return Answers(answers=answers, sentence=_sentence(state, answers, refuted), refuted=refuted)


def _goals(budget: Budget, holding: list[Evaluation]) -> list[str]:
    """Return what answers are the best in, what is to be minimized first.

    Without a limit of size or latency the closest is float32 itself, which nobody need search.
    """
    timed = any(e.figures.predicted_ms is not None for e in holding)
    is_bounded = budget.most_size_bytes is not None or budget.most_predicted_ms is not None
    close = DRIFT if is_bounded or budget.minimize == DRIFT else _BALANCED
    goals = [goal for goal in (SIZE, LATENCY, close) if goal != LATENCY or timed]
    return sorted(goals, key=lambda goal: goal != budget.minimize)


def _best_first(goal: str, frontier: Sequence[Evaluation]) -> list[Evaluation]:
    """Return the frontier, what is the best in a goal first."""
    if goal != _BALANCED:
        asked = Budget(minimize=goal)
        return sorted(frontier, key=lambda e: objective(asked, e.figures))
    sizes = [math.log(max(1, e.figures.size_bytes)) for e in frontier]
    gains = [min(closeness_db(e.figures), _AS_GOOD_AS_EXACT_DB) for e in frontier]

    def shares(values: list[float]) -> list[float]:
        low, high = min(values), max(values)
        return [(v - low) / (high - low) if high > low else 0.0 for v in values]

    # The knee: what lies farthest beyond the line from the smallest to the closest.
    worth = [gain - size for gain, size in zip(shares(gains), shares(sizes), strict=True)]
    order = sorted(range(len(frontier)), key=lambda i: (-worth[i], sizes[i]))
    return [frontier[i] for i in order]


def _check(
    budget: Budget, evaluation: Evaluation, report: Callable[[Choice], Figures], original: Figures
) -> Answer:
    figures = report(evaluation.choice)
    return Answer(names=(), evaluation=evaluation, report=figures,
                  broken=violations(budget, figures, original))  # fmt: skip


def _nearest(
    state: SearchState, report: Callable[[Choice], Figures], original: Figures
) -> Answers:
    nearest = state.nearest()
    if nearest is None:
        return Answers(answers=[], sentence="Nothing was measured.", refuted=0)
    figures = report(nearest.choice)
    own = violations(state.budget, nearest.figures, state.original)
    # One that breaks where it was searched is no answer, even if it should hold on the other half.
    broken = violations(state.budget, figures, original) or own
    because = _because(state.budget, own, nearest.figures)
    answer = Answer(names=("nearest",), evaluation=nearest, report=figures, broken=broken)
    return Answers(
        answers=[answer],
        sentence=f"The budget cannot be met with the {len(state.found)} candidates measured; the "
        f"nearest has {nearest.figures.size_bytes:,} bytes, because {because}.",
        refuted=0,
    )


def _refuted(state: SearchState, checked: dict[Choice, Answer], refuted: int) -> Answers:
    least = min(checked.values(), key=lambda a: sum(min(v, 1e9) for v in a.broken.values()))
    because = _because(state.budget, least.broken, least.report)
    answer = Answer(names=("nearest",), evaluation=least.evaluation, report=least.report,
                    broken=least.broken)  # fmt: skip
    return Answers(
        answers=[answer],
        sentence=f"The budget holds on the samples of the search and breaks on those of the "
        f"report for all {refuted} candidates checked; the nearest has "
        f"{least.report.size_bytes:,} bytes, because {because}.",
        refuted=refuted,
    )


def _because(budget: Budget, broken: dict[str, float], figures: Figures) -> str:
    if figures.problem is not None:
        return f"it cannot be used ({figures.problem.rstrip('.')})"
    words = []
    for name, share in sorted(broken.items(), key=lambda item: -item[1]):
        label, show = _WORDS[name]
        limit = getattr(budget, name)
        misses = "" if math.isinf(share) else f", {share:.0%} off"
        words.append(f"its {label} is {show(figures)} where {_limit(name, limit)} is asked{misses}")
    return " and ".join(words) or "no candidate is closer"


def _limit(name: str, value: float) -> str:
    return {
        "most_size_bytes": f"at most {value:,.0f} bytes",
        "least_sqnr_db": f"at least {value:g} dB",
        "least_agreement": f"at least {value:.1%}",
        "most_accuracy_drop": f"a drop of at most {value:.1%}",
        "most_predicted_ms": f"at most {value:g} ms",
    }[name]


def _sentence(state: SearchState, answers: list[Answer], refuted: int) -> str:
    first = answers[0]
    share = first.report.size_bytes / state.original.size_bytes
    text = (
        f"The {first.names[0]} of {len(state.found)} candidates that holds the budget has "
        f"{first.report.size_bytes:,} bytes, {share:.0%} of the float32 file"
    )
    if refuted:
        text += f"; {refuted} that held on the samples of the search broke on those of the report"
    return text + "."
