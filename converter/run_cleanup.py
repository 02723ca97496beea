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
    records = [record for record in history().runs() if record.deleted is None]
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
    records = history().runs()
    gone = [r for r in records if r.deleted is not None and now - r.deleted > limits.undo_seconds]
    _purge([record for record in gone if not record.is_active])
    dropped = []
    for record in sorted(history().runs(), key=lambda r: (r.deleted is None, r.created)):
        if history().artifact_bytes() <= limits.quota_bytes:
            break
        if not record.pinned and not record.is_active and record.run_id != keep:
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


def _purge(records: list[RunRecord]) -> None:
    history().purge([record.run_id for record in records])
    for record in records:
        shutil.rmtree(data_home() / "runs" / record.run_id, ignore_errors=True)
