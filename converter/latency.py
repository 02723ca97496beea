"""Latency statistics out of raw samples, and the protocol by which they are taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from converter.json_figures import read_figures


@dataclass(frozen=True, kw_only=True)
class LatencyProtocol:
    """How often and how long to run; both minima must be reached.

    Attributes:
        warmup_runs: Least number of runs that are not counted.
        warmup_seconds: Least time spent in them.
        runs: Least number of timed runs.
        seconds: Least time spent in them.
        rounds: Turns into which the timed runs are cut; in each, every candidate has its share,
            so that a drift of the machine's speed hits all alike.
    """

    warmup_runs: int = 5
    warmup_seconds: float = 0.5
    runs: int = 50
    seconds: float = 1.0
    rounds: int = 5

    @classmethod
    def exactly(cls, runs: int) -> LatencyProtocol:
        """Return the protocol of exactly `runs` timed runs after 5 warm-ups."""
        return cls(warmup_seconds=0.0, runs=runs, seconds=0.0, rounds=min(5, runs))

    def round_shares(self) -> list[tuple[int, float]]:
        """Return `(runs, seconds)` of each round; they sum to the protocol's own."""
        base, extra = divmod(self.runs, self.rounds)
        return [
            (base + (index < extra), self.seconds / self.rounds) for index in range(self.rounds)
        ]


@dataclass(frozen=True, kw_only=True)
class LatencyStats:
    """Latency of one inference in milliseconds, with the conditions of its measurement.

    Attributes:
        p50_ms: Median; the figure to quote.
        p90_ms: 90th percentile, linear interpolation as in `numpy.percentile`.
        p99_ms: 99th percentile.
        mean_ms: Arithmetic mean.
        stdev_ms: Sample standard deviation (`ddof=1`); 0 for a single run.
        init_ms: Loading the file and allocating its tensors.
        first_ms: The first inference after that.
        warmup_runs: Runs before timing that are not counted.
        runs: Timed runs.
        threads: Threads given to the runtime.
    """

    p50_ms: float
    p90_ms: float
    p99_ms: float
    mean_ms: float
    stdev_ms: float
    init_ms: float | None
    first_ms: float | None
    warmup_runs: int
    runs: int
    threads: int

    @classmethod
    def from_samples(
        cls,
        samples_ms: Sequence[float] | np.ndarray,
        *,
        threads: int,
        warmup_runs: int,
        init_ms: float | None = None,
        first_ms: float | None = None,
    ) -> LatencyStats:
        """Summarize raw samples.

        Args:
            samples_ms: Shape `(runs,)`, milliseconds, at least one.
            threads: Threads given to the runtime.
            warmup_runs: Runs before timing.
            init_ms: Load and allocation time, where measured.
            first_ms: First inference, where measured.

        Raises:
            ValueError: When there is no sample.
        """
        samples = np.asarray(samples_ms, dtype=np.float64)
        if samples.size == 0:
            raise ValueError("expected at least one latency sample, found none")
        p50, p90, p99 = np.percentile(samples, [50, 90, 99])
        return cls(
            p50_ms=float(p50),
            p90_ms=float(p90),
            p99_ms=float(p99),
            mean_ms=float(samples.mean()),
            stdev_ms=float(samples.std(ddof=1)) if samples.size > 1 else 0.0,
            init_ms=init_ms,
            first_ms=first_ms,
            warmup_runs=warmup_runs,
            runs=int(samples.size),
            threads=threads,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> LatencyStats:
        """Read `to_json`'s form; fields that this version does not know are left out."""
        return cls(**read_figures(cls, values))
