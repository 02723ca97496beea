"""The lesson's charts: a tensor on its grid, a prediction that moves, a sum that overflows."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go

from components.figures.axes import linear_axis
from components.figures.ink import GRID, INK, MUTED, SOFT_INK
from components.figures.tradeoff import spread_out
from components.format import format_tick
from converter.lesson.accumulation import FLOAT16, Accumulation
from converter.lesson.outcome import Outcome
from converter.lesson.quantization import Grid

BEFORE_COLOR, AFTER_COLOR, LIMIT_COLOR = MUTED, "#D55E00", "#A83C86"
_BINS, _MOST_LINES = 60, 64
_PAIR_HEIGHT, _SUMS_HEIGHT, _LOWER = 260, 400, 0.26
_STEEP, _FEW = 0.4, 6
_SUM_COLORS = {"int32": "#2F6FC4", "int16": "#0B8F6B", "int8": "#D55E00", FLOAT16: "#A83C86"}
_SUM_DASHES = {"int32": "solid", "int16": "dash", "int8": "dot", FLOAT16: "dashdot"}


def build_grid_figure(outcome: Outcome, channel: int = 0) -> go.Figure:
    """Return values before and after, with the numbers of their grid as lines.

    The axis reaches as far as both, so that a range wider than the values is seen as such.

    Args:
        outcome: What is drawn.
        channel: Where each channel has a grid of its own, the one whose values and grid are drawn.
    """
    before, after = (_of_channel(values, outcome.grid, channel).ravel()
                     for values in (outcome.before, outcome.after))
    low, high = float(before.min()), float(before.max())
    if high <= low:
        high = low + 1.0
    # Bins keep their width while the range is dragged, and go on to hold what comes back wider.
    width = (high - low) / _BINS
    first = math.floor(min(0.0, (float(after.min()) - low) / width))
    last = math.ceil(max(_BINS, (float(after.max()) - low) / width))
    edges = low + width * np.arange(first, last + 1)
    figure = go.Figure()
    most = 1
    for values, color, name in ((before, BEFORE_COLOR, "float32"), (after, AFTER_COLOR, "stored")):
        counts = np.histogram(values, edges)[0]
        most = max(most, int(counts.max()))
        figure.add_bar(
            x=((edges[1:] + edges[:-1]) / 2).tolist(), y=counts.tolist(), name=name,
            width=width, marker={"color": color, "opacity": 0.6},
            hovertemplate="%{x:.4g}: %{y}<extra>" + name + "</extra>",
        )
    levels = outcome.grid.levels(channel)
    if levels.size <= _MOST_LINES:
        for level in levels[1:-1]:
            figure.add_vline(x=float(level), line={"color": LIMIT_COLOR, "width": 1}, opacity=0.5)
    for end in (float(levels[0]), float(levels[-1])):
        figure.add_vline(x=end, line={"color": LIMIT_COLOR, "width": 2, "dash": "dash"})
    low, high = min(low, float(levels[0])), max(high, float(levels[-1]))
    pad = 0.02 * (high - low)
    axis = linear_axis(low - pad, high + pad, format_tick)
    # Where one bar holds most values, the others would be flat beside it.
    is_log = most > max(_FEW, _STEEP * before.size)
    _dress(figure, axis, "value", "values (log)" if is_log else "values", _PAIR_HEIGHT,
           f"Histogram of {before.size} values before and after, on a grid of {levels.size} "
           f"numbers {float(levels[1] - levels[0]):.4g} apart, from {float(levels[0]):.4g} to "
           f"{float(levels[-1]):.4g}.")
    figure.update_layout(barmode="overlay")
    if is_log or most < _FEW:
        figure.update_yaxes(**(_count_axis(most) if is_log else {"tick0": 0, "dtick": 1}))
    return figure


def _of_channel(values: np.ndarray, grid: Grid, channel: int) -> np.ndarray:
    axes = [axis for axis, size in enumerate(grid.scales.shape) if size > 1]
    return np.take(values, channel, axis=axes[0]) if axes else values


def _count_axis(most: int) -> dict[str, object]:
    """Return a logarithmic axis on which a single value still has a height."""
    ticks = [10**power for power in range(int(math.log10(most)) + 1)]
    return {"type": "log", "range": [math.log10(0.6), math.log10(most * 1.2)], "tickvals": ticks,
            "ticktext": [f"{tick:,}" for tick in ticks]}


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
           "digit (bold: the right one)", "probability", _PAIR_HEIGHT,
           f"Probabilities of the digits: before the top is {tops[0]}, after it is {tops[1]}; "
           f"right is {truth}.")
    figure.update_yaxes(range=[0, 1.02], tickvals=[0, 0.5, 1], ticktext=["0", "0.5", "1"])
    return figure


def build_counts_figure(right: dict[int, float], chosen: int, plain: float) -> go.Figure:
    """Return the share of digits right for each number of calibration samples.

    Args:
        right: The share by the number of samples.
        chosen: The number in view.
        plain: The share that the float model gets right, drawn as a dashed line.
    """
    counts, shares = list(right), [100 * share for share in right.values()]
    places = list(range(len(counts)))
    figure = go.Figure()
    figure.add_hline(y=100 * plain, line={"color": BEFORE_COLOR, "width": 1.5, "dash": "dash"})
    figure.add_scatter(
        x=places, y=shares, mode="lines+markers+text", line={"color": AFTER_COLOR, "width": 2},
        marker={"size": [14 if count == chosen else 8 for count in counts],
                "color": AFTER_COLOR},
        text=[f"<b>{share:.1f}</b>" if count == chosen else f"{share:.1f}"
              for count, share in zip(counts, shares, strict=True)],
        textposition="bottom center", textfont={"size": 12, "color": INK}, cliponaxis=False,
        customdata=counts,
        hovertemplate="%{customdata} samples: %{y:.1f} % right<extra></extra>",
    )
    told = ", ".join(f"{count}: {share:.1f} %" for count, share in zip(counts, shares, strict=True))
    _dress(figure, {"type": "linear", "range": [-0.4, len(counts) - 0.6], "tickvals": places,
                    "ticktext": [f"<b>{c}</b>" if c == chosen else str(c) for c in counts]},
           "calibration samples", "% right", _PAIR_HEIGHT,
           f"Digits right by calibration samples: {told}; in floats {100 * plain:.1f} %.")
    low = 10.0 * math.floor(min(shares) / 10.0 - 0.5)
    room = 0.1 * (100.0 - low)
    axis = linear_axis(low, 100.0, lambda value: f"{value:g}")
    figure.update_yaxes(**{**axis, "range": [low - room, 100.0 + room]})
    return figure


def build_sums_figure(found: Accumulation) -> go.Figure:
    """Return the running sums of one output, and below them what float16 rounds away."""
    figure = go.Figure()
    terms = list(range(1, len(found.products) + 1))
    ends = {name: float(found.real(name)[-1]) for name in found.sums}
    for name in found.sums:
        figure.add_scatter(
            x=terms, y=found.real(name).tolist(), mode="lines", name=name,
            line={"color": _SUM_COLORS[name], "width": 2, "dash": _SUM_DASHES[name]},
            hovertemplate="after %{x}: %{y:.4g}<extra>" + name + "</extra>",
        )
    _label_ends(figure, found, ends)
    figure.add_scatter(
        x=terms, y=found.rounding.tolist(), mode="lines", name="rounding of float16", yaxis="y2",
        line={"color": _SUM_COLORS[FLOAT16], "width": 1.5, "shape": "hv"},
        hovertemplate="after %{x}: %{y:.2g}<extra>float16 off by</extra>",
    )
    told = ", ".join(f"{name} {end:.3f}" for name, end in ends.items())
    worst = float(np.abs(found.rounding).max())
    _dress(figure, linear_axis(1, len(terms), lambda v: f"{v:.0f}"), "products summed",
           "sum", _SUMS_HEIGHT, f"Sums of {len(terms)} products: {told}. Rounding takes float16 at "
           f"most {worst:.2g} from the exact sum of the same numbers.")
    look = figure.layout.yaxis.to_plotly_json()
    figure.update_layout(
        margin={"r": 56}, xaxis={"anchor": "y2"}, yaxis={"domain": [_LOWER + 0.1, 1.0]},
        yaxis2={**look, "domain": [0.0, _LOWER], "nticks": 3, "zeroline": True,
                "zerolinecolor": GRID, "tickformat": ".1g",
                "title": {**look["title"], "text": "float16 off by"}},
    )
    return figure


def _label_ends(figure: go.Figure, found: Accumulation, ends: dict[str, float]) -> None:
    """Name every line at its end, each in a height of its own."""
    drawn = [found.real(name) for name in found.sums]
    span = max(float(s.max()) for s in drawn) - min(float(s.min()) for s in drawn)
    scale = _SUMS_HEIGHT * (0.9 - _LOWER) * 0.75 / (span or 1.0)
    names = sorted(ends, key=lambda name: ends[name])
    wanted = [ends[name] * scale for name in names]
    for name, want, got in zip(names, wanted, spread_out(wanted, 15.0), strict=True):
        figure.add_annotation(
            x=len(found.products), y=ends[name], text=name, showarrow=False, xshift=6,
            yshift=got - want, xanchor="left", font={"size": 12, "color": INK},
        )


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
