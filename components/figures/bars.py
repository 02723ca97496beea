"""Rows of bars with a name on the left and a figure on the right, for other things than models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from components.figures.ink import GRID, INK, SOFT_INK
from components.format import escape_label

_ROW_HEIGHT = 34
_CHARACTER_WIDTH = 7.0
_NAME_LENGTH = 26


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One row.

    Attributes:
        name: On the left; cut from its beginning where it is long.
        value: Length of the bar; None for none.
        figure: On the right.
        color: As `#rrggbb`.
        hover: What a pointer shows.
        start: Where it begins, counted from the chart's own beginning.
        hollow: Drawn as an outline: what is no longer there.
    """

    name: str
    value: float | None
    figure: str
    color: str
    hover: str = ""
    start: float = 0.0
    hollow: bool = False


def build_bar_figure(
    bars: Sequence[Bar], *, axis: dict[str, Any], title: str, alt: str, base: float | None = None,
    row_height: int = _ROW_HEIGHT,
) -> go.Figure:
    """Return the rows, the first on top.

    Args:
        bars: At least one.
        axis: The value axis, from `axes`.
        title: What it shows, with its unit.
        alt: What the chart shows, for readers who do not see it.
        base: Where the bars begin; 0 when left out, which a logarithmic axis cannot show.
        row_height: Pixels.
    """
    figure = go.Figure()
    start = 0.0 if base is None else base
    starts = [start + bar.start for bar in bars]
    figure.add_bar(
        x=[None if bar.value is None else bar.value - start for bar in bars],
        y=list(range(len(bars))), orientation="h",
        base=starts if any(bar.start for bar in bars) else start,
        marker={"color": ["rgba(0, 0, 0, 0)" if bar.hollow else bar.color for bar in bars],
                "line": {"color": [bar.color for bar in bars],
                         "width": [1.4 if bar.hollow else 0 for bar in bars]}},
        text=[bar.hover or escape_label(bar.name) for bar in bars], textposition="none",
        hovertemplate="%{text}<extra></extra>",
    )
    longest = max(len(bar.figure) for bar in bars)
    figure.update_layout(
        height=row_height * len(bars) + 56, bargap=0.36, showlegend=False, dragmode=False,
        hovermode="closest", meta={"alt": alt},
        margin={"l": 4, "r": round(longest * _CHARACTER_WIDTH) + 16, "t": 4, "b": 48},
        xaxis={**axis, "fixedrange": True, "showgrid": True, "gridcolor": GRID, "zeroline": False,
               "tickangle": 0, "tickfont": {"size": 12, "color": SOFT_INK},
               "title": {"text": title, "standoff": 10, "font": {"size": 12, "color": SOFT_INK}}},
        yaxis={"tickvals": list(range(len(bars))),
               "ticktext": [escape_label(_end_of(bar.name)) for bar in bars],
               "range": [len(bars) - 0.45, -0.55], "fixedrange": True, "showgrid": False,
               "zeroline": False, "automargin": True, "ticklabelstandoff": 6,
               "tickfont": {"size": 12, "color": INK}},
    )
    for index, bar in enumerate(bars):
        figure.add_annotation(
            x=1, xref="paper", y=index, yref="y", text=escape_label(bar.figure), showarrow=False,
            xanchor="left", yanchor="middle", xshift=10, font={"size": 12, "color": INK},
        )
    return figure


def _end_of(name: str) -> str:
    return name if len(name) <= _NAME_LENGTH else f"…{name[1 - _NAME_LENGTH:]}"
