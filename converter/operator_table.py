"""The report on a model's operations as text, for people at a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from converter.operator_fates import EXPECTED, UNKNOWN, Fate
from converter.operator_support import OperationRow, SupportReport, TargetReport

_WIDTH = 100


def format_report(report: SupportReport) -> str:
    """Return the targets, the table of operations, and the ways round what does not work."""
    lines: list[str] = []
    told: dict[str, str] = {}
    for target in report.targets:
        lines += _target_lines(target, told)
    header = ("operation", "count", *(target.name for target in report.targets))
    lines += ["", *_align([header, *(_cells(row, report.targets) for row in report.rows)])]
    problems = [row for row in report.rows if row.is_problem]
    if problems:
        lines += ["", "Where it does not work, and the nearest way:"]
    for row in problems:
        text = f"{row.op} (from {row.places}): {row.way or 'no way is known.'}"
        lines += textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="    ")
    lines += ["", *(f"note: {note}" for note in report.notes)]
    return "\n".join(lines).rstrip()


def words_for(target: TargetReport) -> str:
    """Return how far a model gets on a target, in words.

    Example:
        `converts and runs`
    """
    if target.converts is None:
        return "not tried"
    if not target.converts:
        return "does not convert"
    if target.runs:
        return "converts and runs"
    if target.allocates is False:
        return "converts, cannot be prepared here"
    return "converts, does not run"


def words_of(fates: Sequence[tuple[Fate, int]], *, short: bool = False) -> str:
    """Return what became of a kind of operation on a target, the worst first.

    Args:
        fates: Of `OperationRow`.
        short: Leave out by what, and all but the worst where there are more than two.

    Example:
        `2 fused: CONV_2D; 1 builtin: ADD`
    """
    counts: dict[str, int] = {}
    for fate, count in fates:
        words = _words(fate, short=short)
        counts[words] = counts.get(words, 0) + count
    if len(counts) == 1:
        return next(iter(counts))
    told = [f"{count} {words}" for words, count in counts.items()]
    if short and len(told) > 2:
        told = [told[0], f"{sum(list(counts.values())[1:])} other"]
    return "; ".join(told)


def _words(fate: Fate, *, short: bool) -> str:
    if fate.state == UNKNOWN and not fate.source:
        return fate.detail
    state = f"{fate.state} ({EXPECTED})" if fate.source == EXPECTED else fate.state
    return state if short or not fate.detail else f"{state}: {fate.detail}"


def _target_lines(target: TargetReport, told: dict[str, str]) -> list[str]:
    """Return how far one target gets, and why not, unless an earlier one has the same reason."""
    source = f" ({target.source})" if target.source else ""
    text = " ".join(part for part in (target.reason, target.way) if part) if source else ""
    if text in told:
        text = f"As for {told[text]}."
    elif text:
        told[text] = target.name
    lines = textwrap.wrap(text, _WIDTH, initial_indent="    ", subsequent_indent="    ")
    return [f"{target.name}: {words_for(target)}{source}", *lines]


def _cells(row: OperationRow, targets: Sequence[TargetReport]) -> tuple[str, ...]:
    states = (words_of(row.fates[target.name], short=True) for target in targets)
    return (row.op, str(row.count), *states)


def _align(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
