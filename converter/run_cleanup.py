"""What is kept in all, and what goes: runs deleted long ago, over the quota, uploads of no run."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from converter.data_home import data_home
from converter.history import RunRecord
from converter.installation import artifact_store, history
from converter.limits import current_limits
from converter.uploads import forget_uploads


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


def clean_up(*, now: float | None = None) -> list[str]:
    """Purge runs deleted long ago, the oldest unpinned ones over the quota, and unused uploads.

    Args:
        now: Unix time; the present when left out.

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
        if not record.pinned and not record.is_active:
            _purge([record])
            dropped.append(record.name)
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
