"""The original of a run: asked for the reference outputs, and timed in turn with its variants."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Protocol

from converter.child_process import Worker
from converter.comparison import REFERENCE, Reference
from converter.errors import LiteDriftError, WorkerError
from converter.limits import Limits
from converter.tensor_binding import Binding
from converter.timing_session import Candidate
from converter.worker_pool import WorkerPool

REFERENCE_BATCH = 32
BoundFile = tuple[Path, Binding]


class Original(Protocol):
    """What a run compares its variants with."""

    def prepare(self, samples: Path) -> None:
        """Make it ready to be timed.

        Raises:
            LiteDriftError: When the original cannot be run on them.
        """

    def compute_outputs(self, samples: Path, outputs: Path) -> None:
        """Leave the outputs for all evaluation samples in a folder.

        Raises:
            LiteDriftError: When the original cannot be run on them.
        """

    def candidates(self) -> list[Candidate]:
        """Return what is ready to be timed."""

    def files(self) -> dict[str, BoundFile]:
        """Return what is still to be loaded for timing, as variants are."""


class TensorFlowOriginal:
    """A TensorFlow model, in the worker that loaded it.

    Args:
        host: The float-model worker, with the model frozen.
        limits: Seconds for each question.
    """

    def __init__(self, host: Worker, limits: Limits) -> None:
        self._host = host
        self._limits = limits

    def prepare(self, samples: Path) -> None:
        """Trace the call to be timed."""
        self._host.ask("prepare", self._limits.load_seconds, samples=str(samples))

    def compute_outputs(self, samples: Path, outputs: Path) -> None:
        """Run the model itself, not what it was frozen to."""
        self._host.ask(
            "reference",
            self._limits.evaluate_seconds,
            samples=str(samples),
            outputs=str(outputs),
            batch=REFERENCE_BATCH,
        )

    def candidates(self) -> list[Candidate]:
        """Return the warmed `tf.function`."""
        return [Candidate(REFERENCE, self._host)]

    def files(self) -> dict[str, BoundFile]:
        """Return none: it is loaded already."""
        return {}


class TfliteOriginal:
    """A `.tflite` file, which is run and timed exactly like the variants made from it.

    Args:
        pool: Of the run.
        limits: Seconds for each question.
        file: The file and how it is opened.
        threads: For LiteRT.
        stateful: Whether it keeps variables between inferences.
        record: Gets its memory.
    """

    def __init__(
        self,
        pool: WorkerPool,
        limits: Limits,
        file: BoundFile,
        *,
        threads: int,
        stateful: bool,
        record: Reference,
    ) -> None:
        self._pool = pool
        self._limits = limits
        self._file = file
        self._threads = threads
        self._stateful = stateful
        self._record = record

    def prepare(self, samples: Path) -> None:
        """Do nothing: it is loaded together with the variants."""

    def compute_outputs(self, samples: Path, outputs: Path) -> None:
        """Run the file in a fresh process, whose memory is noted."""
        answer = evaluate_file(
            self._pool,
            self._limits,
            self._file,
            samples=samples,
            outputs=outputs,
            threads=self._threads,
            stateful=self._stateful,
        )
        self._record.peak_memory_bytes = answer["peak_memory_bytes"]
        self._record.runtime_memory_bytes = answer["runtime_memory_bytes"]

    def candidates(self) -> list[Candidate]:
        """Return none: it is loaded together with the variants."""
        return []

    def files(self) -> dict[str, BoundFile]:
        """Return the file."""
        return {REFERENCE: self._file}


def evaluate_file(
    pool: WorkerPool,
    limits: Limits,
    file: BoundFile,
    *,
    samples: Path,
    outputs: Path,
    threads: int,
    stateful: bool,
    with_arena: bool = False,
) -> dict[str, Any]:
    """Run a `.tflite` on all samples in a fresh process, and again one by one if that crashes.

    Args:
        pool: Starts the process.
        limits: Bound its time.
        file: The file and how it is opened.
        samples: Folder of the evaluation samples.
        outputs: Folder that gets the outputs.
        threads: For the kernels.
        stateful: Whether each sample needs an interpreter of its own.
        with_arena: Whether to ask what the built-in kernels allocate, too.

    Returns:
        The evaluation worker's answer; the outputs lie in their folder. With the arena, `arena` has
        the answer to that, or `arena_error` says why there is none.

    Raises:
        LiteDriftError: When LiteRT cannot run it, or crashed both times.
    """
    path, binding = file

    def ask(*, batched: bool) -> dict[str, Any]:
        task = f"while running {binding.label}"
        worker = pool.start("evaluation", "LiteRT", task=task)
        try:
            answer = worker.ask(
                "evaluate",
                limits.evaluate_seconds,
                path=str(path),
                samples=str(samples),
                outputs=str(outputs),
                threads=threads,
                stateful=stateful,
                batched=batched,
                binding=binding.to_json(),
            )
            return {**answer, **(_ask_arena(worker, limits, file, threads) if with_arena else {})}
        finally:
            worker.close()

    try:
        return ask(batched=True)
    except WorkerError:
        # A kernel may crash on a batch that it takes one by one.
        shutil.rmtree(outputs, ignore_errors=True)
        return ask(batched=False)


def _ask_arena(worker: Worker, limits: Limits, file: BoundFile, threads: int) -> dict[str, Any]:
    path, binding = file
    worker.task = f"while allocating {binding.label} with built-in kernels"
    try:
        # Last of all: built-in kernels may refuse, or crash on, what XNNPACK runs.
        arena = worker.ask(
            "allocate",
            limits.load_seconds,
            path=str(path),
            threads=threads,
            binding=binding.to_json(),
        )
    except LiteDriftError as error:
        return {"arena": {}, "arena_error": str(error)}
    return {"arena": arena}
