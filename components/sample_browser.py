"""The samples on which a variant differs most: worst errors and flips, with their pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from components.charts import show_figure
from components.format import MISSING, format_count, format_error, format_percent, format_tick
from components.formula_names import render_names
from components.formulas.samples import sample_formulas
from components.plain_text import choice_label
from components.session import widget_key
from converter.comparison import Variant
from converter.sample_differences import SampleDifferences
from converter.sample_file import OutputSamples, VariantSamples

_MOST_LISTED = 500
_MOST_PICTURES = 24
_FLIPS, _TIES, _WRONG, _ALL = "Flips", "Ties", "Wrong", "All"
_ORDERS = {
    "Largest error": lambda d: np.where(np.isnan(d.error), -np.inf, -d.error),
    "Surest original": lambda d: -d.reference_margin,
    "Smallest margin": lambda d: d.reference_margin,
    "Row": lambda d: d.row,
}


def render_sample_browser(
    variant: Variant, content: VariantSamples, output: OutputSamples, color: str
) -> None:
    """Show a variant's samples, filtered and sorted; for values the residuals as well."""
    st.header("Flips and worst samples" if output.classes else "Residuals and worst samples",
              anchor=False)
    if not output.classes:
        from components.figures.residuals import build_residual_figure

        show_figure("Residuals", "Each dot is a sample, at its value with the largest error; the "
                    "dashed line is no change.",
                    build_residual_figure(output.differences, variant.recipe, color), "samples")
    chosen = _choose(output, variant.recipe)
    if not len(chosen):
        st.info(_empty_text(output), icon=":material/check_circle:")
        return
    _render_pictures(content, chosen, output)
    listed = chosen.take(np.arange(min(len(chosen), _MOST_LISTED)))
    st.dataframe(_table(listed, output), hide_index=True, height=min(420, 38 * len(listed) + 40),
                 alt=f"Samples of {variant.recipe} in the chosen order",
                 key=widget_key("samples", f"table.{variant.recipe}"))
    st.caption(_table_caption(output, len(chosen), len(listed)))
    render_names(sample_formulas(output, listed))


def _choose(output: OutputSamples, recipe: str) -> SampleDifferences:
    """Ask for a filter and an order, and return the samples so."""
    found = output.differences
    masks = _masks(output)
    orders = list(_ORDERS) if output.classes else ["Largest error", "Row"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if len(masks) > 1:
            default = _FLIPS if masks[_FLIPS].any() else _ALL
            kind = st.segmented_control(
                "Show", list(masks), default=default, required=True,
                format_func=lambda name: choice_label(f"{name} {int(masks[name].sum()):,}"),
                key=widget_key("samples", f"kind.{recipe}"),
            )
        else:
            kind = _ALL
        order = st.selectbox("Order", orders, key=widget_key("samples", f"order.{recipe}"),
                             width=220)
    places = np.flatnonzero(masks.get(kind or _ALL, masks[_ALL]))
    keys = _ORDERS[order](found.take(places))
    return found.take(places[np.lexsort((found.row[places], keys))])


def _masks(output: OutputSamples) -> dict[str, np.ndarray]:
    found = output.differences
    whole = np.ones(len(found), bool)
    if not output.classes:
        return {_ALL: whole}
    masks = {_FLIPS: found.flipped.astype(bool), _TIES: found.tied.astype(bool)}
    if output.labelled:
        masks[_WRONG] = found.variant_class != found.label
    return {**masks, _ALL: whole}


def _render_pictures(
    content: VariantSamples, chosen: SampleDifferences, output: OutputSamples
) -> None:
    """Show the pictures of the first of the chosen samples for which one was kept."""
    shown = []
    for place in range(len(chosen)):
        picture = content.picture(int(chosen.sample[place]))
        if picture is not None:
            shown.append((place, picture))
        if len(shown) == _MOST_PICTURES:
            break
    if not shown:
        return
    with st.container(horizontal=True, gap="small"):
        for place, picture in shown:
            caption = _caption(chosen, place, output)
            st.image(_enlarged(picture), caption=caption, width=104, alt=f"Sample, {caption}")


def _enlarged(picture: np.ndarray) -> np.ndarray:
    """Return a picture whose single pixels a browser does not blur into a cloud."""
    times = max(1, 208 // max(picture.shape[:2]))
    larger = picture.repeat(times, axis=0).repeat(times, axis=1)
    return larger[..., 0] if larger.shape[2] == 1 else larger


def _caption(found: SampleDifferences, place: int, output: OutputSamples) -> str:
    row = f"row {int(found.row[place])}"
    if not output.classes:
        return f"{row}: {format_error(float(found.error[place]))}"
    before, after = (_class(v[place]) for v in (found.reference_class, found.variant_class))
    return f"{row}: {before} → {after}" if before != after else f"{row}: {before}"


def _class(number: Any) -> str:  # noqa: ANN401 - an element of an array
    return "none" if int(number) < 0 else str(int(number))


def _table(found: SampleDifferences, output: OutputSamples) -> list[dict[str, Any]]:
    rows = []
    for place in range(len(found)):
        row: dict[str, Any] = {"Row": int(found.row[place])}
        label = float(found.label[place])
        if output.labelled:
            row["Label"] = str(int(label)) if output.classes else format_tick(label)
        if output.classes:
            row.update({
                "Original": _class(found.reference_class[place]),
                "Variant": _class(found.variant_class[place]),
                "Original's score": _score(found.reference_confidence[place]),
                "Variant's score": _score(found.variant_confidence[place]),
                "Original's margin": _score(found.reference_margin[place]),
                "Variant's margin": _score(found.variant_margin[place]),
            })
        else:
            row.update({"Original": format_tick(float(found.reference_value[place])),
                        "Variant": format_tick(float(found.variant_value[place]))})
        rows.append({**row, "Largest error": format_error(float(found.error[place]))})
    return rows


def _score(value: float) -> str:
    return MISSING if np.isnan(value) else f"{value:.4f}"


def _table_caption(output: OutputSamples, chosen: int, listed: int) -> str:
    parts = ["Row: the sample's place in the data file, from 0."]
    if output.classes:
        parts.append("Margin: the highest score less the second. A flip: the original's class is "
                     "not among the variant's highest.")
    if listed < chosen:
        parts.append(f"The first {listed} of {format_count(chosen)} are listed.")
    kept = len(output.differences)
    if kept < output.samples:
        parts.append(f"Kept are {format_percent(kept / output.samples)} of "
                     f"{format_count(output.samples)} samples: all flips, then the largest errors.")
    return " ".join(parts)


def _empty_text(output: OutputSamples) -> str:
    return (
        f"None of {format_count(output.samples)} samples is of this kind; choose All to see the "
        "largest errors."
    )
