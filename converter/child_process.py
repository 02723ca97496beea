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
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from converter import errors
from converter.limits import MB, current_limits, setting_name
from converter.process_family import ProcessFamily
from converter.sandbox import Permissions
from converter.watchdog import Watchdog

PROJECT_ROOT = Path(__file__).resolve().parent.parent
_EXIT_SECONDS = 2.0
_WATCH_SECONDS = 0.1
_LOG_TAIL_BYTES = 4000
_MOST_REPLY_BYTES = 64 * MB
"""An answer is figures and names; what is large lies in files."""
_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "2",  # oneDNN and CUDA chatter is no news to a person
    "CUDA_VISIBLE_DEVICES": "",
    "PYTHONUNBUFFERED": "1",
}
_PASSED_ON = {
    *("PATH", "LANG", "LANGUAGE", "TZ", "HOME", "TMPDIR", "VIRTUAL_ENV"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
}
_PASSED_ON_PREFIXES = ("LC_", "LITEDRIFT_", "PYTHON", "TF_", "OMP_", "OPENBLAS_", "MKL_")
"""What a worker needs of the environment; the rest may hold an operator's secrets."""


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
        self._limits = current_limits()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        self._replies, reply_end = os.pipe()
        self._buffer = bytearray()
        self._closing = threading.Lock()
        self._asking = threading.Lock()
        if permissions is not None:
            walls = json.dumps(permissions.to_json())
            # Twice the watchdog's bound: reserved memory counts here, used memory there.
            backstop = str(2 * self._limits.memory_bytes)
            seconds = str(self._limits.cpu_seconds)
            arguments = (*arguments, "--permissions", walls)
            arguments = (*arguments, "--data-bytes", backstop, "--cpu-seconds", seconds)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", module, "--reply-fd", str(reply_end), *arguments],
                stdin=subprocess.PIPE,
                stdout=self._log,
                stderr=self._log,
                pass_fds=(reply_end,),
                start_new_session=True,
                cwd=PROJECT_ROOT,
                env=_environment(),
                bufsize=0,
            )
        except OSError:
            os.close(self._replies)
            self._log.close()
            raise
        finally:
            os.close(reply_end)
        self._family = ProcessFamily(self._process.pid)
        writes = permissions.write[0] if permissions is not None and permissions.write else None
        self._watchdog = Watchdog(self._process.pid, self._limits, writes)

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
        with self._asking:
            stdin = self._process.stdin
            if stdin is None or stdin.closed:
                raise errors.WorkerError(f"{self.label} has been closed.")
            deadline = time.monotonic() + limit_seconds
            try:
                self._send(stdin.fileno(), request, deadline, limit_seconds)
                line = self._read_line(deadline, limit_seconds)
            except OSError as broken:
                raise self._death() from broken
        answer = self._read_answer(line)
        if "error" in answer:
            raise _error_of(answer["error"])
        result: dict[str, Any] = answer["result"]
        return result

    def _send(self, target: int, request: bytes, deadline: float, seconds: float) -> None:
        """Write a request; a worker that does not read it is stopped like one that hangs."""
        os.set_blocking(target, False)
        while request:
            _, ready, _ = select.select([], [target], [], _wait(deadline))
            self._watch(deadline, seconds)
            if ready:
                with contextlib.suppress(BlockingIOError):
                    request = request[os.write(target, request) :]

    def _read_line(self, deadline: float, seconds: float) -> bytes:
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._replies], [], [], _wait(deadline))
            self._watch(deadline, seconds)
            if not ready:
                continue
            block = os.read(self._replies, 1 << 16)
            if not block:
                raise self._death()
            self._buffer += block
            if len(self._buffer) > _MOST_REPLY_BYTES:
                raise self._stopped(f"answered more than {_MOST_REPLY_BYTES // MB} MB")
        line, _, rest = self._buffer.partition(b"\n")
        self._buffer = bytearray(rest)
        return bytes(line)

    def _read_answer(self, line: bytes) -> dict[str, Any]:
        """Return the answer, which a worker that a model has taken over may have written."""
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            answer = None
        kinds = {"result": dict, "error": dict}
        if not isinstance(answer, dict) or not any(
            isinstance(answer.get(key), kind) for key, kind in kinds.items()
        ):
            raise self._stopped("answered what is no answer")
        return answer

    def _watch(self, deadline: float, seconds: float) -> None:
        """Kill the process with a clear reason when it takes too much of anything."""
        late = f"took longer than {seconds:.0f} s" if time.monotonic() > deadline else None
        complaint = late or self._watchdog.complaint()
        if complaint and not late and self._watchdog.disk_is_full:
            stopped = self._stopped(complaint)
            sentence = f"{str(stopped).rstrip('.')}; free some disk space and start again."
            raise errors.DiskSpaceError(sentence, stopped.details)
        if complaint:
            raise self._stopped(complaint)

    def _stopped(self, reason: str) -> errors.WorkerError:
        self.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # so that it is not alive afterwards
            self._process.wait(_EXIT_SECONDS)
        error = errors.WorkerError(f"{self.label} {reason}{self._doing} and was stopped.")
        error.details = self.log_tail()
        return error

    def _death(self) -> errors.WorkerError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_EXIT_SECONDS)
        code = self._process.poll()
        how = describe_exit(code)
        if code == -signal.SIGXCPU:
            limit = f"{self._limits.cpu_seconds} s ({setting_name('cpu_seconds')})"
            how = f"used up its processor time of {limit}"
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
        self._family.kill()

    def close(self) -> None:
        """End the process and free what it held; may be called twice."""
        with self._closing:
            if self._process.stdin is None or self._process.stdin.closed:
                return
            # Nothing a worker holds needs saving, and TensorFlow's own exit takes 0.8 s.
            self.kill()
            self._process.wait()
            with self._asking:  # whoever waits for an answer finds the end of it first
                with contextlib.suppress(OSError):
                    self._process.stdin.close()
                os.close(self._replies)
                self._log.close()


def _wait(deadline: float) -> float:
    return max(0.0, min(_WATCH_SECONDS, deadline - time.monotonic()))


def _environment() -> dict[str, str]:
    passed = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }
    if "LITEDRIFT_HOME" in passed:  # a relative one is meant from here, not from there
        passed["LITEDRIFT_HOME"] = str(Path(passed["LITEDRIFT_HOME"]).absolute())
    path = filter(None, [str(PROJECT_ROOT), passed.get("PYTHONPATH")])
    return {**passed, **_QUIET, "PYTHONPATH": os.pathsep.join(path)}


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


def _error_of(values: Mapping[str, Any]) -> errors.LiteDriftError:
    kind = getattr(errors, str(values.get("kind", "")), errors.WorkerError)
    if not (isinstance(kind, type) and issubclass(kind, errors.LiteDriftError)):
        kind = errors.WorkerError
    error = kind(str(values.get("message", "no reason given")))
    error.details = str(values.get("details", ""))
    return error
