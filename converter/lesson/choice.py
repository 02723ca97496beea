"""Step 6: limits first, then the cheapest variant that holds them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from converter.comparison import Comparison, Variant
from converter.verdict import MIN_AGREEMENT, MIN_SQNR_DB

SIZE, LATENCY = "size", "latency"
COSTS = (SIZE, LATENCY)
SQNR, AGREEMENT, ACCURACY = "sqnr", "agreement", "accuracy"
QUALITIES = (AGREEMENT, SQNR, ACCURACY)
_SMALLER = 0.5
"""The size that the lesson begins with, as a part of the original's."""
_ACCURACY_LOSS = 0.01
"""The loss of accuracy that the lesson begins with, as a share of all samples."""


@dataclass(frozen=True)
class Candidate:
    """One variant's place.

    Attributes:
        recipe: Its name.
        cost: Bytes or milliseconds.
        quality: Decibels (`inf` where its outputs are identical) or a share from 0 to 1.
    """

    recipe: str
    cost: float
    quality: float


def cost_of(variant: Variant, cost: str) -> float | None:
    """Return a variant's bytes or median milliseconds; None where that is not known."""
    if cost == SIZE:
        return None if variant.size_bytes is None else float(variant.size_bytes)
    return None if variant.latency is None else variant.latency.p50_ms


def quality_of(variant: Variant, quality: str) -> float | None:
    """Return a variant's SQNR, agreement or accuracy; None where it is not known or NaN."""
    if quality == ACCURACY:
        return None if variant.accuracy is None else variant.accuracy.top1
    if variant.drift is None:
        return None
    value = variant.drift.sqnr_db if quality == SQNR else variant.drift.top1_agreement
    return None if value is None or math.isnan(value) else value


def candidates(comparison: Comparison, cost: str, quality: str) -> list[Candidate]:
    """Return the variants that have both figures and give no NaN, in the order asked."""
    found = []
    for variant in comparison.usable:
        price, worth = cost_of(variant, cost), quality_of(variant, quality)
        numbers = variant.drift is None or not variant.drift.non_finite_count
        if price is not None and worth is not None and numbers:
            found.append(Candidate(variant.recipe, price, worth))
    return found


def offered(comparison: Comparison) -> tuple[list[str], list[str]]:
    """Return the costs and the qualities by which at least one variant can be chosen."""
    costs = [c for c in COSTS if any(candidates(comparison, c, q) for q in QUALITIES)]
    return costs, [q for q in QUALITIES if any(candidates(comparison, c, q) for c in costs)]


def original_cost(comparison: Comparison, cost: str) -> float | None:
    """Return the original's bytes (no optimizer state) or milliseconds; None if not measured."""
    if cost == SIZE:
        return float(comparison.model.size_without_optimizer_bytes)
    latency = comparison.reference.latency
    return None if latency is None else latency.p50_ms


def first_limits(comparison: Comparison, cost: str, quality: str) -> tuple[float, float]:
    """Return the limits that the lesson begins with: the most cost and the least quality.

    Half the original's size, or float32's time or less; what the verdict's rule asks of drift; an
    accuracy at most one point below the original's.
    """
    placed = candidates(comparison, cost, quality)
    most = max(each.cost for each in placed)
    original = original_cost(comparison, cost)
    if cost == SIZE and original is not None:
        most = original * _SMALLER
    elif cost == LATENCY:
        most = next((each.cost for each in placed if each.recipe == "float32"), original or most)
    if quality != ACCURACY:
        return most, MIN_AGREEMENT if quality == AGREEMENT else MIN_SQNR_DB
    accuracy = comparison.reference.accuracy
    top1 = None if accuracy is None else accuracy.top1
    best = max(each.quality for each in placed) if top1 is None else top1
    return most, best - _ACCURACY_LOSS


def remaining(placed: list[Candidate], most: float, least: float) -> list[Candidate]:
    """Return those that hold both limits, the cheapest first; at equal cost the better."""
    # A share counts samples: exactly the limit holds, whatever its decimals make of it.
    held = [each for each in placed if each.cost <= most and each.quality >= least - 1e-9]
    return sorted(held, key=lambda each: (each.cost, -each.quality))
