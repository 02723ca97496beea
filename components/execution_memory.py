"""The memory of a variant: how much, measured and computed, and what lives when."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from components.charts import CHART_CONFIG, show_figure
from components.formula_names import render_names
from components.formulas.execution import arena_formula, arena_formulas, tensor_formula
from components.formulas.variant import memory_formulas
from components.memory_words import memory_levels
from components.palette import custom_names, recipe_color
from components.plain_text import escape_markdown, show_error
from components.session import widget_key
from converter.comparison import Comparison, Variant
from converter.errors import LiteDriftError
from converter.inspection import find_lifetimes
from converter.tensor_lifetimes import Lifetimes

_PAGE = "execution"
_MOST_LISTED = 12


def render_memory(files: dict[str, Path], comparison: Comparison, variant: Variant) -> None:
    """Show which tensors of a variant live when, and what its process needed."""
    from components.figures.execution import build_lifetimes_figure, build_spans_figure

    path = files.get(variant.file or "")
    if path is None:
        return
    try:
        found = _lifetimes(str(path), variant.given_name or f"{variant.recipe}.tflite")
    except LiteDriftError as error:
        show_error(error)
        return
    color = recipe_color(variant.recipe, custom_names([v.recipe for v in comparison.variants]))
    st.header("Memory over one inference", anchor=False)
    if found.peak_operator is None:
        st.info("This file has no operators.")
        return
    peak = found.peak_operator
    _render_levels(variant, found, color)
    render_names([
        arena_formula(found), *arena_formulas(variant, found),
        *map(tensor_formula, found.alive_at(peak)[:1]), *memory_formulas(variant),
    ])  # fmt: skip
    show_figure(
        "What lives at once",
        "Bytes of the activations that live during each operator; "
        f":color[▌]{{foreground=\"#D55E00\"}} the peak, operator {peak + 1}. Batch as in the file. "
        "XNNPACK's own workspace is not in it.",
        build_lifetimes_figure(found, color), _PAGE,
    )
    show_figure(
        "Lifetimes",
        "The largest activations, each from the operator that gives it to the last that takes it; "
        ":color[▌]{foreground=\"#D55E00\"} alive at the peak.",
        build_spans_figure(found, color), _PAGE,
    )
    with st.expander("What lives at the peak"):
        st.dataframe(
            [{"Tensor": t.name, "Stored as": t.dtype, "Shape": str(list(t.shape)),
              "Bytes": t.size_bytes} for t in found.alive_at(peak)[:_MOST_LISTED]],
            hide_index=True, alt="Activations that live during the operator at the peak",
        )


def _render_levels(variant: Variant, found: Lifetimes, color: str) -> None:
    from components.figures.memory import build_memory_figure

    levels = memory_levels(variant, found)
    with st.container(border=True, gap="xsmall"):
        st.subheader("How much", anchor=False)
        st.caption("Grey: computed from the file. Coloured: measured.")
        figure = build_memory_figure(levels, color)
        st.plotly_chart(figure, config=CHART_CONFIG, alt=figure.layout.meta["alt"],
                        key=widget_key(_PAGE, "chart.levels"))
        for level in levels:
            st.caption(f"**{escape_markdown(level.name)}**: {escape_markdown(level.condition)}")


@st.cache_data(max_entries=32, show_spinner="Reading the file …")
def _lifetimes(path: str, name: str) -> Lifetimes:
    # A file of the store lies under its hash, so its path says what is in it.
    return find_lifetimes(Path(path), name)
