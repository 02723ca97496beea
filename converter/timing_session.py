"""Latency of all candidates in turns: A B C A B C, one at a time, each in its own process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from converter.child_process import Worker
from converter.errors import LiteDriftError
from converter.latency import LatencyProtocol, LatencyStats
from converter.progress import ProgressTracker
from converter.tensor_binding import Binding
from converter.worker_pool import WorkerPool

NOISY_RATIO = 1.5
"""Slowest turn over fastest from which on a note is made."""


@dataclass
class Candidate:
    """Something to time.

    Attributes:
        name: The recipe, or `original`.
        worker: A prepared process that answers `time`.
        init_ms: Its load and allocation time, where measured.
        first_ms: Its first inference.
        samples_ms: What has been measured so far.
        turn_p50_ms: Median of each turn.
        warmup_runs: Runs before timing.
        error: Why it dropped out.
    """

    name: str
    worker: Worker
    init_ms: float | None = None
    first_ms: float | None = None
    samples_ms: list[float] = field(default_factory=list)
    turn_p50_ms: list[float] = field(default_factory=list)
    warmup_runs: int = 0
    error: str | None = None

    @property
    def is_measured(self) -> bool:
        """Whether it has samples and did not drop out."""
        return self.error is None and bool(self.samples_ms)

    @property
    def noise_note(self) -> str | None:
        """Say so where the median moved between the turns, in place of a falsely firm figure."""
        if len(self.turn_p50_ms) < 2 or min(self.turn_p50_ms) <= 0:
            return None
        low, high = min(self.turn_p50_ms), max(self.turn_p50_ms)
        if high / low < NOISY_RATIO:
            return None
        return (
            f"The machine was noisy: between turns the median latency moved from {low:.3g} to "
            f"{high:.3g} ms; measure again on a quiet one before relying on it."
        )

    def stats(self, threads: int) -> LatencyStats | None:
        """Summarize; None where nothing was measured."""
        if not self.is_measured:
            return None
        return LatencyStats.from_samples(
            np.array(self.samples_ms),
            threads=threads,
            warmup_runs=self.warmup_runs,
            init_ms=self.init_ms,
            first_ms=self.first_ms,
        )


def start_candidates(
    pool: WorkerPool,
    files: Mapping[str, tuple[Path, Binding]],
    samples: Path,
    threads: int,
    limit_seconds: float,
) -> list[Candidate]:
    """Load each file in a fresh process, one after the other, timing load and first inference.

    Args:
        pool: Of the run.
        files: `.tflite` files by recipe, with how each is opened.
        samples: Evaluation samples, as `sample_arrays` writes them; the first is fed.
        threads: For LiteRT.
        limit_seconds: Bound on one load.
    """
    # All processes start first: their imports go on side by side, the timed loads do not.
    workers = {name: pool.start("timing", "LiteRT", task=f"while timing {name}") for name in files}
    for worker in workers.values():
        worker.ask("ready", limit_seconds)
    candidates = []
    for name, (path, binding) in files.items():
        candidate = Candidate(name, workers[name])
        try:
            answer = candidate.worker.ask(
                "prepare",
                limit_seconds,
                samples=str(samples),
                path=str(path),
                threads=threads,
                binding=binding.to_json(),
            )
            candidate.init_ms, candidate.first_ms = answer["init_ms"], answer["first_ms"]
        except LiteDriftError as error:
            candidate.error = str(error)
        candidates.append(candidate)
    return candidates


def turn_labels(names: list[str], protocol: LatencyProtocol) -> list[str]:
    """Return the labels of all turns, in order, for progress."""
    return [
        _turn_label(name, turn, protocol)
        for turn in range(1, protocol.rounds + 1)
        for name in names
    ]


def _turn_label(name: str, turn: int, protocol: LatencyProtocol) -> str:
    return f"measure {name}, turn {turn} of {protocol.rounds}"


def measure_in_turns(
    candidates: list[Candidate],
    protocol: LatencyProtocol,
    limit_seconds: float,
    tracker: ProgressTracker,
) -> None:
    """Warm every candidate up, then time them in turns; one that fails drops out alone.

    Args:
        candidates: Prepared candidates; their `samples_ms` are filled.
        protocol: How often and how long.
        limit_seconds: Bound on one turn.
        tracker: Told of every turn.
    """
    for candidate in candidates:
        warmed = _time(candidate, protocol.warmup_runs, protocol.warmup_seconds, limit_seconds)
        candidate.warmup_runs = len(warmed)
    for turn, (runs, seconds) in enumerate(protocol.round_shares(), start=1):
        for candidate in candidates:
            label = _turn_label(candidate.name, turn, protocol)
            tracker.begin(label)
            samples = _time(candidate, runs, seconds, limit_seconds)
            candidate.samples_ms += samples
            if samples:
                candidate.turn_p50_ms.append(float(np.median(samples)))
            tracker.end(label)


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
