"""Where a variant's time goes, by operator type, and what another file takes more or less."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from components.figures.axes import linear_axis
from components.figures.bars import Bar, build_bar_figure
from components.figures.ink import MUTED
from components.format import TIMES, escape_label, format_ms, format_percent, format_tick
from converter.operator_costs import CostChange, OperatorCosts, cost_by_type

FASTER_COLOR, SLOWER_COLOR = "#0B8F6B", "#D55E00"
MOST_ROWS = 12
_LEAST_MS = 0.1
_MINUS = "\N{MINUS SIGN}"


def build_type_figure(costs: OperatorCosts, color: str) -> go.Figure:
    """Return the time of each operator type as bars, the most costly first, the rest as one.

    Args:
        costs: With at least one operator timed.
        color: The variant's.
    """
    types = cost_by_type(costs)
    shown, rest = types[:MOST_ROWS], types[MOST_ROWS:]
    unit, factor = _unit([item.total_ms for item in types])
    bars = [
        Bar(name=f"{item.operator} {TIMES} {item.count}", value=item.total_ms * factor, color=color,
            figure=f"{_time(item.total_ms, unit)}, {format_percent(item.share, 0)}",
            hover=f"{escape_label(item.operator)}: {item.count} operators, "
                  f"{format_ms(item.total_ms)}")
        for item in shown
    ]
    if rest:
        total, share = sum(i.total_ms for i in rest), sum(i.share for i in rest)
        bars.append(Bar(name=f"{len(rest)} other types", value=total * factor, color=MUTED,
                        figure=f"{format_ms(total)}, {format_percent(share, 0)}"))
    top = shown[0]
    return build_bar_figure(
        bars, title=f"sum of medians without the calls ({unit})",
        axis=linear_axis(0.0, max([b.value or 0.0 for b in bars], default=0.0) * 1.05 or 1.0,
                         format_tick),
        alt=f"Time by operator type: {top.operator} takes {format_percent(top.share, 0)} of "
            f"{format_ms(sum(item.total_ms for item in types))}.",
    )


def build_change_figure(changes: Sequence[CostChange], before: str, after: str) -> go.Figure:
    """Return what changed between two files as bars left and right of zero.

    Args:
        changes: From `compare_costs` or `compare_types`, the largest first; at least one.
        before: What the first file is called.
        after: What the second file is called.
    """
    shown, rest = list(changes[:MOST_ROWS]), changes[MOST_ROWS:]
    unit, factor = _unit([change.change_ms for change in changes])
    bars = [
        Bar(name=change.name or change.operator, value=change.change_ms * factor,
            figure=_signed(change.change_ms, unit), color=_color(change.change_ms),
            hover=f"{escape_label(change.name)} ({escape_label(change.operator)})<br>"
                  f"{escape_label(before)}: {_ms(change.before_ms)}, "
                  f"{escape_label(after)}: {_ms(change.after_ms)}")
        for change in shown
    ]
    if rest:
        total = sum(change.change_ms for change in rest)
        bars.append(Bar(name=f"{len(rest)} others", value=total * factor,
                        figure=_signed(total, unit), color=MUTED))
    reach = max(abs(bar.value or 0.0) for bar in bars) * 1.08 or 1.0
    whole = sum(change.change_ms for change in changes)
    low = -reach if any((bar.value or 0) < 0 for bar in bars) else 0.0
    high = reach if any((bar.value or 0) > 0 for bar in bars) else 0.0
    if low == high:
        high = reach
    return build_bar_figure(
        bars, title=f"{escape_label(after)} minus {escape_label(before)} ({unit})",
        axis=linear_axis(low, high, lambda v: format_tick(v).replace("-", _MINUS)),
        alt=f"What makes {after} differ from {before}: {_signed(whole, unit)} in sum, most of it "
            f"{shown[0].name} ({_signed(shown[0].change_ms, unit)}).",
    )


def _unit(values_ms: Sequence[float]) -> tuple[str, float]:
    """Return the unit in which an axis has short ticks, and how many of it a millisecond is."""
    small = max(map(abs, values_ms), default=0.0) < _LEAST_MS
    return ("µs", 1e3) if small else ("ms", 1.0)


def _color(change: float) -> str:
    return FASTER_COLOR if change <= 0 else SLOWER_COLOR


def _signed(value: float, unit: str) -> str:
    sign = _MINUS if value < 0 else "+" if value > 0 else ""
    return sign + _time(abs(value), unit)


def _time(value_ms: float, unit: str) -> str:
    return format_ms(value_ms) if value_ms else f"0 {unit}"


def _ms(value: float | None) -> str:
    return "no such operator" if value is None else format_ms(value)


