"""What a search that goes on shows to others, and how it is told to stop and keep the best.

Both are files in the folder of its job, which is emptied whenever the job starts anew.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from converter.comparison import write_whole

T = TypeVar("T")
_LIVE_FILE, _STOP_FILE = "so_far.json", "stop"
_SECONDS = 0.7
"""Between two writings: often enough to see it grow, seldom enough to cost nothing."""


class Shown(Protocol):
    """What can be shown."""

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name, fit for strict JSON."""


class LiveFile:
    """Writes what a search has found so far, now and then.

    Args:
        folder: Of the job; None writes nothing, and nobody can stop it.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._written = 0.0

    def show(self, so_far: Callable[[], Shown]) -> bool:
        """Write what there is where it is time to; return whether the search is to go on."""
        if self._folder is not None and time.monotonic() - self._written > _SECONDS:
            self.write(so_far())
        return not self.is_stop_asked

    def write(self, found: Shown) -> None:
        """Write what there is now."""
        if self._folder is not None:
            write_whole(self._folder / _LIVE_FILE, json.dumps(found.to_json()).encode())
            self._written = time.monotonic()

    @property
    def is_stop_asked(self) -> bool:
        """Whether somebody wants the best of what there is now."""
        return self._folder is not None and is_stopping(self._folder)


def read_live(folder: Path, read: Callable[[Mapping[str, Any]], T]) -> T | None:
    """Return what a search has found so far; None where nothing was written, or it is damaged.

    Args:
        folder: Of the job.
        read: From the JSON's fields to what they are.
    """
    try:
        return read(json.loads((folder / _LIVE_FILE).read_text()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def ask_to_stop(folder: Path) -> None:
    """Let a search end with the best of what it has found."""
    (folder / _STOP_FILE).touch()


def is_stopping(folder: Path) -> bool:
    """Whether it was asked to."""
    return (folder / _STOP_FILE).exists()
