"""Accuracy against the labels: with its 95 % interval, and the original's as a band."""

from __future__ import annotations

import plotly.graph_objects as go

from components.figures.axes import linear_axis, positive_axis
from components.figures.row_chart import Row, absence, add_baseline, chart_rows, new_row_figure
from components.format import format_error, format_percent, format_points
from converter.accuracy import Accuracy
from converter.comparison import Comparison

_BAND = "rgba(118, 128, 141, 0.16)"


def has_accuracy(comparison: Comparison) -> bool:
    """Whether any model was measured against labels."""
    return any(_accuracy(comparison, row) is not None for row in chart_rows(comparison))


def build_accuracy_figure(comparison: Comparison) -> go.Figure:
    """Return top-1 accuracy with 95 % intervals, or for regression the RMSE against labels."""
    rows = chart_rows(comparison)
    found = [_accuracy(comparison, row) for row in rows]
    if any(a is not None and a.top1 is not None for a in found):
        return _classification_figure(comparison, rows, found)
    return _regression_figure(comparison, rows, found)


def _classification_figure(
    comparison: Comparison, rows: list[Row], found: list[Accuracy | None]
) -> go.Figure:
    bounds = [limit for a in found if a is not None and a.ci95 for limit in a.ci95]
    low, high = max(0.0, min(bounds, default=0.0) - 0.02), min(1.0, max(bounds, default=1.0) + 0.01)
    values = [None if a is None else format_percent(a.top1) for a in found]
    figure = new_row_figure(
        rows, [_top1_text(row, a) for row, a in zip(rows, found, strict=True)],
        details=[_delta_text(row, a) for row, a in zip(rows, found, strict=True)],
        axis=linear_axis(low, max(high, low + 0.01), lambda value: f"{100 * value:g} %"),
        title="Top-1 accuracy, 95 % interval",
        alt=_alt(comparison, "Accuracy", values),
    )
    reference = found[0]
    if reference is not None and reference.ci95 is not None and reference.top1 is not None:
        figure.add_vrect(x0=reference.ci95[0], x1=reference.ci95[1], fillcolor=_BAND,
                         line_width=0, layer="below")
        add_baseline(figure, reference.top1)
    for index, (row, accuracy) in enumerate(zip(rows, found, strict=True)):
        if accuracy is None or accuracy.top1 is None:
            continue
        add_interval(figure, index, row, accuracy)
    return figure


def add_interval(figure: go.Figure, index: int, row: Row, accuracy: Accuracy) -> None:
    """Draw a row's top-1 accuracy with its 95 % interval."""
    top1 = accuracy.top1 or 0.0
    low, high = accuracy.ci95 or (top1, top1)
    figure.add_scatter(
        x=[top1], y=[index], mode="markers", showlegend=False, name=row.full_label,
        marker={"color": row.color, "size": 12},
        error_x={"type": "data", "symmetric": False, "array": [high - top1],
                 "arrayminus": [top1 - low], "color": row.color, "thickness": 2, "width": 6},
        hovertemplate=(
            f"{row.full_label}: {format_percent(top1)}, 95 % interval {format_percent(low)} "
            f"to {format_percent(high)}, {accuracy.samples} samples<extra></extra>"
        ),
    )


def _regression_figure(
    comparison: Comparison, rows: list[Row], found: list[Accuracy | None]
) -> go.Figure:
    errors = [None if a is None else a.rmse for a in found]
    texts = [
        format_error(error) if error is not None else _absence(row)
        for row, error in zip(rows, errors, strict=True)
    ]
    figure = new_row_figure(
        rows, texts,
        details=["" if a is None or a.r2 is None else f"R² {a.r2:.3f}" for a in found],
        axis=positive_axis([e for e in errors if e is not None], format_error),
        title="RMSE against the labels: less is better",
        alt=_alt(comparison, "RMSE against the labels", 
                 [None if e is None else format_error(e) for e in errors]),
    )
    figure.add_bar(
        x=errors, y=list(range(len(rows))), orientation="h", showlegend=False,
        marker={"color": [row.color for row in rows], "cornerradius": 3},
        customdata=[f"{row.full_label}: {text}" for row, text in zip(rows, texts, strict=True)],
        hovertemplate="%{customdata}<extra></extra>",
    )
    if errors[0] is not None:
        add_baseline(figure, errors[0])
    return figure


def _accuracy(comparison: Comparison, row: Row) -> Accuracy | None:
    return comparison.reference.accuracy if row.variant is None else row.variant.accuracy


def _absence(row: Row) -> str:
    return "not measured" if row.variant is None else absence(row.variant)


def _top1_text(row: Row, accuracy: Accuracy | None) -> str:
    return _absence(row) if accuracy is None else format_percent(accuracy.top1)


def _delta_text(row: Row, accuracy: Accuracy | None) -> str:
    if row.variant is None:
        return "baseline"
    return "" if accuracy is None else format_points(accuracy.delta).replace("\N{EN DASH}", "")


def _alt(comparison: Comparison, what: str, values: list[str | None]) -> str:
    pairs = zip(chart_rows(comparison), values, strict=True)
    known = [f"{row.name} {value}" for row, value in pairs if value]
    return f"{what}: {', '.join(known) or 'none measured'}."
