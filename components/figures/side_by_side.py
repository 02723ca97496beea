"""Variants of different runs in the same charts: a row for each, under its run's letter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from components.figures.accuracy import add_interval
from components.figures.axes import linear_axis, positive_axis
from components.figures.drift import draw_sqnr
from components.figures.latency import Spread, add_distribution, latency_axis, log_note
from components.figures.row_chart import Row, absence, new_row_figure
from components.figures.tradeoff import Point, draw_tradeoff
from components.format import (
    byte_unit,
    format_bytes,
    format_db,
    format_error,
    format_ms,
    format_percent,
    format_points,
    format_ratio,
    format_tick,
)
from components.palette import pair_style
from converter.accuracy import Accuracy
from converter.comparison import Comparison, Variant
from converter.pareto import pareto_frontier, variant_point
from converter.verdict import size_ratio, speed_ratio


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One variant of one run.

    Attributes:
        letter: Of its run.
        comparison: Its run's result.
        variant: The variant.
        spread: What is drawn of its raw latency samples; None where there are none.
        index: Its number among those shown, which gives its colour and mark.
    """

    letter: str
    comparison: Comparison
    variant: Variant
    spread: Spread | None
    index: int

    @property
    def name(self) -> str:
        """The run's letter and the variant's name."""
        return f"{self.letter} {self.variant.recipe}"

    @property
    def row(self) -> Row:
        """Its row in a chart."""
        return Row(name=self.name, variant=self.variant, color=pair_style(self.index)[0])


def build_sizes_figure(entries: Sequence[Entry]) -> go.Figure:
    """Return bars of file sizes in bytes, with their gzip sizes."""
    rows = [entry.row for entry in entries]
    sizes = [entry.variant.size_bytes for entry in entries]
    unit, divisor = byte_unit(max((s for s in sizes if s), default=1))
    end = max((s for s in sizes if s), default=1) * 1.05
    figure = new_row_figure(
        rows, [format_bytes(size) if size else absence(e.variant)
               for size, e in zip(sizes, entries, strict=True)],
        details=[_ratio(size_ratio(e.comparison, e.variant), "smaller", "larger", "same size")
                 for e in entries],
        axis=linear_axis(0.0, end, lambda size: format_tick(size / divisor)),
        title=f"{unit} on disk",
        alt=_alt("File sizes", entries, [format_bytes(size) if size else None for size in sizes]),
    )
    figure.add_bar(
        x=sizes, y=list(range(len(rows))), orientation="h", name="File", showlegend=False,
        marker={"color": [row.color for row in rows], "cornerradius": 3},
        customdata=[f"{row.full_label}: {format_bytes(size)}"
                    for row, size in zip(rows, sizes, strict=True)],
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure.add_scatter(
        x=[e.variant.gzip_bytes for e in entries], y=list(range(len(rows))), mode="markers",
        name="gzip", marker={"symbol": "diamond", "size": 10, "color": "#FFFFFF",
                             "line": {"color": "#16212B", "width": 1.5}},
        customdata=[f"{e.row.full_label}, gzip: {format_bytes(e.variant.gzip_bytes)}"
                    for e in entries],
        hovertemplate="%{customdata}<extra></extra>",
    )
    return figure


def build_latencies_figure(entries: Sequence[Entry]) -> go.Figure:
    """Return a box over a strip of raw samples, milliseconds, for each variant."""
    axis = latency_axis(e.spread for e in entries)
    medians = [None if e.variant.latency is None else e.variant.latency.p50_ms for e in entries]
    figure = new_row_figure(
        [e.row for e in entries],
        [format_ms(m) if m is not None else absence(e.variant)
         for m, e in zip(medians, entries, strict=True)],
        details=[_ratio(speed_ratio(e.comparison, e.variant), "faster", "slower", "as fast")
                 for e in entries],
        axis=axis, title="Milliseconds for one inference" + log_note(axis),
        alt=_alt("Median latency", entries,
                 [None if m is None else format_ms(m) for m in medians]),
    )
    for index, entry in enumerate(entries):
        add_distribution(figure, index, entry.row, entry.spread)
    return figure


def build_drifts_figure(entries: Sequence[Entry]) -> go.Figure:
    """Return SQNR bars, decibels, each variant against the original of its own run."""
    values = [None if (d := e.variant.drift) is None else format_db(d.sqnr_db) for e in entries]
    return draw_sqnr([e.row for e in entries], _alt("SQNR", entries, values))


def has_accuracy(entries: Sequence[Entry]) -> bool:
    """Whether any variant was measured against labels."""
    return any(e.variant.accuracy is not None for e in entries)


def is_regression(entries: Sequence[Entry]) -> bool:
    """Whether what is measured against labels is an error, not a share of right answers."""
    found = [e.variant.accuracy for e in entries if e.variant.accuracy is not None]
    return bool(found) and all(accuracy.top1 is None for accuracy in found)


def build_accuracies_figure(entries: Sequence[Entry]) -> go.Figure:
    """Return top-1 accuracy with 95 % intervals, or for regressions the RMSE against labels."""
    if is_regression(entries):
        return _errors_figure(entries)
    found = [e.variant.accuracy for e in entries]
    bounds = [limit for a in found if a is not None and a.ci95 for limit in a.ci95]
    low, high = max(0.0, min(bounds, default=0.0) - 0.02), min(1.0, max(bounds, default=1.0) + 0.01)
    values = [None if a is None or a.top1 is None else format_percent(a.top1) for a in found]
    figure = new_row_figure(
        [e.row for e in entries], _texts(entries, values),
        details=["" if a is None else _delta(a) for a in found],
        axis=linear_axis(low, max(high, low + 0.01), lambda value: f"{100 * value:g} %"),
        title="Top-1 accuracy, 95 % interval", alt=_alt("Accuracy", entries, values),
    )
    for index, (entry, accuracy) in enumerate(zip(entries, found, strict=True)):
        if accuracy is not None and accuracy.top1 is not None:
            add_interval(figure, index, entry.row, accuracy)
    return figure


def _errors_figure(entries: Sequence[Entry]) -> go.Figure:
    errors = [None if (a := e.variant.accuracy) is None else a.rmse for e in entries]
    values = [None if error is None else format_error(error) for error in errors]
    figure = new_row_figure(
        [e.row for e in entries], _texts(entries, values),
        axis=positive_axis([error for error in errors if error is not None], format_error),
        title="RMSE against the labels: less is better",
        alt=_alt("RMSE against the labels", entries, values),
    )
    figure.add_bar(
        x=errors, y=list(range(len(entries))), orientation="h", showlegend=False,
        marker={"color": [e.row.color for e in entries], "cornerradius": 3},
        customdata=[f"{e.row.full_label}: {value or ''}"
                    for e, value in zip(entries, values, strict=True)],
        hovertemplate="%{customdata}<extra></extra>",
    )
    return figure


def build_tradeoffs_figure(entries: Sequence[Entry]) -> go.Figure:
    """Return latency across, SQNR upward and file size as area, with the common frontier."""
    placed = [entry for entry in entries if _is_placed(entry)]
    points = [
        Point(e.row, e.variant.latency.p50_ms, e.variant.drift.sqnr_db,
              float(e.variant.size_bytes))  # type: ignore[union-attr, arg-type] - `_is_placed`
        for e in placed
    ]
    on_it = pareto_frontier([variant_point(e.variant) for e in placed])
    frontier = [e for e, keep in zip(placed, on_it, strict=True) if keep]
    frontier.sort(key=lambda e: e.variant.size_bytes or 0)
    alt = _alt("Latency against SQNR with file size as area", placed,
               [f"{format_ms(p.latency_ms)} and {format_db(p.sqnr_db)}" for p in points])
    return draw_tradeoff(points, {e.name: pair_style(e.index)[1] for e in placed},
                         [e.name for e in frontier], alt)


def not_placed(entries: Sequence[Entry]) -> list[str]:
    """Return the variants that the trade-off cannot place: no latency, no drift, or NaN."""
    return [entry.name for entry in entries if not _is_placed(entry)]


def _is_placed(entry: Entry) -> bool:
    variant = entry.variant
    if variant.latency is None or not variant.size_bytes or variant.drift is None:
        return False
    return not math.isnan(variant.drift.sqnr_db) and variant.drift.sqnr_db != -math.inf


def _ratio(ratio: float, more: str, less: str, same: str) -> str:
    """Say how a variant compares with the original of its own run."""
    if math.isnan(ratio):
        return ""
    if 0.97 <= ratio <= 1.03:
        return same
    return f"{format_ratio(max(ratio, 1 / ratio))} {more if ratio > 1 else less}"


def _texts(entries: Sequence[Entry], values: Sequence[str | None]) -> list[str]:
    return [value or absence(e.variant) for e, value in zip(entries, values, strict=True)]


def _delta(accuracy: Accuracy) -> str:
    return "" if accuracy.delta is None else format_points(accuracy.delta)


def _alt(what: str, entries: Sequence[Entry], values: Sequence[str | None]) -> str:
    known = [f"{e.name} {value}" for e, value in zip(entries, values, strict=True) if value]
    return f"{what}: {', '.join(known) or 'none measured'}."
