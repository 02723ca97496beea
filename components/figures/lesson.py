"""The lesson's charts: a tensor on its grid, a prediction that moves, a sum that overflows."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from components.figures.axes import linear_axis
from components.figures.ink import GRID, INK, MUTED, SOFT_INK
from components.format import format_tick
from converter.lesson.steps import Accumulation, Outcome

BEFORE_COLOR, AFTER_COLOR, LIMIT_COLOR = MUTED, "#D55E00", "#A83C86"
_BINS, _MOST_LINES = 60, 64
_SUM_COLORS = {"int32": "#2F6FC4", "int16": "#0B8F6B", "int8": "#D55E00"}
_SUM_DASHES = {"int32": "solid", "int16": "dash", "int8": "dot"}


def build_grid_figure(outcome: Outcome) -> go.Figure:
    """Return the tensor's values before and after, with the grid's numbers as lines."""
    before, after = outcome.before.ravel(), outcome.after.ravel()
    low, high = float(before.min()), float(before.max())
    if high <= low:
        high = low + 1.0
    edges = np.linspace(low, high, _BINS + 1)
    figure = go.Figure()
    for values, color, name in ((before, BEFORE_COLOR, "float32"), (after, AFTER_COLOR, "stored")):
        counts = np.histogram(values, edges)[0]
        figure.add_bar(
            x=((edges[1:] + edges[:-1]) / 2).tolist(), y=counts.tolist(), name=name,
            width=float(edges[1] - edges[0]), marker={"color": color, "opacity": 0.6},
            hovertemplate="%{x:.4g}: %{y}<extra>" + name + "</extra>",
        )
    levels = outcome.grid.levels()
    shown = levels[(levels >= low) & (levels <= high)]
    if shown.size <= _MOST_LINES:
        for level in shown:
            figure.add_vline(x=float(level), line={"color": LIMIT_COLOR, "width": 1}, opacity=0.5)
    for end in (float(levels[0]), float(levels[-1])):
        if low < end < high:
            figure.add_vline(x=end, line={"color": LIMIT_COLOR, "width": 2, "dash": "dash"})
    _dress(figure, linear_axis(low, high, format_tick), "value", "values", 260,
           f"Histogram of {before.size} values before and after, on a grid of {levels.size} "
           f"numbers {float(levels[1] - levels[0]):.4g} apart.")
    figure.update_layout(barmode="overlay")
    return figure


def build_scores_figure(outcome: Outcome, truth: int) -> go.Figure:
    """Return the probability of each digit before and after."""
    figure = go.Figure()
    for shift, row, color, name in ((-0.2, 0, BEFORE_COLOR, "float32"),
                                    (0.2, 1, AFTER_COLOR, "quantized")):
        figure.add_bar(
            x=[digit + shift for digit in range(10)], y=outcome.scores[row].tolist(), width=0.38,
            marker={"color": color}, name=name,
            hovertemplate="%{y:.1%}<extra>" + name + "</extra>",
        )
    tops = [int(np.argmax(row)) for row in outcome.scores]
    _dress(figure, {"type": "linear", "range": [-0.6, 9.6], "tickvals": list(range(10)),
                    "ticktext": [f"<b>{d}</b>" if d == truth else str(d) for d in range(10)]},
           "digit (bold: the right one)", "probability", 240,
           f"Probabilities of the digits: before the top is {tops[0]}, after it is {tops[1]}; "
           f"right is {truth}.")
    figure.update_yaxes(range=[0, 1.02], tickvals=[0, 0.5, 1], ticktext=["0", "0.5", "1"])
    return figure


def build_sums_figure(found: Accumulation) -> go.Figure:
    """Return the running sums of one output in accumulators of several widths."""
    figure = go.Figure()
    terms = list(range(1, len(found.products) + 1))
    for name, sums in found.sums.items():
        figure.add_scatter(
            x=terms, y=sums.tolist(), mode="lines", name=name,
            line={"color": _SUM_COLORS[name], "width": 2, "dash": _SUM_DASHES[name]},
            hovertemplate="after %{x}: %{y:,}<extra>" + name + "</extra>",
        )
        figure.add_annotation(x=terms[-1], y=float(sums[-1]), text=name, showarrow=False, xshift=6,
                              xanchor="left", font={"size": 12, "color": INK})
    ends = ", ".join(f"{name} {int(sums[-1]):,}" for name, sums in found.sums.items())
    _dress(figure, linear_axis(1, len(terms), lambda v: f"{v:.0f}"), "products summed",
           "sum (units of both scales)", 280, f"Sums of {len(terms)} products: {ends}.")
    figure.update_layout(margin={"r": 48})
    return figure


def _dress(
    figure: go.Figure, axis: dict[str, object], x: str, y: str, height: int, alt: str
) -> None:
    title = {"standoff": 8, "font": {"size": 12, "color": SOFT_INK}}
    figure.update_layout(
        height=height, showlegend=False, dragmode=False, hovermode="closest", bargap=0.05,
        margin={"l": 4, "r": 8, "t": 6, "b": 44}, meta={"alt": alt},
        xaxis={**axis, "fixedrange": True, "showgrid": False, "zeroline": False,
               "tickfont": {"size": 12, "color": SOFT_INK}, "title": {"text": x, **title}},
        yaxis={"fixedrange": True, "gridcolor": GRID, "zeroline": False, "automargin": True,
               "nticks": 5, "tickfont": {"size": 12, "color": SOFT_INK},
               "title": {"text": y, **title}},
    )
