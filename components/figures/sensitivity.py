"""The map of sensitivity: layers down, precisions across, the output's closeness as colour."""

from __future__ import annotations

import math

import plotly.graph_objects as go

from components.figures.ink import GRID, INK, SOFT_INK
from components.format import escape_label, format_db, format_percent, shorten
from converter.budget import closeness_db
from converter.precision import PRECISIONS
from converter.sensitivity import OTHERS, Cell, Sensitivity

SCALE = [[0.0, "#7F3B08"], [0.25, "#D9822B"], [0.5, "#E8D9B5"], [0.75, "#6FA8DC"], [1.0, "#1F4E9C"]]
"""From orange through sand to blue: told apart with every kind of colour vision, ends dark."""
_ROW, _FRAME = 21, 150
_MOST_ROWS = 90
"""Beyond so many layers rows become thinner instead of the chart longer."""
_LOW, _HIGH = 0.0, 80.0
"""Decibels at the ends of the scale: the output is noise below and as good as exact above."""


def build_sensitivity_figure(found: Sensitivity, side: str) -> go.Figure:
    """Return the map of one side; grey crosses are of no use, empty places change nothing.

    Args:
        found: With at least one layer.
        side: `only` or `others`.
    """
    names, layers = found.precisions, found.layers
    cells = [[found.cell(layer.number, name, side) for name in names] for layer in layers]
    labels = [f"{layer.number} {_short(layer.operator)}" for layer in layers]
    places = list(range(len(layers)))
    row = _ROW if len(layers) <= _MOST_ROWS else _ROW * _MOST_ROWS / len(layers)
    figure = go.Figure()
    figure.add_heatmap(
        x=list(range(len(names))), y=places, xgap=1.5, ygap=1.5, zmin=_LOW, zmax=_HIGH,
        z=[[None if c is None or c.figures.problem else closeness_db(c.figures) for c in line]
           for line in cells],
        text=[[_hover(found, labels[i], names[j], side, c) for j, c in enumerate(line)]
              for i, line in enumerate(cells)],
        hovertemplate="%{text}<extra></extra>", hoverongaps=True, colorscale=SCALE,
        colorbar={
            "orientation": "h", "thickness": 10, "len": 1.0, "x": 0.5, "y": 1.0,
            "yanchor": "bottom", "ypad": 6, "tickvals": [0, 20, 40, 60, 79.5],
            "ticktext": ["\N{LESS-THAN OR EQUAL TO}0", "20", "40", "60",
                         "\N{GREATER-THAN OR EQUAL TO}80"],
            "tickfont": {"size": 12, "color": SOFT_INK}, "outlinewidth": 0,
            "title": {"text": "SQNR of the output in dB", "side": "top",
                      "font": {"size": 12, "color": SOFT_INK}},
        },
    )  # fmt: skip
    _add_marks(figure, found, cells)
    figure.update_layout(
        height=_FRAME + 70 + row * len(layers), dragmode=False, showlegend=False,
        hovermode="closest", margin={"l": 4, "r": 4, "t": 58, "b": 4},
        meta={"alt": _alt(found, side)},
        xaxis={"tickvals": list(range(len(names))), "range": [-0.5, len(names) - 0.5],
               "ticktext": [PRECISIONS[name].label for name in names], "tickangle": -90,
               "automargin": True, "fixedrange": True, "showgrid": False, "zeroline": False,
               "tickfont": {"size": 12, "color": SOFT_INK}},
        yaxis={"tickvals": places, "ticktext": [escape_label(label) for label in labels],
               "automargin": True, "fixedrange": True,
               "showgrid": False, "zeroline": False, "ticklabelstandoff": 4,
               "range": [len(layers) - 0.5, -0.5],
               "tickfont": {"size": 12 if row >= _ROW else max(7, row * 0.55),
                            "color": SOFT_INK}},
    )  # fmt: skip
    return figure


def _add_marks(
    figure: go.Figure, found: Sensitivity, cells: list[list[Cell | None]]
) -> None:
    """Mark what gives NaN, and where there is nothing to be measured."""
    useless = [(j, i) for i, line in enumerate(cells) for j, c in enumerate(line)
               if c is not None and c.figures.problem is not None]  # fmt: skip
    absent = [(j, i) for i, line in enumerate(cells) for j, c in enumerate(line)
              if c is None and found.precisions[j] not in found.layers[i].bytes_of]  # fmt: skip
    for points, symbol, color, size in (
        (useless, "x-thin", INK, 9), (absent, "circle", GRID, 4),
    ):  # fmt: skip
        figure.add_scatter(
            x=[x for x, _ in points], y=[y for _, y in points], mode="markers", hoverinfo="skip",
            marker={"symbol": symbol, "size": size, "color": color,
                    "line": {"color": color, "width": 2 if symbol == "x-thin" else 0}},
        )


def _short(operator: str) -> str:
    known = {"FULLY_CONNECTED": "dense", "DEPTHWISE_CONV_2D": "dw conv", "CONV_2D": "conv"}
    return known.get(operator, shorten(operator.lower().replace("_", " "), 14))


def _hover(found: Sensitivity, label: str, name: str, side: str, cell: Cell | None) -> str:
    head = f"<b>{escape_label(label)}, {PRECISIONS[name].label}</b>"
    if side == OTHERS:
        head += "<br>all that take it but this one"
    if cell is None:
        number = int(label.split()[0])
        taken = any(layer.number == number and name in layer.bytes_of for layer in found.layers)
        return f"{head}<br>{'not measured yet' if taken else 'changes nothing in this layer'}"
    if cell.figures.problem is not None:
        return f"{head}<br>{escape_label(shorten(cell.figures.problem, 80))}"
    agreement = cell.figures.agreement
    agrees = "" if agreement is None else f"<br>agrees {format_percent(agreement)}"
    return f"{head}<br>{format_db(cell.sqnr_db)}{agrees}"


def _alt(found: Sensitivity, side: str) -> str:
    shown = [c for c in found.cells if c.side == side]
    usable = [c for c in shown if not math.isnan(c.sqnr_db)]
    what = "all but one layer" if side == OTHERS else "one layer alone"
    text = (
        f"SQNR of the output with {what} quantized: {len(found.layers)} layers by "
        f"{len(found.precisions)} precisions, {len(shown)} places measured, "
        f"{len(shown) - len(usable)} of no use"
    )
    if usable:
        worst = min(usable, key=lambda c: closeness_db(c.figures))
        text += (
            f"; worst is layer {worst.number} in {PRECISIONS[worst.precision].label} with "
            f"{format_db(worst.sqnr_db)}"
        )
    return f"{text}."
