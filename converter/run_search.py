"""Finding runs in the history: which of them match words, states and tags, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from converter.history import RunRecord

NEWEST, OLDEST, NAME, LARGEST = "newest", "oldest", "name", "largest"
ORDERS = (NEWEST, OLDEST, NAME, LARGEST)


@dataclass(frozen=True, kw_only=True)
class RunSearch:
    """What a person looks for.

    Attributes:
        words: Each must stand somewhere in the name, model, data, tags, note or id of a run, in
            any case.
        statuses: A run has one of them; empty for any.
        tags: A run has all of them.
        order: One of `ORDERS`.
    """

    words: str = ""
    statuses: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    order: str = NEWEST

    @property
    def is_narrow(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.words.strip() or self.statuses or self.tags)


def find_runs(records: Iterable[RunRecord], search: RunSearch) -> list[RunRecord]:
    """Return the runs that match, in the order asked; equal ones keep theirs."""
    found = [record for record in records if _matches(record, search)]
    if search.order == NAME:
        return sorted(found, key=lambda record: record.name.casefold())
    if search.order == LARGEST:
        return sorted(found, key=lambda record: -record.size_bytes)
    return sorted(found, key=lambda record: record.created, reverse=search.order != OLDEST)


def known_tags(records: Iterable[RunRecord]) -> list[str]:
    """Return every tag of the runs once, in alphabetical order."""
    return sorted({tag for record in records for tag in record.tags}, key=str.casefold)


def _matches(record: RunRecord, search: RunSearch) -> bool:
    text = _text(record).casefold()
    return (
        all(word in text for word in search.words.casefold().split())
        and (not search.statuses or record.status in search.statuses)
        and set(search.tags) <= set(record.tags)
    )


def _text(record: RunRecord) -> str:
    fields: Sequence[str] = (
        *(record.name, record.model_name, record.data_name or "random samples", record.note),
        *(record.run_id, *record.tags),
    )
    return "\n".join(fields)
