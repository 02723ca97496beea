"""A deep analysis as plain text, for the command line."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from converter.layer_analysis import Layer, LayerAnalysis, LayerDrift
from converter.ledger import Ledger, Leg
from converter.operator_costs import OperatorCosts, compare_types, cost_by_type

_NAME_WIDTH = 56
_MOST_CHANGES = 8


def format_analysis(analysis: LayerAnalysis) -> str:
    """Return the ledger, the layers in graph order, and the cost by operator type."""
    parts = [f"{_plain(analysis.recipe)}: looked into"]
    if analysis.ledger is not None:
        parts.append(_format_ledger(analysis.ledger))
    if analysis.drift is not None:
        parts.append(_format_layers(analysis.drift))
    if analysis.costs is not None:
        parts.append(_format_costs(analysis.costs, analysis.reference_costs))
    parts += [f"note: {_plain(note)}" for note in analysis.notes]
    return "\n\n".join(parts)


def _format_ledger(ledger: Ledger) -> str:
    rows = [["leg", "output", "SQNR dB", "RMSE", "max error"]]
    for leg in (*ledger.legs, ledger.whole):
        rows += _leg_rows(leg)
    lines = [f"Ledger, {ledger.samples} samples", *_columns(rows)]
    lines += [
        f"{_plain(name)}: mean square {item.whole:.3g} as a whole, {item.legs:.3g} as the sum of "
        f"the legs, residual {item.residual:+.3g}"
        for name, item in ledger.residual.items()
    ]
    notes = dict.fromkeys(leg.note for leg in ledger.legs if leg.note)
    return "\n".join([*lines, *(f"note: {_plain(note)}" for note in notes)])


def _leg_rows(leg: Leg) -> list[list[str]]:
    name = f"{leg.start} -> {leg.end}"
    if not leg.drift:
        return [[name, "", "-", "-", "-"]]
    return [
        [name, output, _db(drift.sqnr_db), f"{drift.rmse:.3g}", f"{drift.max_abs_error:.3g}"]
        for output, drift in leg.drift.items()
    ]


def _format_layers(drift: LayerDrift) -> str:
    rows = [["#", "operator", "layer", "accum. dB", "born dB", "born RMSE/scale", "at ends"]]
    rows += [_layer_row(layer) for layer in drift.layers]
    lines = [f"Layers, {drift.samples} of {drift.samples_given} samples", *_columns(rows)]
    for item in drift.unpaired:
        lines.append(
            f"not compared ({item.file}): {_plain(item.name)}, {item.operator}: "
            f"{_plain(item.reason)}"
        )
    return "\n".join(lines)


def _layer_row(layer: Layer) -> list[str]:
    born, ends = layer.born, layer.saturation
    steps = "-" if born is None or born.rmse_in_steps is None else f"{born.rmse_in_steps:.2f}"
    return [
        str(layer.number) if layer.number >= 0 else "",
        layer.operator,
        layer.tensor,
        _db(layer.accumulated.sqnr_db),
        "-" if born is None else _db(born.sqnr_db),
        steps,
        "-" if ends is None else f"{ends.at_low:.1%} {ends.at_high:.1%}",
    ]


def _format_costs(costs: OperatorCosts, before: OperatorCosts | None) -> str:
    rows = [["operator", "count", "ms", "share"]]
    rows += [
        [item.operator, str(item.count), f"{item.total_ms:.4f}", f"{item.share:.0%}"]
        for item in cost_by_type(costs)
    ]
    lines = [
        f"Cost by operator: {len(costs.timed)} of {len(costs.operators)} timed alone; they sum to "
        f"{_share(costs.coverage)} of the whole ({costs.whole_ms:.4f} ms), by the fastest runs to "
        f"{_share(costs.fastest_coverage)}, and with the call that starts each of them "
        f"({costs.empty_call_ms:.5f} ms) to {_share(costs.gross_coverage)}",
        *_columns(rows),
    ]
    reasons = Counter((item.operator, item.absence) for item in costs.not_timed)
    lines += [f"not timed: {n} {name}: {reason}" for (name, reason), n in reasons.items()]
    lines += [f"note: {note}" for note in costs.notes]
    if before is not None:
        changes = [["operator", "float32 ms", "here ms", "change"]]
        changes += [
            [c.name, _ms(c.before_ms), _ms(c.after_ms), f"{c.change_ms:+.4f}"]
            for c in compare_types(before, costs)[:_MOST_CHANGES]
        ]
        lines += ["", "Against the float32 file", *_columns(changes)]
    return "\n".join(lines)


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [[_short(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def _short(text: str) -> str:
    text = _plain(text)
    return text if len(text) <= _NAME_WIDTH else f"…{text[1 - _NAME_WIDTH :]}"


def _plain(text: str) -> str:
    """Return a file's text without what a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _db(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "exact" if value == math.inf else f"{value:.1f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
