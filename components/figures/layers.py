"""Layers in graph order, the values of one of them in two files, and its weights by channel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go

from components.figures.axes import linear_axis
from components.figures.ink import GRID, INK, MUTED, SOFT_INK
from components.format import (
    escape_label,
    format_db,
    format_error,
    format_percent,
    format_tick,
    shorten,
)
from converter.layer_analysis import ChannelRanges, Layer, LayerDrift

ACCUMULATED_COLOR, BORN_COLOR = "#2F6FC4", "#D55E00"
REFERENCE_COLOR, VARIANT_COLOR = MUTED, "#D55E00"
_MINUS = "\N{MINUS SIGN}"
_HEIGHT = 320
_NAME = 48
_FEW = 60
"""Up to so many layers the points are large enough to hit with a finger."""


def build_layers_figure(drift: LayerDrift, chosen: int | None = None) -> go.Figure:
    """Return the SQNR of every layer, accumulated and born, in graph order.

    Each point's `customdata` is its place in `drift.layers`.

    Args:
        drift: With at least one layer.
        chosen: Place of the layer to mark.
    """
    layers = drift.layers
    low, high = _bounds(layers)
    size = 9 if len(layers) <= _FEW else 6
    figure = go.Figure()
    for values, color, symbol, width, name in (
        ([layer.accumulated.sqnr_db for layer in layers], ACCUMULATED_COLOR, "circle", 1.6,
         "from the input on"),
        ([layer.born and layer.born.sqnr_db for layer in layers], BORN_COLOR, "diamond", 0,
         "born here"),
    ):
        figure.add_scatter(
            x=list(range(1, len(layers) + 1)), y=[_placed(v, low, high) for v in values],
            mode="lines+markers" if width else "markers", name=name, cliponaxis=False,
            line={"color": color, "width": width},
            marker={"color": color, "size": size, "symbol": symbol,
                    "opacity": 1 if len(layers) <= _FEW else 0.85},
            customdata=list(range(len(layers))),
            text=[_hover(layer) for layer in layers], hovertemplate="%{text}<extra></extra>",
        )
    if chosen is not None:
        figure.add_shape(type="line", x0=chosen + 1, x1=chosen + 1, y0=0, y1=1, yref="paper",
                         layer="below", line={"color": MUTED, "width": 1.4, "dash": "dot"})
    _lay_out(figure, _HEIGHT, _layers_alt(layers))
    figure.update_layout(
        clickmode="event+select",
        xaxis={**linear_axis(0.5, len(layers) + 0.5, lambda v: f"{v:g}" if v == int(v) else ""),
               **_axis("layer, in the order of execution")},
        yaxis={**linear_axis(low, high, lambda v: f"{v:g}".replace("-", _MINUS)),
               **_axis("SQNR (dB)")},
    )
    return figure


def build_activation_figure(layer: Layer) -> go.Figure:
    """Return the distribution of a layer's values in the float file and in the variant."""
    figure = go.Figure()
    facts = layer.histogram or {"edges": [0.0, 1.0], "reference": [0], "variant": [0]}
    edges = facts["edges"]
    middles = [(a + b) / 2 for a, b in pairwise(edges)]
    for key, color, name in (
        ("reference", REFERENCE_COLOR, "float32"), ("variant", VARIANT_COLOR, "variant")
    ):
        total = sum(facts[key]) or 1
        shares = [count / total for count in facts[key]]
        style: dict[str, Any] = {"fill": "tozeroy"} if key == "reference" else {}
        figure.add_scatter(
            x=middles, y=shares, mode="lines", name=name,
            line={"color": color, "width": 1.8, "shape": "hvh"},
            customdata=[format_percent(share) for share in shares],
            hovertemplate=f"{name}, near %{{x:.3g}}: %{{customdata}}<extra></extra>", **style,
        )
    _lay_out(figure, 220, _activation_alt(layer))
    figure.update_layout(
        xaxis={**linear_axis(edges[0], edges[-1], _signed), **_axis("value")},
        yaxis={**_axis(""), "rangemode": "tozero", "showticklabels": False, "showgrid": False},
    )
    return figure


def build_weights_figure(ranges: ChannelRanges) -> go.Figure:
    """Return the least and greatest weight of each channel: an area and two lines around it."""
    figure = go.Figure()
    sides = [(ranges.low, ranges.high, VARIANT_COLOR, "variant")]
    if ranges.reference_low:
        sides.insert(0, (ranges.reference_low, ranges.reference_high, REFERENCE_COLOR, "float32"))
    # A step for each channel: strokes of their own run into each other where they are many.
    starts = [number - 0.5 for number in ranges.numbers]
    starts += [ranges.numbers[-1] + 0.5] if starts else []
    for low, high, color, name in sides:
        for ends in (low, high):
            is_filled = name == "float32" and ends is high
            figure.add_scatter(
                x=starts, y=[*ends, *ends[-1:]], mode="lines", name=name,
                fill="tonexty" if is_filled else None,
                line={"color": color, "width": 0 if name == "float32" else 1.6, "shape": "hv"},
                customdata=[*ranges.numbers, *ranges.numbers[-1:]],
                hovertemplate=f"{name}, channel %{{customdata}}: %{{y:.4g}}<extra></extra>",
            )
    bottom = min([*ranges.low, *ranges.reference_low], default=0.0)
    top = max([*ranges.high, *ranges.reference_high], default=1.0)
    pad = 0.06 * (top - bottom) or 1.0
    _lay_out(figure, 220, (
        f"Weight ranges of {ranges.channels} channels of {ranges.tensor}: from "
        f"{bottom:.4g} to {top:.4g}."))
    figure.update_layout(
        xaxis={**linear_axis(-0.5, max(ranges.channels - 0.5, 0.5),
                             lambda v: f"{v:g}" if v == int(v) else ""),
               **_axis("output channel")},
        yaxis={**linear_axis(bottom - pad, top + pad, _signed), **_axis("weight")},
    )
    return figure


def _bounds(layers: Sequence[Layer]) -> tuple[float, float]:
    """Return an axis around all finite figures, with room on top for what is exact."""
    errors = [e for layer in layers for e in (layer.accumulated, layer.born) if e is not None]
    finite = [e.sqnr_db for e in errors if math.isfinite(e.sqnr_db)]
    if not finite:
        return 0.0, 100.0
    low, high = min(finite), max(finite)
    pad = max(0.08 * (high - low), 3.0)
    return low - pad, high + pad


def _placed(value: float | None, low: float, high: float) -> float | None:
    if value is None or math.isnan(value):
        return None
    return min(max(value, low), high)


def _hover(layer: Layer) -> str:
    lines = [f"<b>{escape_label(_end_of(layer.tensor, _NAME))}</b>", escape_label(layer.operator),
             f"from the input on: {format_db(layer.accumulated.sqnr_db)}"]
    lines.append(f"born here: {format_db(layer.born.sqnr_db)}" if layer.born
                 else "born here: not measured")
    if layer.born is not None and layer.born.rmse_in_steps is not None:
        lines.append(f"RMSE {layer.born.rmse_in_steps:.2f} of its scale")
    lines.append(f"cosine {layer.accumulated.cosine_similarity:.5f}, largest error "
                 f"{format_error(layer.accumulated.max_abs_error)}")
    return "<br>".join(lines)


def _end_of(name: str, length: int) -> str:
    """Keep the end of a long name: what layers have in common stands at its beginning."""
    return name if len(name) <= length else f"…{name[1 - length:]}"


def _layers_alt(layers: Sequence[Layer]) -> str:
    born = [layer for layer in layers if layer.born and not math.isnan(layer.born.sqnr_db)]
    if not born:
        return f"Error of {len(layers)} layers in graph order; none could be run alone."
    worst = min(born, key=lambda layer: layer.born.sqnr_db if layer.born else math.inf)
    last = layers[-1].accumulated.sqnr_db
    return (
        f"Error of {len(layers)} layers in graph order. Most is born in {worst.tensor} "
        f"({worst.operator}, {format_db(worst.born.sqnr_db if worst.born else None)}); the last "
        f"layer is at {format_db(last)}."
    )


def _activation_alt(layer: Layer) -> str:
    ends = layer.saturation
    alt = f"Distribution of the values of {shorten(layer.tensor, 80)} in both files."
    if ends is not None:
        alt += (f" {format_percent(ends.at_low)} of the variant's lie at the low end of "
                f"{layer.dtype}, {format_percent(ends.at_high)} at the high end.")
    return alt


def _signed(value: float) -> str:
    return format_tick(value).replace("-", _MINUS)


def _axis(title: str) -> dict[str, Any]:
    return {"fixedrange": True, "showgrid": True, "gridcolor": GRID, "zeroline": False,
            "tickangle": 0, "tickfont": {"size": 12, "color": SOFT_INK}, "automargin": True,
            "title": {"text": title, "standoff": 8, "font": {"size": 12, "color": SOFT_INK}}}


def _lay_out(figure: go.Figure, height: int, alt: str) -> None:
    figure.update_layout(
        height=height, margin={"l": 4, "r": 12, "t": 8, "b": 44}, showlegend=False,
        hovermode="closest", dragmode=False, meta={"alt": alt}, font={"color": INK},
    )
