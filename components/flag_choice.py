"""Choosing flags to cross: how many settings can be asked, and one run with all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import streamlit as st

from components.format import shorten
from components.plain_text import choice_label, code_span, escape_markdown, show_error
from components.run_settings import RunSettings, build_request, default_samples
from components.session import ChosenData, ChosenModel, Session, widget_key
from components.starting_point import read_starting_point
from converter.comparison import Comparison
from converter.errors import LiteDriftError
from converter.flag_factors import (
    LEAST_FACTORS,
    MOST_FACTORS,
    Factorial,
    offered_factors,
    plan_factorial,
)
from converter.recipe import LITERT_QUANTIZER, TFLITE_CONVERTER, Recipe
from converter.request import DEFAULT_CALIBRATION_SAMPLES, RunRequest
from converter.run_store import load_request, start_run

_DEFAULTS = ["cal", "tensor"]
_PROBLEM = widget_key("flags", "problem")


@dataclass(frozen=True)
class Subject:
    """What a factorial can be run on.

    Attributes:
        name: The model's.
        sha256: The model's.
        engine: What makes its variants.
        request: Returns the run with these recipes.
        problem: Why nothing can be run, as a sentence; None where it can.
    """

    name: str
    sha256: str
    engine: str
    request: Callable[[list[Recipe]], RunRequest]
    problem: str | None = None


def subject_of_run(run_id: str, comparison: Comparison) -> Subject:
    """Return the model of a finished run, with its data and settings."""
    original = next((v for v in comparison.variants if v.is_original), None)
    quantized = original is not None and bool(original.audit.integer_ops)
    return Subject(
        comparison.model.name,
        comparison.model.sha256,
        LITERT_QUANTIZER if comparison.starts_from_tflite else TFLITE_CONVERTER,
        lambda recipes: replace(load_request(run_id), recipes=tuple(recipes), recipes_asked=True,
                                given_variants=()),
        _QUANTIZED if quantized else None,
    )


def subject_in_hand(model: ChosenModel, data: ChosenData | None) -> Subject:
    """Return the model that was chosen on the Model page, under the default settings."""
    start = read_starting_point(model)
    problem = _QUANTIZED if start.is_quantized else None
    if data is None:
        problem = "Data is missing: upload some on the Model page, or choose random samples there."

    def request(recipes: list[Recipe]) -> RunRequest:
        settings = RunSettings(
            samples=default_samples(data), calibration_samples=DEFAULT_CALIBRATION_SAMPLES,
            threads=1, runs=None, seed=0, unroll=False,
        )
        assert data is not None  # noqa: S101 - `problem` closes the button without data
        return build_request(model, data, recipes, [], settings)

    return Subject(model.name, model.sha256, start.engine, request, problem)


_QUANTIZED = (
    "This file is quantized already, so no flag can change it; choose the float model it was made "
    "from."
)


def pick_subject(session: Session, of_run: Subject | None) -> Subject | None:
    """Return what to run on: the run's model, or the one in hand where it is another."""
    in_hand = None if session.model is None else subject_in_hand(session.model, session.data)
    known = [subject for subject in (of_run, in_hand) if subject is not None]
    if len(known) < 2 or known[0].sha256 == known[1].sha256:
        return known[0] if known else None
    names = [code_span(shorten(subject.name, 36)) for subject in known]
    index = st.segmented_control(
        "Model", [0, 1], default=0, required=True, wrap=True, key=widget_key("flags", "subject"),
        format_func=lambda number: choice_label(names[number]),
    )
    return known[index or 0]


def render_flag_choice(session: Session, subject: Subject) -> None:
    """Let a person choose two to four flags, and run all settings that can be asked."""
    offered = {factor.key: factor for factor in offered_factors(subject.engine)}
    keys = st.pills(
        f"Flags to cross, {LEAST_FACTORS} to {MOST_FACTORS}", list(offered),
        selection_mode="multi", default=_DEFAULTS, wrap=True,
        key=widget_key("flags", f"factors.{subject.engine}"), persist_state="session",
        format_func=lambda key: choice_label(escape_markdown(offered[key].label)),
    )
    problem = subject.problem
    plan = None
    try:
        plan = plan_factorial(keys, subject.engine)
        _render_plan(plan)
    except LiteDriftError:
        problem = problem or f"Choose {LEAST_FACTORS} to {MOST_FACTORS} flags; now {len(keys)}."
    recipes = [] if plan is None else plan.recipes
    if plan is not None and len(recipes) < 2:
        problem = problem or "Fewer than two settings can be asked; choose other flags."
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(f"Run all {len(recipes)} settings" if recipes else "Run all settings",
                  type="primary", icon=":material/play_arrow:", disabled=problem is not None,
                  key=widget_key("flags", "start"), on_click=_start,
                  args=(session, subject, recipes))
        if problem:
            st.caption(escape_markdown(problem))
    failed = st.session_state.pop(_PROBLEM, None)
    if failed:
        show_error(failed)


def _render_plan(plan: Factorial) -> None:
    cells, possible = len(plan.cells), len(plan.recipes)
    held = " and ".join(factor.label for factor in plan.held)
    told = f"{cells} settings, {'all' if possible == cells else possible} of them allowed."
    if held:
        told += f" On in every one: {held}."
    st.caption(escape_markdown(told))
    with st.expander("The settings"):
        st.dataframe(
            [{**{factor.label: "on" if level else "off"
                 for factor, level in zip(plan.factors, cell.levels, strict=True)},
              "Variant": cell.recipe.name if cell.recipe else "not allowed",
              "Why not": cell.problem or ""} for cell in plan.cells],
            hide_index=True, alt="Settings of the chosen flags",
            key=widget_key("flags", "settings"),
        )


def _start(session: Session, subject: Subject, recipes: list[Recipe]) -> None:
    try:
        run_id = start_run(subject.request(recipes), session.visitor)
    except LiteDriftError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    session.open_run(run_id)
