"""Latency of all candidates in turns: A B C A B C, one at a time, each in its own process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from converter.child_process import Worker
from converter.delegation import Delegation
from converter.environment import read_clock_mhz
from converter.errors import LiteDriftError
from converter.kernels import Kernels
from converter.latency import LatencyProtocol, LatencyStats
from converter.noise import Noise, Usage, diagnose
from converter.progress import ProgressTracker
from converter.tensor_binding import Binding
from converter.worker_pool import WorkerPool


@dataclass(frozen=True, kw_only=True)
class TimedFile:
    """A `.tflite` and how it is run.

    Attributes:
        path: The file.
        binding: How it is opened.
        threads: For LiteRT.
        kernels: One of `kernels.KERNELS`.
    """

    path: Path
    binding: Binding
    threads: int
    kernels: str = Kernels.DEFAULT


@dataclass
class Candidate:
    """Something to time.

    Attributes:
        name: The recipe, or `original`.
        worker: A prepared process that answers `time`.
        init_ms: Its load and allocation time, where measured.
        first_ms: Its first inference.
        samples_ms: What has been measured so far.
        turn_runs: Timed runs of each turn.
        warmup_runs: Runs before timing.
        settled: Whether warming up became stable; None where that was not asked.
        usage: What the system told of its turns.
        delegation: What the delegate took over; None for what is no file, or where LiteRT does not
            tell.
        error: Why it dropped out.
    """

    name: str
    worker: Worker
    init_ms: float | None = None
    first_ms: float | None = None
    samples_ms: list[float] = field(default_factory=list)
    turn_runs: list[int] = field(default_factory=list)
    warmup_runs: int = 0
    settled: bool | None = None
    usage: Usage = field(default_factory=Usage)
    delegation: Delegation | None = None
    error: str | None = None

    @property
    def is_measured(self) -> bool:
        """Whether it has samples and did not drop out."""
        return self.error is None and bool(self.samples_ms)

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
            turn_runs=self.turn_runs,
            warmup_settled=self.settled,
            noise=[noise.kind for noise in self._noise(threads)],
        )

    def notes(self, threads: int) -> list[str]:
        """Say what makes its figures doubtful, in place of falsely firm ones."""
        if not self.is_measured:
            return []
        notes = [noise.sentence for noise in self._noise(threads)]
        if self.settled is False:
            notes.append(
                f"Warming up did not become stable: after {self.warmup_runs} runs the medians of "
                "two windows of 0.1 s still differed by more than 5 %, and timing began all the "
                "same."
            )
        return notes

    def _noise(self, threads: int) -> list[Noise]:
        return diagnose(np.array(self.samples_ms), self.turn_runs, self.usage, threads)


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
    timed = {
        name: TimedFile(path=path, binding=binding, threads=threads)
        for name, (path, binding) in files.items()
    }
    return load_candidates(pool, timed, samples, limit_seconds)


def load_candidates(
    pool: WorkerPool, files: Mapping[str, TimedFile], samples: Path, limit_seconds: float
) -> list[Candidate]:
    """Do as `start_candidates` for files of which each says how it is run."""
    # All processes start first: their imports go on side by side, the timed loads do not.
    workers = {name: pool.start("timing", "LiteRT", task=f"while timing {name}") for name in files}
    candidates = []
    for name in files:
        candidate = Candidate(name, workers[name])
        candidates.append(candidate)
        try:
            candidate.worker.ask("ready", limit_seconds)
        except LiteDriftError as error:
            candidate.error = str(error)
    for candidate in candidates:
        if candidate.error is None:
            _load(candidate, files[candidate.name], samples, limit_seconds)
    return candidates


def _load(candidate: Candidate, file: TimedFile, samples: Path, limit_seconds: float) -> None:
    try:
        answer = candidate.worker.ask(
            "prepare",
            limit_seconds,
            samples=str(samples),
            path=str(file.path),
            threads=file.threads,
            binding=file.binding.to_json(),
            kernels=file.kernels,
        )
    except LiteDriftError as error:
        candidate.error = str(error)
        return
    candidate.init_ms, candidate.first_ms = answer["init_ms"], answer["first_ms"]
    if answer["delegation"] is not None:
        candidate.delegation = Delegation.from_json(answer["delegation"])


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
    tracker: ProgressTracker | None = None,
) -> None:
    """Warm every candidate up, then time them in turns; one that fails drops out alone.

    Args:
        candidates: Prepared candidates; their `samples_ms` are filled.
        protocol: How often and how long.
        limit_seconds: Bound on one turn.
        tracker: Told of every turn; None where one stage stands for all of them.
    """
    for candidate in candidates:
        warmed = _ask(
            candidate,
            "warm_up",
            limit_seconds + protocol.warmup_seconds + protocol.settle_seconds,
            runs=protocol.warmup_runs,
            seconds=protocol.warmup_seconds,
            settle_seconds=protocol.settle_seconds,
        )
        if warmed is not None:
            candidate.warmup_runs, candidate.settled = warmed["runs"], warmed["settled"]
    for turn, (runs, seconds) in enumerate(protocol.round_shares(), start=1):
        for candidate in candidates:
            label = _turn_label(candidate.name, turn, protocol)
            if tracker is not None:
                tracker.begin(label)
            _time(candidate, runs, seconds, limit_seconds)
            if tracker is not None:
                tracker.end(label)


def _time(candidate: Candidate, runs: int, seconds: float, limit: float) -> None:
    mhz = read_clock_mhz()
    answer = _ask(candidate, "time", limit + seconds, runs=runs, seconds=seconds)
    if answer is None:
        return
    candidate.samples_ms += answer["samples_ms"]
    candidate.turn_runs.append(len(answer["samples_ms"]))
    candidate.usage += Usage(
        switches=answer["switches"],
        cpu_seconds=answer["cpu_seconds"],
        wall_seconds=answer["wall_seconds"],
        mhz=() if mhz is None else (mhz,),
    )


def _ask(
    candidate: Candidate,
    operation: str,
    limit: float,
    **fields: float,
) -> dict[str, Any] | None:
    if candidate.error is not None:
        return None
    try:
        return candidate.worker.ask(operation, limit, **fields)
    except LiteDriftError as error:
        candidate.error = str(error)
        return None
