"""How much a variant depends on its calibration: asked for, then chart, halves and clipping."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from components.analysis_panel import Offer, render_analysis_job
from components.charts import show_figure
from components.format import format_date, format_db, format_percent
from components.formula_names import render_names
from components.formulas.calibration import (
    clipping_formulas,
    draw_formulas,
    halves_formulas,
)
from components.palette import custom_names, recipe_color
from components.plain_text import choice_label, code_span, escape_markdown, show_error, show_notes
from components.session import widget_key
from converter.analysis_kinds import CALIBRATION, Analysis
from converter.calibration_findings import (
    CalibrationStudy,
    Clipping,
    Halves,
    load_study,
    study_file,
)
from converter.comparison import Comparison
from converter.errors import LiteDriftError

_PAGE = "calibration"


def render_calibration_study(
    run_id: str, files: Mapping[str, Path], comparison: Comparison
) -> None:
    """Show the study of a calibrated variant that a person chooses, or offer to make it."""
    names = [v.recipe for v in comparison.usable if v.flags.get("calibrate") and v.runnable]
    if not names:
        return
    st.header("How much it depends on the calibration samples", anchor=False)
    recipe = st.segmented_control(
        "Calibrated variant", names, default=names[0], required=True, wrap=True,
        key=widget_key(_PAGE, "recipe"),
        format_func=lambda name: choice_label(escape_markdown(name)),
    ) or names[0]
    path = files.get(study_file(recipe))
    if path is not None:
        try:
            _render(load_study(path), comparison)
            return
        except LiteDriftError as error:
            show_error(error)
    name = code_span(recipe)
    render_analysis_job(Analysis(run_id=run_id, kind=CALIBRATION, recipe=recipe), Offer(
        waits=f"Waiting to study the calibration of {name}",
        runs=f"Studying the calibration of {name}",
        heading=f"Study the calibration of {name}",
        text="Calibrates anew with 1, 2, 5, … samples, three random draws each, and with two "
             "disjoint halves, and looks for values beyond the ranges: seconds for a small "
             "model, minutes for a large one. You may leave the page meanwhile.",
        button="Study the calibration", icon=":material/tune:",
    ))


def _render(study: CalibrationStudy, comparison: Comparison) -> None:
    from components.figures.calibration import build_calibration_figure

    color = recipe_color(study.recipe, custom_names([v.recipe for v in comparison.variants]))
    show_figure(
        "Drift against number of calibration samples",
        f"Each dot: one random draw of so many samples (seed {study.seed}); line: their median. "
        f"Judged on {study.evaluation_samples} evaluation samples, which took no part.",
        build_calibration_figure(study, color), _PAGE,
    )
    render_names(draw_formulas(study))
    if study.halves is not None:
        _render_halves(study.halves)
    if study.clipping is not None:
        _render_clipping(study.clipping)
    failed = [p for p in study.points if p.problem]
    if study.is_variant is not None:
        word = "holds what" if study.is_variant else "differs from what"
        st.caption(f"The file from all samples {word} the run's own variant holds.")
    show_notes([*(f"{p.samples} samples, draw {p.draw + 1}: {p.problem}" for p in failed[:3]),
                *study.notes, f"Made {format_date(study.created)}."])


def _render_halves(halves: Halves) -> None:
    with st.container(border=True, gap="xsmall"):
        st.subheader("Two disjoint halves", anchor=False)
        st.caption(f"{halves.samples} samples each: what would change had other samples been "
                   "taken.")
        with st.container(horizontal=True):
            st.metric("First half", format_db(halves.first.sqnr_db), width="content")
            st.metric("Second half", format_db(halves.second.sqnr_db), width="content")
            st.metric("One against the other", format_db(halves.between_db), width="content",
                      help="SQNR of the second's outputs against the first's.")
        render_names(halves_formulas(halves))
        if halves.tensors:
            worst = halves.tensors[0]
            st.caption(escape_markdown(
                f"Of {halves.compared} activations the scale of {worst.name[-60:]} differs most: "
                f"{worst.ratio:.3g} times."))
            with st.expander("Scales of both"):
                st.dataframe(
                    [{"Tensor": t.name, "First": t.first, "Second": t.second,
                      "Larger / smaller": t.ratio} for t in halves.tensors],
                    hide_index=True, alt="Scales of activations in the two halves",
                )


def _render_clipping(clipping: Clipping) -> None:
    with st.container(border=True, gap="xsmall"):
        st.subheader("Values beyond the ranges", anchor=False)
        st.caption(f"The run's own variant on {clipping.samples} evaluation samples: "
                   f"{clipping.clipped} of {clipping.compared} activations have values beyond "
                   "what they can store, which are cut off there.")
        render_names(clipping_formulas(clipping))
        if clipping.tensors:
            st.dataframe(
                [{"Tensor": t.name, "Operator": t.operator,
                  "Cut off below": format_percent(t.clipped_low, 3),
                  "Cut off above": format_percent(t.clipped_high, 3),
                  "Range set by": "the operator" if t.has_fixed_range else "calibration"}
                 for t in clipping.tensors],
                hide_index=True, alt="Activations that clip values, those that clip most first",
            )
