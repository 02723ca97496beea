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


def gate_violations(variant: Variant, bounds: Bounds) -> list[str]:
    """Return one sentence for each bound that does not hold.

    A figure that was not measured cannot hold a bound: it is a violation too.
    """
    drop = None
    if variant.accuracy is not None and variant.accuracy.delta is not None:
        drop = -variant.accuracy.delta
    drift = variant.drift
    latency = variant.latency
    found: dict[str, float | None] = {
        "size_bytes": variant.size_bytes,
        "p50_ms": None if latency is None else latency.p50_ms,
        "sqnr_db": None if drift is None else drift.sqnr_db,
        "top1_agreement": None if drift is None else drift.top1_agreement,
        "accuracy_drop": drop,
    }
    checks = (
        ("size_bytes", bounds.max_size_bytes, "at most"),
        ("p50_ms", bounds.max_p50_ms, "at most"),
        ("sqnr_db", bounds.min_sqnr_db, "at least"),
        ("top1_agreement", bounds.min_top1_agreement, "at least"),
        ("accuracy_drop", bounds.max_accuracy_drop, "at most"),
    )
    violations = []
    if variant.status != "ok":
        violations.append(f"{variant.recipe}: the variant failed: {variant.error}")
    for name, bound, kind in checks:
        if bound is None:
            continue
        value = found[name]
        if value is None or math.isnan(value):
            violations.append(
                f"{variant.recipe}: {name} was not measured, asked is {kind} {_plain(bound)}"
            )
        elif math.isnan(bound):
            violations.append(f"{variant.recipe}: the bound on {name} is no number, give one")
        elif (value > bound + _SLACK) if kind == "at most" else (value < bound - _SLACK):
            violations.append(
                f"{variant.recipe}: {name} is {_plain(value)}, asked is {kind} {_plain(bound)}"
            )
    return violations


def _plain(value: float) -> str:
    """Return a figure as people write it: sizes whole, others with six digits."""
    return str(int(value)) if math.isfinite(value) and value == int(value) else f"{value:.6g}"
