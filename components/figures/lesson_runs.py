"""The lesson's charts of a finished run: who is fast and why, which variant holds limits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from components.figures.axes import linear_axis, log_axis, positive_axis
from components.figures.bars import Bar, build_bar_figure
from components.figures.ink import GROUND, INK, MUTED
from components.figures.plane import new_plane
from components.figures.row_chart import Row, add_baseline, chart_rows, new_row_figure
from components.figures.tradeoff import spread_out
from components.format import (
    byte_unit,
    escape_label,
    format_bytes,
    format_db,
    format_ms,
    format_percent,
    format_ratio,
    format_tick,
    shorten,
)
from components.palette import recipe_color, recipe_symbol
from converter.comparison import Comparison
from converter.latency import LatencyStats
from converter.lesson.choice import LATENCY, SIZE, SQNR, Candidate
from converter.lesson.speed import SAME, OperatorCount, base_of, speed_against

SHADE = "rgba(128, 140, 152, 0.20)"
_HEIGHT, _TOP, _BOTTOM = 380, 28, 44
_LABEL_GAP = 18.0
_WIDE = 2.0
"""From this ratio of the greatest to the least cost on, the axis begins at zero."""


def build_speed_figure(
    comparison: Comparison, found: Mapping[str, LatencyStats], chosen: str
) -> go.Figure:
    """Return each model's median with its 95 % interval; float32's is a dashed line.

    Args:
        comparison: The run.
        found: Latencies by recipe, all measured with one setting.
        chosen: The recipe in view; the others are faded.
    """
    rows = [row for row in chart_rows(comparison) if row.name in found]
    stats = [found[row.name] for row in rows]
    base = base_of(dict(found))
    words = [_speed_words(row.name, found, base) for row in rows]
    ends = [end for each in stats for end in (each.p50_ci95_ms or (each.p50_ms, each.p50_ms))]
    axis = positive_axis(ends, format_tick)
    told = ", ".join(f"{row.name} {format_ms(each.p50_ms)} {word}".strip()
                     for row, each, word in zip(rows, stats, words, strict=True))
    figure = new_row_figure(
        rows, [format_ms(each.p50_ms) for each in stats], details=words, axis=axis,
        title="median of one inference in ms" + (", logarithmic" if axis["type"] == "log" else ""),
        alt=f"Median latency: {told}.",
    )
    if base is not None:
        add_baseline(figure, found[base].p50_ms)
    for index, (row, each) in enumerate(zip(rows, stats, strict=True)):
        _add_median(figure, index, row, each, is_chosen=row.name == chosen)
    return figure


def _speed_words(name: str, found: Mapping[str, LatencyStats], base: str | None) -> str:
    if base is None or name == base:
        return "the line" if name == base else ""
    speed = speed_against(found[name], found[base])
    return "no difference" if speed.word == SAME else f"{format_ratio(speed.factor)} {speed.word}"


def _add_median(
    figure: go.Figure, index: int, row: Row, stats: LatencyStats, *, is_chosen: bool
) -> None:
    low, high = stats.p50_ci95_ms or (stats.p50_ms, stats.p50_ms)
    figure.add_scatter(
        x=[stats.p50_ms], y=[index], mode="markers", name=row.full_label, showlegend=False,
        marker={"size": 16 if is_chosen else 10, "color": row.color,
                "symbol": recipe_symbol(row.name),
                "line": {"color": INK, "width": 2 if is_chosen else 0}},
        error_x={"type": "data", "symmetric": False, "array": [high - stats.p50_ms],
                 "arrayminus": [stats.p50_ms - low], "color": row.color, "thickness": 2,
                 "width": 5},
        opacity=1.0 if is_chosen else 0.6,
        customdata=[f"{format_ms(stats.p50_ms)}, 95 % interval {format_ms(low)} to "
                    f"{format_ms(high)}"],
        hovertemplate="%{customdata}<extra>" + row.full_label + "</extra>",
    )  # fmt: skip


def build_operators_figure(
    counts: Sequence[OperatorCount], base: Sequence[OperatorCount], color: str, height: int
) -> go.Figure:
    """Return how many operators of a variant do what, with float32's counts as upright marks.

    Args:
        counts: Of the variant in view.
        base: Of float32, in the same order; empty where the run has none.
        color: The variant's.
        height: Pixels that it has at least, so that it stands beside another chart.
    """
    most = max([each.total for each in (*counts, *base)], default=1) or 1
    bars = [
        Bar(name=each.label, value=None if each.count is None else float(each.count), color=color,
            figure="not known" if each.count is None else f"{each.count} of {each.total}")
        for each in counts
    ]
    told = ", ".join(f"{bar.name} {bar.figure}" for bar in bars)
    figure = build_bar_figure(
        bars, title="operators", axis=_count_axis(most),
        alt=f"Operators of the variant: {told}.",
        row_height=max(34, (height - 56) // max(len(bars), 1)),
    )
    known = [(place, each) for place, each in enumerate(base) if each.count is not None]
    figure.add_scatter(
        x=[each.count for _, each in known], y=[place for place, _ in known], mode="markers",
        name="float32", showlegend=False,
        marker={"symbol": "line-ns", "size": 20, "line": {"color": INK, "width": 2}},
        customdata=[f"{each.count} of {each.total}" for _, each in known],
        hovertemplate="%{customdata}<extra>float32</extra>",
    )
    return figure


def _count_axis(most: int) -> dict[str, Any]:
    """Return an axis of whole numbers: half an operator is none."""
    axis = linear_axis(0.0, most * 1.03, lambda value: f"{value:.0f}")
    whole = [(tick, text) for tick, text in zip(axis["tickvals"], axis["ticktext"], strict=True)
             if float(tick).is_integer()]
    ticks, texts = (list(side) for side in zip(*whole, strict=True))
    return {**axis, "tickvals": ticks, "ticktext": texts}


def build_choice_figure(
    placed: Sequence[Candidate],
    limits: tuple[float, float],
    kinds: tuple[str, str],
    best: str | None,
    custom: Sequence[str],
) -> go.Figure:
    """Return variants by cost and quality; what the limits exclude is shaded.

    Args:
        placed: At least one.
        limits: The most cost and the least quality.
        kinds: Which cost and which quality.
        best: The recipe that remains and costs least; None where none remains.
        custom: Names of the run that are no preset, for their colours.
    """
    most, least = limits
    unit, factor = _unit(kinds[0], [each.cost for each in placed])
    worths = _heights(placed, kinds[1])
    x_axis = _cost_axis([each.cost / factor for each in placed], most / factor)
    floor = least if kinds[1] == SQNR else 100 * least
    y_axis, exact = _quality_axis(worths, floor, kinds[1])
    # Identical outputs lie at the top, outputs with nothing in common at the bottom.
    heights = [min(max(worth, y_axis["range"][0]), exact) for worth in worths]
    held = [each.cost <= most and each.quality >= least - 1e-9 for each in placed]
    names = ", ".join(each.recipe for each, ok in zip(placed, held, strict=True) if ok)
    figure = new_plane(
        x_axis, y_axis, x_title=f"{'size of the file' if kinds[0] == SIZE else 'median'} ({unit})",
        y_title={SQNR: "SQNR (dB)", "agreement": "agrees with the original (%)"}.get(
            kinds[1], "right answers (%)"), height=_HEIGHT,
        alt=f"{len(placed)} variants by cost and closeness; within both limits: "
            f"{names or 'none'}; the cheapest of them: {best or 'none'}.",
    )
    _shade(figure, x_axis, y_axis, most / factor, floor)
    for each, height, ok in zip(placed, heights, held, strict=True):
        _add_candidate(figure, each, (each.cost / factor, height), kinds, custom,
                       is_best=each.recipe == best, holds=ok)
    _add_names(figure, placed, [each.cost / factor for each in placed], heights, y_axis["range"],
               x_axis, best)
    return figure


def _unit(cost: str, values: Sequence[float]) -> tuple[str, float]:
    return ("ms", 1.0) if cost == LATENCY else byte_unit(max(values))


def _heights(placed: Sequence[Candidate], quality: str) -> list[float]:
    return [each.quality if quality == SQNR else 100 * each.quality for each in placed]


def _cost_axis(values: Sequence[float], limit: float) -> dict[str, Any]:
    low, high = min(*values, limit), max(*values, limit)
    if low > 0 and high / low > 8:  # noqa: PLR2004 - as far apart as a linear axis shows
        return log_axis(low / 1.2, high * 1.2, format_tick)
    start = 0.0 if low <= 0 or high / low > _WIDE else low - 0.15 * (high - low or high)
    return linear_axis(start, high + 0.12 * (high - start), format_tick)


def _quality_axis(
    worths: Sequence[float], limit: float, quality: str
) -> tuple[dict[str, Any], float]:
    """Return the axis, and the height at which identical outputs are drawn."""
    finite = [worth for worth in worths if math.isfinite(worth)]
    low = min([*finite, limit])
    if quality != SQNR:
        span = max(100.0 - low, 1.0)
        axis = linear_axis(low - 0.12 * span, 100.0, lambda value: f"{value:g}")
        return {**axis, "range": [low - 0.12 * span, 100.0 + 0.08 * span]}, 100.0
    high = max([*finite, limit, low + 20.0])
    exact = high + 0.14 * (high - low)
    axis = linear_axis(low - 5.0, high, lambda value: f"{value:.0f}")
    if math.inf in worths:
        axis["tickvals"], axis["ticktext"] = [*axis["tickvals"], exact], [*axis["ticktext"],
                                                                          "exact"]
    return {**axis, "range": [low - 5.0, exact + 0.09 * (exact - low)]}, exact


def _shade(
    figure: go.Figure, x_axis: Mapping[str, Any], y_axis: Mapping[str, Any], most: float,
    floor: float,
) -> None:
    """Shade what lies beyond the limits, and draw them as lines."""
    x_low, x_high = (10**end if x_axis["type"] == "log" else end for end in x_axis["range"])
    y_low, y_high = y_axis["range"]
    line = {"color": MUTED, "width": 1.5, "dash": "dash"}
    edge, bottom = min(max(most, x_low), x_high), min(max(floor, y_low), y_high)
    figure.add_shape(type="rect", x0=edge, x1=x_high, y0=y_low, y1=y_high, layer="below",
                     fillcolor=SHADE, line={"width": 0})
    figure.add_shape(type="rect", x0=x_low, x1=edge, y0=y_low, y1=bottom, layer="below",
                     fillcolor=SHADE, line={"width": 0})
    figure.add_shape(type="line", x0=edge, x1=edge, y0=y_low, y1=y_high, layer="below", line=line)
    figure.add_shape(type="line", x0=x_low, x1=x_high, y0=bottom, y1=bottom, layer="below",
                     line=line)


def _add_candidate(
    figure: go.Figure, each: Candidate, place: tuple[float, float], kinds: tuple[str, str],
    custom: Sequence[str], *, is_best: bool, holds: bool,
) -> None:
    name = escape_label(each.recipe)
    cost = format_bytes(each.cost) if kinds[0] == SIZE else format_ms(each.cost)
    worth = format_db(each.quality) if kinds[1] == SQNR else format_percent(each.quality)
    told = "the one to take" if is_best else "within the limits" if holds else "excluded"
    figure.add_scatter(
        x=[place[0]], y=[place[1]], mode="markers", name=name, showlegend=False,
        marker={"size": 20 if is_best else 13, "color": recipe_color(each.recipe, custom),
                "symbol": recipe_symbol(each.recipe, custom), "opacity": 1.0 if holds else 0.35,
                "line": {"color": INK if is_best else GROUND, "width": 2}},
        hovertemplate=f"<b>{name}</b><br>{cost}, {worth}: {told}<extra></extra>",
    )


def _add_names(
    figure: go.Figure, placed: Sequence[Candidate], across: Sequence[float],
    heights: Sequence[float], y_range: Sequence[float], x_axis: Mapping[str, Any],
    best: str | None,
) -> None:
    """Name every mark, each name in a height of its own, with a line to its mark."""
    scale = (_HEIGHT - _TOP - _BOTTOM) / (y_range[1] - y_range[0])
    ordered = sorted(range(len(placed)), key=lambda i: (heights[i], placed[i].recipe))
    wanted = [(heights[i] - y_range[0]) * scale for i in ordered]
    # Below the highest mark: names beside a row of marks at the top would cover some of them.
    most = max(wanted) - 24.0
    start, end = x_axis["range"]
    for i, want, got in zip(ordered, wanted, spread_out(wanted, _LABEL_GAP, most, 10.0),
                            strict=True):
        x = math.log10(across[i]) if x_axis["type"] == "log" else across[i]
        to_right = x < start + 0.5 * (end - start)
        name = escape_label(shorten(placed[i].recipe, 16))
        figure.add_annotation(
            x=x, y=heights[i], text=f"<b>{name}</b>" if placed[i].recipe == best else name,
            ax=34 if to_right else -34, ay=want - got, showarrow=True, arrowhead=0, arrowwidth=1,
            arrowcolor=MUTED, standoff=8, xanchor="left" if to_right else "right",
            yanchor="middle", font={"size": 12, "color": INK}, bgcolor=GROUND, borderpad=1,
        )
