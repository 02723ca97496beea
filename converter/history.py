"""What is remembered of runs: an interface of records, and the questions that are asked of it.

`sqlite_history.py` is what stands behind it here; see docs/runs.md, "Three seams".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from converter.artifact_store import Staged
from converter.queue_order import Turn

QUEUED, RUNNING, DONE = "queued", "running", "done"
FAILED, CANCELLED, INTERRUPTED = "failed", "cancelled", "interrupted"
ACTIVE = (QUEUED, RUNNING)
ENDED = (DONE, FAILED, CANCELLED, INTERRUPTED)


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One run as the history knows it.

    Attributes:
        run_id: Unguessable; whoever knows it may look at the run.
        name: What people call it; the model's name at first.
        model_name: The model file's name.
        model_sha256: Of the model file.
        data_name: The data file's name; None for random samples.
        request: `RunRequest.to_json`; of an analysis, what `analysis_jobs` asks.
        owner: Who submitted it; empty for a run that was imported.
        status: One of `ACTIVE` or `ENDED`.
        error: Why it failed, in one sentence.
        created: Unix time, as are the next three.
        queued: When it began to wait for its turn, the last time.
        started: When it came to its turn, the last time.
        finished: When it ended; None while active.
        tags: Words to find it by.
        note: Free text.
        pinned: Whether it is kept whatever the quota says.
        deleted: When it was deleted; None where it was not. It can be had back for a while.
        cancel_asked: Whether a person asked to cancel it.
        size_bytes: Of its files and results; what it shares with other runs counts for each.
    """

    run_id: str
    name: str
    model_name: str
    model_sha256: str
    data_name: str | None
    request: Mapping[str, Any]
    owner: str = ""
    status: str = QUEUED
    error: str | None = None
    created: float = 0.0
    queued: float = 0.0
    started: float | None = None
    finished: float | None = None
    tags: tuple[str, ...] = ()
    note: str = ""
    pinned: bool = False
    deleted: float | None = None
    cancel_asked: bool = False
    size_bytes: int = 0

    @property
    def is_active(self) -> bool:
        """Whether it waits or runs."""
        return self.status in ACTIVE

    @property
    def analysis_of(self) -> str | None:
        """The run that this looks into; None for a run."""
        return self.request.get("analysis_of")


@dataclass(frozen=True)
class KeptFile:
    """A file of a run or a result: its content is an artifact."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class KeptResult:
    """What one step of some run gave, to be used again by any run that asks the same.

    Attributes:
        value: JSON-ready.
        files: Artifacts by the name that the step knows them by.
        created: Unix time.
    """

    value: Mapping[str, Any]
    files: Mapping[str, KeptFile] = field(default_factory=dict)
    created: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One latency measurement of a run; all are kept.

    Attributes:
        key: Of the candidates and the conditions; see `result_keys`.
        created: Unix time.
        conditions: Machine, versions, threads and protocol, JSON-ready.
        figures: `LatencyStats.to_json` by candidate.
        samples: The raw samples, milliseconds, as `save_latency_samples` writes them.
    """

    key: str
    created: float
    conditions: Mapping[str, Any]
    figures: Mapping[str, Any]
    samples: KeptFile


class History(Protocol):
    """Runs, their files, results and measurements; every method is one transaction.

    Each raises `StoreError` where the history cannot be read or written, or there is no such run.
    """

    def add_run(self, record: RunRecord) -> bool:
        """Remember a new run; False, and nothing changed, where one of its id is known."""

    def run(self, run_id: str) -> RunRecord:
        """Return a run, deleted ones too."""

    def runs(self) -> list[RunRecord]:
        """Return all runs, deleted ones too, the newest first."""

    def change(self, run_id: str, **fields: Any) -> None:  # noqa: ANN401 - a record's fields
        """Set fields of a run."""

    def claim(self, run_id: str, slots: int, now: float) -> Turn:
        """Let a waiting run start if it is next and a slot is free; position 0 then."""

    def turn(self, run_id: str) -> Turn:
        """Return where a run stands without letting it start."""

    def end_if_active(self, run_id: str, status: str, error: str | None, now: float) -> bool:
        """Say how a run ended, unless somebody has said so already."""

    def requeue(self, run_id: str, owner: str, request: Mapping[str, Any], now: float) -> bool:
        """Let a run that has ended wait for its turn again; False where it is active."""

    def add_file(self, run_id: str, name: str, staged: Staged) -> None:
        """Give a run a file, in place of one of that name; the artifact is kept with the row."""

    def files(self, run_id: str) -> dict[str, KeptFile]:
        """Return a run's files by name."""

    def add_result(
        self,
        run_id: str,
        key: str,
        kind: str,
        value: Mapping[str, Any],
        files: Mapping[str, Staged],
    ) -> None:
        """Keep what a step gave, for this run and for every other that asks the same."""

    def find_result(self, run_id: str, key: str) -> KeptResult | None:
        """Return what a step gave earlier, which from now on is kept for this run too."""

    def results_of(self, run_id: str, kind: str) -> int:
        """Return how many results of a kind are kept for a run."""

    def knows_model(self, sha256: str) -> bool:
        """Whether a run of this model has left results."""

    def add_measurement(
        self,
        run_id: str,
        key: str,
        conditions: Mapping[str, Any],
        figures: Mapping[str, Any],
        samples: Staged,
    ) -> None:
        """Keep a latency measurement."""

    def measurements(self, run_id: str) -> list[Measurement]:
        """Return a run's measurements, the newest first."""

    def find_measurement(self, key: str) -> Measurement | None:
        """Return the newest measurement of these candidates under these conditions, of any run."""

    def purge(self, run_ids: Sequence[str]) -> None:
        """Forget runs for good, and every artifact and result that nothing else refers to."""

    def artifact_bytes(self) -> int:
        """Return the bytes of all artifacts that something refers to."""

    def artifact_path(self, file: KeptFile) -> Path:
        """Return a local file with an artifact's content, to be read only."""
