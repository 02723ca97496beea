"""The worker's side of the conversation with `converter.child_process.Worker`."""

from __future__ import annotations

import argparse
import json
import os
import queue
import resource
import statistics
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from converter.errors import LiteDriftError
from converter.sandbox import Permissions, SandboxLimits, enter_sandbox
from converter.sandbox_report import SandboxReport

Handler = Callable[..., dict[str, Any]]
_REWARM_RUNS = 5
_NICENESS = 10
_REWARM_NANOSECONDS = 5_000_000
_WINDOW_RUNS, _WINDOW_NANOSECONDS = 2, 100_000_000
_SETTLED = 0.05
_CAP_RUNS = 10


def enter_walls() -> None:
    """Enter the sandbox that the parent asked for; the first act of a worker.

    Before any import that starts a thread (NumPy's does), because the walls hold only the threads
    that are there and those that they start.
    """
    global _report
    arguments, _ = _parser().parse_known_args()
    if arguments.permissions is not None:
        permissions = Permissions.from_json(json.loads(arguments.permissions))
        limits = SandboxLimits(data_bytes=arguments.data_bytes, cpu_seconds=arguments.cpu_seconds)
        _report = enter_sandbox(permissions, limits)


def step_back() -> None:
    """Let the web process go first where both want the processor: people wait for pages.

    For workers that build. One that measures latency competes for it like any program would.
    """
    os.nice(_NICENESS)


_report = SandboxReport.without_layers("the parent asked for none")


def quiet_imports() -> None:
    """Make importing TensorFlow cheaper: 1.4 s in place of 2-3 s.

    Keras imports these packages where they are installed, for features that no worker uses. The
    garbage collector walks a million young objects of an import for nothing; it stays off,
    because a worker is short-lived.
    """
    import gc

    gc.disable()
    for name in ("sklearn", "scipy", "pandas", "matplotlib", "torch", "jax", "IPython"):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]


def freeze_heap() -> None:
    """Take what is loaded by now out of the garbage collector's sight.

    TFLiteConverter calls `gc.collect()` in every conversion, which costs 0.2 s with TensorFlow's
    modules in sight and 0.01 s without.
    """
    import gc

    gc.freeze()


def time_calls(
    call: Callable[[], object],
    runs: int,
    seconds: float,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> list[float]:
    """Return milliseconds of each call: at least `runs` of them, for at least `seconds`.

    A process that waited for its turn starts cold: its first calls took 2 to 30 times as long as
    the rest. They are made and not counted, at most 5 and at most 5 ms of them.

    Args:
        call: What is timed.
        runs: The least number of counted calls.
        seconds: The least time over which calls are counted.
        clock: The time in nanoseconds, from any moment on.
    """
    rewarmed = clock() + _REWARM_NANOSECONDS
    for _ in range(_REWARM_RUNS):
        call()
        if clock() > rewarmed:
            break
    samples: list[float] = []
    end = clock() + int(seconds * 1e9)
    while len(samples) < runs or clock() < end:
        start = clock()
        call()
        samples.append((clock() - start) / 1e6)
    return samples


def warm_up(
    call: Callable[[], object], runs: int, seconds: float, settle_seconds: float
) -> dict[str, Any]:
    """Call until the calls are as fast as they will be.

    At least `runs` and `seconds`; then, where `settle_seconds` is not 0, until the medians of the
    last two windows (each of at least 0.1 s and 2 calls) differ by at most 5 %. It is given up
    after `settle_seconds` and 10 calls.

    Returns:
        `runs`, and `settled`: whether it became stable; None where nobody asked.
    """
    clock = time.perf_counter_ns
    began = clock()
    medians: list[float] = []
    window: list[int] = []
    count, window_began = 0, began
    while True:
        start = clock()
        call()
        now = clock()
        count += 1
        window.append(now - start)
        if len(window) >= _WINDOW_RUNS and now - window_began >= _WINDOW_NANOSECONDS:
            medians.append(statistics.median(window))
            window, window_began = [], now
        if count < runs or now - began < seconds * 1e9:
            continue
        if settle_seconds <= 0:
            return {"runs": count, "settled": None}
        if len(medians) >= 2 and abs(medians[-1] - medians[-2]) <= _SETTLED * medians[-2]:
            return {"runs": count, "settled": True}
        if count >= _CAP_RUNS and now - began >= settle_seconds * 1e9:
            return {"runs": count, "settled": False}


def time_turn(call: Callable[[], object], runs: int, seconds: float) -> dict[str, Any]:
    """Time one turn, and tell what else the system did to this process meanwhile.

    Returns:
        `samples_ms` as from `time_calls`; involuntary context `switches`, `cpu_seconds` of all
        threads and `wall_seconds`, each over the whole turn with its uncounted opening.
    """
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    samples = time_calls(call, runs, seconds)
    after, ended = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    return {
        "samples_ms": samples,
        "switches": after.ru_nivcsw - before.ru_nivcsw,
        "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "wall_seconds": ended - began,
    }


def serve(handlers: Mapping[str, Handler]) -> None:
    """Answer requests from stdin until it closes, then end the process at once.

    Args:
        handlers: For each operation, a function of the request's fields.
    """
    arguments, _ = _parser().parse_known_args()
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read_requests, args=(requests,), daemon=True).start()
    with os.fdopen(arguments.reply_fd, "w") as replies:
        while True:
            request = json.loads(requests.get())
            replies.write(json.dumps(_answer(handlers, request)) + "\n")
            replies.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--reply-fd", type=int, required=True)
    parser.add_argument("--permissions")
    parser.add_argument("--data-bytes", type=int)
    parser.add_argument("--cpu-seconds", type=int)
    return parser


def _read_requests(requests: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        requests.put(line)
    # The parent is gone or done with us; even native code in the main thread must not outlive it.
    os._exit(0)


def _answer(handlers: Mapping[str, Handler], request: dict[str, Any]) -> dict[str, Any]:
    operation = request.pop("operation")
    try:
        if operation == "walls":
            return {"result": _report.to_json()}
        return {"result": handlers[operation](**request)}
    except LiteDriftError as error:
        kind = type(error).__name__
        return {"error": {"kind": kind, "message": str(error), "details": error.details}}
    except MemoryError:
        message = f"{operation} needs more memory than there is."
        return {"error": {"kind": "WorkerError", "message": message}}
    except Exception as error:  # noqa: BLE001 - the last boundary before the parent
        first_line = (str(error).strip().splitlines() or [""])[0][:200]
        message = f"{operation} failed with {type(error).__name__}: {first_line}"
        return {
            "error": {
                "kind": "WorkerError",
                "message": message,
                "details": traceback.format_exc(),
            }
        }
