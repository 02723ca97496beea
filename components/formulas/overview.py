"""The formulas of what pages add up over runs, operations and people."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

from collections.abc import Mapping, Sequence

from components.format import format_bytes, format_ms, format_percent
from components.formulas.formula import Formula, ratio, signed, term
from components.formulas.variant import list_formulas
from converter.comparison import Comparison, Variant
from converter.latency import LatencyStats
from converter.operator_support import OperationRow
from converter.run_cleanup import Usage
from converter.savings import MS_PER_HOUR, Savings, count_savings

_MOST_TERMS = 8
_STORY_KEYS = ("size_bytes", "size_ratio", "p50_ms", "speed_ratio", "top1", "top1_agreement",
               "sqnr_db")


def operation_formulas(rows: Sequence[OperationRow]) -> list[Formula]:
    """Return how many operations there are, and how many of their kinds miss their aim."""
    if not rows:
        return []
    counts = sorted((row.count for row in rows), reverse=True)
    terms = counts[:_MOST_TERMS] + ([sum(counts[_MOST_TERMS:])] if counts[_MOST_TERMS:] else [])
    missed = sum(row.is_problem for row in rows)
    rest = len(counts) - _MOST_TERMS
    return [
        Formula(key="operation_count",
                worked=f"{' + '.join(map(term, terms))} = {sum(counts):,}",
                note=f"the last term is {rest} rarer kinds" if rest > 0 else ""),
        Formula(key="missed_kinds",
                worked=ratio(missed, len(rows), format_percent(missed / len(rows)))),
    ]  # fmt: skip


def run_size_formula(files: Mapping[str, int], whole: int) -> Formula:
    """Return a run's size as the sum of its files, and of measurements kept beside them.

    Args:
        files: Bytes of each content, once.
        whole: What the run keeps, in bytes.
    """
    sizes = sorted(files.values(), reverse=True)
    beside = whole - sum(sizes)
    if not sizes or beside < 0:  # a file is gone: what is left does not add up to it
        return Formula(key="run_bytes", worked=format_bytes(whole))
    rest = sizes[_MOST_TERMS:]
    terms = [*sizes[:_MOST_TERMS], *([sum(rest)] if rest else []), *([beside] if beside else [])]
    notes = [f"then {len(rest)} smaller files"] if rest else []
    notes += ["the last term is its measurements"] if beside else []
    return Formula(key="run_bytes", note=", ".join(notes),
                   worked=f"{' + '.join(map(term, terms))} = {format_bytes(whole)}")


def usage_formula(usage: Usage) -> Formula:
    """Return how much of the quota is taken."""
    share = usage.artifact_bytes / usage.quota_bytes if usage.quota_bytes else 1.0
    return Formula(key="kept_share", note="bytes",
                   worked=ratio(usage.artifact_bytes, usage.quota_bytes, format_percent(share)))


def measured_formulas(medians: Mapping[str, float], original: float | None) -> list[Formula]:
    """Return the formulas of one latency measurement's medians.

    Args:
        medians: In milliseconds, of each variant that was timed.
        original: Of the original; None where it was not timed.
    """
    least = min(medians.values(), default=None)
    listed = "; ".join(term(value) for value in medians.values())
    return [
        Formula(key="p50_ms", owner="original",
                worked="" if original is None else format_ms(original),
                note="" if original is None else "single times are kept with the measurement"),
        Formula(key="fastest_p50_ms", note="ms" if least is not None else "",
                worked="" if least is None else f"min({listed}) = {format_ms(least)}"),
    ]  # fmt: skip


def story_formulas(
    comparison: Comparison, variant: Variant, *, users: int, inferences: int
) -> list[Formula]:
    """Return the formulas of a story's three figures and of what it adds up.

    Args:
        comparison: The run's result.
        variant: Whose story it is.
        users: People who get the model.
        inferences: Of each.
    """
    own = list_formulas(comparison, variant)
    savings = count_savings(comparison, variant, users=users, inferences=inferences)
    return [*(own[key] for key in _STORY_KEYS if key in own and own[key].worked),
            *_savings(comparison, variant, savings)]


def _savings(comparison: Comparison, variant: Variant, savings: Savings) -> list[Formula]:
    saved = signed(format_bytes(savings.bytes_all))
    found = [Formula(
        key="saved_bytes",
        worked=f"{term(savings.users)} · ({term(savings.original_bytes)} − "
               f"{term(savings.variant_bytes)}) = {saved}",
    )]  # fmt: skip
    before, after = comparison.reference.latency, variant.latency
    found.append(_hours(savings, before, after))
    plain = next((v for v in comparison.variants if v.recipe == "float32"), None)
    if plain is not None and plain is not variant:
        first, second = _model_memory(plain), _model_memory(variant)
        if first is not None and second is not None:
            less = signed(format_bytes(first - second))
            found.append(Formula(key="saved_memory_bytes",
                                 worked=f"{term(first)} − {term(second)} = {less}"))
    return found


def _hours(
    savings: Savings, before: LatencyStats | None, after: LatencyStats | None
) -> Formula:
    if savings.hours is None or before is None or after is None:
        return Formula(key="saved_hours")
    shown = signed(f"{savings.hours:.4g} h")
    return Formula(
        key="saved_hours",
        worked=f"{term(savings.users)} · {term(savings.inferences)} · ({term(before.p50_ms)} ms − "
               f"{term(after.p50_ms)} ms) / {term(MS_PER_HOUR)} ms = {shown}",
    )


def _model_memory(variant: Variant) -> int | None:
    peak, bare = variant.peak_memory_bytes, variant.runtime_memory_bytes
    return None if peak is None or bare is None else peak - bare
