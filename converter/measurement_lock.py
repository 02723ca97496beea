"""The machine's own lock: many may build at once, but who measures latency is alone.

Two measurements at once would measure each other, and a conversion beside one would be measured
with it. The system frees what a process holds when it ends.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_POLL_SECONDS = 0.05
Check = Callable[[], None]


def lock_path(name: str = "measuring") -> Path:
    """Return a lock file that all runs of this user share."""
    return Path(tempfile.gettempdir()) / f"litedrift-{name}-{os.getuid()}.lock"


@contextmanager
def measuring_alone(check: Check = lambda: None) -> Iterator[None]:
    """Hold the machine alone: nobody builds or measures meanwhile.

    While it waits, nobody new begins to build, so that it is not kept waiting for ever.

    Args:
        check: Called while waiting; raises when the run was cancelled meanwhile.
    """
    with _holding(fcntl.LOCK_EX, check):
        yield


@contextmanager
def building(check: Check = lambda: None) -> Iterator[None]:
    """Hold the machine together with others that load, convert or evaluate.

    Args:
        check: Called while waiting; raises when the run was cancelled meanwhile.
    """
    with _holding(fcntl.LOCK_SH, check):
        yield


@contextmanager
def _holding(kind: int, check: Check) -> Iterator[None]:
    machine = _open(lock_path())
    try:
        # Who waits for the machine waits in the gate: so a measurement comes to its turn although
        # shared holders come and go.
        gate = _open(lock_path("gate"))
        try:
            _acquire(gate, fcntl.LOCK_EX, check)
            _acquire(machine, kind, check)
        finally:
            os.close(gate)
        yield
    finally:
        os.close(machine)


def _open(path: Path) -> int:
    # No symbolic link of another user's making is followed in a folder that all may write.
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _acquire(handle: int, kind: int, check: Check) -> None:
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            check()
            time.sleep(_POLL_SECONDS)
        else:
            return
