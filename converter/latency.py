"""Latency statistics out of raw samples, and the protocol by which they are taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from converter.json_figures import read_figures
from converter.latency_intervals import Interval, percentile_intervals


@dataclass(frozen=True, kw_only=True)
class LatencyProtocol:
    """How often and how long to run; both minima must be reached.

    Attributes:
        warmup_runs: Least number of runs that are not counted.
        warmup_seconds: Least time spent in them.
        runs: Least number of timed runs.
        seconds: Least time spent in them.
        rounds: Turns into which the timed runs are cut; in each, every candidate has its share,
            so that a drift of the machine's speed hits all alike. Ten, because intervals come from
            resampling turns, and a trend over five cannot be told from chance.
        settle_seconds: Warming up goes on until it is stable (`protocol.warm_up`), but no longer
            than this; 0 does not ask for stability.
    """

    warmup_runs: int = 5
    warmup_seconds: float = 0.5
    runs: int = 50
    seconds: float = 1.0
    rounds: int = 10
    settle_seconds: float = 2.0

    @classmethod
    def exactly(cls, runs: int) -> LatencyProtocol:
        """Return the protocol of exactly `runs` timed runs after 5 warm-ups."""
        return cls(
            warmup_seconds=0.0, runs=runs, seconds=0.0, rounds=min(10, runs), settle_seconds=0.0
        )

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
        p50_ci95_ms: 95 % interval of the median, from resampling whole turns; None where there are
            too few turns or runs for one (`latency_intervals`).
        p90_ci95_ms: As for the median.
        p99_ci95_ms: As for the median.
        turn_runs: Timed runs of each turn, in order; with them the raw samples can be cut.
        warmup_settled: Whether warming up became stable before its time was over; None where
            exactly so many warm-ups were asked for.
        noise: Kinds of noise found in the samples (`noise.NOISE_KINDS`).
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
    p50_ci95_ms: Interval | None = None
    p90_ci95_ms: Interval | None = None
    p99_ci95_ms: Interval | None = None
    turn_runs: tuple[int, ...] = ()
    warmup_settled: bool | None = None
    noise: tuple[str, ...] = ()

    @classmethod
    def from_samples(
        cls,
        samples_ms: Sequence[float] | np.ndarray,
        *,
        threads: int,
        warmup_runs: int,
        init_ms: float | None = None,
        first_ms: float | None = None,
        turn_runs: Sequence[int] = (),
        warmup_settled: bool | None = None,
        noise: Sequence[str] = (),
    ) -> LatencyStats:
        """Summarize raw samples.

        Args:
            samples_ms: Shape `(runs,)`, milliseconds, at least one.
            threads: Threads given to the runtime.
            warmup_runs: Runs before timing.
            init_ms: Load and allocation time, where measured.
            first_ms: First inference, where measured.
            turn_runs: Runs of each turn; without them there are no intervals.
            warmup_settled: Whether warming up became stable.
            noise: Kinds of noise found.

        Raises:
            ValueError: When there is no sample, or the turns do not make up the samples.
        """
        samples = np.asarray(samples_ms, dtype=np.float64)
        if samples.size == 0:
            raise ValueError("expected at least one latency sample, found none")
        percents = (50, 90, 99)
        p50, p90, p99 = np.percentile(samples, percents)
        intervals = percentile_intervals(samples, turn_runs or [samples.size], percents)
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
            p50_ci95_ms=intervals[0],
            p90_ci95_ms=intervals[1],
            p99_ci95_ms=intervals[2],
            turn_runs=tuple(turn_runs),
            warmup_settled=warmup_settled,
            noise=tuple(noise),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> LatencyStats:
        """Read `to_json`'s form; fields that this version does not know are left out."""
        read = read_figures(cls, values)
        for name in ("p50_ci95_ms", "p90_ci95_ms", "p99_ci95_ms"):
            read[name] = None if read[name] is None else tuple(read[name])
        for name in ("turn_runs", "noise"):
            read[name] = tuple(read[name] or ())
        return cls(**read)
