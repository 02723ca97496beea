"""The formulas of the Execution page: delegate, memory over time, starts and imports."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

import math
import statistics

from components.format import format_bytes, format_ms, format_percent, format_ratio
from components.formulas.formula import Formula, ratio, term
from converter.comparison import Variant
from converter.start_cost import LITERT, TENSORFLOW, ImportCost, StartCosts
from converter.tensor_lifetimes import Lifetimes, TensorLife

_MOST_TERMS = 6


def delegation_formulas(variant: Variant) -> list[Formula]:
    """Return the share of a variant's operators that the delegate runs."""
    found = variant.delegation
    worked = "" if found is None or not found.operators else ratio(
        found.delegated, found.operators, format_percent(found.share))
    return [Formula(key="delegated_share", worked=worked, owner=variant.recipe)]


def arena_formula(found: Lifetimes) -> Formula:
    """Return the activations at the peak, summed from the largest of them."""
    if found.peak_operator is None:
        return Formula(key="arena_bytes")
    alive = [tensor.size_bytes for tensor in found.alive_at(found.peak_operator)]
    terms, rest = alive[:_MOST_TERMS], alive[_MOST_TERMS:]
    if rest:
        terms.append(sum(rest))
    return Formula(
        key="arena_bytes",
        worked=f"{' + '.join(map(term, terms))} = {format_bytes(found.peak_bytes)}",
        note=f"operator {found.peak_operator + 1}"
             f"{f', the last term is {len(rest)} smaller tensors' if rest else ''}",
    )


def arena_formulas(variant: Variant, found: Lifetimes) -> list[Formula]:
    """Return what LiteRT's arena takes by its own plan, and what the allocator handed out."""
    plan, arena = found.plan, variant.arena
    return [
        Formula(
            key="arena_plan_bytes",
            worked=f"{term(plan.activation_bytes)} + {term(plan.kept_bytes)} = "
                   f"{format_bytes(plan.total_bytes)}",
        ),
        *(
            Formula(key=key, worked="" if size is None else format_bytes(size),
                    note="" if size is None else f"{term(size)} bytes, one fresh process")
            for key, size in (
                ("arena_builtin_bytes", None if arena is None else arena.builtin_bytes),
                ("arena_default_bytes", None if arena is None else arena.default_bytes),
            )
        ),
    ]  # fmt: skip


def tensor_formula(tensor: TensorLife) -> Formula:
    """Return the bytes of one activation."""
    values = math.prod(tensor.shape)
    if not values or not tensor.size_bytes:
        return Formula(key="tensor_bytes", worked=format_bytes(tensor.size_bytes))
    shape = " · ".join(map(term, tensor.shape)) or "1"
    return Formula(
        key="tensor_bytes", owner=f"{tensor.name[-48:]}, {tensor.dtype}",
        worked=f"{shape} · {term(tensor.size_bytes / values)} = {format_bytes(tensor.size_bytes)}",
    )


def import_formulas(costs: StartCosts) -> list[Formula]:
    """Return the formulas of what importing costs, and of the starts of the first file."""
    by_name = {cost.package: cost for cost in costs.imports}
    found = [
        _median_of("import_ms", [1000 * s for s in cost.seconds], name.split(".")[0])
        for name, cost in by_name.items()
    ]
    slow, fast = by_name.get(TENSORFLOW), by_name.get(LITERT)
    if slow is not None and fast is not None and fast.median_seconds > 0:
        times = slow.median_seconds / fast.median_seconds
        found.append(Formula(
            key="import_ratio",
            worked=f"{term(slow.median_seconds)} s / {term(fast.median_seconds)} s = "
                   f"{format_ratio(times)}",
        ))  # fmt: skip
    found += [_import_bytes(name, cost) for name, cost in by_name.items()]
    for file in costs.files:
        if file.resident_bytes:
            found.append(_bytes_median("start_bytes", file.resident_bytes, file.recipe))
            break
    return found


def _import_bytes(name: str, cost: ImportCost) -> Formula:
    return _bytes_median("import_bytes", cost.resident_bytes, name.split(".")[0])


def _median_of(key: str, values: list[float], owner: str) -> Formula:
    listed = "; ".join(term(value) for value in values)
    return Formula(key=key, owner=owner, note="ms",
                   worked=f"median({listed}) = {format_ms(statistics.median(values))}")


def _bytes_median(key: str, values: list[int], owner: str) -> Formula:
    listed = "; ".join(str(value) for value in values)
    return Formula(key=key, owner=owner, note="bytes",
                   worked=f"median({listed}) = {format_bytes(statistics.median(values))}")
