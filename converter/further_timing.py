"""Takes the latencies of `further_latency`: each setting in a fresh process, in turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from converter.child_process import Worker
from converter.comparison import REFERENCE
from converter.errors import LiteDriftError, RunCancelledError
from converter.further_latency import (
    CALLS,
    KERNEL_SETS,
    THREADS,
    FurtherLatency,
    FurtherRequest,
    stage_label,
)
from converter.latency import LatencyProtocol
from converter.limits import Limits
from converter.progress import ProgressTracker
from converter.timing_session import Candidate, TimedFile, load_candidates, measure_in_turns
from converter.worker_pool import WorkerPool


@dataclass(kw_only=True)
class FurtherTiming:
    """One run's further measurements; the caller holds the measurement lock.

    Attributes:
        pool: Of the run.
        limits: Seconds for each question.
        protocol: How often and how long.
        tracker: Told of every stage.
        samples: Evaluation samples on disk; the first is fed.
        threads: Of the run; a thread sweep has its own.
        start_host: Starts a worker that has loaded the TensorFlow model; None where there is none.
        results: What was found.
        samples_ms: Raw samples by `FurtherLatency.samples_key`.
    """

    pool: WorkerPool
    limits: Limits
    protocol: LatencyProtocol
    tracker: ProgressTracker
    samples: Path
    threads: int
    start_host: Callable[[], Worker] | None = None
    results: list[FurtherLatency] = field(default_factory=list)
    samples_ms: dict[str, np.ndarray] = field(default_factory=dict)

    def measure(self, request: FurtherRequest, files: Mapping[str, TimedFile]) -> None:
        """Measure what is asked.

        Args:
            request: What is asked.
            files: The variants that run, by recipe, as the default measurement ran them.

        Raises:
            RunCancelledError: When the run was cancelled.
        """
        for name, file in files.items():
            if request.threads:
                counts = {str(count): replace(file, threads=count) for count in request.threads}
                self._measure_files(THREADS, name, counts)
        for name, file in files.items():
            if request.kernels:
                sets = {kernels: replace(file, kernels=kernels) for kernels in request.kernels}
                self._measure_files(KERNEL_SETS, name, sets)
        if request.baselines:
            self._measure_calls(request.baselines)

    def _measure_files(self, kind: str, name: str, files: Mapping[str, TimedFile]) -> None:
        label = stage_label(kind, name)
        self.tracker.begin(label)
        candidates = load_candidates(
            self.pool, files, self.samples, self.limits.latency_seconds
        )
        threads = {setting: file.threads for setting, file in files.items()}
        self._measure(kind, name, candidates, threads)
        self.tracker.end(label)

    def _measure_calls(self, calls: tuple[str, ...]) -> None:
        label = stage_label(CALLS, "the original")
        self.tracker.begin(label)
        candidates = []
        for call in calls:
            if self.start_host is None:
                reason = "The run starts from a .tflite: there is no TensorFlow model to call."
                self.results.append(FurtherLatency(
                    kind=CALLS, candidate=REFERENCE, setting=call, error=reason
                ))
                continue
            try:
                host = self.start_host()
            except RunCancelledError:
                raise
            except LiteDriftError as error:  # a further process may be one too many for the memory
                self.results.append(FurtherLatency(
                    kind=CALLS, candidate=REFERENCE, setting=call, error=str(error)
                ))
                continue
            candidate = Candidate(call, host)
            host.task = f"while timing {call}"
            try:
                answer = host.ask(
                    "prepare", self.limits.load_seconds, samples=str(self.samples), call=call
                )
                candidate.first_ms = answer["first_ms"]
            except LiteDriftError as error:
                candidate.error = str(error)
            candidates.append(candidate)
        self._measure(CALLS, REFERENCE, candidates, dict.fromkeys(calls, self.threads))
        self.tracker.end(label)

    def _measure(
        self, kind: str, name: str, candidates: list[Candidate], threads: Mapping[str, int]
    ) -> None:
        measure_in_turns(candidates, self.protocol, self.limits.latency_seconds)
        if self.pool.is_closed:
            raise RunCancelledError("The run was cancelled.")
        for candidate in candidates:
            candidate.worker.close()
            found = FurtherLatency(
                kind=kind,
                candidate=name,
                setting=candidate.name,
                latency=candidate.stats(threads[candidate.name]),
                error=candidate.error,
                notes=candidate.notes(threads[candidate.name]),
            )
            self.results.append(found)
            if candidate.is_measured:
                self.samples_ms[found.samples_key] = np.array(candidate.samples_ms)
