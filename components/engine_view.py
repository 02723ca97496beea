"""TFLiteConverter beside litert-quantizer: compared on request, and what else the second offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import streamlit as st

from components.analysis_panel import Offer, render_analysis_job
from components.engine_words import file_row, pair_sentence
from components.format import format_date
from components.formula_names import render_names
from components.formulas.inside import engine_formulas
from components.plain_text import escape_markdown, show_error
from components.session import Session, widget_key
from converter.analysis_kinds import ENGINES, Analysis
from converter.comparison import Comparison
from converter.engine_comparison import ENGINES_FILE, EngineComparison, common_recipes
from converter.errors import LiteDriftError
from converter.model_options import DEFAULT_OPTIONS
from converter.recipe import FURTHER_PRESETS, PRESETS, TFLITE_PRESETS
from converter.run_store import load_request, start_run

_PAGE = "flags"
_PROBLEM = widget_key(_PAGE, "further_problem")
_FLOAT_FILE = "float32.tflite"


def render_engines(run_id: str, files: Mapping[str, Path], comparison: Comparison) -> None:
    """Show both engines side by side, or offer to compare them."""
    st.header("Two engines", anchor=False)
    if comparison.starts_from_tflite:
        st.markdown("This run starts from a .tflite, of which litert-quantizer makes all variants. "
                    "Take a run from a TensorFlow model to hold it against TFLiteConverter.")
        return
    names = [variant.recipe for variant in common_recipes(comparison)]
    if not names or _FLOAT_FILE not in files:
        st.markdown("To hold TFLiteConverter against litert-quantizer, a run needs float32 and at "
                    "least one of dynamic_range, float16, int8, int8_full or int16x8. Run it again "
                    "with those.")
        return
    known = _load(files)
    if known is not None:
        _show(known)
    render_analysis_job(
        Analysis(run_id=run_id, kind=ENGINES),
        Offer(
            waits="Waiting to compare the engines", runs="Comparing the engines",
            heading="The same recipes by both",
            text=escape_markdown(
                f"litert-quantizer makes {', '.join(names)} from this run's float32 file, and both "
                "engines' files are judged and timed alike: half a minute for a small model."),
            button="Compare the engines", icon=":material/balance:",
        ),
        known=known is not None,
    )  # fmt: skip
    st.button("Run what only litert-quantizer makes", icon=":material/experiment:",
              key=widget_key(_PAGE, "further"), on_click=_start_further,
              args=(run_id, files[_FLOAT_FILE], comparison.model.name),
              help="Weights only, 4 and 2 bits, MSE, OCTAV, GPTQ, OSCAR, Hadamard and blocks, "
              "from this run's float32 file; each variant's audit says what was skipped.")
    problem = st.session_state.pop(_PROBLEM, None)
    if problem:
        show_error(problem)


def _load(files: Mapping[str, Path]) -> EngineComparison | None:
    path = files.get(ENGINES_FILE)
    if path is None:
        return None
    try:
        return EngineComparison.load(path)
    except LiteDriftError as error:
        show_error(error)
        return None


def _show(found: EngineComparison) -> None:
    with st.container(border=True, gap="small"):
        for pair in found.pairs:
            st.markdown(f"**{escape_markdown(pair.recipe)}**: "
                        f"{escape_markdown(pair_sentence(pair))}.")
    st.dataframe(
        [file_row(pair.recipe, file) for pair in found.pairs
         for file in (pair.converter, pair.quantizer)],
        hide_index=True, alt="Size, drift and times of both engines' files of each recipe",
        key=widget_key(_PAGE, "engines_table"),
    )
    render_names(engine_formulas(found))
    st.caption(
        f"SQNR against the original on {found.samples:,} kept samples; latency in turns with "
        f"{found.threads} thread{'' if found.threads == 1 else 's'}. Made in: the first time, with "
        "calibration, from the frozen graph by TFLiteConverter and from the float32 file by "
        f"litert-quantizer. {format_date(found.created)}.")


def _start_further(run_id: str, source: Path, name: str) -> None:
    session = Session()
    recipes = [r for n, r in {**TFLITE_PRESETS, **FURTHER_PRESETS}.items() if n not in PRESETS]
    try:
        request = replace(
            load_request(run_id), model_path=source, model_name=f"{name} as float32.tflite",
            model_options=DEFAULT_OPTIONS, recipes=tuple(recipes), recipes_asked=True,
            given_variants=(),
        )
        started = start_run(request, session.visitor)
    except LiteDriftError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    session.open_run(started)
