"""What runs where, what memory it needs over time, and what starting costs."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from components.figures.axes import linear_axis, positive_axis
from components.figures.bars import Bar, build_bar_figure
from components.figures.ink import GRID, INK, MUTED, SOFT_INK
from components.figures.row_chart import absence, chart_rows, new_row_figure
from components.format import (
    byte_unit,
    escape_label,
    format_bytes,
    format_ms,
    format_ratio,
    format_tick,
    shorten,
)
from converter.comparison import Comparison
from converter.latency import LatencyStats
from converter.start_cost import StartCosts
from converter.tensor_lifetimes import Lifetimes

LEFT_COLOR = MUTED
PEAK_COLOR = "#D55E00"
STARTS = (("load", "square"), ("first", "diamond"), ("warm", "circle"))
MOST_TENSORS = 40
_PACKAGES = {"tensorflow": "TensorFlow", "ai_edge_litert.interpreter": "LiteRT"}
_LITERT_COLOR, _TENSORFLOW_COLOR = "#0B8F6B", MUTED


def build_delegation_figure(comparison: Comparison) -> go.Figure:
    """Return, for each variant, how many operators the delegate runs and how many it leaves."""
    rows = [row for row in chart_rows(comparison) if row.variant is not None]
    found = [row.variant.delegation for row in rows]
    most = max((d.operators for d in found if d is not None), default=1) or 1
    texts = ["not known" if d is None else f"{d.delegated} of {d.operators}" for d in found]
    details = [
        absence(row.variant) if d is None else
        f"{d.partitions} piece{'' if d.partitions == 1 else 's'}"
        for row, d in zip(rows, found, strict=True)
    ]
    told = ", ".join(f"{r.name} {t}" for r, t in zip(rows, texts, strict=True))
    figure = new_row_figure(
        rows, texts, details=details, axis=linear_axis(0.0, most * 1.02, lambda v: f"{v:.0f}"),
        title="operators", alt=f"Operators that XNNPACK runs, of all: {told}.",
    )
    places = list(range(len(rows)))
    taken = [0 if d is None else d.delegated for d in found]
    figure.add_bar(
        x=taken, y=places, orientation="h", marker={"color": [row.color for row in rows]},
        customdata=[f"{r.full_label}: {n} operators run by XNNPACK"
                    for r, n in zip(rows, taken, strict=True)],
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure.add_bar(
        x=[0 if d is None else d.operators - d.delegated for d in found], y=places, base=taken,
        orientation="h", marker={"color": LEFT_COLOR, "opacity": 0.45},
        customdata=["" if d is None else "on built-in kernels: " + (", ".join(
            f"{n} {escape_label(name)}" for name, n in d.left_names.items()) or "none")
            for d in found],
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure.update_layout(barmode="overlay")
    return figure


def build_lifetimes_figure(lifetimes: Lifetimes, color: str) -> go.Figure:
    """Return the bytes that live during each operator, its peak marked, over the largest tensors.

    Args:
        lifetimes: With at least one operator.
        color: The variant's.
    """
    unit, divisor = byte_unit(max(lifetimes.peak_bytes, 1))
    steps = list(range(1, len(lifetimes.operators) + 1))
    peak = lifetimes.peak_operator or 0
    figure = go.Figure()
    figure.add_bar(
        x=steps, y=[live / divisor for live in lifetimes.live_bytes], width=1.0,
        marker={"color": [PEAK_COLOR if i == peak else color for i in range(len(steps))],
                "line": {"width": 0}},
        customdata=[
            f"{i}. {escape_label(name)}: {format_bytes(live)}<br>{escape_label(shorten(layer, 60))}"
            for i, name, live, layer in zip(steps, lifetimes.operators, lifetimes.live_bytes,
                                            lifetimes.layers, strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure.add_annotation(
        x=peak + 1, y=lifetimes.live_bytes[peak] / divisor, yanchor="bottom", showarrow=False,
        text=f"{escape_label(lifetimes.operators[peak])}, {format_bytes(lifetimes.peak_bytes)}",
        xanchor="left" if peak < len(steps) / 2 else "right", font={"size": 12, "color": INK},
    )
    top = lifetimes.peak_bytes / divisor * 1.18 or 1.0
    figure.update_layout(
        height=230, bargap=0.0, showlegend=False, dragmode=False, hovermode="closest",
        margin={"l": 4, "r": 8, "t": 8, "b": 44},
        meta={"alt": f"Bytes of activations during each of {len(steps)} operators; most during "
                     f"operator {peak + 1}, {lifetimes.operators[peak]}: "
                     f"{format_bytes(lifetimes.peak_bytes)}."},
        xaxis=_plain_axis("operator, in order of execution", [0.4, len(steps) + 0.6]),
        yaxis={**linear_axis(0.0, top, format_tick), "fixedrange": True, "gridcolor": GRID,
               "zeroline": False, "automargin": True, "tickfont": {"size": 12, "color": SOFT_INK},
               "title": {"text": unit, "font": {"size": 12, "color": SOFT_INK}}},
    )
    return figure


def build_spans_figure(lifetimes: Lifetimes, color: str) -> go.Figure:
    """Return when each of the largest activations lives, one bar each, in order of their birth."""
    largest = sorted(lifetimes.tensors, key=lambda tensor: -tensor.size_bytes)[:MOST_TENSORS]
    shown = [tensor for tensor in lifetimes.tensors if tensor in largest]
    peak = lifetimes.peak_operator or 0
    figure = go.Figure()
    figure.add_bar(
        x=[t.last - max(t.first, 0) + 0.9 for t in shown],
        base=[max(t.first, 0) + 0.55 for t in shown],
        y=list(range(len(shown))), orientation="h",
        marker={"color": [PEAK_COLOR if t.first <= peak <= t.last else color for t in shown],
                "opacity": 0.85},
        customdata=[f"{escape_label(shorten(t.name, 70))}<br>{t.dtype} "
                    f"{escape_label(str(list(t.shape)))}, {format_bytes(t.size_bytes)}"
                    for t in shown],
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure.update_layout(
        height=max(120, 9 * len(shown) + 60), bargap=0.25, showlegend=False, dragmode=False,
        hovermode="closest", margin={"l": 8, "r": 8, "t": 4, "b": 44},
        meta={"alt": f"When the {len(shown)} largest of {len(lifetimes.tensors)} activations "
                     f"live; {len(lifetimes.alive_at(peak))} live at the peak."},
        xaxis=_plain_axis("operator, in order of execution",
                          [0.4, len(lifetimes.operators) + 0.6]),
        yaxis={"visible": False, "range": [len(shown) - 0.4, -0.6], "fixedrange": True},
    )
    return figure


def duration(seconds: float) -> str:
    """Return a time that may be milliseconds or seconds, with its unit."""
    return f"{seconds:.1f} s" if seconds >= 1 else format_ms(seconds * 1e3)


def _plain_axis(title: str, span: Sequence[float]) -> dict[str, object]:
    return {
        **linear_axis(span[0], span[1], lambda v: f"{v:.0f}"), "fixedrange": True,
        "showgrid": False, "zeroline": False, "tickfont": {"size": 12, "color": SOFT_INK},
        "title": {"text": title, "standoff": 8, "font": {"size": 12, "color": SOFT_INK}},
    }


def build_start_figure(comparison: Comparison) -> go.Figure:
    """Return loading, first inference and warm median of each model on one axis."""
    rows = chart_rows(comparison)
    stats = [
        comparison.reference.latency if row.variant is None else row.variant.latency for row in rows
    ]
    values = [_starts(each) for each in stats]
    known = [v for each in values for v in each if v is not None]
    figure = new_row_figure(
        rows, [_against_warm(each) for each in values],
        details=["warm" if each[1] is None and each[2] else "first against warm" if each[1] else ""
                 for each in values],
        axis=positive_axis(known, format_tick), title="milliseconds",
        alt="Loading, first inference and warm median: " + ("; ".join(
            f"{row.name} {', '.join(format_ms(v) for v in each)}"
            for row, each in zip(rows, values, strict=True) if each[2] is not None) or "none")
        + ".",
    )
    for place, (name, symbol) in enumerate(STARTS):
        points = [(each[place], y, row) for y, (each, row) in
                  enumerate(zip(values, rows, strict=True)) if each[place]]
        figure.add_scatter(
            x=[value for value, _, _ in points], y=[y for _, y, _ in points], mode="markers",
            name=name, marker={"symbol": symbol, "size": 11,
                               "color": [row.color for _, _, row in points]},
            customdata=[f"{row.full_label}, {name}: {format_ms(value)}"
                        for value, _, row in points],
            hovertemplate="%{customdata}<extra></extra>",
        )
    return figure


def _starts(stats: LatencyStats | None) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if stats is None else (stats.init_ms, stats.first_ms, stats.p50_ms)


def _against_warm(each: tuple[float | None, float | None, float | None]) -> str:
    if each[1] is None or not each[2]:
        return "" if each[2] is None else format_ms(each[2])
    return format_ratio(each[1] / each[2])


def build_import_figure(costs: StartCosts, *, memory: bool) -> go.Figure:
    """Return what importing TensorFlow and LiteRT takes: seconds, or memory.

    Args:
        costs: As measured.
        memory: Whether to show resident bytes in place of seconds.
    """
    medians = [cost.median_bytes if memory else cost.median_seconds for cost in costs.imports]
    texts = [format_bytes(m) if memory else duration(m) for m in medians]
    unit, divisor = byte_unit(max(medians)) if memory else ("seconds", 1.0)
    bars = [
        Bar(name=_PACKAGES.get(cost.package, cost.package), value=median / divisor, figure=text,
            color=_TENSORFLOW_COLOR if cost.package == "tensorflow" else _LITERT_COLOR)
        for cost, median, text in zip(costs.imports, medians, texts, strict=True)
    ]
    what = "resident memory" if memory else "time"
    return build_bar_figure(
        bars, title=unit, axis=linear_axis(0.0, max(medians) / divisor * 1.05 or 1.0, format_tick),
        alt=f"Import {what}: " + ", ".join(f"{b.name} {b.figure}" for b in bars) + ".",
    )
