"""What a smaller and faster file means for many people: plain arithmetic on measured figures."""

from __future__ import annotations

from dataclasses import dataclass

from converter.comparison import Comparison, Variant
from converter.latency import LatencyStats

MS_PER_HOUR = 3_600_000.0


@dataclass(frozen=True, kw_only=True)
class Savings:
    """The original against a variant, each figure without rounding.

    Attributes:
        users: People who download the file once.
        inferences: Inferences of each of them.
        original_bytes: The original's file, without optimizer state.
        variant_bytes: The variant's file.
        hours: Processor hours of all inferences that are saved, from the medians; negative where
            the variant is slower; None where one of the two was not timed.
        hours_interval: The same with the medians' 95 % intervals at their worst and their best;
            None where one of the intervals is missing.
    """

    users: int
    inferences: int
    original_bytes: int
    variant_bytes: int
    hours: float | None
    hours_interval: tuple[float, float] | None

    @property
    def bytes_each(self) -> int:
        """Bytes that one person downloads less."""
        return self.original_bytes - self.variant_bytes

    @property
    def bytes_all(self) -> int:
        """Bytes that all download less."""
        return self.users * self.bytes_each


def count_savings(
    comparison: Comparison, variant: Variant, *, users: int, inferences: int
) -> Savings:
    """Return what a variant saves.

    Args:
        comparison: The run's result.
        variant: One with a file.
        users: People, at least 1.
        inferences: Of each, at least 1.
    """
    before, after = comparison.reference.latency, variant.latency
    hours, interval = None, None
    if before is not None and after is not None:
        runs = users * inferences
        hours = runs * (before.p50_ms - after.p50_ms) / MS_PER_HOUR
        interval = _interval(before, after, runs)
    return Savings(
        users=users,
        inferences=inferences,
        original_bytes=comparison.model.size_without_optimizer_bytes,
        variant_bytes=int(variant.size_bytes or 0),
        hours=hours,
        hours_interval=interval,
    )


def _interval(
    before: LatencyStats, after: LatencyStats, runs: int
) -> tuple[float, float] | None:
    if before.p50_ci95_ms is None or after.p50_ci95_ms is None:
        return None
    least = before.p50_ci95_ms[0] - after.p50_ci95_ms[1]
    most = before.p50_ci95_ms[1] - after.p50_ci95_ms[0]
    return runs * least / MS_PER_HOUR, runs * most / MS_PER_HOUR
