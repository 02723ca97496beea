"""Worker: a converted file's first run, its memory and arena, its outputs on all samples."""

from __future__ import annotations

from converter.workers.protocol import enter_walls, serve, step_back

enter_walls()
step_back()

import time  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from converter.evaluation import evaluate_into  # noqa: E402
from converter.kernels import Kernels  # noqa: E402
from converter.litert_model import LitertModel  # noqa: E402
from converter.sample_arrays import ArrayWriter, load_arrays  # noqa: E402
from converter.tensor_binding import Binding  # noqa: E402


def evaluate_file(
    path: str,
    samples: str,
    outputs: str,
    threads: int,
    stateful: bool,
    batched: bool,
    binding: dict[str, Any],
) -> dict[str, Any]:
    """Allocate and run once in this fresh process, then run all samples.

    Returns:
        Peak resident bytes after the first run, resident bytes before loading, what allocating and
        the first run took from the allocator, and how the samples were run.
    """
    before = _memory("VmRSS")
    inputs = load_arrays(Path(samples))
    bound = Binding.from_json(binding)
    probe = LitertModel(Path(path), threads, bound, watch_heap=True)
    probe.set_inputs(
        {
            name: _first(array, probe.inputs[name]["shape"])
            for name, array in inputs.items()
            if name in probe.inputs
        }
    )
    probe.invoke()
    taken = probe.taken_bytes()
    peak = _memory("VmHWM")
    allocated = probe.allocated_bytes
    del probe
    start = time.perf_counter()
    with ArrayWriter(Path(outputs)) as writer:
        batch, steps = evaluate_into(
            writer, Path(path), inputs, threads, stateful=stateful, batched=batched, binding=bound
        )
    return {
        "peak_memory_bytes": peak,
        "runtime_memory_bytes": before,
        "allocated_bytes": allocated,
        "first_run_bytes": None if taken is None or allocated is None else taken - allocated,
        "batch": batch,
        "steps": steps,
        "seconds": time.perf_counter() - start,
    }


def allocate_file(path: str, threads: int, binding: dict[str, Any]) -> dict[str, Any]:
    """Allocate with built-in kernels alone, and run nothing.

    Returns:
        What that took from the allocator, and which scratch the kernels asked for.
    """
    model = LitertModel(
        Path(path), threads, Binding.from_json(binding), kernels=Kernels.BUILTIN, watch_heap=True
    )
    scratch = model.scratch_sizes()
    return {
        "builtin_bytes": model.allocated_bytes,
        "scratch_tensors": len(scratch),
        "scratch_bytes": sum(scratch),
        "own_shapes": model.own_shapes,
    }


def _first(array: Any, shape: Any) -> Any:  # noqa: ANN401 - NumPy arrays
    if len(shape) == 0:
        return array[0]
    part = array[: shape[0]]
    return part if len(part) == shape[0] else array[[0] * shape[0]]


def _memory(field: str) -> int | None:
    """Return a size of this process in bytes from Linux's own accounting, None elsewhere."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith(f"{field}:")]
    return int(found[0]) * 1024 if found else None


if __name__ == "__main__":
    serve({"evaluate": evaluate_file, "allocate": allocate_file})
