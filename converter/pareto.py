"""Which variants are worth having: those that no other beats in size, latency and drift at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

from converter.comparison import Variant

Point = tuple[float, ...]


def dominates(one: Point, other: Point) -> bool:
    """Whether `one` is nowhere worse (larger) than `other` and somewhere better."""
    pairs = list(zip(one, other, strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def pareto_frontier(points: Sequence[Point]) -> list[bool]:
    """Return for each point whether no other dominates it; every coordinate: less is better.

    A point with NaN is never on the frontier and never keeps another off it.
    """
    known = [not any(math.isnan(value) for value in point) for point in points]
    return [
        known[index]
        and not any(
            known[other] and dominates(points[other], point) for other in range(len(points))
        )
        for index, point in enumerate(points)
    ]


def variant_point(variant: Variant) -> Point:
    """Return size in bytes, median latency in ms, and SQNR in dB with its sign turned."""
    return (
        math.nan if variant.size_bytes is None else float(variant.size_bytes),
        math.nan if variant.latency is None else variant.latency.p50_ms,
        math.nan if variant.drift is None else -variant.drift.sqnr_db,
    )


def frontier_recipes(variants: Sequence[Variant]) -> list[str]:
    """Return the recipes on the frontier of size, latency and drift, smallest first."""
    on_frontier = pareto_frontier([variant_point(variant) for variant in variants])
    kept = [variant for variant, keep in zip(variants, on_frontier, strict=True) if keep]
    return [variant.recipe for variant in sorted(kept, key=lambda v: v.size_bytes or 0)]
