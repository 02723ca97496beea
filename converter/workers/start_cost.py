"""Worker: measures once, in its fresh process, what an import or a file's first inference costs."""

from __future__ import annotations

from converter.workers.protocol import enter_walls, serve

enter_walls()

import importlib  # noqa: E402
import statistics  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

_PACKAGES = {"tensorflow", "ai_edge_litert.interpreter"}
_WARM_RUNS = 20


def import_package(package: str) -> dict[str, Any]:
    """Import a package that this process has not seen."""
    if package not in _PACKAGES:
        raise ValueError(f"expected one of {sorted(_PACKAGES)}, found {package!r}")
    before, start = _resident_bytes(), time.perf_counter()
    importlib.import_module(package)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "resident_bytes": _resident_bytes() - before}


def start_file(path: str) -> dict[str, Any]:
    """Load a file, run it on zeros for the first time, and then warm."""
    from converter.litert_model import LitertModel  # noqa: PLC0415 - LiteRT's import is no part

    before, start = _resident_bytes(), time.perf_counter()
    model = LitertModel(Path(path))
    loaded = time.perf_counter()
    model.set_inputs(
        {name: np.zeros(d["shape"], np.float32) for name, d in model.inputs.items()}
    )
    model.invoke()
    first = time.perf_counter()
    resident = _resident_bytes() - before
    warm = []
    for _ in range(_WARM_RUNS):
        begin = time.perf_counter()
        model.invoke()
        warm.append((time.perf_counter() - begin) * 1e3)
    return {
        "load_ms": (loaded - start) * 1e3,
        "first_ms": (first - loaded) * 1e3,
        "warm_ms": statistics.median(warm),
        "resident_bytes": resident,
    }


def _resident_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status: expected VmRSS, found none")


if __name__ == "__main__":
    serve({"import_package": import_package, "start_file": start_file})
