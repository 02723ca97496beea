"""The charts of the Compare page, each in a card with its title and one line of reading help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from components.format import format_bytes
from components.plain_text import escape_markdown
from components.session import widget_key

if TYPE_CHECKING:
    import numpy as np
    import plotly.graph_objects as go

    from converter.comparison import Comparison

CHART_CONFIG = {"showSendToCloud": False, "displaylogo": False, "displayModeBar": False}


def render_charts(comparison: Comparison, samples_ms: Mapping[str, np.ndarray]) -> None:
    """Draw the charts for which there are figures.

    Plotly's graph objects are imported here and on no other page.
    """
    from components.figures import accuracy, drift, latency, size, tradeoff

    has_drift = any(variant.drift is not None for variant in comparison.variants)
    has_latency = any(variant.latency is not None for variant in comparison.variants)
    labelled = has_drift and accuracy.has_accuracy(comparison)
    with st.grid(2, min_column_width=380, gap="small") as grid:
        with grid.cell(column_span=1 if has_drift else "all"):
            gzip = comparison.model.baseline_gzip_bytes
            _card("Size", _size_caption(comparison, size.PARAMETERS_COLOR, gzip),
                  size.build_size_figure(comparison))
        if has_drift:
            _card("Drift", "Longer bars are closer to the original's outputs; 6 dB halve the "
                  "error.", drift.build_sqnr_figure(comparison))
        if has_latency:
            with grid.cell(column_span="all"):
                _card("Latency", "Box: p10, quartiles and p90; above it the median's 95 % "
                      "interval. Dots: single runs. Dashed: the original's median.",
                      latency.build_latency_figure(comparison, samples_ms))
        if has_drift and has_latency:
            with grid.cell(column_span="all"):
                _card("Size, latency and drift at once", _tradeoff_caption(
                    tradeoff.left_out(comparison)), tradeoff.build_tradeoff_figure(comparison))
        if has_drift:
            with grid.cell(column_span=1 if labelled else "all"):
                _card("Largest error", "The worst single output value.",
                      drift.build_max_error_figure(comparison))
        if labelled:
            _card(_accuracy_title(comparison), _accuracy_caption(comparison),
                  accuracy.build_accuracy_figure(comparison))


def _tradeoff_caption(missing: list[str]) -> str:
    note = f"  \nNot placed: {', '.join(missing)}." if missing else ""
    return (
        "Up is closer, left is faster, a smaller mark is a smaller file. Dotted: the Pareto "
        "frontier, where no other is smaller, faster and closer at once; faded marks are not on "
        f"it.{escape_markdown(note)}"
    )


def _card(title: str, caption: str, figure: go.Figure) -> None:
    show_figure(title, caption, figure, "compare")


def show_figure(title: str, caption: str, figure: go.Figure, page: str) -> None:
    """Draw a chart in a card with its title and one line of reading help (Markdown)."""
    with st.container(border=True, gap="xsmall", height="stretch"):
        st.subheader(title, anchor=False)
        st.caption(caption)
        st.plotly_chart(figure, config=CHART_CONFIG, alt=figure.layout.meta["alt"],
                        key=widget_key(page, f"chart.{title}"))


def _size_caption(comparison: Comparison, color: str, gzip: int | None) -> str:
    caption = (
        "Bars: files, the original's without optimizer state. \N{WHITE DIAMOND} gzipped. "
        f':color[▌]{{foreground="{color}"}} parameters alone. Dashed: the original.'
    )
    if gzip is None:
        whole = format_bytes(comparison.model.gzip_bytes)
        caption += f" With optimizer state the original is {whole} gzipped."
    return caption


def _accuracy_title(comparison: Comparison) -> str:
    reference = comparison.reference.accuracy
    is_regression = reference is not None and reference.task == "regression"
    return "Error against the labels" if is_regression else "Accuracy"


def _accuracy_caption(comparison: Comparison) -> str:
    reference = comparison.reference.accuracy
    samples = f"{reference.samples:,} labelled samples. " if reference is not None else ""
    if reference is not None and reference.task == "regression":
        return f"{samples}The dashed line is the original's error."
    return f"{samples}Grey: the original's 95 % interval."
