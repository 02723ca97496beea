"""The last step of a run: the latency of the original and its variants, known or measured alone."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from converter.child_process import Worker
from converter.comparison import (
    REFERENCE,
    SAMPLES_FILE,
    Reference,
    Variant,
    save_latency_samples,
)
from converter.delegation import Delegation
from converter.environment import read_environment
from converter.errors import RunCancelledError
from converter.further_latency import FurtherLatency, stage_labels
from converter.further_timing import FurtherTiming
from converter.json_figures import encode_figures
from converter.known_results import link_or_copy
from converter.latency import LatencyStats
from converter.limits import Limits
from converter.measurement_lock import measuring_alone
from converter.original import Original
from converter.progress import ProgressTracker
from converter.request import RunRequest
from converter.result_keys import ResultKeys
from converter.reuse import Shelf
from converter.timing_session import (
    Candidate,
    TimedFile,
    measure_in_turns,
    start_candidates,
    turn_labels,
)
from converter.variant_builder import VariantBuilder
from converter.worker_pool import WorkerPool

_WAIT = "wait for the machine to measure"


@dataclass(frozen=True)
class Timed:
    """What the step gave beside what it filled in.

    Attributes:
        measured: When the latencies were measured, ISO 8601 in UTC.
        further: What was measured beside the default, on request.
    """

    measured: str
    further: list[FurtherLatency] = field(default_factory=list)


@dataclass(kw_only=True)
class LatencyStep:
    """Fills in the latency of a run's reference and variants.

    Attributes:
        request: What is asked.
        pool: Of the run.
        limits: Seconds for each question.
        tracker: Told of every turn.
        shelf: Where earlier measurements lie.
        keys: Of the run.
        folder: Gets the raw samples.
        samples: Evaluation samples on disk; the first is fed.
        reference: Filled in.
        variants: Filled in where they run.
        start_host: Starts another process with the TensorFlow model; None where there is none.
    """

    request: RunRequest
    pool: WorkerPool
    limits: Limits
    tracker: ProgressTracker
    shelf: Shelf
    keys: ResultKeys
    folder: Path
    samples: Path
    reference: Reference
    variants: Sequence[Variant]
    start_host: Callable[[], Worker] | None
    _kept: dict[str, dict[str, Any]] = field(default_factory=dict)

    def carry_out(self, original: Original, builder: VariantBuilder) -> Timed:
        """Take an earlier measurement of exactly these files and conditions, or make one.

        Raises:
            RunCancelledError: When the run was cancelled.
        """
        known = self._take_known()
        return Timed(known) if known else self._measure_alone(original, builder)

    @property
    def _usable(self) -> list[Variant]:
        return [v for v in self.variants if v.status == "ok" and v.runnable]

    def _key(self) -> str:
        environment = read_environment(self.request.threads).to_json()
        files = {variant.recipe: str(variant.sha256) for variant in self._usable}
        return self.keys.latency(environment, vars(self.request.protocol), files)

    def _take_known(self) -> str | None:
        """Fill in from an earlier measurement and return when it was made; None where none is."""
        if self.request.measure_anew or not self.request.further.is_empty:
            return None
        found = self.shelf.find_latency(self._key())
        if found is None:
            return None
        for name, known in found.figures.items():
            stats = known["latency"] and LatencyStats.from_json(known["latency"])
            delegation = known["delegation"] and Delegation.from_json(known["delegation"])
            self._fill_in(name, stats, delegation, known["notes"])
        link_or_copy(found.samples, self.folder / SAMPLES_FILE)
        names = [REFERENCE, *(variant.recipe for variant in self.variants)]
        for label in turn_labels(names, self.request.protocol):
            self.tracker.skip(label)
        return str(found.conditions["measured"])

    def _measure_alone(self, original: Original, builder: VariantBuilder) -> Timed:
        """Measure with nothing else going on on the machine, and keep the figures."""
        self.tracker.begin(_WAIT)
        with measuring_alone():
            self.tracker.end(_WAIT)
            now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            samples_ms = self._measure(original, builder)
            further = self._measure_further(builder)
        save_latency_samples(self.folder, {**samples_ms, **further.samples_ms})
        self.shelf.keep_latency(
            self._key(),
            {
                **read_environment(self.request.threads).to_json(),
                "machine": platform.node(),
                "measured": now,
                "protocol": vars(self.request.protocol),
            },
            self._kept,
            self.folder / SAMPLES_FILE,
        )
        return Timed(now, further.results)

    def _measure(self, original: Original, builder: VariantBuilder) -> dict[str, np.ndarray]:
        """Time the original and all variants in turns."""
        files = {**original.files(), **{v.recipe: builder.file_of(v) for v in self._usable}}
        seconds = self.limits.latency_seconds
        candidates = [
            *original.candidates(),
            *start_candidates(self.pool, files, self.samples, self.request.threads, seconds),
        ]
        others = [variant.recipe for variant in self.variants if variant not in self._usable]
        for label in turn_labels(others, self.request.protocol):
            self.tracker.skip(label)
        measure_in_turns(candidates, self.request.protocol, seconds, self.tracker)
        if self.pool.is_closed:
            raise RunCancelledError("The run was cancelled.")
        for candidate in candidates:
            self._record(candidate)
        return {c.name: np.array(c.samples_ms) for c in candidates if c.is_measured}

    def _measure_further(self, builder: VariantBuilder) -> FurtherTiming:
        """Time what was asked for beside the default, under the same lock."""
        request = self.request
        further = FurtherTiming(
            pool=self.pool,
            limits=self.limits,
            protocol=request.protocol,
            tracker=self.tracker,
            samples=self.samples,
            threads=request.threads,
            start_host=self.start_host,
        )
        files = {}
        for variant in self._usable:
            path, binding = builder.file_of(variant)
            files[variant.recipe] = TimedFile(path=path, binding=binding, threads=request.threads)
        others = [variant.recipe for variant in self.variants if variant.recipe not in files]
        for label in stage_labels(replace(request.further, baselines=()), others):
            self.tracker.skip(label)
        further.measure(request.further, files)
        return further

    def _record(self, candidate: Candidate) -> None:
        threads = self.request.threads
        stats = candidate.stats(threads)
        notes = [f"latency is null: {candidate.error}"] if stats is None else []
        notes += candidate.notes(threads)
        self._fill_in(candidate.name, stats, candidate.delegation, notes)
        self._kept[candidate.name] = {
            "latency": stats and encode_figures(stats.to_json()),
            "delegation": candidate.delegation and candidate.delegation.to_json(),
            "notes": notes,
        }

    def _fill_in(
        self,
        name: str,
        stats: LatencyStats | None,
        delegation: Delegation | None,
        notes: list[str],
    ) -> None:
        if name == REFERENCE:
            self.reference.latency = stats
            self.reference.notes += notes
            return
        variant = next(v for v in self.variants if v.recipe == name)
        variant.latency, variant.delegation = stats, delegation
        variant.audit.notes += notes
