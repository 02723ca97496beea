"""All evaluation samples through one converted file, in batches where the graph allows it."""

from __future__ import annotations

import os
import queue
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import numpy as np

from converter.errors import RuntimeModelError
from converter.kernels import Kernels
from converter.litert_model import LitertModel
from converter.sample_arrays import ArraySink, CollectedArrays, PageReleaser
from converter.tensor_binding import Binding

Array = np.ndarray
BATCH = 25
"""As fast as larger ones, and small enough that several interpreters share a thousand samples."""
_MOST_LANES = 4
"""Interpreters at once at most; each holds the activations of a batch."""
_WORTH_A_LANE_SECONDS = 1e-3
"""Of a batch: handing a shorter one to a thread takes longer than it saves."""
_WAITING = 4
"""Batches a lane whose outputs may wait for an earlier one's: a slow lane holds up no other."""
_PROBE = 4
"""Samples on which a batched run must give what single runs give."""


def evaluate(
    path: Path,
    inputs: Mapping[str, Array],
    threads: int,
    *,
    stateful: bool,
    batched: bool = True,
    binding: Binding | None = None,
    kernels: Kernels = Kernels.DEFAULT,
) -> tuple[dict[str, Array], int, dict[str, float | None]]:
    """Return the outputs of all samples; arguments as for `evaluate_into`.

    Returns:
        Outputs by name, shape `(samples, ...)`, dequantized; the batch size that was used; each
        output's quantization step, None for float outputs.

    Raises:
        RuntimeModelError: When LiteRT cannot load or run the file.
    """
    sink = CollectedArrays()
    batch, steps = evaluate_into(
        sink, path, inputs, threads, stateful=stateful, batched=batched, binding=binding,
        kernels=kernels,
    )
    return sink.arrays(), batch, steps


def evaluate_into(
    sink: ArraySink,
    path: Path,
    inputs: Mapping[str, Array],
    threads: int,
    *,
    stateful: bool,
    batched: bool = True,
    binding: Binding | None = None,
    kernels: Kernels = Kernels.DEFAULT,
) -> tuple[int, dict[str, float | None]]:
    """Hand the outputs of all samples over as they come, so that memory does not grow with them.

    Args:
        sink: Gets the outputs by name, dequantized, shape `(samples of the block, ...)`.
        path: The `.tflite` file.
        inputs: For each input name, shape `(samples, ...)`.
        threads: Threads for the kernels.
        stateful: Whether each sample needs an interpreter of its own.
        batched: Whether to try several samples in one inference.
        binding: How the file is opened; by its own names and sizes when left out.
        kernels: Which implementations of the operators run.

    Returns:
        The batch size that was used; each output's quantization step, None for float outputs.

    Raises:
        RuntimeModelError: When LiteRT cannot load or run the file.
    """
    def opener() -> LitertModel:
        return LitertModel(path, threads, binding, kernels=kernels)

    model = opener()
    steps = {name: model.output_step(name) for name in model.outputs}
    samples = len(next(iter(inputs.values())))
    own = model.own_batch
    if stateful:
        for index in range(samples):
            fresh = opener()
            sink.append(_run_own_batch(fresh, inputs, index, index + 1))
        return 1, steps
    if samples > own and batched:
        batch = min(BATCH, samples)
        if _run_in_batches(opener, model, inputs, samples, batch, steps, sink):
            return batch, steps
        sink.restart()
    pages = PageReleaser(inputs.values())
    for start in range(0, samples, own):
        sink.append(_run_own_batch(model, inputs, start, min(start + own, samples)))
        pages.note(own * _sample_bytes(inputs))
    return own, steps


def _sample_bytes(inputs: Mapping[str, Array]) -> int:
    return sum(array[:1].nbytes for array in inputs.values())


def _run_in_batches(
    opener: Callable[[], LitertModel],
    model: LitertModel,
    inputs: Mapping[str, Array],
    samples: int,
    batch: int,
    steps: Mapping[str, float | None],
    sink: ArraySink,
) -> bool:
    """Return False where the graph takes no batch or gives other results in one.

    An interpreter a core takes the batches in turn: the outputs are the same and come in order,
    and reference kernels, which know no threads, take half the time on two cores.
    """
    probe = min(_PROBE, samples)
    own = model.own_batch
    if own != 1:
        return False
    first = CollectedArrays()
    seconds = 0.0
    for index in range(probe):
        started = time.perf_counter()
        first.append(_run_own_batch(model, inputs, index, index + 1))
        seconds = time.perf_counter() - started  # of the last: the first pays for what is set up
    if not model.resize_batch(batch):
        return False
    whole = samples // batch * batch
    lanes = [model]
    if seconds * batch > _WORTH_A_LANE_SECONDS:
        lanes += _further_lanes(opener, batch, whole // batch)
    pages = PageReleaser(inputs.values())
    blocks = _blocks(lanes, inputs, range(0, whole, batch), batch)
    head = _first_block(blocks, batch)
    if head is None or not _alike(first.arrays(), head, probe, steps):
        blocks.close()
        model.resize_batch(own)
        return False
    for block in chain([head], blocks):
        sink.append(block)
        pages.note(batch * _sample_bytes(inputs))
    if whole < samples:
        rest = _run_one_size(model, inputs, whole, samples)
        if rest is None:
            model.resize_batch(own)
            return False
        sink.append(rest)
    return True


def _blocks(
    lanes: Sequence[LitertModel], inputs: Mapping[str, Array], starts: Sequence[int], batch: int
) -> Generator[dict[str, Array]]:
    """Yield the outputs of each batch in order, worked out by whichever interpreter is free."""
    if len(lanes) == 1:
        for start in starts:
            yield _run(lanes[0], inputs, start, start + batch)
        return
    free: queue.SimpleQueue[LitertModel] = queue.SimpleQueue()
    for lane in lanes:
        free.put(lane)

    def run(start: int) -> dict[str, Array]:
        lane = free.get()
        try:
            return _run(lane, inputs, start, start + batch)
        finally:
            free.put(lane)

    waiting: deque[Future[dict[str, Array]]] = deque()
    with ThreadPoolExecutor(len(lanes)) as threads:
        for start in starts:
            waiting.append(threads.submit(run, start))
            if len(waiting) > _WAITING * len(lanes):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _first_block(blocks: Iterator[dict[str, Array]], batch: int) -> dict[str, Array] | None:
    """Return the first batch; None where the graph refuses or gives another number of rows."""
    try:
        block = next(blocks)
    except RuntimeModelError:  # some graphs only notice the batch when they run
        return None
    if any(array.ndim == 0 or len(array) != batch for array in block.values()):
        return None
    return block


def _run_one_size(
    model: LitertModel, inputs: Mapping[str, Array], start: int, end: int
) -> dict[str, Array] | None:
    """Resize and run one batch; None where the graph refuses or gives another number of rows."""
    if not model.resize_batch(end - start):
        return None
    return _first_block(map(_run, [model], [inputs], [start], [end]), end - start)


def _further_lanes(
    opener: Callable[[], LitertModel], batch: int, batches: int
) -> list[LitertModel]:
    """Return as many more interpreters as cores are free and batches are left to share."""
    count = min(_MOST_LANES, len(os.sched_getaffinity(0)), batches)
    lanes = [opener() for _ in range(count - 1)]
    for lane in lanes:
        lane.resize_batch(batch)
    return lanes


def _alike(
    single: Mapping[str, Array],
    batched: Mapping[str, Array],
    probe: int,
    steps: Mapping[str, float | None],
) -> bool:
    for name, expected in single.items():
        found = batched[name][:probe]
        if found.shape != expected.shape:
            return False
        largest = float(np.nanmax(np.abs(expected), initial=0.0)) if expected.size else 0.0
        # Sums are taken in another order in a batch: a rounding of the last float bits, or of one
        # quantization step, is the same result.
        slack = steps[name] or (largest if np.isfinite(largest) else 1.0) * 1e-5
        if not np.allclose(expected, found, rtol=1e-4, atol=slack * 1.01, equal_nan=True):
            return False
    return True


def _run(model: LitertModel, inputs: Mapping[str, Array], start: int, end: int) -> dict[str, Array]:
    model.set_inputs({name: array[start:end] for name, array in inputs.items()})
    model.invoke()
    return model.get_outputs()


def _run_own_batch(
    model: LitertModel, inputs: Mapping[str, Array], start: int, end: int
) -> dict[str, Array]:
    """Run at most one own batch, padding with the last sample; scalars are fed as they are."""
    count, own = end - start, model.own_batch
    fed = {}
    for name, array in inputs.items():
        part = np.asarray(array[start:end])
        # A name that the file does not have is left for set_inputs to explain.
        if name in model.inputs and len(model.inputs[name]["shape"]) == 0:
            part = part[0]
        elif count < own:
            part = np.concatenate([part, np.repeat(part[-1:], own - count, axis=0)])
        fed[name] = part
    model.set_inputs(fed)
    model.invoke()
    return {
        name: (array[None] if array.ndim == 0 else array)[:count]
        for name, array in model.get_outputs().items()
    }
