"""Searches mixed precision on a finished run's float file for what holds a budget.

The kept evaluation samples are cut in two: the search sees one half, and every answer is reported
on the other, which it never saw.
"""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from converter.analysed_run import Files
from converter.budget import LATENCY, Budget, Figures, violations
from converter.budget_answers import find_answers
from converter.budget_script import build_budget_script
from converter.budget_solution import SOLUTION_PREFIX, BudgetQuestion, Findings, Solution
from converter.candidate_search import CandidateSearch, Choice
from converter.candidate_session import REPORT, SEARCH, CandidateSession, CostCheck
from converter.comparison import write_whole
from converter.errors import LiteDriftError, SettingError
from converter.live_file import LiveFile
from converter.measurement_lock import building

Listener = Callable[[str, float], None]
WAITING = "waiting for the machine"
_SEARCHED = 0.92
"""Share of all that is done when the search ends, and the answers are checked."""


def check_budget(budget: Budget) -> None:
    """Refuse a budget in which nothing must hold.

    Raises:
        SettingError: Then float32, or the smallest file whatever it answers, would be the answer.
    """
    if not budget.has_limits:
        raise SettingError(
            "budget: expected at least one limit that must hold, found none; give a size, an SQNR, "
            "an agreement or a drop of accuracy."
        )


def solve_budget(
    files: Files,
    question: BudgetQuestion,
    *,
    out: Path,
    progress: Path | None = None,
    listener: Listener = lambda _stage, _share: None,
) -> Solution:
    """Search for the best candidate that holds a budget, and write the answers' files.

    Args:
        files: Of the run, by name.
        question: What must hold, what to minimize, how long to search.
        out: Gets `budget_<key>.json` and, for each answer, `budget_<key>_<n>` with the endings
            `.tflite`, `.recipe.json` (litert-quantizer's form) and `.py` (makes the same bytes).
        progress: Folder of the job: gets what was found so far, and is looked into for a wish to
            stop, after which the best so far is checked and returned.
        listener: Told of each stage; what it raises ends the search, no child process is left.

    Raises:
        LiteDriftError: When the run has no float file or no samples, or nothing must hold.
    """
    check_budget(question.budget)
    began = time.monotonic()
    listener("asking what each operator can be stored as", 0.0)
    with CandidateSession(files, out) as session:
        costs = _costs(session, question.budget, listener)
        with building(lambda: listener(WAITING, 0.0)):
            shown = LiveFile(progress)
            findings = _search(session, question, costs, shown, listener)
            return _answer(session, question, findings, out, shown, listener, began)


def _costs(session: CandidateSession, budget: Budget, listener: Listener) -> CostCheck | None:
    """Return what operators take where latency counts: it takes a while."""
    if budget.minimize != LATENCY and budget.most_predicted_ms is None:
        return None
    listener("timing what each operator takes", 0.0)
    return session.check_costs(lambda: listener(WAITING, 0.0))


def _search(
    session: CandidateSession,
    question: BudgetQuestion,
    costs: CostCheck | None,
    shown: LiveFile,
    listener: Listener,
) -> Findings:
    """Search until nothing is left to be tried, or somebody wants the best of what there is."""
    search = CandidateSearch(
        session.layers, partial(session.figures, split=SEARCH, predict=costs is not None),
        question.budget, question.most_evaluations,
        seed=question.seed, cost_ms=None if costs is None else partial(_cost_ms, costs),
    )  # fmt: skip
    state = search.state

    def findings() -> Findings:
        return Findings(
            budget=question.budget, original=state.original, found=state.found,
            repeats=state.repeats, refused=session.refused,
            layers=[layer for layer in session.layers if layer.has_weights],
            samples=(session.samples[SEARCH], session.samples[REPORT]),
            least_bytes=search.smallest_bytes(),
            cost_error=None if costs is None else costs.error,
        )  # fmt: skip

    for evaluation in search.run():
        best = state.best()
        size = "nothing holds yet" if best is None else f"{best.figures.size_bytes:,} bytes"
        listener(f"searching: {size}", _SEARCHED * evaluation.number / question.most_evaluations)
        if not shown.show(findings):
            break
    found = findings()
    shown.write(found)
    return found


def _answer(
    session: CandidateSession,
    question: BudgetQuestion,
    findings: Findings,
    out: Path,
    shown: LiveFile,
    listener: Listener,
    began: float,
) -> Solution:
    """Check the best on the report split, and write their files and the solution."""

    def report(choice: Choice) -> Figures:
        listener("checking on samples that the search never saw", _SEARCHED)
        predicts = any(e.figures.predicted_ms is not None for e in findings.found)
        return session.figures(dict(choice), REPORT, predict=predicts)[1]

    original = report(())
    answers = find_answers(findings.state, report, original)
    stems = [f"{SOLUTION_PREFIX}{question.key}_{n + 1}" for n in range(len(answers.answers))]
    for stem, answer in zip(stems, answers.answers, strict=True):
        _write(session, answer.evaluation.choice, out, stem)
    solution = Solution(
        findings=findings, answers=answers, original=original,
        uniform=next(
            (each for each in findings.uniform_holding
             if not violations(question.budget, report(each.choice), original)), None
        ),
        seconds=round(time.monotonic() - began, 3), files=stems, stopped=shown.is_stop_asked,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )  # fmt: skip
    solution.save(out, question.file)
    return solution


def _cost_ms(costs: CostCheck, number: int, name: str) -> float:
    """Return what an operator takes in a precision; what was not timed is never chosen for it."""
    return costs.cost_ms.get((number, name), float("inf"))


def _write(session: CandidateSession, choice: Choice, out: Path, stem: str) -> None:
    """Write an answer's file, its recipe and its script; one that cannot be made has none."""
    try:
        content, rules = session.write(dict(choice))
    except LiteDriftError:
        if not session.is_alive:
            raise
        return
    write_whole(out / f"{stem}.tflite", content)
    write_whole(out / f"{stem}.recipe.json", json.dumps(rules, indent=1).encode())
    script = build_budget_script(session, stem, content, rules)
    write_whole(out / f"{stem}.py", script.encode())


def format_solution(solution: Solution) -> str:
    """Return a solution as plain text, for the command line."""
    findings = solution.findings
    lines = [solution.answers.sentence, ""]
    for stem, answer in zip(solution.files, solution.answers.answers, strict=True):
        lines.append(
            f"{', '.join(answer.names)}: {_words(answer.report)} on {findings.samples[1]} samples "
            f"that the search never saw ({_words(answer.evaluation.figures)} on its own); "
            f"{stem}.tflite" + ("" if answer.holds else "  [breaks the budget]")
        )
        chosen = dict(answer.evaluation.choice)
        lines += [
            f"    {layer.number:3d} {layer.operator:18s} {chosen.get(layer.number, 'float32')}"
            for layer in findings.layers
        ]
    uniform = solution.uniform
    if uniform is not None:
        lines.append(
            f"best with one precision for all: {findings.uniform_precision(uniform)}, "
            f"{uniform.figures.size_bytes:,} bytes; below {findings.least_bytes:,} an operator "
            "would need a precision that alone breaks what must hold"
        )
    if findings.unusable:
        lines.append(
            f"{len(findings.unusable)} candidates give NaN or do not run: they answer nothing"
        )
    if findings.cost_error is not None:
        lines.append(
            f"latency is predicted; on whole files the prediction is off by "
            f"{findings.cost_error:.0%} (median)"
        )
    lines.append(
        f"{len(findings.found)} distinct candidates on {findings.samples[0]} samples, "
        f"{findings.repeats} repeats left out, {solution.seconds:.1f} s"
    )
    return "\n".join(lines)


def _words(figures: Figures) -> str:
    agreement = "-" if figures.agreement is None else f"{figures.agreement:.1%}"
    text = f"{figures.size_bytes:,} bytes, {figures.sqnr_db:.1f} dB, agreement {agreement}"
    if figures.accuracy is not None:
        text += f", accuracy {figures.accuracy:.1%}"
    if figures.predicted_ms is not None:
        text += f", {figures.predicted_ms:.4g} ms predicted"
    return text
