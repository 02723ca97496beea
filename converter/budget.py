"""What a person asks of a candidate: limits that must hold, and what to minimize."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from converter.errors import SettingError

SIZE, LATENCY, DRIFT = "size", "latency", "drift"
OBJECTIVES = (SIZE, LATENCY, DRIFT)
_NO_SIGNAL_DB = 200.0
"""SQNR stands for exact outputs from here on, so that an infinite figure can be compared."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What is known of a candidate on one split.

    Attributes:
        size_bytes: Of its file.
        sqnr_db: Of the worst output; `inf` where exact, NaN where outputs are NaN.
        agreement: Top-1 agreement with the original; None without classes.
        accuracy: Top-1 accuracy; None without labels.
        predicted_ms: Latency by the cost table; None where there is none.
        problem: Why it cannot be used (it does not run, it gives NaN); None where it can.
    """

    size_bytes: int
    sqnr_db: float
    agreement: float | None = None
    accuracy: float | None = None
    predicted_ms: float | None = None
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Limits; None where there is none.

    Attributes:
        most_size_bytes: Of the file.
        least_sqnr_db: Of the worst output.
        least_agreement: Share of samples, 0 to 1.
        most_accuracy_drop: Below the original's accuracy on the same samples, 0 to 1.
        most_predicted_ms: By the cost table.
        minimize: `size`, `latency` or `drift`.
    """

    most_size_bytes: int | None = None
    least_sqnr_db: float | None = None
    least_agreement: float | None = None
    most_accuracy_drop: float | None = None
    most_predicted_ms: float | None = None
    minimize: str = SIZE

    def __post_init__(self) -> None:
        if self.minimize not in OBJECTIVES:
            raise SettingError(
                f"budget: expected one of {', '.join(OBJECTIVES)} to minimize, found "
                f"{self.minimize[:40]!r}; choose one of them."
            )
        for name in _LIMITS:
            value = getattr(self, name)
            if value is not None and (not math.isfinite(value) or value < 0):
                raise SettingError(
                    f"budget: expected {name} to be a number of at least 0, found {value}; leave "
                    "it out or give another one."
                )

    @property
    def has_limits(self) -> bool:
        """Whether anything must hold."""
        return any(getattr(self, name) is not None for name in _LIMITS)

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read `to_json`'s form."""
        return cls(**values)


_LIMITS = ("most_size_bytes", "least_sqnr_db", "least_agreement", "most_accuracy_drop",
           "most_predicted_ms")  # fmt: skip


def violations(budget: Budget, found: Figures, original: Figures) -> dict[str, float]:
    """Return by how much each limit is broken, as a share of the limit; empty where all hold.

    A limit on a figure that was not measured is broken wholly (1.0): it cannot be said to hold.

    Args:
        budget: The limits.
        found: Of the candidate.
        original: Of the float file on the same samples, for its accuracy.
    """
    if found.problem is not None:
        return {"problem": math.inf}
    checks: list[tuple[str, float | None, float | None, bool]] = [
        ("most_size_bytes", budget.most_size_bytes, found.size_bytes, False),
        ("least_sqnr_db", budget.least_sqnr_db, found.sqnr_db, True),
        ("least_agreement", budget.least_agreement, found.agreement, True),
        ("most_predicted_ms", budget.most_predicted_ms, found.predicted_ms, False),
    ]
    if budget.most_accuracy_drop is not None:
        floor = None if original.accuracy is None else (
            original.accuracy - budget.most_accuracy_drop
        )
        # Counts of samples: a drop of exactly the limit holds, whatever floats make of it.
        checks.append(
            ("most_accuracy_drop", None if floor is None else floor - 1e-9, found.accuracy, True)
        )
        if floor is None:
            return {"most_accuracy_drop": 1.0}
    broken = {}
    for name, limit, value, at_least in checks:
        if limit is None:
            continue
        if value is None or math.isnan(value):
            broken[name] = 1.0
            continue
        gap = limit - value if at_least else value - limit
        if gap > 0:
            broken[name] = min(gap / max(abs(limit), 1e-9), 1e9)
    return broken


def objective(budget: Budget, found: Figures) -> tuple[float, ...]:
    """Return what is to be small, ties broken by the other two."""
    size = float(found.size_bytes)
    latency = math.inf if found.predicted_ms is None else found.predicted_ms
    closeness = -closeness_db(found)
    order = {
        SIZE: (size, closeness, latency),
        LATENCY: (latency, size, closeness),
        DRIFT: (closeness, size, latency),
    }
    return order[budget.minimize]


def closeness_db(found: Figures) -> float:
    """Return SQNR as a finite number: exact outputs count as 200 dB, NaN as -200."""
    if math.isnan(found.sqnr_db):
        return -_NO_SIGNAL_DB
    return max(-_NO_SIGNAL_DB, min(_NO_SIGNAL_DB, found.sqnr_db))


def pareto_indices(figures: Iterable[Figures]) -> list[int]:
    """Return which are not beaten in size, predicted latency and closeness at once.

    Those with a problem are on no frontier.
    """
    points = [
        None
        if f.problem is not None
        else (float(f.size_bytes), f.predicted_ms or 0.0, -closeness_db(f))
        for f in figures
    ]
    kept: list[int] = []
    for index, point in enumerate(points):
        if point is None:
            continue
        beaten = any(
            other is not None
            and all(o <= p for o, p in zip(other, point, strict=True))
            and (other != point or position < index)
            for position, other in enumerate(points)
            if position != index
        )
        if not beaten:
            kept.append(index)
    return kept
