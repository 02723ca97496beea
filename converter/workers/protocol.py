"""The worker's side of the conversation with `converter.child_process.Worker`."""

from __future__ import annotations

import argparse
import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from converter.errors import LiteDriftError

Handler = Callable[..., dict[str, Any]]


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
    return parser


def _read_requests(requests: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        requests.put(line)
    # The parent is gone or done with us; even native code in the main thread must not outlive it.
    os._exit(0)


def _answer(handlers: Mapping[str, Handler], request: dict[str, Any]) -> dict[str, Any]:
    operation = request.pop("operation")
    try:
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
