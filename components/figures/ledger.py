"""Drift in legs: one row for each, and one for the way from end to end."""

from __future__ import annotations

import math

import plotly.graph_objects as go

from components.figures.axes import positive_axis
from components.figures.bars import Bar, build_bar_figure
from components.figures.ink import MUTED
from components.format import escape_label, format_db, format_error
from converter.ledger import Ledger, Leg

LEG_NAMES = {
    "conversion": "conversion", "quantization": "quantization", "kernels": "fast kernels",
    "whole": "from end to end",
}


def build_ledger_figure(ledger: Ledger, output: str, color: str) -> go.Figure:
    """Return the RMSE of one output for each leg, and for the whole.

    Args:
        ledger: As measured.
        output: The output's name.
        color: The variant's.
    """
    legs = [*ledger.legs, ledger.whole]
    values = [leg.drift[output].rmse for leg in legs if output in leg.drift]
    axis = positive_axis(values, format_error)
    base = 10 ** axis["range"][0] if axis["type"] == "log" else 0.0
    bars = [_bar(leg, output, MUTED if leg.key == "whole" else color, base) for leg in legs]
    parts = "; ".join(f"{bar.name}: {bar.figure}" for bar in bars)
    return build_bar_figure(
        bars, axis=axis, title="RMSE of the output", base=base,
        alt=f"Drift of {output} in legs. {parts}.",
    )


def _bar(leg: Leg, output: str, color: str, base: float) -> Bar:
    way = f"{escape_label(leg.start)} → {escape_label(leg.end)}"
    name = LEG_NAMES.get(leg.key, leg.key)
    drift = leg.drift.get(output)
    if drift is None:
        return Bar(name=name, value=None, figure="not known", color=color, hover=way)
    value = None if math.isnan(drift.rmse) or drift.rmse <= base else drift.rmse
    figure = "exact" if drift.rmse == 0 else format_error(drift.rmse)
    return Bar(
        name=name, value=value, figure=figure, color=color,
        hover=f"{way}<br>SQNR {format_db(drift.sqnr_db)}, largest error "
              f"{format_error(drift.max_abs_error)}",
    )
