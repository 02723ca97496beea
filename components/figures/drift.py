"""Output drift against the original: SQNR as bars, the largest error as dots."""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from components.figures.axes import linear_axis, log_axis
from components.figures.ink import GROUND, MUTED, SOFT_INK
from components.figures.row_chart import Row, absence, chart_rows, new_row_figure
from components.format import format_db, format_error, format_percent
from converter.comparison import Comparison
from converter.drift import METRICS, Drift
from converter.verdict import MIN_SQNR_DB

_LEAST_AXIS_DB = 40.0
_EXACT_PATTERN = {"fgopacity": 1.0, "size": 6, "solidity": 0.4, "fillmode": "replace"}


def build_sqnr_figure(comparison: Comparison) -> go.Figure:
    """Return SQNR bars; identical outputs fill the axis, hatched, and NaN has no bar."""
    return draw_sqnr(chart_rows(comparison), _sqnr_alt(comparison))


def draw_sqnr(rows: Sequence[Row], alt: str) -> go.Figure:
    """Return the SQNR bars of any rows."""
    drifts = [_drift(row) for row in rows]
    finite = [d.sqnr_db for d in drifts if d is not None and math.isfinite(d.sqnr_db)]
    low = min([0.0, *finite])
    high = max([_LEAST_AXIS_DB, *finite]) * 1.08
    figure = new_row_figure(
        rows, [_sqnr_text(row) for row in rows], details=[_agreement_text(row) for row in rows],
        axis=linear_axis(low, high, lambda value: f"{value:.0f}"),
        title="SQNR in dB: more is closer to the original",
        alt=alt,
    )
    lengths = [_bar_length(row, high) for row in rows]
    exact = [row.variant is None or _is_exact(row) for row in rows]
    figure.add_bar(
        x=lengths, y=list(range(len(rows))), orientation="h", showlegend=False,
        marker={
            "color": [row.color for row in rows], "cornerradius": 3,
            "pattern": {**_EXACT_PATTERN, "shape": ["/" if hatch else "" for hatch in exact]},
        },
        customdata=[f"{row.full_label}: {_sqnr_text(row)}" for row in rows],
        hovertemplate="%{customdata}<extra></extra>",
    )
    measured = [d for d in drifts if d is not None]
    if measured and all(d.top1_agreement is None for d in measured):
        _add_rule_line(figure)
    return figure


def build_max_error_figure(comparison: Comparison) -> go.Figure:
    """Return the largest error of any output value, on a logarithmic axis."""
    rows = chart_rows(comparison)
    errors = [None if (d := _drift(row)) is None else d.max_abs_error for row in rows]
    positive = [e for e in errors if e is not None and math.isfinite(e) and e > 0]
    low, high = (min(positive), max(positive)) if positive else (1e-3, 1.0)
    # A decade more to the left: the smallest error is small, not zero.
    axis = log_axis(low / 10, high * 1.5, format_error)
    figure = new_row_figure(
        rows, [_error_text(row) for row in rows], details=[_lsb_text(row) for row in rows],
        axis=axis, title="Largest error of any output value, logarithmic",
        alt=_error_alt(comparison),
    )
    start = 10 ** axis["range"][0]
    for index, (row, error) in enumerate(zip(rows, errors, strict=True)):
        if error is None or not math.isfinite(error) or error <= 0:
            continue
        figure.add_scatter(
            x=[start, error], y=[index, index], mode="lines+markers", showlegend=False,
            line={"color": row.color, "width": 2},
            marker={"color": row.color, "size": [0, 13], "opacity": 1}, name=row.full_label,
            hovertemplate=f"{row.full_label}: {format_error(error)}<extra></extra>",
        )
    return figure


def metric_help(name: str) -> str:
    """Return what a drift metric means, from the domain's own registry."""
    info = METRICS[name]
    return f"{info.label}: {info.meaning}; {'more' if info.higher_is_better else 'less'} is better."


def _drift(row: Row) -> Drift | None:
    return None if row.variant is None else row.variant.drift


def _is_exact(row: Row) -> bool:
    drift = _drift(row)
    return drift is not None and drift.sqnr_db == math.inf


def _bar_length(row: Row, high: float) -> float | None:
    if row.variant is None or _is_exact(row):
        return high
    drift = _drift(row)
    return drift.sqnr_db if drift is not None and math.isfinite(drift.sqnr_db) else None


def _sqnr_text(row: Row) -> str:
    if row.variant is None:
        return "reference"
    drift = row.variant.drift
    return absence(row.variant) if drift is None else format_db(drift.sqnr_db)


def _agreement_text(row: Row) -> str:
    drift = _drift(row)
    if drift is None:
        return ""
    if drift.non_finite_count:
        return f"{drift.non_finite_count} NaN or Inf"
    return "" if drift.top1_agreement is None else f"{format_percent(drift.top1_agreement)} agree"


def _error_text(row: Row) -> str:
    if row.variant is None:
        return "reference"
    drift = row.variant.drift
    return absence(row.variant) if drift is None else format_error(drift.max_abs_error)


def _lsb_text(row: Row) -> str:
    drift = _drift(row)
    if drift is None or drift.max_abs_error_lsb is None or math.isnan(drift.max_abs_error_lsb):
        return ""
    steps = drift.max_abs_error_lsb
    return f"{steps:.0f} steps" if steps >= 10 else f"{steps:.1f} steps"


def _add_rule_line(figure: go.Figure) -> None:
    figure.add_shape(
        type="line", x0=MIN_SQNR_DB, x1=MIN_SQNR_DB, y0=0, y1=1, yref="paper",
        line={"color": MUTED, "width": 1.5, "dash": "dot"},
    )
    figure.add_annotation(
        x=MIN_SQNR_DB, y=1, yref="paper", text=f"rule: {MIN_SQNR_DB:.0f} dB", showarrow=False,
        xanchor="left", yanchor="bottom", xshift=4,
        font={"size": 11, "color": SOFT_INK}, bgcolor=GROUND,
    )
    figure.update_layout(margin={"t": 24})


def _sqnr_alt(comparison: Comparison) -> str:
    measured = [
        f"{v.recipe} {format_db(v.drift.sqnr_db)}"
        for v in comparison.variants
        if v.drift is not None
    ]
    return f"SQNR against the original: {', '.join(measured) or 'none measured'}."


def _error_alt(comparison: Comparison) -> str:
    measured = [
        f"{v.recipe} {format_error(v.drift.max_abs_error)}"
        for v in comparison.variants
        if v.drift is not None
    ]
    return f"Largest output error against the original: {', '.join(measured) or 'none measured'}."
