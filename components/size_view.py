"""The Model size page's parts: the question, the steps, the areas and the prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from components.format import MISSING, TIMES, format_bytes, format_count, format_percent
from components.formula_names import render_names
from components.formulas.sizes import area_formulas, prediction_formulas, step_formulas
from components.palette import custom_names, recipe_color
from components.plain_text import choice_label, escape_markdown, show_error, visible_text
from components.session import widget_key
from components.size_words import (
    KIND_MEANINGS,
    KIND_NAMES,
    explain_itself,
    explain_size,
    layer_name,
    size_question,
    step_meaning,
    step_name,
)
from converter.comparison import REFERENCE, Comparison, Variant
from converter.errors import LiteDriftError
from converter.inspection import inspect_size
from converter.size_anatomy import SizeAnatomy
from converter.size_prediction import SizePrediction, bytes_per_value, predict_size
from converter.size_steps import LEVEL, VARIANT, SizeStep, size_steps

_CONFIG = {"showSendToCloud": False, "displaylogo": False, "displayModeBar": False}
_MOST_ROWS = 400
_NAME_LENGTH = 160
_NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class SizedVariant:
    """A variant whose bytes were read.

    Attributes:
        variant: The variant.
        anatomy: Its bytes.
        color: Its colour.
    """

    variant: Variant
    anatomy: SizeAnatomy
    color: str


def read_variant(
    files: Mapping[str, Path], comparison: Comparison, variant: Variant
) -> SizedVariant | None:
    """Return a variant's bytes, kept by its content; where they cannot be read, say so."""
    path = files.get(variant.file or "")
    if path is None:
        st.info("The file of this variant is not kept with the run, so it cannot be taken apart.",
                icon=":material/info:")
        return None
    try:
        anatomy = _inspect(path.name, variant.file or "", path)
    except LiteDriftError as error:
        show_error(error)
        return None
    custom = custom_names([each.recipe for each in comparison.variants])
    return SizedVariant(variant, anatomy, recipe_color(variant.recipe, custom))


@st.cache_data(max_entries=32, show_spinner="Taking the file apart …")
def _inspect(content: str, name: str, _path: Path) -> SizeAnatomy:
    """Ask a worker; `content` is the artifact's hash, under which it lies."""
    return inspect_size(_path, name)


def render_answer(comparison: Comparison, sized: SizedVariant) -> None:
    """Show the question and the one sentence that answers it."""
    model, variant = comparison.model, sized.variant
    each = bytes_per_value(variant.flags)
    with st.container(border=True, gap="xxsmall"):
        st.header(size_question(model, sized.anatomy.size_bytes, each), anchor=False)
        sentence = explain_itself(sized.anatomy) if variant.is_original \
            else explain_size(model, sized.anatomy, comparison.original)
        st.markdown(escape_markdown(sentence))


def render_steps(comparison: Comparison, sized: SizedVariant) -> None:
    """Draw the waterfall from the original's file to the variant's."""
    from components.figures.size_waterfall import build_size_waterfall

    if sized.variant.is_original:
        return
    steps = size_steps(comparison.model, sized.anatomy)
    grey, own = (f':color[■]{{foreground="{color}"}}'
                 for color in (recipe_color(REFERENCE), sized.color))
    with st.container(border=True, gap="xsmall"):
        st.subheader("From the original's file to this one", anchor=False)
        st.caption(f"{grey} the original's bytes, {own} the variant's. Outlines: what went away, "
                   "in the variant's colour where a smaller type saved it. Every step is exact.")
        render_names(step_formulas(steps))
        shown = steps[_pick_start(steps, sized.variant.recipe):]
        figure = build_size_waterfall(shown, sized.color, sized.variant.recipe)
        st.plotly_chart(figure, config=_CONFIG, alt=figure.layout.meta["alt"],
                        key=widget_key("size", f"chart.steps.{sized.variant.recipe}"))
        with st.expander("All steps as a table"):
            st.dataframe(
                [_step_row(step) for step in steps], hide_index=True,
                alt="Every step from the original's file to the variant's, in bytes",
            )


def _pick_start(steps: list[SizeStep], recipe: str) -> int:
    """Ask with which amount the chart begins: small steps show beside small amounts only."""
    places = [place for place, step in enumerate(steps)
              if step.role == LEVEL and step.what != VARIANT]
    if len(places) < 2:
        return 0
    chosen = st.segmented_control(
        "Begin with", places, default=places[0], wrap=True, required=True,
        format_func=lambda place: choice_label(escape_markdown(step_name(steps[place]))),
        key=widget_key("size", f"start.{recipe}"),
    )
    return chosen if chosen in places else places[0]


def _step_row(step: SizeStep) -> dict[str, object]:
    return {
        "Step": visible_text(step_name(step))[:_NAME_LENGTH],
        "Change (bytes)": None if step.role == LEVEL else step.change_bytes,
        "After it (bytes)": step.level_bytes, "What it is": step_meaning(step),
    }


def render_areas(sized: SizedVariant) -> None:
    """Draw the treemap, with what its colours mean, and the same as a table."""
    from components.figures.size_treemap import build_size_treemap, kind_color, kinds_present

    anatomy = sized.anatomy
    legend = ", ".join(
        f':color[■]{{foreground="{kind_color(kind, sized.color)}"}} '
        f"{KIND_NAMES[kind].lower()} {format_bytes(anatomy.kind_bytes(kind))}"
        for kind in kinds_present(anatomy)
    )
    figure = build_size_treemap(anatomy, sized.color, sized.variant.recipe)
    with st.container(border=True, gap="xsmall"):
        st.subheader("What the file holds, by layer", anchor=False)
        st.caption(f"Areas are bytes: {legend}. A layer has the colour of most of its bytes; click "
                   "to open it.")
        st.plotly_chart(figure, config=_CONFIG, alt=figure.layout.meta["alt"],
                        key=widget_key("size", f"chart.areas.{sized.variant.recipe}"))
        with st.expander("Layers and kinds as a table"):
            _render_parts(anatomy, kinds_present(anatomy))


def _render_parts(anatomy: SizeAnatomy, kinds: list[str]) -> None:
    st.caption("  \n".join(f"**{KIND_NAMES[kind]}**: {KIND_MEANINGS[kind]}." for kind in kinds))
    rows = sorted(anatomy.parts, key=lambda part: -part.size_bytes)
    st.dataframe(
        [{"Layer": visible_text(layer_name(part.layer))[:_NAME_LENGTH],
          "Kind": KIND_NAMES[part.kind], "Bytes": part.size_bytes,
          "In float32": part.float32_bytes or None} for part in rows[:_MOST_ROWS]],
        hide_index=True, alt="Bytes of every layer by kind, the largest first",
    )
    render_names(area_formulas(anatomy))
    if len(rows) > _MOST_ROWS:
        st.caption(f"{format_count(len(rows) - _MOST_ROWS)} smaller rows are not shown.")


def render_predictions(comparison: Comparison, variant: Variant) -> None:
    """Show predicted, actual and gzipped size of the original and of every variant.

    Args:
        comparison: The run's result.
        variant: Whose values the formulas put in.
    """
    with st.container(border=True, gap="xsmall"):
        st.subheader("Predicted and actual", anchor=False)
        st.caption(
            "Predicted: the original's parameters times the bytes of a value as the recipe stores "
            "weights (4 float32, 2 float16, 1 with 8 bits, ½ with 4). Error: actual over predicted "
            "less one. gzip: level 6, as a download usually travels."
        )
        model = comparison.model
        rows = [_table_row(REFERENCE, None, model.size_without_optimizer_bytes,
                           model.baseline_gzip_bytes)]
        rows += [
            _table_row(variant.recipe, predict_size(comparison, variant), variant.size_bytes,
                       variant.gzip_bytes, model.parameters)
            for variant in comparison.variants if variant.status == "ok" and variant.size_bytes
        ]
        # A frame, not a table: one that scrolls sideways must be reached by the keyboard.
        st.dataframe(rows, hide_index=True,
                     alt="Predicted, actual and gzipped size of every variant")
        render_names(prediction_formulas(comparison, variant))
        conditions = []
        if model.optimizer_bytes:
            conditions.append(f"without its {format_bytes(model.optimizer_bytes)} of optimizer "
                              "state")
        if model.size_bytes < model.size_without_optimizer_bytes:
            conditions.append(f"unpacked from its zip of {format_bytes(model.size_bytes)}")
        if conditions:
            st.caption(f"The original {', '.join(conditions)}.")


def _table_row(
    name: str, predicted: SizePrediction | None, size: int, gzip: int | None, parameters: int = 0
) -> dict[str, str]:
    formula = error = MISSING
    if predicted is not None:
        each = "½" if predicted.bytes_per_value < 1 else f"{predicted.bytes_per_value:.0f}"
        formula = f"{_unbroken(f'{format_count(parameters)} {TIMES} {each} B')} = " \
                  f"{_unbroken(format_bytes(predicted.predicted_bytes))}"
        error = _signed_percent(predicted.error)
    return {
        "Variant": visible_text(name),
        "Predicted": formula, "Actual": _unbroken(format_bytes(size)), "Error": _unbroken(error),
        "gzip": _unbroken(format_bytes(gzip)),
        "gzip saves": MISSING if gzip is None else _unbroken(format_percent(1 - gzip / size)),
    }


def _unbroken(text: str) -> str:
    """Keep a number and its unit on one line, however narrow the column."""
    return text.replace(" ", _NO_BREAK)


def _signed_percent(share: float | None) -> str:
    if share is None:
        return MISSING
    return f"{100 * share:+.1f} %".replace("-", "\N{MINUS SIGN}")
