"""How outputs and errors are distributed: two histograms, and the plot of Bland and Altman."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import log
from typing import Any

import plotly.graph_objects as go

from components.figures.axes import linear_axis
from components.figures.ink import GROUND, INK, MUTED, SOFT_INK
from components.figures.plane import new_plane
from components.format import format_error, format_percent, format_tick

_HIDDEN = {"visible": False}


def build_output_histogram(distribution: Mapping[str, Any], name: str, color: str) -> go.Figure:
    """Return the output values of the original, filled, and of a variant, as a line over it.

    Args:
        distribution: `describe_errors`'s answer.
        name: The variant's name.
        color: The variant's, as `#rrggbb`.
    """
    edges = distribution["edges"]
    figure = new_plane(
        linear_axis(edges[0], edges[-1], format_tick), dict(_HIDDEN), x_title="Output value",
        y_title="Share of the output values",
        alt=f"Output values of the original and of {name}, from {format_tick(edges[0])} to "
            f"{format_tick(edges[-1])}.",
        height=220,
    )
    whole = max(1, distribution["pairs"])
    _add_bars(figure, edges, distribution["reference"], whole, MUTED, "original")
    shares = [count / whole for count in distribution["variant"]]
    figure.add_scatter(
        x=[edges[0], *edges, edges[-1]], y=[0, *shares, shares[-1], 0], mode="lines",
        line={"color": color, "width": 2, "shape": "hv"}, name=name, hoverinfo="skip",
    )
    return figure


def build_error_histogram(distribution: Mapping[str, Any], name: str, color: str) -> go.Figure:
    """Return the errors y - r of all output values; arguments as for `build_output_histogram`."""
    edges = distribution["error_edges"]
    figure = new_plane(
        linear_axis(edges[0], edges[-1], format_error), dict(_HIDDEN),
        x_title="Error: variant less original", y_title="Share of the output values",
        alt=f"Errors of {name}, from {format_error(edges[0])} to {format_error(edges[-1])}, mean "
            f"{format_error(distribution['bias'])}.",
        height=220,
    )
    _add_bars(figure, edges, distribution["errors"], max(1, distribution["pairs"]), color, name)
    return figure


def build_bland_altman_figure(
    distribution: Mapping[str, Any], name: str, color: str
) -> go.Figure:
    """Return differences over means, with the bias and the 95 % limits of agreement as lines.

    Arguments as for `build_output_histogram`. Cells show how many values lie there, on a
    logarithmic scale.
    """
    means, differences = distribution["mean_edges"], distribution["difference_edges"]
    bias, limits = distribution["bias"], distribution["limits"]
    low, high = min(differences[0], limits[0]), max(differences[-1], limits[1])
    pad = 0.06 * (high - low)
    figure = new_plane(
        linear_axis(means[0], means[-1], format_tick),
        linear_axis(low - pad, high + pad, format_error),
        x_title="Mean of original and variant", y_title="Variant less original",
        alt=f"Bland-Altman plot of {name}: bias {format_error(bias)}, 95 % limits of agreement "
            f"{format_error(limits[0])} to {format_error(limits[1])}.",
    )
    density = distribution["density"]
    most = max(max(row) for row in density) or 1
    figure.add_heatmap(
        x=means, y=differences, z=[[_shade(count, most) for count in row] for row in density],
        zmin=0, zmax=1, showscale=False, hoverongaps=False,
        colorscale=[[0, _faded(color, 0.18)], [1, _faded(color, 1.0)]],
        customdata=density, hovertemplate="%{customdata} values<extra></extra>",
    )
    for value, word, dash in ((bias, "bias", "solid"), (limits[0], "\N{MINUS SIGN}1.96 SD", "dash"),
                              (limits[1], "+1.96 SD", "dash")):
        figure.add_shape(type="line", x0=0, x1=1, xref="paper", y0=value, y1=value,
                         line={"color": INK, "width": 1.2, "dash": dash})
        if limits[0] != limits[1] or word == "bias":
            figure.add_annotation(x=1, xref="paper", y=value, text=word, showarrow=False,
                                  xanchor="right", yanchor="bottom", bgcolor=GROUND, opacity=0.85,
                                  borderpad=0, font={"size": 11, "color": SOFT_INK})
    return figure


def _add_bars(
    figure: go.Figure, edges: Sequence[float], counts: Sequence[int], whole: int, color: str,
    name: str,
) -> None:
    figure.add_bar(
        x=list(edges[:-1]), offset=0, width=[right - left for left, right in pairwise(edges)],
        y=[count / whole for count in counts], marker={"color": color, "line": {"width": 0}},
        name=name,
        customdata=[f"{name}, {format_error(left)} to {format_error(right)}: "
                    f"{format_percent(count / whole)}"
                    for (left, right), count in zip(pairwise(edges), counts, strict=True)],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _shade(count: int, most: int) -> float | None:
    """Return a logarithmic shade; an empty cell has none."""
    return None if count == 0 else log(1 + count) / log(1 + most)


def _faded(color: str, opacity: float) -> str:
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity})"
