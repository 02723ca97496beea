"""One latency measurement at a time on a machine: two at once would measure each other."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_POLL_SECONDS = 0.1


def lock_path() -> Path:
    """Return the lock file that all runs of this user share."""
    return Path(tempfile.gettempdir()) / f"litedrift-measuring-{os.getuid()}.lock"


@contextmanager
def measuring_alone(check: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the machine's measurement lock; the system frees it when the process ends.

    Args:
        check: Called while waiting; raises when the run was cancelled meanwhile.
    """
    # No symbolic link of another user's making is followed in a folder that all may write.
    handle = os.open(lock_path(), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                check()
                time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(handle)
