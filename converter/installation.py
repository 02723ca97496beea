"""What stands behind the three seams of this installation; see docs/runs.md.

A larger one puts an engine, an object store or a database server behind them here, and nowhere
else.
"""

from __future__ import annotations

from converter.artifact_store import ArtifactStore, LocalArtifacts
from converter.data_home import data_home
from converter.history import History
from converter.job_runner import JobRunner, LocalJobs
from converter.sqlite_history import SqliteHistory


def job_runner() -> JobRunner:
    """Return where jobs run."""
    return LocalJobs()


def artifact_store() -> ArtifactStore:
    """Return where artifacts lie."""
    return LocalArtifacts(data_home() / "artifacts")


def history() -> History:
    """Return what is remembered.

    Raises:
        StoreError: When it cannot be opened.
    """
    return SqliteHistory(data_home() / "history.sqlite", artifact_store())
