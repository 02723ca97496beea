"""The formulas of a deep analysis: layers, legs, saturation, and cost by operator."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

from components.format import format_error, format_ms, format_percent
from components.formulas.formula import Formula, ratio, signed, sqnr, term
from converter.drift import Drift
from converter.layer_analysis import Layer
from converter.ledger import Ledger
from converter.operator_costs import CostChange, OperatorCosts, cost_by_type
from converter.streamed_error import TensorError


def layer_formulas(layer: Layer) -> list[Formula]:
    """Return the formulas of one layer's figures."""
    return [
        _sqnr("accumulated_sqnr_db", layer.accumulated),
        _sqnr("born_sqnr_db", layer.born),
        _steps(layer),
        Formula(key="layer_cosine", worked=f"{layer.accumulated.cosine_similarity:.5f}",
                note="mean over the samples"),
        *_saturation(layer),
    ]


def _sqnr(key: str, error: TensorError | None) -> Formula:
    if error is None:
        return Formula(key=key)
    worked, note = sqnr(error.signal_square_sum, error.error_square_sum, error.sqnr_db)
    return Formula(key=key, worked=worked, note=note or f"over {error.values:,} values")


def _steps(layer: Layer) -> Formula:
    born, scale = layer.born, layer.scale
    if born is None or born.rmse_in_steps is None or not scale:
        return Formula(key="rmse_in_steps")
    shown = f"{born.rmse_in_steps:.2f}"
    if born.error_square_sum is None:
        return Formula(key="rmse_in_steps", worked=ratio(born.rmse, scale, shown),
                       note="RMSE over the scale")
    return Formula(
        key="rmse_in_steps",
        worked=f"√({term(born.error_square_sum)} / {term(born.values)}) / {term(scale)} = {shown}",
    )


def _saturation(layer: Layer) -> list[Formula]:
    ends = layer.saturation
    if ends is None:
        return [Formula(key=key, worked="", note="stored as floats, which have no ends")
                for key in ("at_low", "at_high", "clipped")]
    clipped = ends.clipped_low + ends.clipped_high
    values = f"shares of {layer.accumulated.values:,} values are kept, not counts"
    return [
        Formula(key="at_low", worked=format_percent(ends.at_low), note=values),
        Formula(key="at_high", worked=format_percent(ends.at_high), note=values),
        Formula(key="clipped", note="below and above",
                worked=f"{term(ends.clipped_low)} + {term(ends.clipped_high)} = "
                       f"{format_percent(clipped)}"),
    ]


def ledger_formulas(ledger: Ledger, output: str) -> list[Formula]:
    """Return the formulas of the legs of one output, and of what they do not add up to."""
    legs = [leg for leg in (*ledger.legs, ledger.whole) if output in leg.drift]
    found = [
        _leg(leg.drift[output], "whole" if leg is ledger.whole else f"{leg.start} → {leg.end}")
        for leg in legs
    ]
    item = ledger.residual[output]
    parts = [leg.drift[output].rmse ** 2 for leg in ledger.legs if output in leg.drift]
    adds = " + ".join(map(term, parts)) or "0"
    return [*found, Formula(
        key="residual", note="mean squares",
        worked=f"{term(item.whole)} − ({adds}) = {signed(format_error(item.residual))}",
    )]  # fmt: skip


def _leg(drift: Drift, owner: str) -> Formula:
    worked, note = sqnr(drift.signal_square_sum, drift.error_square_sum, drift.sqnr_db)
    return Formula(key="leg_sqnr_db", worked=worked, note=note, owner=owner)


def cost_formulas(costs: OperatorCosts) -> list[Formula]:
    """Return the formulas of cost by operator, with the costliest operator put in."""
    most = max(costs.timed, key=lambda item: (costs.net_ms(item), -item.number))
    owner = f"{most.operator}, no. {most.number}"
    types = cost_by_type(costs)
    first, whole = types[0], sum(each.total_ms for each in types)
    kept = f"{len(costs.timed)} operators, by layer in the table below"
    parts = costs.parts_ms - costs.empty_call_ms
    fast = sum(max(0.0, (i.fastest_ms or 0.0) - costs.empty_call_ms) for i in costs.timed)
    return [
        Formula(
            key="cost_ms", owner=owner, note=f"median of {most.runs} runs",
            worked=f"max(0, {term(most.median_ms or 0.0)} ms − {term(costs.empty_call_ms)} ms) = "
                   f"{format_ms(costs.net_ms(most))}",
        ),
        Formula(key="fastest_ms", owner=owner, worked=format_ms(most.fastest_ms),
                note=f"of {most.runs} runs"),
        Formula(key="type_share", owner=f"{first.count} {first.operator}",
                worked=ratio(first.total_ms, whole, format_percent(first.share))),
        _parts("coverage", (costs.empty_call_ms, parts, costs.whole_ms), costs.coverage, kept),
        _parts("fastest_coverage", (costs.empty_call_ms, fast, costs.whole_fastest_ms),
               costs.fastest_coverage, kept),
        Formula(key="gross_coverage", note=kept,
                worked="" if costs.gross_coverage is None else
                ratio(costs.gross_ms, costs.whole_ms, format_percent(costs.gross_coverage, 0))),
    ]


def _parts(
    key: str, terms: tuple[float, float, float], value: float | None, note: str
) -> Formula:
    call, parts, whole = map(term, terms)
    worked = "" if value is None else \
        f"({call} ms + {parts} ms) / {whole} ms = {format_percent(value, 0)}"
    return Formula(key=key, worked=worked, note=note if worked else "")


def change_formula(changes: list[CostChange], other: str) -> list[Formula]:
    """Return the formula of a change of cost, with the largest change put in; none without one."""
    known = [c for c in changes if c.before_ms is not None and c.after_ms is not None]
    if not known:
        return []
    most = max(known, key=lambda c: abs((c.after_ms or 0.0) - (c.before_ms or 0.0)))
    after, before = most.after_ms or 0.0, most.before_ms or 0.0
    return [Formula(
        key="cost_change", owner=f"{most.name[-48:]}, against {other}",
        worked=f"{term(after)} ms − {term(before)} ms = {term(after - before)} ms",
    )]  # fmt: skip

