"""Bounds that a variant must keep, for continuous integration."""

from __future__ import annotations

import math
from dataclasses import dataclass

from converter.comparison import Variant

_SLACK = 1e-9
"""0.98 - 0.97 is a little more than 0.01 in binary, which no one means by it."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What must hold; None where nothing is asked.

    Attributes:
        max_size_bytes: Of the `.tflite` file.
        max_p50_ms: Median latency.
        min_sqnr_db: SQNR of the worst output.
        min_top1_agreement: Share of samples with the reference's top class, 0..1.
        max_accuracy_drop: Reference accuracy minus the variant's, 0..1.
    """

    max_size_bytes: float | None = None
    max_p50_ms: float | None = None
    min_sqnr_db: float | None = None
    min_top1_agreement: float | None = None
    max_accuracy_drop: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked."""
        return all(value is None for value in vars(self).values())


@dataclass(frozen=True)
class Check:
    """Whether one thing that was asked of a variant holds.

    Attributes:
        name: The figure, or `status`.
        asked: What was asked of it.
        found: What it is.
        holds: A figure that was not measured holds no bound.
        violation: One sentence where it does not hold, else empty.
    """

    name: str
    asked: str
    found: str
    holds: bool
    violation: str = ""


def gate_checks(variant: Variant, bounds: Bounds) -> list[Check]:
    """Return whether the variant went well, then one check for each bound."""
    drop = None
    if variant.accuracy is not None and variant.accuracy.delta is not None:
        drop = -variant.accuracy.delta
    drift = variant.drift
    latency = variant.latency
    sqnr = None if drift is None else drift.sqnr_db
    agreement = None if drift is None else drift.top1_agreement
    rows: tuple[tuple[str, float | None, float | None, str], ...] = (
        ("size_bytes", variant.size_bytes, bounds.max_size_bytes, "at most"),
        ("p50_ms", None if latency is None else latency.p50_ms, bounds.max_p50_ms, "at most"),
        ("sqnr_db", sqnr, bounds.min_sqnr_db, "at least"),
        ("top1_agreement", agreement, bounds.min_top1_agreement, "at least"),
        ("accuracy_drop", drop, bounds.max_accuracy_drop, "at most"),
    )
    failed = variant.status != "ok"
    why = f"{variant.recipe}: the variant failed: {variant.error}" if failed else ""
    checks = [Check("status", "ok", variant.status, not failed, why)]
    return checks + [
        _check(variant.recipe, name, value, bound, kind)
        for name, value, bound, kind in rows
        if bound is not None
    ]


def gate_violations(variant: Variant, bounds: Bounds) -> list[str]:
    """Return one sentence for each bound that does not hold.

    A figure that was not measured cannot hold a bound: it is a violation too.
    """
    return [check.violation for check in gate_checks(variant, bounds) if not check.holds]


def _check(recipe: str, name: str, value: float | None, bound: float, kind: str) -> Check:
    asked = f"{kind} {_plain(bound)}"
    if value is None or math.isnan(value):
        why = f"{recipe}: {name} was not measured, asked is {asked}"
        return Check(name, asked, "not measured", False, why)
    found = _plain(value)
    if math.isnan(bound):
        why = f"{recipe}: the bound on {name} is no number, give one"
        return Check(name, asked, found, False, why)
    if (value > bound + _SLACK) if kind == "at most" else (value < bound - _SLACK):
        return Check(name, asked, found, False, f"{recipe}: {name} is {found}, asked is {asked}")
    return Check(name, asked, found, True)


def _plain(value: float) -> str:
    """Return a figure as people write it: sizes whole, others with six digits."""
    return str(int(value)) if math.isfinite(value) and value == int(value) else f"{value:.6g}"
