"""What a budget search found: the frontier, up to three answers with their files, the layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from components.budget.budget_words import figure_rows
from components.charts import CHART_CONFIG
from components.explore.bench_state import lead_to
from components.format import (
    format_bytes,
    format_db,
    format_percent,
    format_seconds,
    shorten,
)
from components.formula_names import render_names
from components.formulas.candidates import candidate_formulas
from components.plain_text import choice_label, escape_markdown, show_notes
from components.routes import EXPLORE_PAGE
from components.session import RUN_PARAMETER, widget_key
from converter.budget_answers import Answer
from converter.budget_solution import Findings, Solution
from converter.candidate_search import Evaluation
from converter.precision import FLOAT32, PRECISIONS

_PAGE = "budget"
_DOWNLOADS = {
    ".tflite": ("Model", ":material/download:", "application/octet-stream"),
    ".recipe.json": ("Recipe", ":material/data_object:", "application/json"),
    ".py": ("Script", ":material/terminal:", "text/x-python"),
}
_MOST_REASONS = 30


def render_solution(
    run_id: str, solution: Solution, files: Mapping[str, Path], words: str
) -> None:
    """Show what a search ended with.

    Args:
        run_id: Of the run that was searched.
        solution: What it found.
        files: Of the run, by name.
        words: What was asked.
    """
    findings, answers = solution.findings, solution.answers.answers
    st.header(escape_markdown(words[:1].upper() + words[1:]), anchor=False)
    sentence = escape_markdown(solution.answers.sentence)
    if answers and answers[0].holds:
        st.success(f"{sentence}{_against_uniform(solution)}", icon=":material/check_circle:")
    else:
        st.warning(sentence, icon=":material/block:")
    if solution.stopped:
        st.caption("The search was stopped before its end; this is the best until then.")
    with st.grid(max(1, len(answers)), min_column_width=330, gap="small") as grid:
        for answer, stem in zip(answers, solution.files, strict=True):
            with grid.cell():
                _render_answer(run_id, solution, answer, stem, files)
    render_frontier(
        findings, [(", ".join(answer.names), answer.evaluation) for answer in answers], "done"
    )
    _render_layers(findings, answers)
    _render_counts(solution)


def render_frontier(
    findings: Findings, best: Sequence[tuple[str, Evaluation]], place: str
) -> None:
    """Draw all candidates by size and closeness, with what is marked among them.

    Args:
        findings: Of a search that goes on or has ended.
        best: Candidates to mark, with their names.
        place: Names the widgets apart.
    """
    from components.figures.frontier import AGREEMENT, SQNR, build_frontier_figure

    has_classes = any(e.figures.agreement is not None for e in findings.found)
    with st.container(border=True, gap="xsmall"):
        st.subheader("The frontier", anchor=False)
        measure = SQNR
        if has_classes:
            measure = st.segmented_control(
                "Closeness by", [SQNR, AGREEMENT], default=SQNR, required=True,
                format_func=choice_label, key=widget_key(_PAGE, f"measure.{place}"),
            ) or SQNR  # fmt: skip
        least = format_bytes(findings.least_bytes)
        st.caption(
            f"{len(findings.found)} files, each measured on {findings.samples[0]} samples of the "
            f"search. Left is smaller, up is closer. Left of the dotted line, {least}, "
            "nothing is to be expected: a layer would need a precision that alone breaks what must "
            "hold. "
            + _set_aside(findings)
        )
        figure = build_frontier_figure(findings, measure, best)
        st.plotly_chart(figure, config=CHART_CONFIG, alt=figure.layout.meta["alt"],
                        key=widget_key(_PAGE, f"frontier.{place}"))


def _set_aside(findings: Findings) -> str:
    words = []
    if findings.repeats:
        many = findings.repeats != 1
        words.append(f"{findings.repeats} more {'were' if many else 'was'} the same file as "
                     f"another and {'are' if many else 'is'} not counted.")  # fmt: skip
    if findings.unusable:
        count = len(findings.unusable)
        words.append(f"{count} {'give' if count != 1 else 'gives'} NaN or "
                     f"{'do' if count != 1 else 'does'} not run, and "
                     f"{'have' if count != 1 else 'has'} no place here.")  # fmt: skip
    return " ".join(words)


def _against_uniform(solution: Solution) -> str:
    findings, share = solution.findings, solution.best_share
    uniform = solution.uniform
    if uniform is None:
        return " No file with one precision for all holds the budget."
    name = findings.uniform_precision(uniform) or FLOAT32.name
    best = f"{PRECISIONS[name].label}, {format_bytes(uniform.figures.size_bytes)}"
    if share is None or share >= 1:
        text = f"It is not smaller than the best with one precision for all: {best}."
    else:
        text = (f"That is {format_percent(1 - share)} smaller than the best with one precision for "
                f"all: {best}.")
    return " " + escape_markdown(text)


def _render_answer(
    run_id: str, solution: Solution, answer: Answer, stem: str, files: Mapping[str, Path]
) -> None:
    findings = solution.findings
    with st.container(border=True, gap="small", height="stretch"):
        name = ", ".join(answer.names)
        st.subheader(escape_markdown(name[:1].upper() + name[1:]), anchor=False)
        if not answer.holds:
            st.badge("Breaks the budget", icon=":material/block:", color="red")
        report = answer.report
        with st.container(horizontal=True, gap="medium"):
            st.metric("Size", format_bytes(report.size_bytes), width="content")
            st.metric("SQNR", format_db(report.sqnr_db) if report.problem is None else "NaN",
                      width="content")
            if report.agreement is not None:
                st.metric("Agreement", format_percent(report.agreement), width="content")
        st.caption(f"On {findings.samples[1]} samples that the search never saw.")
        st.dataframe(
            figure_rows({"Report": report, "Search": answer.evaluation.figures,
                         "float32, report": solution.original}),
            hide_index=True, alt=f"Figures of the {name} on both halves of the samples",
        )  # fmt: skip
        render_names([
            *candidate_formulas(report, findings.samples[1], "report"),
            *candidate_formulas(answer.evaluation.figures, findings.samples[0], "search"),
        ])  # fmt: skip
        _render_downloads(stem, files)
        _render_next(run_id, answer, stem)


def _render_downloads(stem: str, files: Mapping[str, Path]) -> None:
    with st.container(horizontal=True, gap="small"):
        for ending, (label, icon, mime) in _DOWNLOADS.items():
            path = files.get(stem + ending)
            if path is not None:
                st.download_button(
                    label, path.read_bytes, file_name=stem + ending, mime=mime, icon=icon,
                    key=widget_key(_PAGE, f"download.{stem}{ending}"), on_click="ignore",
                )


def _render_next(run_id: str, answer: Answer, stem: str) -> None:
    pressed = st.button(
        "Open in Explore", icon=":material/tune:", type="tertiary",
        key=widget_key(_PAGE, f"explore.{stem}"), on_click=lead_to,
        args=(run_id, dict(answer.evaluation.choice)),
        help="There its layers can be changed one by one, and a full run measures its latency.",
    )
    if pressed:
        st.switch_page(EXPLORE_PAGE, query_params={RUN_PARAMETER: run_id})


def _render_layers(findings: Findings, answers: Sequence[Answer]) -> None:
    if not answers:
        return
    with st.container(border=True, gap="xsmall"):
        st.subheader("Precision of each layer", anchor=False)
        st.caption("Layers with weights, in the order of execution. Those without weights compute "
                   "as the layers that feed them do.")
        chosen = [(", ".join(a.names), dict(a.evaluation.choice)) for a in answers]
        rows: list[dict[str, Any]] = [
            {
                "Layer": layer.number, "Operator": layer.operator,
                **{name: PRECISIONS[by.get(layer.number, FLOAT32.name)].label
                   for name, by in chosen},
                "Weights": layer.weights, "Name": shorten(layer.name, 60),
            }
            for layer in findings.layers
        ]  # fmt: skip
        st.dataframe(rows, hide_index=True, alt="Chosen precision of each layer by answer")


def _render_counts(solution: Solution) -> None:
    findings = solution.findings
    st.caption(
        f"{len(findings.found)} distinct candidates in {format_seconds(solution.seconds)} on "
        f"{findings.samples[0]} samples; {findings.repeats} repeats not counted; "
        f"{solution.answers.refuted} held on the samples of the search and broke on those of the "
        "report."
    )
    if findings.cost_error is not None:
        st.caption(
            "Latency is predicted, not measured: on whole files of one precision the prediction "
            f"is off by {format_percent(findings.cost_error)} (median)."
        )
    if findings.unusable or findings.refused:
        count = len(findings.unusable) + len(findings.refused)
        with st.expander(f"Of no use ({count})", icon=":material/block:"):
            reasons = [
                f"{_choice_words(findings, e)}: {e.figures.problem}" for e in findings.unusable
            ]
            show_notes(reasons[:_MOST_REASONS])
            if len(reasons) > _MOST_REASONS:
                st.caption(f"and {len(reasons) - _MOST_REASONS} more.")
            show_notes([f"{name} is refused by litert-quantizer: {reason}"
                        for name, reason in findings.refused.items()])


def _choice_words(findings: Findings, evaluation: Evaluation) -> str:
    name = findings.uniform_precision(evaluation)
    if name is not None:
        return f"{PRECISIONS[name].label} for all"
    if len(evaluation.choice) == 1:
        ((number, only),) = evaluation.choice
        return f"layer {number} alone in {PRECISIONS[only].label}"
    return f"mixed ({len(evaluation.choice)} layers)"
