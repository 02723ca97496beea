"""Latency of one inference: the distribution of the raw samples, on one axis for all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from components.figures.axes import linear_axis, log_axis, needs_log
from components.figures.row_chart import Row, absence, add_baseline, chart_rows, new_row_figure
from components.format import format_ms, format_ratio, format_tick
from converter.comparison import Comparison
from converter.latency import LatencyStats
from converter.verdict import speed_ratio

MOST_POINTS = 160
"""Points drawn for each model; more would only cover one another."""


def build_latency_figure(
    comparison: Comparison, samples_ms: Mapping[str, np.ndarray]
) -> go.Figure:
    """Return a box (p10, quartiles, p90) over a strip of raw samples for each model.

    Args:
        comparison: The run's result.
        samples_ms: Raw samples by recipe and `original`, from `load_latency_samples`.
    """
    rows = chart_rows(comparison)
    drawn = {row.name: spread_of(samples_ms.get(row.name)) for row in rows}
    axis = latency_axis(drawn.values())
    figure = new_row_figure(
        rows, [_median(comparison, row) for row in rows],
        details=[_detail(comparison, row) for row in rows],
        axis=axis, title="Milliseconds for one inference" + log_note(axis), alt=_alt(comparison),
    )
    for index, row in enumerate(rows):
        add_distribution(figure, index, row, drawn[row.name])
        _add_interval(figure, index, row, latency_of(comparison, row))
    reference = comparison.reference.latency
    if reference is not None:
        add_baseline(figure, reference.p50_ms)
    return figure


@dataclass(frozen=True)
class Spread:
    """What is drawn of raw samples, which may be a million.

    Attributes:
        percentiles: The 10th, 25th, 50th, 75th and 90th, milliseconds.
        points: At most `MOST_POINTS` of the samples in ascending order, the extremes among them.
    """

    percentiles: tuple[float, ...]
    points: np.ndarray


def spread_of(samples_ms: np.ndarray | None) -> Spread | None:
    """Return what is drawn of raw samples; None where none is a time.

    Args:
        samples_ms: Any shape, milliseconds; what is not finite and above zero is left out.
    """
    if samples_ms is None:
        return None
    values = np.asarray(samples_ms, dtype=np.float64).ravel()
    ordered = np.sort(values[np.isfinite(values) & (values > 0)])
    if not ordered.size:
        return None
    percentiles = tuple(float(v) for v in np.percentile(ordered, [10, 25, 50, 75, 90]))
    chosen = np.linspace(0, ordered.size - 1, min(ordered.size, MOST_POINTS)).round().astype(int)
    return Spread(percentiles, ordered[chosen])


def latency_of(comparison: Comparison, row: Row) -> LatencyStats | None:
    """Return a row's statistics; None where it was not timed."""
    return comparison.reference.latency if row.variant is None else row.variant.latency


def latency_axis(drawn: Iterable[Spread | None]) -> dict[str, object]:
    """Return the axis on which all samples have their place."""
    ends = [float(end) for spread in drawn if spread for end in spread.points[[0, -1]]] or [1.0]
    low, high = min(ends), max(ends)
    # A single hiccup must not squeeze all boxes into a corner.
    if needs_log([low, high]):
        return log_axis(low, high, format_tick)
    return linear_axis(0.0, high * 1.05, format_tick)


def add_distribution(figure: go.Figure, index: int, row: Row, spread: Spread | None) -> None:
    """Draw a row's samples, where there are any, as a box over a strip of points."""
    if spread is None:
        return
    p10, q1, median, q3, p90 = spread.percentiles
    figure.add_box(
        y=[index - 0.12], q1=[q1], median=[median], q3=[q3], lowerfence=[p10], upperfence=[p90],
        orientation="h", width=0.3, line={"color": row.color, "width": 1.6},
        fillcolor=_translucent(row.color), name=row.full_label, showlegend=False,
        hoverinfo="skip",
    )
    points = spread.points
    # A fixed sequence that looks random: the same run draws the same picture.
    jitter = (np.arange(points.size) * 0.618034) % 1.0
    figure.add_scatter(
        x=points.tolist(), y=(index + 0.16 + 0.2 * jitter).tolist(), mode="markers",
        name=row.full_label, showlegend=False,
        marker={"size": 4, "color": row.color, "opacity": 0.55},
        customdata=[format_ms(value) for value in points],
        hovertemplate="%{customdata}<extra>" + row.full_label + "</extra>",
    )


def _add_interval(
    figure: go.Figure, index: int, row: Row, stats: LatencyStats | None
) -> None:
    """Draw the median's 95 % interval as a bar with ends above the box."""
    if stats is None or stats.p50_ci95_ms is None:
        return
    low, high = stats.p50_ci95_ms
    text = f"median {format_ms(stats.p50_ms)}, 95 % interval {format_ms(low)} to {format_ms(high)}"
    figure.add_scatter(
        x=[low, high], y=[index - 0.34] * 2, mode="lines+markers", name="interval",
        showlegend=False, line={"color": row.color, "width": 2},
        marker={"symbol": "line-ns", "size": 7, "line": {"color": row.color, "width": 2}},
        customdata=[text, text], hovertemplate="%{customdata}<extra>" + row.full_label + "</extra>",
    )


def _median(comparison: Comparison, row: Row) -> str:
    latency = latency_of(comparison, row)
    if latency is not None:
        return format_ms(latency.p50_ms)
    return "not measured" if row.variant is None else absence(row.variant)


def _detail(comparison: Comparison, row: Row) -> str:
    # A noisy figure keeps its ratio, and says so; the notes tell what was seen.
    stats = latency_of(comparison, row)
    words = [_against_original(comparison, row), "noisy" if stats and stats.noise else ""]
    return ", ".join(word for word in words if word)


def _against_original(comparison: Comparison, row: Row) -> str:
    if row.variant is None:
        return "baseline"
    ratio = speed_ratio(comparison, row.variant)
    if np.isnan(ratio):
        return ""
    if 0.97 <= ratio <= 1.03:
        return "as fast"
    return f"{format_ratio(max(ratio, 1 / ratio))} {'faster' if ratio > 1 else 'slower'}"


def log_note(axis: Mapping[str, object]) -> str:
    """Return what an axis's title says where it is logarithmic."""
    return ", logarithmic" if axis["type"] == "log" else ""


def _translucent(color: str) -> str:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.28)"


def _conditions(stats: LatencyStats) -> str:
    words = []
    if stats.p50_ci95_ms is not None:
        low, high = stats.p50_ci95_ms
        words.append(f"95 % interval {format_ms(low)} to {format_ms(high)}")
    if stats.noise:
        words.append(f"noisy: {' and '.join(stats.noise)}")
    return f" ({'; '.join(words)})" if words else ""


def _alt(comparison: Comparison) -> str:
    timed = [
        f"{row.name} {format_ms(stats.p50_ms)}{_conditions(stats)}"
        for row in chart_rows(comparison)
        if (stats := latency_of(comparison, row)) is not None
    ]
    return f"Latency distributions, median: {', '.join(timed) or 'none measured'}."
