"""Where jobs run: an interface, and child processes of this machine behind it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Protocol

from converter.child_process import PROJECT_ROOT
from converter.comparison import write_whole
from converter.process_family import ProcessFamily, is_dead

_PID_FILE = "pid"
_LOG_FILE = "job.log"
_STOP_SECONDS = 1.0
"""What a job has to end its workers and say so, before it is ended with them."""
_POLL_SECONDS = 0.05


class JobRunner(Protocol):
    """Starts, watches and stops the process that carries out a run."""

    def start(self, run_id: str, folder: Path) -> None:
        """Start a run's job.

        Args:
            run_id: The run.
            folder: The run's own folder, for its log and live progress.

        Raises:
            OSError: When it cannot be started.
        """

    def is_alive(self, run_id: str, folder: Path) -> bool:
        """Whether the run's job is there."""

    def started(self, folder: Path) -> float:
        """Return when the last job of a run was started, Unix time; 0 for never."""

    def stop(self, run_id: str, folder: Path) -> None:
        """Ask the job to end, and end it with all that it started where it does not."""


class LocalJobs:
    """Jobs as processes of this machine, each in a session of its own, so that they outlive us."""

    def start(self, run_id: str, folder: Path) -> None:
        """See `JobRunner`."""
        with (folder / _LOG_FILE).open("wb") as log:
            job = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "converter", "job", run_id],
                cwd=PROJECT_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        _children[run_id] = job
        write_whole(folder / _PID_FILE, str(job.pid).encode())

    def is_alive(self, run_id: str, folder: Path) -> bool:
        """See `JobRunner`."""
        return self._pid(run_id, folder) is not None

    def started(self, folder: Path) -> float:
        """See `JobRunner`."""
        try:
            return (folder / _PID_FILE).stat().st_mtime
        except OSError:
            return 0.0

    def stop(self, run_id: str, folder: Path) -> None:
        """See `JobRunner`; returns at once, the end comes within a second or two."""
        pid = self._pid(run_id, folder)
        if pid is None:
            return
        family = ProcessFamily(pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        watcher = threading.Thread(target=_end, args=(pid, family), daemon=True)
        watcher.start()

    def _pid(self, run_id: str, folder: Path) -> int | None:
        """Return the job's process; None where it has ended."""
        job = _children.get(run_id)
        if job is not None and job.poll() is None:
            return job.pid
        try:
            pid = int((folder / _PID_FILE).read_text())
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        # The number may belong to another process by now; the run's id does not.
        return pid if run_id.encode() in arguments and not is_dead(pid) else None


def _end(pid: int, family: ProcessFamily) -> None:
    end = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < end:
        if is_dead(pid):
            return
        time.sleep(_POLL_SECONDS)
    family.kill()


_children: dict[str, subprocess.Popen[bytes]] = {}
"""Jobs that this process started, so that their exit status is collected."""
