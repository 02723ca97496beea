"""The one place that starts, bounds and kills child processes.

A worker gets one JSON request a line on stdin and answers one JSON line on a pipe of its own. What
it prints on stdout or stderr goes to a log file, which error messages quote.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from converter import errors
from converter.limits import current_limits
from converter.sandbox import Permissions

PROJECT_ROOT = Path(__file__).resolve().parent.parent
_EXIT_SECONDS = 2.0
_WATCH_SECONDS = 0.1
_LOG_TAIL_BYTES = 4000
_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "2",  # oneDNN and CUDA chatter is no news to a person
    "CUDA_VISIBLE_DEVICES": "",
    "PYTHONUNBUFFERED": "1",
}


class Worker:
    """A child process that answers requests one at a time.

    Args:
        module: What `python -m` runs.
        label: What it is, for messages ("the converter").
        task: What it does, for messages ("while building int8"); may be changed between requests.
        permissions: What it may read and write; None runs it without a sandbox, which only tests
            of the protocol do.
        arguments: Further command-line arguments.

    Raises:
        OSError: When no process can be started.
    """

    def __init__(
        self,
        module: str,
        label: str,
        *arguments: str,
        task: str = "",
        permissions: Permissions | None = None,
    ) -> None:
        self.label = label
        self.task = task
        self._memory_bytes = int(current_limits().memory_bytes)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        self._replies, reply_end = os.pipe()
        self._buffer = b""
        self._closing = threading.Lock()
        if permissions is not None:
            walls = json.dumps(permissions.to_json())
            # Twice the watchdog's bound: reserved memory counts here, used memory there.
            backstop = str(2 * self._memory_bytes)
            arguments = (*arguments, "--permissions", walls, "--data-bytes", backstop)
        environment = {**os.environ, **_QUIET}
        if "LITEDRIFT_HOME" in os.environ:  # a relative one is meant from here, not from there
            environment["LITEDRIFT_HOME"] = str(Path(os.environ["LITEDRIFT_HOME"]).absolute())
        environment["PYTHONPATH"] = os.pathsep.join(
            filter(None, [str(PROJECT_ROOT), os.environ.get("PYTHONPATH")])
        )
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", module, "--reply-fd", str(reply_end), *arguments],
                stdin=subprocess.PIPE,
                stdout=self._log,
                stderr=self._log,
                pass_fds=(reply_end,),
                start_new_session=True,
                cwd=PROJECT_ROOT,
                env=environment,
            )
        except OSError:
            os.close(self._replies)
            self._log.close()
            raise
        finally:
            os.close(reply_end)

    def __enter__(self) -> Self:
        """Return the worker itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process."""
        self.close()

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def ask(self, operation: str, limit_seconds: float, /, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
        """Send a request and wait for its answer.

        Args:
            operation: What the worker is to do.
            limit_seconds: How long it may take; after that the process is killed.
            fields: JSON-ready arguments.

        Returns:
            The worker's answer.

        Raises:
            LiteDriftError: Of the class that the worker named, when it refused.
            WorkerError: When it crashed, was killed or ran past its limit.
        """
        request = json.dumps({"operation": operation, **fields}).encode() + b"\n"
        stdin = self._process.stdin
        if stdin is None:
            raise errors.WorkerError(f"{self.label} has been closed.")
        try:
            stdin.write(request)
            stdin.flush()
        except (OSError, ValueError) as broken:
            raise self._death() from broken
        answer = json.loads(self._read_line(limit_seconds))
        if "error" in answer:
            raise _error_of(answer["error"])
        result: dict[str, Any] = answer["result"]
        return result

    def _read_line(self, seconds: float) -> bytes:
        deadline = time.monotonic() + seconds
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0:
                self.kill()
                raise errors.WorkerError(
                    f"{self.label} took longer than {seconds:.0f} s{self._doing} and was stopped."
                )
            ready, _, _ = select.select([self._replies], [], [], min(left, _WATCH_SECONDS))
            if not ready:
                self._check_memory()
                continue
            block = os.read(self._replies, 1 << 16)
            if not block:
                raise self._death()
            self._buffer += block
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _check_memory(self) -> None:
        """Kill the process with a clear reason before it takes the machine's memory."""
        used = resident_bytes(self._process.pid)
        if used is not None and used > self._memory_bytes:
            self.kill()
            raise errors.WorkerError(
                f"{self.label} took more than {self._memory_bytes >> 20} MiB of memory"
                f"{self._doing} and was stopped."
            )

    def _death(self) -> errors.WorkerError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_EXIT_SECONDS)
        how = describe_exit(self._process.poll())
        error = errors.WorkerError(f"{self.label} {how}{self._doing}.")
        error.details = self.log_tail()
        return error

    @property
    def _doing(self) -> str:
        return f" {self.task}" if self.task else ""

    def log_tail(self) -> str:
        """Return the end of what the process printed."""
        try:
            size = os.fstat(self._log.fileno()).st_size
            tail = os.pread(self._log.fileno(), _LOG_TAIL_BYTES, max(0, size - _LOG_TAIL_BYTES))
        except (OSError, ValueError):
            return ""
        return tail.decode("utf-8", "replace")

    def kill(self) -> None:
        """End the process and all that it started, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End the process and free what it held; may be called twice."""
        with self._closing:
            if self._process.stdin is None or self._process.stdin.closed:
                return
            # Nothing a worker holds needs saving, and TensorFlow's own exit takes 0.8 s.
            self.kill()
            self._process.wait()
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            os.close(self._replies)
            self._log.close()


def resident_bytes(pid: int) -> int | None:
    """Return the resident memory of a process, None where the system does not tell it."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def describe_exit(code: int | None) -> str:
    """Return how a process ended, for a sentence: `crashed (SIGSEGV)`."""
    if code is None:
        return "stopped answering"
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return f"was killed ({name})" if name in {"SIGKILL", "SIGTERM"} else f"crashed ({name})"
    return f"ended unexpectedly (exit code {code})"


def _error_of(values: dict[str, str]) -> errors.LiteDriftError:
    kind = getattr(errors, values.get("kind", ""), errors.WorkerError)
    if not (isinstance(kind, type) and issubclass(kind, errors.LiteDriftError)):
        kind = errors.WorkerError
    error = kind(values["message"])
    error.details = values.get("details", "")
    return error
