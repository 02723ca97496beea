"""What a clean-up would remove, said before it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from converter.history import RunRecord


@dataclass(frozen=True)
class CleanupPreview:
    """What would go.

    Attributes:
        expired: Runs that were deleted so long ago that they cannot be had back.
        over_quota: Runs that the quota costs, in the order in which they would go. Runs share
            files, so more may have to go than these.
        over_bytes: How far the quota is exceeded; 0 where it is not.
    """

    expired: list[RunRecord]
    over_quota: list[RunRecord]
    over_bytes: int


def preview_cleanup(
    records: Sequence[RunRecord],
    *,
    artifact_bytes: int,
    quota_bytes: int,
    undo_seconds: float,
    now: float,
) -> CleanupPreview:
    """Say what a clean-up would remove, by its own rule (`run_cleanup.clean_up`).

    Args:
        records: All runs, deleted ones too.
        artifact_bytes: What is kept.
        quota_bytes: What may be kept.
        undo_seconds: For which a deleted run can be had back.
        now: Unix time.
    """
    ended = [record for record in records if not record.is_active]
    expired = [r for r in ended if r.deleted is not None and now - r.deleted > undo_seconds]
    gone = {record.run_id for record in expired}
    over = max(0, artifact_bytes - sum(r.size_bytes for r in expired) - quota_bytes)
    over_quota, freed = [], 0
    for record in sorted(ended, key=lambda r: (r.deleted is None, r.created)):
        if freed >= over:
            break
        if not record.pinned and record.run_id not in gone:
            over_quota.append(record)
            freed += record.size_bytes
    return CleanupPreview(expired, over_quota, max(0, artifact_bytes - quota_bytes))
