"""The charts of the Compare page, ready for a page of their own: data, titles and captions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from components.figures import accuracy, drift, latency, size, tradeoff
from components.figures.ink import GRID, GROUND, INK, MUTED
from components.format import format_bytes
from converter.comparison import Comparison

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_AXIS = {"showline": False, "zeroline": False, "gridcolor": GRID, "linecolor": GRID,
         "automargin": True, "title": {"standoff": 10}}
TEMPLATE = go.layout.Template(layout={
    "font": {"family": FONT, "size": 13, "color": INK},
    # Nothing of its own behind it: the page's ground shows, in either theme and on paper.
    "paper_bgcolor": "rgba(0, 0, 0, 0)", "plot_bgcolor": "rgba(0, 0, 0, 0)",
    "xaxis": _AXIS, "yaxis": _AXIS,
    "hoverlabel": {"bgcolor": GROUND, "bordercolor": MUTED,
                   "font": {"family": FONT, "size": 13, "color": INK}},
})
"""The look that Streamlit's front end gives in the dashboard; its placeholders for ink and ground
are replaced in the browser, where the reader's theme is known."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart.

    Attributes:
        title: What it shows.
        caption: How to read it.
        alt: Its figures in words.
        height: Pixels.
        figure: Plotly's `data` and `layout`, ready for JSON.
        wide: Whether it takes the page's whole width.
        swatch: Colour of a mark that the caption names; empty for none.
        swatch_text: What that mark stands for.
    """

    title: str
    caption: str
    alt: str
    height: int
    figure: dict[str, Any]
    wide: bool = True
    swatch: str = ""
    swatch_text: str = ""


def list_charts(comparison: Comparison, samples_ms: Mapping[str, np.ndarray]) -> list[Chart]:
    """Return the charts for which there are figures, in the Compare page's order.

    Args:
        comparison: The run's result.
        samples_ms: Raw latency samples in milliseconds by candidate, each of shape `(runs,)`.
    """
    has_drift = any(variant.drift is not None for variant in comparison.variants)
    has_latency = any(variant.latency is not None for variant in comparison.variants)
    labelled = has_drift and accuracy.has_accuracy(comparison)
    charts = [
        _chart("Size", _size_caption(comparison), size.build_size_figure(comparison),
               wide=not has_drift, swatch=size.PARAMETERS_COLOR, swatch_text="parameters alone")
    ]
    if has_drift:
        charts.append(_chart(
            "Drift", "Longer bars are closer to the original's outputs; 6 dB halve the error. "
            "Hatched: identical.", drift.build_sqnr_figure(comparison), wide=False))
    if has_latency:
        charts.append(_chart(
            "Latency", "Box: p10, quartiles and p90. Dots: single runs. Dashed: the original's "
            "median.", latency.build_latency_figure(comparison, samples_ms)))
    if has_drift and has_latency:
        charts.append(_chart("Size, latency and drift at once", _tradeoff_caption(comparison),
                             tradeoff.build_tradeoff_figure(comparison)))
    if has_drift:
        charts.append(_chart("Largest error", "The worst single output value.",
                             drift.build_max_error_figure(comparison), wide=not labelled))
    if labelled:
        charts.append(_accuracy_chart(comparison))
    return charts


def chart_json(charts: list[Chart]) -> str:
    """Return the charts' data as JSON that may stand inside a script element.

    No `<`, `>` or `&` is left in it, so that no name can end the element or begin a comment.
    """
    text = json.dumps([chart.figure for chart in charts], allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _chart(title: str, caption: str, figure: go.Figure, **more: Any) -> Chart:  # noqa: ANN401
    alt, height = str(figure.layout.meta["alt"]), int(figure.layout.height)
    # The names in it are said in `alt` already, which the page escapes.
    figure.update_layout(template=TEMPLATE, meta=None)
    # Plotly's own encoder turns what is no number into null.
    return Chart(title=title, caption=caption, alt=alt, height=height,
                 figure=json.loads(figure.to_json()), **more)


def _size_caption(comparison: Comparison) -> str:
    caption = (
        "Bars: files, the original's without optimizer state. \N{WHITE DIAMOND} gzipped. "
        "Dashed: the original."
    )
    if comparison.model.baseline_gzip_bytes is None:
        whole = format_bytes(comparison.model.gzip_bytes)
        caption += f" With optimizer state the original is {whole} gzipped."
    return caption


def _tradeoff_caption(comparison: Comparison) -> str:
    missing = tradeoff.left_out(comparison)
    note = f" Not placed: {', '.join(missing)}." if missing else ""
    return (
        "Up is closer, left is faster, a smaller mark is a smaller file. Dotted: the Pareto "
        "frontier, where no other is smaller, faster and closer at once; faded marks are not on "
        f"it.{note}"
    )


def _accuracy_chart(comparison: Comparison) -> Chart:
    figure = accuracy.build_accuracy_figure(comparison)
    reference = comparison.reference.accuracy
    samples = f"{reference.samples:,} labelled samples. " if reference is not None else ""
    if reference is not None and reference.task == "regression":
        return _chart("Error against the labels",
                      f"{samples}The dashed line is the original's error.", figure, wide=False)
    return _chart("Accuracy", f"{samples}Grey: the original's 95 % interval.", figure, wide=False)
