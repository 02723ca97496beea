"""Size against latency against drift in one picture, with the Pareto frontier."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from components.figures.axes import linear_axis, log_axis
from components.figures.ink import GRID, GROUND, INK, MUTED, SOFT_INK
from components.figures.row_chart import Row, chart_rows
from components.format import format_bytes, format_db, format_ms, format_tick
from components.palette import custom_names, recipe_symbol
from converter.comparison import Comparison
from converter.pareto import frontier_recipes

_HEIGHT = 430
_MARGIN = {"l": 8, "r": 16, "t": 8, "b": 52}
_LEAST_DIAMETER, _MOST_DIAMETER = 11.0, 38.0
_LABEL_GAP = 19.0
"""Least distance between two labels in pixels: they never overlap, at any width."""
_AXIS_LOOK = {"showgrid": True, "gridcolor": GRID, "zeroline": False, "fixedrange": True,
              "tickangle": 0, "tickfont": {"size": 12, "color": SOFT_INK}}
_TITLE_FONT = {"font": {"size": 12, "color": SOFT_INK}}
_LOG_SPREAD = 4.0
"""Lower than elsewhere: points close to the axis would cover one another."""


@dataclass(frozen=True)
class Point:
    """One model's place in the chart; a mark's area is its size."""

    row: Row
    latency_ms: float
    sqnr_db: float
    size_bytes: float


def build_tradeoff_figure(comparison: Comparison) -> go.Figure:
    """Return latency across, SQNR upward and file size as area; the frontier is connected.

    Identical outputs, the original's by definition, lie on the line `exact` at the top.
    """
    frontier = frontier_recipes(comparison.variants)
    custom = custom_names([variant.recipe for variant in comparison.variants])
    points = _points(comparison)
    symbols = {p.row.name: recipe_symbol(p.row.name, custom) for p in points}
    return draw_tradeoff(points, symbols, frontier, _alt(comparison, frontier))


def draw_tradeoff(
    points: Sequence[Point], symbols: Mapping[str, str], frontier: Sequence[str], alt: str
) -> go.Figure:
    """Return the chart of any points.

    Args:
        points: What is placed.
        symbols: Plotly's marker symbol of each, by its row's name.
        frontier: Names on the Pareto frontier, in order along it.
        alt: What the chart shows, for readers who do not see it.
    """
    finite = [p.sqnr_db for p in points if math.isfinite(p.sqnr_db)]
    low = 10.0 * math.floor((min(finite, default=30.0) - 5) / 10)
    high = max([low + 20.0, *finite])
    exact = high + 0.14 * (high - low)
    y_axis = _sqnr_axis(low, high, exact)
    latencies = [p.latency_ms for p in points]
    x_axis = _latency_axis(latencies)
    figure = go.Figure()
    height = _height_for(len(points))
    figure.update_layout(
        height=height, margin=_MARGIN, hovermode="closest", dragmode=False, showlegend=False,
        meta={"alt": alt},
        xaxis={**x_axis, **_AXIS_LOOK, "title": {
            "text": f"Median latency in ms{_log_note(x_axis)}", **_TITLE_FONT}},
        yaxis={**y_axis, **_AXIS_LOOK, "title": {"text": "SQNR in dB", **_TITLE_FONT}},
    )
    placed = {p.row.name: p for p in points}
    _add_frontier(figure, [placed[name] for name in frontier if name in placed], exact)
    largest = max((p.size_bytes for p in points), default=1.0)
    # The larger marks first, so that a smaller one on the same spot lies on top of them.
    for point in sorted(points, key=lambda p: -p.size_bytes):
        _add_point(figure, point, exact, largest, point.row.name in frontier,
                   symbols[point.row.name])
    _add_labels(figure, points, exact, largest, (y_axis["range"], x_axis, height))
    return figure


def _height_for(points: int) -> float:
    """Return pixels in which every label has a line of its own, however many there are."""
    return max(_HEIGHT, points * _LABEL_GAP + _MARGIN["t"] + _MARGIN["b"])


def left_out(comparison: Comparison) -> list[str]:
    """Return the recipes that the chart cannot place: no latency, no drift, or NaN."""
    drawn = {point.row.name for point in _points(comparison)}
    return [v.recipe for v in comparison.variants if v.recipe not in drawn]


def _points(comparison: Comparison) -> list[Point]:
    points = []
    for row in chart_rows(comparison):
        if row.variant is None:
            latency, sqnr = comparison.reference.latency, math.inf
            size: int | None = comparison.model.size_without_optimizer_bytes
        else:
            latency, size = row.variant.latency, row.variant.size_bytes
            sqnr = math.nan if row.variant.drift is None else row.variant.drift.sqnr_db
        if latency is None or not size or math.isnan(sqnr) or sqnr == -math.inf:
            continue
        points.append(Point(row, latency.p50_ms, sqnr, float(size)))
    return points


def _height_of(point: Point, exact: float) -> float:
    return exact if math.isinf(point.sqnr_db) else point.sqnr_db


def _sqnr_axis(low: float, high: float, exact: float) -> dict[str, Any]:
    axis = linear_axis(low, high, lambda value: f"{value:.0f}")
    pad = 0.09 * (exact - low)
    return {
        **axis,
        "range": [low, exact + pad],
        "tickvals": [*axis["tickvals"], exact],
        "ticktext": [*axis["ticktext"], "exact"],
    }


def _latency_axis(latencies: list[float]) -> dict[str, Any]:
    if not latencies:
        return linear_axis(0.0, 1.0, format_tick)
    if max(latencies) / min(latencies) > _LOG_SPREAD:
        return log_axis(min(latencies) / 1.5, max(latencies) * 1.5, format_tick)
    return linear_axis(0.0, max(latencies) * 1.15, format_tick)


def _log_note(axis: dict[str, Any]) -> str:
    return ", logarithmic" if axis["type"] == "log" else ""


def _add_frontier(figure: go.Figure, points: list[Point], exact: float) -> None:
    if not points:
        return
    figure.add_scatter(
        x=[p.latency_ms for p in points], y=[_height_of(p, exact) for p in points],
        mode="lines", name="Pareto frontier",
        line={"color": MUTED, "width": 2, "dash": "dot"}, hoverinfo="skip",
    )


def _diameter(size: float, largest: float) -> float:
    # Area in proportion to bytes; the least keeps small files visible.
    return max(_LEAST_DIAMETER, _MOST_DIAMETER * math.sqrt(size / largest))


def _add_point(
    figure: go.Figure, point: Point, exact: float, largest: float, on_frontier: bool, symbol: str
) -> None:
    row = point.row
    text = (
        f"<b>{row.full_label}</b><br>{format_ms(point.latency_ms)}, "
        f"{'reference' if row.variant is None else format_db(point.sqnr_db)}, "
        f"{format_bytes(point.size_bytes)}"
    )
    figure.add_scatter(
        x=[point.latency_ms], y=[_height_of(point, exact)], mode="markers", name=row.full_label,
        showlegend=False, hovertemplate=f"{text}<extra></extra>",
        marker={
            "size": _diameter(point.size_bytes, largest), "color": row.color, "symbol": symbol,
            "opacity": 0.9 if on_frontier or row.variant is None else 0.4,
            "line": {"color": GROUND, "width": 1.5},
        },
    )


def _add_labels(
    figure: go.Figure, points: Sequence[Point], exact: float, largest: float,
    axes: tuple[list[float], dict[str, Any], float],
) -> None:
    """Name every point, each label in a height of its own, with a line to its point."""
    y_range, x_axis, height = axes
    scale = (height - _MARGIN["t"] - _MARGIN["b"]) / (y_range[1] - y_range[0])
    ordered = sorted(points, key=lambda p: (_height_of(p, exact), p.row.name))
    wanted = [(_height_of(p, exact) - y_range[0]) * scale for p in ordered]
    heights = spread_out(wanted, _LABEL_GAP, scale * (y_range[1] - y_range[0]), _LABEL_GAP / 2)
    for point, want, got in zip(ordered, wanted, heights, strict=True):
        x = math.log10(point.latency_ms) if x_axis["type"] == "log" else point.latency_ms
        start, end = x_axis["range"]
        to_right = x < start + 0.55 * (end - start)
        radius = _diameter(point.size_bytes, largest) / 2
        reach = radius + 14 if abs(want - got) < radius else 34
        figure.add_annotation(
            x=x, y=_height_of(point, exact), text=point.row.label, standoff=radius + 1,
            ax=reach if to_right else -reach, ay=want - got, showarrow=True, arrowhead=0,
            arrowwidth=1, arrowcolor=MUTED, xanchor="left" if to_right else "right",
            yanchor="middle", font={"size": 13, "color": INK}, bgcolor=GROUND, borderpad=1,
        )


def spread_out(
    wanted: list[float], gap: float, most: float = math.inf, least: float = -math.inf
) -> list[float]:
    """Move ascending positions apart until neighbours keep a distance, as little as possible.

    Args:
        wanted: Positions in ascending order.
        gap: Least distance between neighbours.
        most: No position comes to lie above it, where there is room for all.
        least: No position comes to lie below it.

    Example:
        >>> spread_out([10.0, 10.0], 4.0)
        [8.0, 12.0]
    """
    groups: list[tuple[float, int]] = []  # mean wanted start of a run of neighbours, its length
    for index, position in enumerate(wanted):
        start, count = position - index * gap, 1
        while groups and groups[-1][0] > start:
            before, members = groups.pop()
            start = (before * members + start * count) / (members + count)
            count += members
        groups.append((start, count))
    starts = [start for start, count in groups for _ in range(count)]
    limits = [most - (len(wanted) - 1) * gap] * len(wanted)
    return [
        max(min(start, limit), least) + index * gap
        for index, (start, limit) in enumerate(zip(starts, limits, strict=True))
    ]


def _alt(comparison: Comparison, frontier: list[str]) -> str:
    names = ", ".join(frontier) or "none"
    return (
        f"Latency against SQNR with file size as area for the original and "
        f"{len(comparison.variants)} variants; on the Pareto frontier: {names}."
    )
