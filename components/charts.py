"""The charts of the Compare page, each in a card with its title and one line of reading help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from components.plain_text import escape_markdown
from components.session import widget_key

if TYPE_CHECKING:
    import numpy as np
    import plotly.graph_objects as go

    from converter.comparison import Comparison

_CONFIG = {"showSendToCloud": False, "displaylogo": False, "displayModeBar": False}


def render_charts(comparison: Comparison, samples_ms: Mapping[str, np.ndarray]) -> None:
    """Draw all charts; Plotly is imported here and on no other page."""
    from components.figures import accuracy, drift, latency, size, tradeoff

    with st.grid(2, min_column_width=430, gap="small") as grid:
        _card("Size", "File and gzip size; the dashed line is the original.",
              size.build_size_figure(comparison))
        _card("Latency", "Box: p10, quartiles, p90. Dots: single runs. Dashed: the original.",
              latency.build_latency_figure(comparison, samples_ms))
        _card("Drift", "How far outputs stay with the original's.",
              drift.build_sqnr_figure(comparison))
        _card("Largest error", "The worst single output value.",
              drift.build_max_error_figure(comparison))
        with grid.cell(column_span="all"):
            missing = tradeoff.left_out(comparison)
            note = f" Not placed: {', '.join(missing)}." if missing else ""
            _card("Size, latency and drift at once",
                  "Up is closer, left is faster, a smaller mark is a smaller file; faded marks "
                  f"are beaten by another.{note}",
                  tradeoff.build_tradeoff_figure(comparison))
        if accuracy.has_accuracy(comparison):
            with grid.cell(column_span="all"):
                _card("Accuracy", _accuracy_caption(comparison),
                      accuracy.build_accuracy_figure(comparison))


def _card(title: str, caption: str, figure: go.Figure) -> None:
    with st.container(border=True, gap="xsmall", height="stretch"):
        st.subheader(title, anchor=False)
        st.caption(escape_markdown(caption))
        st.plotly_chart(figure, config=_CONFIG, alt=figure.layout.meta["alt"],
                        key=widget_key("compare", f"chart.{title}"))


def _accuracy_caption(comparison: Comparison) -> str:
    reference = comparison.reference.accuracy
    samples = f"{reference.samples:,} labelled samples. " if reference is not None else ""
    if reference is not None and reference.task == "regression":
        return f"{samples}The dashed line is the original's error."
    return f"{samples}Intervals that overlap the grey band cannot be told from the original."
