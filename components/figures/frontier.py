"""Candidates of a budget search by size and closeness: the frontier as it grows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from components.figures.axes import linear_axis, log_axis
from components.figures.ink import GROUND, INK, MUTED, SOFT_INK
from components.figures.plane import new_plane
from components.format import (
    TIMES,
    byte_unit,
    escape_label,
    format_bytes,
    format_db,
    format_percent,
)
from converter.budget import Figures, closeness_db
from converter.budget_solution import Findings
from converter.candidate_search import Evaluation
from converter.precision import PRECISIONS

HOLDS_COLOR, BREAKS_COLOR, UNIFORM_COLOR, BEST_COLOR = "#2F6FC4", "#76808D", "#A83C86", "#D55E00"
SQNR, AGREEMENT = "SQNR", "Agreement"
_HEIGHT = 400
_SPREAD = 2.0
"""From this ratio of sizes on the axis is logarithmic: the frontier's small end is what matters."""


def build_frontier_figure(
    findings: Findings, measure: str = SQNR, best: Sequence[tuple[str, Evaluation]] = ()
) -> go.Figure:
    """Return size across and closeness upward for all candidates that can be used.

    Args:
        findings: Of a search that goes on or has ended.
        measure: `SQNR` or `AGREEMENT`.
        best: Candidates to mark, with what is written beside them.
    """
    shown = [e for e in findings.found if _height(e.figures, measure) is not None]
    sizes = [float(e.figures.size_bytes) for e in shown] or [1.0]
    unit, scale = byte_unit(max(sizes))
    limits = findings.budget
    values = [v for e in shown if (v := _height(e.figures, measure)) is not None]
    is_log = max(sizes) / min(sizes) > _SPREAD
    figure = new_plane(
        _size_axis([*sizes, float(findings.least_bytes)], limits.most_size_bytes, scale,
                   is_log=is_log),
        _measure_axis(values, measure),
        x_title=f"file size in {unit}{', logarithmic' if is_log else ''}",
        y_title="SQNR in dB" if measure == SQNR else "top-1 agreement",
        alt=_alt(findings, measure, best), height=_HEIGHT,
    )  # fmt: skip
    _add_limits(figure, findings, measure, scale, is_log=is_log)
    state = findings.state
    uniform = [e for e in shown if findings.uniform_precision(e) is not None]
    mixed = [e for e in shown if findings.uniform_precision(e) is None]
    for name, group, color, size, symbol, opacity in (
        ("breaks the budget", [e for e in mixed if not state.holds(e)], BREAKS_COLOR, 7,
         "circle-open", 0.75),
        ("holds the budget", [e for e in mixed if state.holds(e)], HOLDS_COLOR, 7, "circle", 0.8),
        ("one precision for all", uniform, UNIFORM_COLOR, 11, "diamond", 1.0),
    ):
        figure.add_scatter(
            x=[e.figures.size_bytes / scale for e in group],
            y=[_height(e.figures, measure) for e in group], mode="markers", name=name,
            marker={"color": color, "size": size, "symbol": symbol, "opacity": opacity},
            text=[_hover(findings, e) for e in group], hovertemplate="%{text}<extra></extra>",
            cliponaxis=False,
        )
    _add_frontier(figure, shown, measure, scale)
    _add_best(figure, best, findings, measure, scale, is_log=is_log)
    figure.update_layout(
        showlegend=True, margin={"l": 4, "r": 16, "t": 28, "b": 92},
        legend={"orientation": "h", "y": -0.2, "yanchor": "top", "x": 0,
                "font": {"size": 12, "color": INK}, "itemclick": False,
                "itemdoubleclick": False},
    )
    return figure


def _height(figures: Figures, measure: str) -> float | None:
    """Return where a candidate stands; None where it cannot be used or was not measured."""
    if figures.problem is not None:
        return None
    if measure == AGREEMENT:
        return figures.agreement
    return None if math.isnan(figures.sqnr_db) else closeness_db(figures)


def _size_axis(
    sizes: list[float], limit: int | None, scale: float, *, is_log: bool
) -> dict[str, object]:
    ends = [*sizes]
    # A limit far away from all candidates would press them together.
    if limit is not None and min(sizes) / 2 <= limit <= max(sizes) * 2:
        ends.append(float(limit))
    low, high = min(ends) / scale, max(ends) / scale
    if is_log:
        return log_axis(low, high, lambda v: f"{v:g}")
    pad = 0.06 * (high - low) or 0.1 * high
    return linear_axis(max(0.0, low - pad), high + pad, lambda v: f"{v:g}")


def _measure_axis(values: list[float], measure: str) -> dict[str, object]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    pad = 0.06 * (high - low) or (1.0 if measure == SQNR else 0.01)
    if measure == SQNR:
        return linear_axis(low - pad, high + pad, lambda v: f"{v:g}".replace("-", "\N{MINUS SIGN}"))
    return linear_axis(max(0.0, low - pad), min(1.0, high) + pad / 2, _percent_tick)


def _percent_tick(value: float) -> str:
    return f"{100 * value:.4g} %" if value <= 1 else ""


def _add_limits(
    figure: go.Figure, findings: Findings, measure: str, scale: float, *, is_log: bool
) -> None:
    budget = findings.budget
    line = {"color": INK, "width": 1.2, "dash": "dash"}
    label = {"font": {"size": 12, "color": SOFT_INK}}
    if budget.most_size_bytes:
        figure.add_vline(x=budget.most_size_bytes / scale, line=line)
        figure.add_annotation(
            x=math.log10(budget.most_size_bytes / scale) if is_log else
            budget.most_size_bytes / scale, xanchor="right", y=0.02, yref="paper",
            yanchor="bottom", showarrow=False, textangle=-90,
            text=f"at most {format_bytes(budget.most_size_bytes)}", **label,
        )
    figure.add_vline(x=findings.least_bytes / scale,
                     line={"color": MUTED, "width": 1.5, "dash": "dot"})
    least = budget.least_sqnr_db if measure == SQNR else budget.least_agreement
    if least is not None:
        figure.add_hline(y=least, line=line)
        shown = f"{least:g} dB" if measure == SQNR else f"{100 * least:.4g} %"
        figure.add_annotation(
            x=1, xref="paper", xanchor="right", y=least, yanchor="bottom", showarrow=False,
            text=f"at least {shown}", **label,
        )


def _add_frontier(
    figure: go.Figure, shown: Sequence[Evaluation], measure: str, scale: float
) -> None:
    ordered = sorted(
        ((e.figures.size_bytes / scale, _height(e.figures, measure) or 0.0) for e in shown),
        key=lambda point: (point[0], -point[1]),
    )
    corners: list[tuple[float, float]] = []
    for x, y in ordered:
        if not corners or y > corners[-1][1]:
            corners.append((x, y))
    figure.add_scatter(
        x=[x for x, _ in corners], y=[y for _, y in corners], mode="lines", name="frontier",
        line={"color": MUTED, "width": 2, "dash": "dot", "shape": "hv"}, hoverinfo="skip",
    )


def _add_best(
    figure: go.Figure,
    best: Sequence[tuple[str, Evaluation]],
    findings: Findings,
    measure: str,
    scale: float,
    *,
    is_log: bool,
) -> None:
    placed = [(label, e) for label, e in best if _height(e.figures, measure) is not None]
    if not placed:
        return
    figure.add_scatter(
        x=[e.figures.size_bytes / scale for _, e in placed],
        y=[_height(e.figures, measure) for _, e in placed],
        mode="markers", name="best so far" if len(placed) == 1 else "answers",
        marker={"color": BEST_COLOR, "size": 15, "symbol": "star",
                "line": {"color": INK, "width": 1}},
        text=[f"<b>{escape_label(label)}</b><br>{_hover(findings, e)}" for label, e in placed],
        hovertemplate="%{text}<extra></extra>", cliponaxis=False,
    )  # fmt: skip
    start, end = figure.layout.xaxis.range
    for label, evaluation in placed:
        size = evaluation.figures.size_bytes / scale
        x = math.log10(size) if is_log else size
        to_right = x < (start + end) / 2
        figure.add_annotation(
            x=x, y=_height(evaluation.figures, measure), text=escape_label(label), standoff=9,
            ax=22 if to_right else -22, ay=-24, arrowhead=0, arrowwidth=1, arrowcolor=MUTED,
            xanchor="left" if to_right else "right", font={"size": 13, "color": INK},
            bgcolor=GROUND, borderpad=1,
        )


def _hover(findings: Findings, evaluation: Evaluation) -> str:
    figures = evaluation.figures
    name = findings.uniform_precision(evaluation)
    head = f"<b>{PRECISIONS[name].label} for all</b>" if name in PRECISIONS else "<b>mixed</b>"
    words = [format_bytes(figures.size_bytes), format_db(figures.sqnr_db)]
    if figures.agreement is not None:
        words.append(f"agrees {format_percent(figures.agreement)}")
    counts: dict[str, int] = {}
    for _, precision in evaluation.choice:
        counts[precision] = counts.get(precision, 0) + 1
    chosen = "".join(
        f"<br>{count} {TIMES} {PRECISIONS[p].label if p in PRECISIONS else escape_label(p)}"
        for p, count in sorted(counts.items(), key=lambda item: -item[1])[:6]
    )
    return f"{head}<br>{', '.join(words)}{'' if name else chosen}"



def _alt(findings: Findings, measure: str, best: Sequence[tuple[str, Evaluation]]) -> str:
    state = findings.state
    holding = sum(state.holds(e) for e in findings.found)
    text = (
        f"File size against {measure} of {len(findings.found)} candidates, of which {holding} hold "
        "the budget"
    )
    told = "; ".join(
        f"{label}: {format_bytes(e.figures.size_bytes)}, {format_db(e.figures.sqnr_db)}"
        for label, e in best
    )
    return f"{text}. {told}." if told else f"{text}."
