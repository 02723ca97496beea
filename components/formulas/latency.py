"""The formulas of a variant's latency figures."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

from components.format import format_count, format_ms, format_ratio
from components.formulas.formula import Formula, term
from converter.comparison import Comparison, Variant
from converter.latency import LatencyStats


def latency_formulas(comparison: Comparison, variant: Variant, owner: str = "") -> list[Formula]:
    """Return a variant's median, tail and ratio to the original."""
    own, base = variant.latency, comparison.reference.latency
    timed = own is not None and base is not None and own.p50_ms > 0
    return [
        median_formula(own, owner),
        Formula(
            key="speed_ratio", owner=owner,
            worked="" if not timed or own is None or base is None else
            f"{term(base.p50_ms)} ms / {term(own.p50_ms)} ms = "
            f"{format_ratio(base.p50_ms / own.p50_ms)}",
        ),
        *(Formula(key=f"p{share}_ms", worked=_shown(own, f"p{share}_ms"),
                  note=_note(own, f"p{share}_ci95_ms"), owner=owner) for share in (90, 99)),
        *start_formulas(own, owner),
    ]  # fmt: skip


def median_formula(stats: LatencyStats | None, owner: str = "") -> Formula:
    """Return the median, which follows from single times that are kept in a file of their own."""
    return Formula(key="p50_ms", worked=_shown(stats, "p50_ms"), note=_note(stats, "p50_ci95_ms"),
                   owner=owner)


def start_formulas(stats: LatencyStats | None, owner: str = "") -> list[Formula]:
    """Return loading, the first inference, and how many warm ones the first takes."""
    if stats is None:
        return [Formula(key=key, owner=owner) for key in ("init_ms", "first_ms", "first_ratio")]
    first, warm = stats.first_ms, stats.p50_ms
    return [
        Formula(key="init_ms", worked=_shown(stats, "init_ms"), owner=owner,
                note="" if stats.init_ms is None else "measured once, in the timed process"),
        Formula(key="first_ms", worked=_shown(stats, "first_ms"), owner=owner,
                note="" if first is None else "measured once, before the warm-up"),
        Formula(
            key="first_ratio", owner=owner,
            worked="" if first is None or not warm else
            f"{term(first)} ms / {term(warm)} ms = {format_ratio(first / warm)}",
        ),
    ]


def _shown(stats: LatencyStats | None, name: str) -> str:
    value = None if stats is None else getattr(stats, name)
    return "" if value is None else format_ms(value)


def _note(stats: LatencyStats | None, interval: str) -> str:
    if stats is None:
        return ""
    found = getattr(stats, interval)
    tail = "" if found is None else (
        f", 95 % interval {format_ms(found[0])} to {format_ms(found[1])}")
    return (f"of {format_count(stats.runs)} runs, {stats.threads} thread(s){tail}; each is in "
            "latency_samples.npz")
