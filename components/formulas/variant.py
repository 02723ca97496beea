"""The formulas of a variant's own figures: size, memory, time, drift, accuracy and operators."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

from components.format import format_bytes, format_percent, format_ratio
from components.formulas.accuracy import accuracy_formulas
from components.formulas.drift import drift_formulas
from components.formulas.formula import Formula, ratio, term
from components.formulas.latency import latency_formulas
from converter.comparison import Comparison, Variant


def list_formulas(comparison: Comparison, variant: Variant, owner: str = "") -> dict[str, Formula]:
    """Return the formula of every figure of a variant by its key, in the order of the interface.

    Args:
        comparison: The run's result.
        variant: Whose values are put in.
        owner: What the variant is called beside others; empty where it stands alone.
    """
    found = [
        *size_formulas(comparison, variant, owner), *memory_formulas(variant, owner),
        *latency_formulas(comparison, variant, owner), *drift_formulas(comparison, variant, owner),
        *accuracy_formulas(variant.accuracy, comparison.reference.accuracy, owner),
        *_operators(variant, owner),
    ]  # fmt: skip
    return {formula.key: formula for formula in found}


def size_formulas(comparison: Comparison, variant: Variant, owner: str = "") -> list[Formula]:
    """Return what a variant's file takes, against the original's."""
    original, size = comparison.model.size_without_optimizer_bytes, variant.size_bytes
    gzip = variant.gzip_bytes
    if not size:
        return [Formula(key=key, owner=owner) for key in ("size_bytes", "size_ratio", "gzip_bytes")]
    return [
        Formula(key="size_bytes", worked=format_bytes(size), note=f"{term(size)} bytes, exact",
                owner=owner),
        Formula(key="size_ratio", worked=ratio(original, size, format_ratio(original / size)),
                owner=owner),
        Formula(
            key="gzip_bytes", owner=owner,
            worked="" if gzip is None else ratio(gzip, size, format_percent(gzip / size)),
            note="" if gzip is None else f"{format_bytes(gzip)} gzipped",
        ),
    ]


def memory_formulas(variant: Variant, owner: str = "") -> list[Formula]:
    """Return what a variant's process takes."""
    peak, bare = variant.peak_memory_bytes, variant.runtime_memory_bytes
    return [
        Formula(
            key="memory_bytes", owner=owner,
            worked="" if peak is None or bare is None else
            f"{term(peak)} − {term(bare)} = {format_bytes(peak - bare)}",
            note="" if peak is None or bare is None else "one fresh process, measured once",
        ),
        Formula(key="peak_memory_bytes", owner=owner,
                worked="" if peak is None else format_bytes(peak),
                note="" if peak is None else f"{term(peak)} bytes, one fresh process"),
    ]


def _operators(variant: Variant, owner: str) -> list[Formula]:
    audit, drift = variant.audit, variant.drift
    known = variant.status == "ok" and audit.total_ops
    seconds = variant.convert_seconds
    return [
        Formula(key="integer_ops", owner=owner,
                worked=ratio(audit.integer_ops, audit.total_ops,
                             format_percent(audit.integer_ops / audit.total_ops)) if known else "",
                note="of all operators" if known else ""),
        Formula(key="float_ops", owner=owner,
                worked=ratio(audit.float_ops, audit.total_ops,
                             format_percent(audit.float_ops / audit.total_ops)) if known else "",
                note="of all operators" if known else ""),
        Formula(key="non_finite_count", owner=owner,
                worked="" if drift is None else term(drift.non_finite_count)),
        Formula(key="convert_seconds", owner=owner,
                worked="" if seconds is None else f"{seconds:.2f} s"),
    ]
