"""Which output and which variant the Samples page shows, and what it says where there is none."""

from __future__ import annotations

import streamlit as st

from components.plain_text import escape_markdown
from components.routes import CONVERT_PAGE
from components.session import widget_key
from components.variant_label import variant_labels
from converter.comparison import Comparison, Variant


def pick_output(comparison: Comparison) -> str:
    """Ask which output to look at; a model with one output is asked nothing."""
    names = list(next((v.output_drift for v in comparison.variants if v.output_drift), {}))
    if len(names) < 2:
        return names[0] if names else ""
    labelled = [name for name in names if name in comparison.reference.output_accuracy]
    chosen = st.selectbox(
        "Output", names, index=names.index(labelled[0]) if labelled else 0,
        key=widget_key("samples", f"output.{comparison.created}"), width=320,
    )
    return chosen or names[0]


def pick_measured(comparison: Comparison) -> Variant | None:
    """Ask which variant to look at, of those that were run; the one with least SQNR first.

    Returns:
        None where none was run.
    """
    measured = [v for v in comparison.usable if v.drift is not None]
    if not measured:
        return None
    names = [variant.recipe for variant in measured]
    chosen = st.segmented_control(
        "Variant", names, default=_farthest(measured).recipe, required=True, wrap=True,
        format_func=variant_labels([v.recipe for v in comparison.variants]),
        key=widget_key("samples", f"variant.{comparison.created}"),
    )
    return comparison.variant(chosen if chosen in names else names[0])


def _farthest(measured: list[Variant]) -> Variant:
    """Return the variant that differs most: there is most to see. NaN differs most of all."""
    def closeness(variant: Variant) -> float:
        sqnr = variant.drift.sqnr_db if variant.drift is not None else float("inf")
        return float("-inf") if sqnr != sqnr else sqnr  # noqa: PLR0124 - NaN is not itself

    return min(measured, key=closeness)


def render_no_samples(variant: Variant | None) -> None:
    """Say why there are no samples to show, and what to do."""
    sentence = "No variant of this run was run on samples: convert one that runs here."
    if variant is not None:
        sentence = (
            f"The samples of {variant.recipe} are not kept with this run: it is older than this "
            "page, or its files were moved. Start it again to see them."
        )
    st.info(escape_markdown(sentence), icon=":material/info:")
    st.page_link(CONVERT_PAGE, label="Start again", icon=":material/replay:")
