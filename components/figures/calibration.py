"""Drift against the number of calibration samples: every draw, and the median of each number."""

from __future__ import annotations

import math
import statistics

import plotly.graph_objects as go

from components.figures.axes import linear_axis, log_axis
from components.figures.ink import GRID, SOFT_INK
from components.format import format_db, format_percent, format_tick
from converter.calibration_findings import CalibrationStudy, StudyPoint


def build_calibration_figure(study: CalibrationStudy, color: str) -> go.Figure:
    """Return SQNR by number of samples.

    Args:
        study: With at least one point.
        color: The variant's.
    """
    shown = [p for p in study.points if p.sqnr_db is not None and math.isfinite(p.sqnr_db)]
    by_count: dict[int, list[float]] = {}
    for point in shown:
        by_count.setdefault(point.samples, []).append(point.sqnr_db or 0.0)
    medians = {count: statistics.median(values) for count, values in by_count.items()}
    figure = go.Figure()
    figure.add_scatter(
        x=list(medians), y=list(medians.values()), mode="lines", line={"color": color, "width": 2},
        hoverinfo="skip", name="median",
    )
    figure.add_scatter(
        x=[p.samples for p in shown], y=[p.sqnr_db for p in shown], mode="markers", name="draws",
        marker={"color": color, "size": 9, "opacity": 0.75},
        customdata=[_words(p) for p in shown], hovertemplate="%{customdata}<extra></extra>",
    )
    counts = sorted({p.samples for p in study.points})
    values = [p.sqnr_db for p in shown if p.sqnr_db is not None] or [0.0]
    pad = max(1.0, 0.12 * (max(values) - min(values)))
    axis = log_axis(counts[0], max(counts[-1], counts[0] + 1), lambda v: f"{v:g}")
    figure.update_layout(
        height=300, showlegend=False, dragmode=False, hovermode="closest",
        margin={"l": 4, "r": 12, "t": 8, "b": 48}, meta={"alt": _alt(study, medians)},
        xaxis={**axis, "fixedrange": True, "gridcolor": GRID, "zeroline": False,
               "tickfont": {"size": 12, "color": SOFT_INK},
               "title": {"text": "calibration samples (logarithmic)", "standoff": 10,
                         "font": {"size": 12, "color": SOFT_INK}}},
        yaxis={**linear_axis(min(values) - pad, max(values) + pad, format_tick),
               "fixedrange": True, "gridcolor": GRID, "zeroline": False, "automargin": True,
               "tickfont": {"size": 12, "color": SOFT_INK},
               "title": {"text": "SQNR (dB)", "font": {"size": 12, "color": SOFT_INK}}},
    )
    return figure


def _words(point: StudyPoint) -> str:
    agrees = "" if point.agreement is None else f", agrees {format_percent(point.agreement)}"
    return (f"{point.samples} sample{'' if point.samples == 1 else 's'}, draw {point.draw + 1}: "
            f"{format_db(point.sqnr_db)}{agrees}")


def _alt(study: CalibrationStudy, medians: dict[int, float]) -> str:
    told = ", ".join(f"{count}: {format_db(value)}" for count, value in medians.items())
    return (f"SQNR of {study.recipe} by number of calibration samples, median of the draws: "
            f"{told or 'none could be measured'}.")
