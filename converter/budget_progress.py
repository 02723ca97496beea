"""What a budget search that goes on shows to others, and how it is told to stop and keep the best.

Both are files in the folder of its job, which is emptied whenever the job starts anew.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from converter.budget_solution import Findings
from converter.comparison import write_whole

_FINDINGS_FILE, _STOP_FILE = "findings.json", "stop"
_SECONDS = 0.7
"""Between two writings: often enough to see it grow, seldom enough to cost nothing."""


class FindingsFile:
    """Writes what a search has found so far, now and then.

    Args:
        folder: Of the job; None writes nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._written = 0.0

    def is_due(self) -> bool:
        """Whether it is time to write again."""
        return self._folder is not None and time.monotonic() - self._written > _SECONDS

    def write(self, findings: Findings) -> None:
        """Write all that was found."""
        if self._folder is None:
            return
        write_whole(self._folder / _FINDINGS_FILE, json.dumps(findings.to_json()).encode())
        self._written = time.monotonic()

    def is_stop_asked(self) -> bool:
        """Whether somebody wants the best of what there is now."""
        return self._folder is not None and (self._folder / _STOP_FILE).exists()


def read_findings(folder: Path) -> Findings | None:
    """Return what a search has found so far; None where nothing was written, or it is damaged."""
    try:
        return Findings.from_json(json.loads((folder / _FINDINGS_FILE).read_text()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def ask_to_stop(folder: Path) -> None:
    """Let a search end with the best of what it has found."""
    (folder / _STOP_FILE).touch()


def is_stopping(folder: Path) -> bool:
    """Whether it was asked to."""
    return (folder / _STOP_FILE).exists()
