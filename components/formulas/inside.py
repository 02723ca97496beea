"""The formulas of what files hold, of what precisions store, and of what layers mind."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

from collections.abc import Mapping, Sequence

from components.format import format_bytes, format_db, format_ms
from components.formulas.formula import Formula, ratio, sqnr, term
from components.formulas.latency import median_formula
from converter.anatomy import AnatomyNode
from converter.candidate_layers import CandidateLayer
from converter.engine_comparison import EngineComparison, EngineFile
from converter.precision import FLOAT32, PRECISIONS
from converter.sensitivity import ONLY, Sensitivity

_MOST_TERMS = 6


def part_formulas(files: Sequence[tuple[str, AnatomyNode]]) -> list[Formula]:
    """Return how the parts of each file sum to it.

    Args:
        files: What each is called, and its tree.
    """
    return [
        Formula(key="part_bytes", owner=name,
                worked=_sum([child.size_bytes for child in node.children], node.size_bytes))
        for name, node in files
    ]  # fmt: skip


def stored_formulas(
    layers: Sequence[CandidateLayer], precisions: Mapping[int, str]
) -> list[Formula]:
    """Return how the bytes that all layers store sum up, as chosen and in float32.

    Args:
        layers: All operators.
        precisions: Of every operator, by its number.
    """
    found = []
    for owner, names in (("as chosen", precisions), (FLOAT32.name, {})):
        stored = [layer.stored_bytes(names.get(layer.number, FLOAT32.name)) for layer in layers]
        found.append(
            Formula(key="stored_bytes", owner=owner, worked=_sum(stored, sum(stored)))
        )
    return found


def sensitivity_formulas(found: Sensitivity) -> list[Formula]:
    """Return the cell that the output minds most, of those that give numbers."""
    known = [c for c in found.cells if c.side == ONLY and c.figures.problem is None]
    worst = min(known, key=lambda cell: cell.sqnr_db, default=None)
    if worst is None:
        return [Formula(key="sensitivity")]
    return [Formula(
        key="sensitivity", worked=format_db(worst.sqnr_db),
        owner=f"operator {worst.number}, {PRECISIONS[worst.precision].label}",
        note=f"the least of all, over {found.samples:,} samples; a candidate's sums are not kept",
    )]  # fmt: skip


def engine_formulas(found: EngineComparison) -> list[Formula]:
    """Return the figures of both engines' files."""
    files = [(f"{pair.recipe}, {file.engine.replace('_', ' ')}", file)
             for pair in found.pairs for file in (pair.converter, pair.quantizer)]  # fmt: skip
    return [formula for owner, file in files for formula in _engine_file(owner, file)]


def _engine_file(owner: str, file: EngineFile) -> list[Formula]:
    drift, size = file.drift, file.size_bytes
    worked, note = ("", "") if drift is None else sqnr(
        drift.signal_square_sum, drift.error_square_sum, drift.sqnr_db)
    seconds = file.convert_seconds
    operators = file.integer_ops + file.float_ops
    return [
        Formula(key="size_bytes", owner=owner, worked="" if size is None else format_bytes(size),
                note="" if size is None else f"{term(size)} bytes, exact"),
        Formula(key="sqnr_db", owner=owner, worked=worked, note=note),
        median_formula(file.latency, owner),
        Formula(key="convert_seconds", owner=owner,
                worked=format_ms(1000 * seconds[0]) if seconds else "",
                note="the first time, with calibration" if seconds else ""),
        Formula(key="integer_share", owner=owner, worked="" if not operators else ratio(
            file.integer_ops, operators, f"{100 * file.integer_ops / operators:.1f} %")),
    ]  # fmt: skip


def _sum(parts: Sequence[int], total: int) -> str:
    ordered = sorted((part for part in parts if part), reverse=True)
    terms, rest = ordered[:_MOST_TERMS], ordered[_MOST_TERMS:]
    if rest:
        terms.append(sum(rest))
    if not terms:
        return format_bytes(total)
    return f"{' + '.join(map(term, terms))} = {format_bytes(total)}"
