"""What is kept in all, and what goes: runs deleted long ago, over the quota, uploads of no run."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from converter.comparison import write_whole
from converter.data_home import data_home
from converter.history import RunRecord
from converter.installation import artifact_store, history
from converter.limits import current_limits
from converter.uploads import forget_uploads

_LAST_FILE = "last_cleanup.json"


@dataclass(frozen=True)
class Usage:
    """What is kept, in bytes, and the quota."""

    artifact_bytes: int
    quota_bytes: int
    runs: int
    pinned: int


def read_usage() -> Usage:
    """Return how much is kept."""
    records = [r for r in history().runs() if r.deleted is None and r.analysis_of is None]
    return Usage(
        artifact_bytes=history().artifact_bytes(),
        quota_bytes=current_limits().quota_bytes,
        runs=len(records),
        pinned=sum(record.pinned for record in records),
    )


@dataclass(frozen=True)
class LastCleanup:
    """The last time that the quota cost runs.

    Attributes:
        when: Unix time.
        names: Of the runs that went, as people called them.
    """

    when: float
    names: tuple[str, ...]


def last_cleanup() -> LastCleanup | None:
    """Return the last time that the quota cost runs; None where it never has."""
    try:
        told = json.loads((data_home() / _LAST_FILE).read_text())
        return LastCleanup(float(told["when"]), tuple(map(str, told["names"])))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def clean_up(*, now: float | None = None, keep: str | None = None) -> list[str]:
    """Purge runs deleted long ago, the oldest unpinned ones over the quota, and unused uploads.

    What the quota costs is written down for `last_cleanup`: a job cleans up with nobody looking.

    Args:
        now: Unix time; the present when left out.
        keep: A run that must not go: the one that somebody has just waited for.

    Returns:
        The names of the runs that the quota cost.
    """
    now = time.time() if now is None else now
    limits = current_limits()
    deleted = [r for r in _idle_runs() if r.deleted is not None]
    _purge([r for r in deleted if now - (r.deleted or 0.0) > limits.undo_seconds])
    dropped = []
    for record in sorted(_idle_runs(), key=lambda r: (r.deleted is None, r.created)):
        if history().artifact_bytes() <= limits.quota_bytes:
            break
        if not record.pinned and record.run_id != keep:
            _purge([record])
            dropped.append(record.name)
    if dropped:
        told = {"when": now, "names": dropped}
        write_whole(data_home() / _LAST_FILE, json.dumps(told).encode())
    needed = [
        Path(path)
        for record in history().runs()
        for path in (
            record.request.get("model_path"),
            record.request.get("data_path"),
            *(given["path"] for given in record.request.get("given_variants", [])),
        )
        if path
    ]
    forget_uploads(needed, limits.upload_idle_seconds)
    artifact_store().tidy(limits.upload_idle_seconds)
    return dropped


def _idle_runs() -> list[RunRecord]:
    """Return the runs that neither go on nor are being looked into."""
    records = history().runs()
    busy = {r.analysis_of or r.run_id for r in records if r.is_active}
    return [r for r in records if r.analysis_of is None and r.run_id not in busy]


def _purge(records: list[RunRecord]) -> None:
    """Forget runs and the analyses of them."""
    gone = {record.run_id for record in records}
    ids = [r.run_id for r in history().runs() if r.run_id in gone or r.analysis_of in gone]
    history().purge(ids)
    for run_id in ids:
        shutil.rmtree(data_home() / "runs" / run_id, ignore_errors=True)
