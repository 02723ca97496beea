"""The one layout of most charts: a row for each model, its name left, its figure right.

The original model is the first row. Names and figures stand in columns of their own, so they
can neither overlap a mark nor be cropped, however narrow the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from components.figures.ink import GRID, INK, MUTED, SOFT_INK
from components.format import escape_label, shorten
from components.palette import custom_names, recipe_color
from converter.comparison import REFERENCE, Comparison, Variant

ORIGINAL_LABEL = "original"
_SMALL = f"font-size:11px;color:{SOFT_INK}"
_NAME_LENGTH = 16
_ROW_HEIGHT = 46
_CHARACTER_WIDTH = 7.2


@dataclass(frozen=True, kw_only=True)
class Row:
    """One model in a chart.

    Attributes:
        name: The recipe's name, or `original`.
        variant: What came out; None for the original.
        color: As `#rrggbb`.
    """

    name: str
    variant: Variant | None
    color: str

    @property
    def label(self) -> str:
        """The name as Plotly text, cut to fit."""
        return escape_label(shorten(self.name, _NAME_LENGTH))

    @property
    def full_label(self) -> str:
        """The whole name as Plotly text."""
        return escape_label(self.name)


def chart_rows(comparison: Comparison) -> list[Row]:
    """Return the original and every variant, in the order asked."""
    names = [variant.recipe for variant in comparison.variants]
    custom = custom_names(names)
    original = Row(name=REFERENCE, variant=None, color=recipe_color(REFERENCE))
    return [
        original,
        *(
            Row(name=v.recipe, variant=v, color=recipe_color(v.recipe, custom))
            for v in comparison.variants
        ),
    ]


def absence(variant: Variant) -> str:
    """Return in two words why a variant has no figure."""
    if variant.status != "ok":
        return "failed"
    return "not measured" if variant.runnable else "not run here"


def new_row_figure(
    rows: Sequence[Row],
    figures: Sequence[str],
    *,
    axis: dict[str, Any],
    title: str,
    alt: str,
    details: Sequence[str] = (),
) -> go.Figure:
    """Return an empty figure with one row for each model.

    Args:
        rows: The models, first on top; row `i` lies at `y = i`.
        figures: The text at the end of each row.
        axis: The value axis, from `axes`.
        title: What the value axis shows, with its unit.
        alt: What the chart shows, for readers who do not see it.
        details: A second, smaller line under each text.
    """
    seconds = list(details) or [""] * len(rows)
    longest = max(len(_plain(text)) for text in [*figures, *seconds])
    figure = go.Figure()
    figure.update_layout(
        height=_ROW_HEIGHT * len(rows) + 56,
        margin={"l": 4, "r": round(longest * _CHARACTER_WIDTH) + 18, "t": 4, "b": 48},
        # What marks mean stands in the caption above: a legend would narrow the plot on a phone.
        showlegend=False, bargap=0.42, hovermode="closest", dragmode=False, meta={"alt": alt},
        xaxis={**axis, "fixedrange": True, "showgrid": True, "gridcolor": GRID,
               "zeroline": False, "tickangle": 0, "tickfont": {"size": 12, "color": SOFT_INK},
               "title": {"text": title, "standoff": 10, "font": {"size": 12, "color": SOFT_INK}}},
        yaxis={"tickvals": list(range(len(rows))), "ticktext": [row.label for row in rows],
               "range": [len(rows) - 0.45, -0.55], "fixedrange": True, "showgrid": False,
               "zeroline": False, "automargin": True, "ticklabelstandoff": 6,
               "tickfont": {"size": 13, "color": INK}},
    )
    for index, (text, second) in enumerate(zip(figures, seconds, strict=True)):
        small = f"<br><span style='{_SMALL}'>{second}</span>" if second else ""
        figure.add_annotation(
            x=1, xref="paper", y=index, yref="y", text=f"{text}{small}", showarrow=False,
            xanchor="left", yanchor="middle", align="left", xshift=10,
            font={"size": 13, "color": INK},
        )
    return figure


def add_baseline(figure: go.Figure, value: float) -> None:
    """Draw the original's figure as a dashed line through all rows."""
    figure.add_shape(
        type="line", x0=value, x1=value, y0=0, y1=1, yref="paper", layer="below",
        line={"color": MUTED, "width": 1.2, "dash": "dash"},
    )


def _plain(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
