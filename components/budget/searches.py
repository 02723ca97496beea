"""The budget searches of a run: those that go on, those that ended, and the one in view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from components.analysis_panel import Offer, render_analysis_job
from components.budget.answers_view import render_frontier, render_solution
from components.budget.budget_words import budget_words
from components.budget.live_job import render_live_job
from components.plain_text import escape_markdown, show_error
from components.session import Session, widget_key
from converter.analysis_jobs import follow_analysis, start_analysis
from converter.analysis_kinds import BUDGET, Analysis
from converter.budget_solution import (
    SOLUTION_PREFIX,
    BudgetQuestion,
    Findings,
    Solution,
    load_solution,
    solution_files,
)
from converter.errors import LiteDriftError
from converter.live_file import read_live
from converter.run_store import list_analyses, run_folder

BUDGET_PARAMETER = "budget"
"""The query parameter that carries the key of the search in view."""
_PROBLEM = widget_key("budget", "problem")


@dataclass(frozen=True)
class Search:
    """One search of a run.

    Attributes:
        key: Of its question.
        words: What was asked.
        question: None where only its answer is known.
    """

    key: str
    words: str
    question: BudgetQuestion | None


def start_search(run_id: str, question: BudgetQuestion | None) -> None:
    """Start a search, or look at the one that goes on or has answered already."""
    if question is None:
        return
    session = Session()
    asked = Analysis(run_id=run_id, kind=BUDGET, detail=question.to_text())
    session.mark_cancelling(asked.job_id, asked=False)
    try:
        start_analysis(asked, session.visitor)
    except LiteDriftError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    st.query_params[BUDGET_PARAMETER] = question.key
    st.session_state[widget_key("budget", f"search.{run_id}")] = question.key


def render_searches(run_id: str, files: Mapping[str, Path]) -> None:
    """Show the search in view, and offer the others of this run."""
    problem = st.session_state.pop(_PROBLEM, None)
    if problem:
        show_error(problem)
    searches = _list_searches(run_id, files)
    if not searches:
        return
    search = searches[_pick(run_id, searches)]
    path = files.get(f"{SOLUTION_PREFIX}{search.key}.json")
    solution = _load(path, search)
    if search.question is None:
        if solution is not None:
            render_solution(run_id, solution, files, search.words)
        return
    asked = Analysis(run_id=run_id, kind=BUDGET, detail=search.question.to_text())
    progress = follow_analysis(asked)
    if progress is not None and progress.is_active:
        render_live_job(asked, f"Searching for the {escape_markdown(search.words)}", _draw_so_far)
        return
    if solution is not None:
        render_solution(run_id, solution, files, search.words)
        if solution.stopped:
            st.button("Search to the end", icon=":material/resume:", on_click=start_search,
                      args=(run_id, search.question), key=widget_key("budget", "resume"))
        return
    words = escape_markdown(search.words)
    render_analysis_job(asked, Offer(
        waits=f"Waiting to search for the {words}", runs=f"Searching for the {words}",
        heading=f"No answer for the {words}", text="The search ended before it had one.",
        button="Search again", icon=":material/search:",
    ))
    if progress is not None:
        _draw_so_far(run_folder(asked.job_id))


def _draw_so_far(folder: Path) -> None:
    findings = read_live(folder, Findings.from_json)
    if findings is None or not findings.found:
        return
    best = findings.state.best()
    render_frontier(findings, [] if best is None else [("best so far", best)], "live")


def _load(path: Path | None, search: Search) -> Solution | None:
    if path is None:
        return None
    try:
        return load_solution(path, f"{SOLUTION_PREFIX}{search.key}.json")
    except LiteDriftError as error:
        show_error(error)
        return None


def _list_searches(run_id: str, files: Mapping[str, Path]) -> dict[str, Search]:
    """Return the searches of a run by key, the newest first."""
    found: dict[str, Search] = {}
    for record in list_analyses(run_id):
        asked = Analysis.from_request(record.request)
        if asked.kind != BUDGET:
            continue
        try:
            question = BudgetQuestion.from_text(asked.detail)
        except LiteDriftError:  # of another version: its answer, if there is one, is shown below
            continue
        found[question.key] = Search(question.key, budget_words(question.budget), question)
    for name, path in solution_files(files).items():
        key = name.removeprefix(SOLUTION_PREFIX).removesuffix(".json")
        if key in found:
            continue
        try:
            budget = load_solution(path, name).findings.budget
        except LiteDriftError as error:
            show_error(error)
            continue
        found[key] = Search(key, budget_words(budget), None)
    return found


def _pick(run_id: str, searches: dict[str, Search]) -> str:
    keys = list(searches)
    key = widget_key("budget", f"search.{run_id}")
    if st.session_state.get(key) not in searches:
        linked = st.query_params.get(BUDGET_PARAMETER)
        st.session_state[key] = linked if linked in searches else keys[0]
    chosen = st.session_state[key]
    if len(keys) > 1:
        chosen = st.selectbox("Searches of this run", keys, key=key,
                              format_func=lambda k: searches[k].words)
    st.query_params[BUDGET_PARAMETER] = chosen
    return str(chosen)
