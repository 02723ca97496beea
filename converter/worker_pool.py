"""The child processes of one run: started together with it, ended with it."""

from __future__ import annotations

import threading

from converter.child_process import Worker
from converter.errors import RunCancelledError
from converter.sandbox import Permissions


class WorkerPool:
    """Knows every worker of a run, so that cancelling it leaves none behind.

    Args:
        permissions: What each of them may read and write.
    """

    def __init__(self, permissions: Permissions) -> None:
        self._permissions = permissions
        self._lock = threading.Lock()
        self._workers: list[Worker] = []
        self.is_closed = False

    def start(self, kind: str, label: str, *arguments: str, task: str = "") -> Worker:
        """Start a worker.

        Args:
            kind: Module below `converter.workers`.
            label: What it is, for messages.
            arguments: Further command-line arguments.
            task: What it does, for messages.

        Raises:
            RunCancelledError: When the run has ended meanwhile.
            OSError: When no process can be started.
        """
        with self._lock:
            if self.is_closed:
                raise RunCancelledError("The run was cancelled.")
            worker = Worker(
                f"converter.workers.{kind}",
                label,
                *arguments,
                task=task,
                permissions=self._permissions,
            )
            self._workers.append(worker)
        return worker

    def close(self) -> None:
        """End every worker; none can be started afterwards."""
        with self._lock:
            self.is_closed = True
            workers, self._workers = self._workers, []
        for worker in workers:
            worker.close()
