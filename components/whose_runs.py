"""Which runs a visitor sees in the history, and which may be changed.

LiteDrift is a tool of a team: everybody who reaches it sees all its runs. With
`LITEDRIFT_PRIVATE_HISTORY=1` each browser lists and changes its own; a link opens any run still.
"""

from __future__ import annotations

import os

from components.session import Session
from converter.history import RunRecord
from converter.run_store import list_analyses, list_runs

PRIVATE_SETTING = "LITEDRIFT_PRIVATE_HISTORY"


def is_private() -> bool:
    """Whether each browser lists its own runs only."""
    return os.environ.get(PRIVATE_SETTING) == "1"


def visible_runs(session: Session, *, deleted: bool = False) -> list[RunRecord]:
    """Return the runs to list, the newest first; the deleted ones in their place if asked."""
    records = list_runs(deleted=deleted)
    if not is_private():
        return records
    opened = () if deleted else session.own_runs
    return [r for r in records if r.owner == session.visitor or r.run_id in opened]


def visible_analyses(session: Session) -> list[RunRecord]:
    """Return the analyses of runs to list, the newest first."""
    return [r for r in list_analyses() if not is_private() or r.owner == session.visitor]


def may_change(session: Session, record: RunRecord) -> bool:
    """Whether the visitor may name, pin, resume or delete a run."""
    return not is_private() or record.owner == session.visitor
