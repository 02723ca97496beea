"""Latency of all candidates in turns: A B C A B C, one at a time, each in its own process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from converter.child_process import Worker
from converter.errors import LiteDriftError
from converter.latency import LatencyProtocol, LatencyStats


@dataclass
class Candidate:
    """Something to time.

    Attributes:
        name: The recipe, or `original`.
        worker: A prepared process that answers `time`.
        init_ms: Its load and allocation time, where measured.
        first_ms: Its first inference.
        samples_ms: What has been measured so far.
        warmup_runs: Runs before timing.
        error: Why it dropped out.
    """

    name: str
    worker: Worker
    init_ms: float | None
    first_ms: float | None
    samples_ms: list[float] = field(default_factory=list)
    warmup_runs: int = 0
    error: str | None = None

    def stats(self, threads: int) -> LatencyStats | None:
        """Summarize; None where nothing was measured."""
        if self.error is not None or not self.samples_ms:
            return None
        return LatencyStats.from_samples(
            np.array(self.samples_ms), threads=threads, warmup_runs=self.warmup_runs,
            init_ms=self.init_ms, first_ms=self.first_ms,
        )


def turn_labels(names: list[str], protocol: LatencyProtocol) -> list[str]:
    """Return the names of all turns, in order, for progress."""
    return [
        f"measure {name}, turn {turn} of {protocol.rounds}"
        for turn in range(1, protocol.rounds + 1)
        for name in names
    ]


def measure_in_turns(
    candidates: list[Candidate],
    protocol: LatencyProtocol,
    limit_seconds: float,
    begin: Callable[[str], None],
    end: Callable[[str], None],
) -> None:
    """Warm every candidate up, then time them in turns; one that fails drops out alone.

    Args:
        candidates: Prepared candidates; their `samples_ms` are filled.
        protocol: How often and how long.
        limit_seconds: Bound on one turn.
        begin: Called with a turn's label before it.
        end: Called with it afterwards.
    """
    for candidate in candidates:
        warmed = _time(candidate, protocol.warmup_runs, protocol.warmup_seconds, limit_seconds)
        candidate.warmup_runs = len(warmed)
    for turn, (runs, seconds) in enumerate(protocol.round_shares(), start=1):
        for candidate in candidates:
            label = f"measure {candidate.name}, turn {turn} of {protocol.rounds}"
            begin(label)
            candidate.samples_ms += _time(candidate, runs, seconds, limit_seconds)
            end(label)


def _time(candidate: Candidate, runs: int, seconds: float, limit: float) -> list[float]:
    if candidate.error is not None:
        return []
    try:
        answer = candidate.worker.ask("time", limit + seconds, runs=runs, seconds=seconds)
    except LiteDriftError as error:
        candidate.error = str(error)
        return []
    samples: list[float] = answer["samples_ms"]
    return samples
