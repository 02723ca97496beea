"""What became of the classes: which turned into which, and how often each is right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from components.figures.axes import linear_axis
from components.figures.ink import INK, MUTED
from components.figures.plane import new_plane
from components.format import format_percent

MOST_CLASSES = 30
"""Of a matrix or a chart; with more, those that changed most."""
NO_ANSWER = "none"


def build_confusion_figure(pairs: Mapping[str, Any], name: str, color: str) -> go.Figure:
    """Return how often the original's class (row) became which class of the variant (column).

    Args:
        pairs: `count_class_pairs`'s answer.
        name: The variant's name.
        color: The variant's, as `#rrggbb`.
    """
    cells = dict(
        zip(zip(pairs["reference"], pairs["variant"], strict=True), pairs["samples"], strict=True)
    )
    classes = _shown_classes(cells)
    changed = sum(count for (a, b), count in cells.items() if a != b) + pairs["left_out"]
    labels = [_class_text(number) for number in classes]
    most = max((n for (a, b), n in cells.items() if a != b), default=1)
    grid = [[cells.get((row, column), 0) for column in classes] for row in classes]
    figure = new_plane(
        {"type": "category", "side": "bottom", "showgrid": False},
        {"type": "category", "autorange": "reversed", "showgrid": False},
        x_title=f"Class of {name}", y_title="Class of the original",
        alt=f"Classes of the original against those of {name}: {changed} of "
            f"{sum(cells.values()) + pairs['left_out']} samples changed.",
        height=max(240, 26 * len(classes) + 90),
    )
    figure.add_heatmap(
        x=labels, y=labels, showscale=False, zmin=0, zmax=1, xgap=1, ygap=1,
        z=[[_shade(count, row == column, most) for column, count in enumerate(line)]
           for row, line in enumerate(grid)],
        colorscale=[[0, "rgba(118, 128, 141, 0.10)"], [0.3, "rgba(118, 128, 141, 0.30)"],
                    [0.301, f"{color}66"], [1, color]],
        text=[[str(count) if count else "" for count in line] for line in grid],
        texttemplate="%{text}" if len(classes) <= 16 else None,
        textfont={"size": 12, "color": INK},
        customdata=grid,
        hovertemplate="original %{y}, variant %{x}: %{customdata} samples<extra></extra>",
    )
    return figure


def build_per_class_figure(shares: Mapping[str, Any], name: str, color: str) -> go.Figure:
    """Return, for each class, the share of its samples that are right: original and variant.

    Args:
        shares: `per_class`'s answer.
        name: The variant's name.
        color: The variant's, as `#rrggbb`.
    """
    rows = sorted(
        zip(*(shares[key] for key in ("class", "samples", "reference", "variant")), strict=True),
        key=lambda row: -abs(row[3] - row[2]),
    )[:MOST_CLASSES]
    rows.sort(key=lambda row: row[0])
    low = min([*(row[2] for row in rows), *(row[3] for row in rows), 1.0])
    places = list(range(len(rows)))
    worst = min(rows, key=lambda row: row[3] - row[2])
    figure = new_plane(
        linear_axis(max(-0.03, low - 0.05), 1.03, lambda value: f"{100 * value:g} %"),
        {"tickvals": places, "ticktext": [str(row[0]) for row in rows], "showgrid": False,
         "range": [len(rows) - 0.4, -0.6]},
        x_title="Right among the class's samples", y_title="Class",
        alt=f"Right answers of each class: the largest loss of {name} is class {worst[0]}, from "
            f"{format_percent(worst[2])} to {format_percent(worst[3])}.",
        height=max(200, 26 * len(rows) + 80),
    )
    for place, (_, _, before, after) in zip(places, rows, strict=True):
        figure.add_shape(type="line", x0=before, x1=after, y0=place, y1=place,
                         line={"color": color, "width": 2})
    for column, shade, symbol, word in ((2, MUTED, "square", "original"),
                                        (3, color, "circle", name)):
        figure.add_scatter(
            x=[row[column] for row in rows], y=places, mode="markers", name=word,
            marker={"color": shade, "symbol": symbol, "size": 10 if column == 2 else 9},
            customdata=[f"class {row[0]}, {word}: {format_percent(row[column])} of {row[1]} samples"
                        for row in rows],
            hovertemplate="%{customdata}<extra></extra>",
        )
    return figure


def left_out_classes(count: int) -> str:
    """Return what to say of classes beyond those that fit; empty where all do."""
    return "" if count <= MOST_CLASSES else (
        f" Shown are the {MOST_CLASSES} of {count} classes that changed most."
    )


def _shown_classes(cells: Mapping[tuple[int, int], int]) -> list[int]:
    """Return the classes of a matrix: all, or those that changed into others most often."""
    changes: dict[int, int] = {}
    for (row, column), count in cells.items():
        for number in {row, column}:
            changes[number] = changes.get(number, 0) + (count if row != column else 0)
    return sorted(sorted(changes, key=lambda number: (-changes[number], number))[:MOST_CLASSES])


def _shade(count: int, is_diagonal: bool, most: int) -> float:
    if count == 0:
        return 0.0
    return 0.3 if is_diagonal else 0.35 + 0.65 * count / most


def _class_text(number: int) -> str:
    return NO_ANSWER if number < 0 else str(number)
