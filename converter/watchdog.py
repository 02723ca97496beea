"""The parent's eye on a child process: memory, number of processes and the disk it writes to."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from converter.limits import MB, Limits
from converter.process_family import ProcessFamily, resident_bytes
from converter.sandbox import WITHOUT_LAYERS

_EACH_SECONDS = 0.1
_FAMILY_SECONDS = 0.5


class Watchdog:
    """Tells when a child takes too much of the machine.

    `disk_is_full` says after a complaint whether it was about the disk, to which others write too.

    Args:
        leader: The child's process id.
        limits: What it may take.
        folder: What it may write; None where it may write nothing.
    """

    def __init__(self, leader: int, limits: Limits, folder: Path | None) -> None:
        self._leader = leader
        self._family = ProcessFamily(leader)
        self._limits = limits
        self._folder = folder
        self._sees_memory = "memory_watchdog" not in os.environ.get(WITHOUT_LAYERS, "")
        self._next = self._next_family = 0.0
        self.disk_is_full = False

    def complaint(self) -> str | None:
        """Return what the child did that it must be stopped for; None where all is well.

        To be asked as often as one likes: it looks each tenth of a second, and each half second at
        all that the child may have started.
        """
        now = time.monotonic()
        if now < self._next:
            return None
        self._next = now + _EACH_SECONDS
        return self._of_memory(now) or self._of_disk()

    def _of_memory(self, now: float) -> str | None:
        if not self._sees_memory:
            return None
        used, count = resident_bytes(self._leader) or 0, 1
        if now >= self._next_family:
            self._next_family = now + _FAMILY_SECONDS
            used, count = self._family.resident_bytes()
        if used > self._limits.memory_bytes:
            return f"took more than {self._limits.memory_bytes // MB} MB of memory"
        if count > self._limits.worker_processes:
            return f"consisted of more than {self._limits.worker_processes} processes"
        return None

    def _of_disk(self) -> str | None:
        if self._folder is None:
            return None
        try:
            left = shutil.disk_usage(self._folder).free
        except OSError:  # the folder is the parent's own, and may be gone at the end of a run
            return None
        self.disk_is_full = left < self._limits.free_disk_bytes
        if self.disk_is_full:
            return f"left less than {self._limits.free_disk_bytes // MB} MB free on the disk"
        return None
