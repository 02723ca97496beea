"""The frame of charts with two value axes: round ticks, narrow enough for a phone."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from components.figures.ink import GRID, SOFT_INK


def new_plane(
    x_axis: dict[str, Any],
    y_axis: dict[str, Any],
    *,
    x_title: str,
    y_title: str,
    alt: str,
    height: int = 300,
) -> go.Figure:
    """Return an empty figure with two axes.

    Args:
        x_axis: From `axes`, or with `visible` set to False.
        y_axis: The same.
        x_title: What it shows, with its unit.
        y_title: The same; stands above the plot, where it is read without turning the head.
        alt: What the chart shows, for readers who do not see it.
        height: Pixels.
    """
    figure = go.Figure()
    ticks = {"size": 12, "color": SOFT_INK}
    shared = {"fixedrange": True, "gridcolor": GRID, "zeroline": False, "tickangle": 0,
              "tickfont": ticks}
    figure.update_layout(
        height=height, margin={"l": 4, "r": 12, "t": 28, "b": 44}, showlegend=False,
        hovermode="closest", dragmode=False, meta={"alt": alt}, bargap=0,
        xaxis={**shared, **x_axis,
               "title": {"text": x_title, "standoff": 8, "font": {"size": 12, "color": SOFT_INK}}},
        yaxis={**shared, **y_axis, "automargin": True, "ticklabelstandoff": 4},
    )
    figure.add_annotation(
        x=0, xref="paper", y=1, yref="paper", yanchor="bottom", xanchor="left", yshift=6,
        text=y_title, showarrow=False, font={"size": 12, "color": SOFT_INK},
    )
    return figure
