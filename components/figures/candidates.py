"""What the live bench draws: bytes by layer, the files against each other, the states tried."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from components.figures.axes import linear_axis, needs_log, positive_axis
from components.figures.bars import Bar, build_bar_figure
from components.figures.ink import GROUND, INK, MUTED
from components.figures.plane import new_plane
from components.format import byte_unit, escape_label, format_bytes, format_db, shorten
from components.palette import precision_color
from converter.candidate_layers import CandidateLayer
from converter.precision import FLOAT32, PRECISIONS

NOW_COLOR = "#7A5BD0"
SHORT_NAMES = {
    "float32": "f32", "float16": "f16", "weight_only_int8": "w8", "dynamic_int8": "d8",
    "int16x8": "16x8", "int8": "i8", "weight_only_int4": "w4", "dynamic_int4": "d4",
    "dynamic_int4_mse": "d4m", "dynamic_int4_octav": "d4o", "dynamic_int4_hadamard": "d4h",
    "dynamic_int4_block32": "d4b", "int8_int4": "i8·4",
    "dynamic_int2": "d2", "dynamic_int2_block32": "d2b", "dynamic_int8_tensor": "d8t",
    "dynamic_int4_tensor": "d4t", "dynamic_int4_tensor_mse": "d4tm",
    "dynamic_int4_tensor_octav": "d4to",
}  # fmt: skip
"""Written on bars, so that no reader depends on colours."""
_FEW = 24
_NAME = 48
_BYTES_HEIGHT = 300
_TRAIL_HEIGHT = 340
_LEAST_ROW, _MOST_ROW = 34, 72
"""Pixels: rows fill the height of the chart beside them."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A file in the chart of size against closeness.

    Attributes:
        name: What a pointer shows first.
        size_bytes: Of the file; None where there is none.
        sqnr_db: `inf` where exact; NaN where it has none.
        problem: Why it cannot be used; None where it can.
        color: As `#rrggbb`; empty for a state that was tried.
        symbol: Plotly's marker symbol.
        note: What else a pointer shows.
    """

    name: str
    size_bytes: int | None
    sqnr_db: float
    problem: str | None = None
    color: str = ""
    symbol: str = "circle"
    note: str = ""

    @property
    def is_usable(self) -> bool:
        """Whether its outputs hold any signal, so that it has a height in the chart."""
        return self.problem is None and self.sqnr_db > -math.inf  # NaN is not


def build_bytes_figure(
    layers: Sequence[CandidateLayer], precisions: Mapping[int, str], picked: Collection[int]
) -> go.Figure:
    """Return a bar for each operator, in order of execution: bytes stored, coloured by precision.

    Outlines are what float32 stores. `customdata` is the operator's number, on a ground of full
    height too, so that an operator without weights can be clicked.

    Args:
        layers: At least one.
        precisions: Of `resolve`.
        picked: Numbers of the operators to mark.
    """
    sizes = [_stored(layer, precisions[layer.number]) for layer in layers]
    plain = [layer.bytes_of.get(FLOAT32.name, 0) for layer in layers]
    top = max([*sizes, *plain, 1])
    unit, divisor = byte_unit(top)
    places = list(range(1, len(layers) + 1))
    axis = linear_axis(0.0, 1.12 * top / divisor, lambda value: f"{value:g}")
    figure = new_plane(
        {**linear_axis(0.4, len(layers) + 0.6, lambda v: f"{v:g}" if v == int(v) else ""),
         "showgrid": False},
        axis, x_title="layer, in the order of execution", y_title=f"{unit} stored",
        alt=_bytes_alt(layers, precisions, sizes), height=_BYTES_HEIGHT,
    )
    numbers = [layer.number for layer in layers]
    hovers = [_hover(layer, precisions[layer.number], size)
              for layer, size in zip(layers, sizes, strict=True)]
    figure.add_bar(
        x=places, y=[1.12 * top / divisor] * len(layers), width=1.0, name="ground",
        customdata=numbers, text=hovers, textposition="none",
        hovertemplate="%{text}<extra></extra>",
        marker={"color": ["rgba(47, 111, 196, 0.20)" if n in picked else "rgba(128, 140, 152, 0.0)"
                          for n in numbers], "line": {"width": 0}},
    )
    figure.add_bar(
        x=places, y=[size / divisor for size in plain], width=0.72, name="float32",
        hoverinfo="skip", customdata=numbers,
        marker={"color": "rgba(0, 0, 0, 0)", "line": {"color": MUTED, "width": 1}},
    )
    figure.add_bar(
        x=places, y=[size / divisor for size in sizes], width=0.72, name="stored",
        hoverinfo="skip", customdata=numbers,
        marker={"color": [precision_color(precisions[n]) for n in numbers], "line": {"width": 0}},
    )
    if len(layers) <= _FEW:
        figure.add_scatter(
            x=places,
            y=[(max(pair) + 0.01 * top) / divisor for pair in zip(sizes, plain, strict=True)],
            mode="text", text=[SHORT_NAMES[precisions[n]] for n in numbers], name="precision",
            textposition="top center", textfont={"size": 11, "color": INK}, cliponaxis=False,
            hoverinfo="skip", customdata=numbers,
        )
    figure.update_layout(barmode="overlay", clickmode="event+select")
    # What is selected is told by the ground; fading the others would hide their colours.
    figure.update_traces(unselected={"marker": {"opacity": 1}}, selector={"type": "bar"})
    figure.update_traces(unselected={"textfont": {"color": INK}}, selector={"type": "scatter"})
    return figure


def build_against_figure(places: Sequence[Place]) -> go.Figure:
    """Return the sizes of files as bars, with their closeness beside them.

    Args:
        places: At least one, each with a colour.
    """
    bars = [
        Bar(name=place.name, value=place.size_bytes,
            figure=f"{format_bytes(place.size_bytes)} · {_closeness(place)}", color=place.color,
            hover=_place_hover(place))
        for place in places
    ]
    sizes = [float(place.size_bytes or 0) for place in places]
    axis = positive_axis(sizes, format_bytes)
    # Beside names and figures a phone has room for the first and the last label alone.
    ends = {0, len(axis["ticktext"]) - 1}
    axis["ticktext"] = [
        label if place in ends else "" for place, label in enumerate(axis["ticktext"])
    ]
    base = 10 ** axis["range"][0] if axis["type"] == "log" else None
    height = max(_LEAST_ROW, min(_MOST_ROW, round((_TRAIL_HEIGHT - 56) / len(bars))))
    return build_bar_figure(
        bars, axis=axis, base=base, row_height=height, title="file size" + (
            ", logarithmic" if base is not None else ""),
        alt="Size and SQNR: " + "; ".join(
            f"{place.name} {format_bytes(place.size_bytes)}, {_closeness(place)}"
            for place in places) + ".",
    )


def build_trail_figure(tried: Sequence[Place], now: int, known: Sequence[Place]) -> go.Figure:
    """Return size across and SQNR upward: the states tried, joined in order, and known files.

    What is exact lies on a line at the top, what cannot be used on one at the bottom.

    Args:
        tried: In the order in which they were first reached; at least one.
        now: Which of them is the present state.
        known: Files of the run, each with a colour.
    """
    placed = [place for place in (*tried, *known) if place.size_bytes is not None]
    finite = [p.sqnr_db for p in placed if p.is_usable and math.isfinite(p.sqnr_db)]
    low, high = min(finite, default=0.0), max(finite, default=100.0)
    pad = max(0.12 * (high - low), 4.0)
    lowest, exact = low - 2 * pad, high + pad
    height = _Heights(lowest, exact)
    figure = new_plane(
        _size_axis([float(place.size_bytes or 0) for place in placed]),
        height.axis(low, high, any(math.isinf(p.sqnr_db) and p.is_usable for p in placed),
                    any(not p.is_usable for p in placed)),
        x_title="file size", y_title="SQNR in dB", alt=_trail_alt(tried, now, known),
        height=_TRAIL_HEIGHT,
    )
    path = [place for place in tried if place.size_bytes is not None]
    figure.add_scatter(
        x=[place.size_bytes for place in path], y=[height.of(place) for place in path],
        mode="lines+markers", name="tried", line={"color": MUTED, "width": 1.2, "dash": "dot"},
        marker={"color": MUTED, "size": 8, "line": {"color": GROUND, "width": 1},
                "symbol": ["circle" if place.is_usable else "x" for place in path]},
        text=[_place_hover(place) for place in path], hovertemplate="%{text}<extra></extra>",
    )
    for place in known:
        if place.size_bytes is not None:
            figure.add_scatter(
                x=[place.size_bytes], y=[height.of(place)], mode="markers",
                name=escape_label(place.name),
                marker={"color": place.color, "size": 12, "symbol": place.symbol,
                        "line": {"color": GROUND, "width": 1}},
                text=[_place_hover(place)], hovertemplate="%{text}<extra></extra>",
            )
    here = tried[now]
    if here.size_bytes is not None:
        figure.add_scatter(
            x=[here.size_bytes], y=[height.of(here)], mode="markers", name="now",
            marker={"color": NOW_COLOR, "size": 17, "symbol": "circle-open",
                    "line": {"color": NOW_COLOR, "width": 3}},
            text=[_place_hover(here)], hovertemplate="%{text}<extra></extra>",
        )
    figure.update_traces(cliponaxis=False)
    return figure


@dataclass(frozen=True)
class _Heights:
    """Where a place lies: what is exact and what cannot be used have lines of their own."""

    lowest: float
    exact: float

    def of(self, place: Place) -> float:
        if not place.is_usable:
            return self.lowest
        return min(place.sqnr_db, self.exact)

    def axis(
        self, low: float, high: float, has_exact: bool, has_none: bool
    ) -> dict[str, Any]:
        axis = linear_axis(low, max(high, low + 1), _signed)
        span = 0.06 * (self.exact - self.lowest)
        ends = [(self.exact, "exact", has_exact), (self.lowest, "unusable", has_none)]
        ticks = [(value, word) for value, word, shown in ends if shown]
        return {
            **axis,
            "range": [(self.lowest if has_none else low) - span,
                      (self.exact if has_exact else high) + span],
            "tickvals": [*axis["tickvals"], *(value for value, _ in ticks)],
            "ticktext": [*axis["ticktext"], *(word for _, word in ticks)],
        }


def _size_axis(sizes: Sequence[float]) -> dict[str, Any]:
    if needs_log(sizes):
        return positive_axis(sizes, format_bytes)
    low, high = min(sizes, default=0.0), max(sizes, default=1.0)
    pad = max(0.08 * (high - low), 0.02 * high, 1.0)
    return linear_axis(low - pad, high + pad, format_bytes)


def _signed(value: float) -> str:
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")


def _stored(layer: CandidateLayer, precision: str) -> int:
    return layer.bytes_of.get(precision, layer.bytes_of.get(FLOAT32.name, 0))


def _hover(layer: CandidateLayer, precision: str, size: int) -> str:
    plain = layer.bytes_of.get(FLOAT32.name, 0)
    return "<br>".join([
        f"<b>{layer.number + 1}. {escape_label(layer.operator)}</b>",
        escape_label(_end_of(layer.name)),
        f"{PRECISIONS[precision].label}: {format_bytes(size)}, float32: {format_bytes(plain)}",
    ])


def _place_hover(place: Place) -> str:
    lines = [f"<b>{escape_label(shorten(place.name, _NAME))}</b>",
             f"{format_bytes(place.size_bytes)}, {_closeness(place)}"]
    if place.problem is not None:
        lines.append(escape_label(shorten(place.problem, _NAME)))
    if place.note:
        lines.append(escape_label(place.note))
    return "<br>".join(lines)


def _closeness(place: Place) -> str:
    return "unusable" if place.problem is not None else format_db(place.sqnr_db)


def _bytes_alt(
    layers: Sequence[CandidateLayer], precisions: Mapping[int, str], sizes: Sequence[int]
) -> str:
    counts = Counter(PRECISIONS[precisions[layer.number]].label for layer in layers)
    words = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    largest = max(range(len(layers)), key=lambda index: sizes[index])
    return (
        f"Bytes stored for {len(layers)} layers: {words}; together {format_bytes(sum(sizes))}. The "
        f"largest is layer {layers[largest].number + 1}, {layers[largest].operator}, with "
        f"{format_bytes(sizes[largest])}."
    )


def _trail_alt(tried: Sequence[Place], now: int, known: Sequence[Place]) -> str:
    here = tried[now]
    files = "; ".join(f"{p.name} {format_bytes(p.size_bytes)}, {_closeness(p)}" for p in known)
    return (
        f"Size against SQNR of {len(tried)} states tried; the present one has "
        f"{format_bytes(here.size_bytes)} and is {_closeness(here)}."
        + (f" Files of the run: {files}." if files else "")
    )


def _end_of(name: str) -> str:
    return name if len(name) <= _NAME else f"…{name[1 - _NAME:]}"
