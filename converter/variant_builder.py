"""Reference outputs, conversions and evaluations of one run, side by side."""

from __future__ import annotations

import queue
import shutil
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from converter.assessment import Assessor, label_outputs
from converter.child_process import Worker
from converter.comparison import CALIBRATION_FILE, Audit, Reference, Variant
from converter.errors import LiteDriftError, RunCancelledError, WorkerError
from converter.limits import Limits
from converter.progress import ProgressTracker
from converter.recipe import Recipe
from converter.sample_arrays import load_arrays
from converter.worker_pool import WorkerPool

REFERENCE_BATCH = 32
_Converted = queue.SimpleQueue[tuple[Variant, Recipe] | None]


@dataclass(frozen=True, kw_only=True)
class WorkPlaces:
    """Where the files of a run lie; all paths are absolute.

    Attributes:
        results: Gets the `.tflite` files; holds the calibration samples.
        frozen: The frozen SavedModel.
        evaluation: The evaluation samples, as `sample_arrays` writes them.
        scratch: For outputs that are read once.
    """

    results: Path
    frozen: Path
    evaluation: Path
    scratch: Path


class VariantBuilder:
    """Fills in variants: file, audit, memory, drift and accuracy.

    Args:
        pool: Of the run.
        places: Of the run.
        limits: Seconds for each stage.
        tracker: Told of every stage.
        reference: Filled in with the original's own accuracy.
        threads: For LiteRT.
        batch: To which the frozen graph is fixed.
        advice: What may help where the converter crashes on an integer recipe; may be empty.
    """

    def __init__(
        self,
        *,
        pool: WorkerPool,
        places: WorkPlaces,
        limits: Limits,
        tracker: ProgressTracker,
        reference: Reference,
        threads: int,
        batch: int,
        advice: str = "",
    ) -> None:
        self._advice = advice
        self._pool = pool
        self._places = places
        self._limits = limits
        self._tracker = tracker
        self._reference = reference
        self._threads = threads
        self._batch = batch

    def build(
        self,
        pairs: list[tuple[Variant, Recipe]],
        host: Worker,
        converters: list[Worker],
        labels: dict[str, np.ndarray],
    ) -> None:
        """Build and assess all variants; one that fails keeps its reason, the others go on.

        Args:
            pairs: Variants to fill in, with what is asked of each.
            host: The float-model worker, with the model frozen.
            converters: One conversion worker, or two: then one builds the calibrated variants,
                which take longest, and the other the rest. Replaced when they die.
            labels: Of the evaluation samples, by name.

        Raises:
            LiteDriftError: When the reference outputs cannot be computed.
            RunCancelledError: When the run was cancelled.
        """
        converted: _Converted = queue.SimpleQueue()
        lanes = [pairs]
        if len(converters) > 1:
            lanes = [[p for p in pairs if p[1].calibrate == kind] for kind in (True, False)]
        with ThreadPoolExecutor(2 + len(lanes)) as threads:
            assessor = threads.submit(self._run_reference, host, labels)
            tasks: list[Future[Any]] = [
                assessor,
                *(
                    threads.submit(self._convert_all, converter, lane, converted)
                    for converter, lane in zip(converters, lanes, strict=True)
                ),
                threads.submit(self._evaluate_all, converted, len(lanes), assessor),
            ]
            try:
                wait(tasks, return_when=FIRST_EXCEPTION)
                for task in tasks:
                    if task.done():
                        task.result()
            except BaseException:
                # The other threads wait for their workers; without them they come back at once.
                for _ in lanes:
                    converted.put(None)
                self._pool.close()
                raise
            for task in tasks:
                task.result()

    def _run_reference(self, host: Worker, labels: dict[str, np.ndarray]) -> Assessor:
        self._tracker.begin("reference outputs")
        folder = self._places.scratch / "reference"
        samples = str(self._places.evaluation)
        host.ask(
            "reference",
            self._limits.evaluate_seconds,
            samples=samples,
            outputs=str(folder),
            batch=REFERENCE_BATCH,
        )
        host.ask("prepare", self._limits.load_seconds, samples=samples)
        outputs = load_arrays(folder)
        paired, notes = label_outputs(labels, list(outputs))
        self._reference.notes += notes
        assessor = Assessor(outputs, paired, self._reference)
        self._tracker.end("reference outputs")
        return assessor

    def _convert_all(
        self, converter: Worker, pairs: list[tuple[Variant, Recipe]], converted: _Converted
    ) -> None:
        try:
            for variant, recipe in pairs:
                if not converter.is_alive:
                    converter.close()
                    converter = self._pool.start("conversion", "the converter")
                self._convert(converter, variant, recipe)
                converted.put((variant, recipe))
            converter.close()
        finally:
            converted.put(None)

    def _convert(self, converter: Worker, variant: Variant, recipe: Recipe) -> None:
        stage = f"convert {recipe.name}"
        self._tracker.begin(stage)
        converter.task = f"while building {recipe.name}"
        path = self._places.results / f"{recipe.name}.tflite"
        path.unlink(missing_ok=True)  # of an earlier run into the same folder
        built = self._places.scratch / path.name
        try:
            answer = converter.ask(
                "convert",
                self._limits.convert_seconds,
                saved_model=str(self._places.frozen),
                recipe=recipe.to_json(),
                batch=self._batch,
                target=str(built),
                calibration=str(self._places.results / CALIBRATION_FILE),
            )
        except LiteDriftError as error:
            if isinstance(error, WorkerError) and recipe.calibrate and self._advice:
                error = WorkerError(f"{str(error).rstrip('.')}; {self._advice}", error.details)
            self._fail(variant, error)
        else:
            built.replace(path)
            variant.audit = Audit(**answer.pop("audit"))
            variant.file = path.name
            for name, value in answer.items():
                setattr(variant, name, value)
        self._tracker.end(stage)

    def _fail(self, variant: Variant, error: LiteDriftError) -> None:
        if self._pool.is_closed:
            raise RunCancelledError("The run was cancelled.") from error
        variant.status = "failed"
        variant.error = str(error)
        variant.error_details = error.details or None
        variant.audit.notes.append(f"Not measured: {error}")

    def _evaluate_all(self, converted: _Converted, lanes: int, assessor: Future[Assessor]) -> None:
        while lanes:
            item = converted.get()
            if item is None:  # one lane has built all its variants
                lanes -= 1
                continue
            variant, recipe = item
            stage = f"evaluate {recipe.name}"
            if variant.status != "ok":
                self._tracker.skip(stage)
                continue
            self._tracker.begin(stage)
            if variant.audit.flex_ops or variant.audit.custom_ops:
                _mark_size_only(variant)
            else:
                try:
                    self._evaluate(variant, assessor)
                except LiteDriftError as error:
                    self._fail(variant, error)
            self._tracker.end(stage)

    def _evaluate(self, variant: Variant, assessor: Future[Assessor]) -> None:
        outputs = self._places.scratch / f"outputs-{variant.recipe}"
        try:
            answer = self._run_evaluation(variant, outputs, batched=True)
        except WorkerError:
            # A kernel may crash on a batch that it takes one by one.
            answer = self._run_evaluation(variant, outputs, batched=False)
        variant.peak_memory_bytes = answer["peak_memory_bytes"]
        variant.runtime_memory_bytes = answer["runtime_memory_bytes"]
        variant.evaluation_batch = answer["batch"]
        if variant.peak_memory_bytes is None:
            variant.audit.notes.append("peak_memory_bytes is null: this system does not tell it.")
        assessor.result().assess(variant, load_arrays(outputs), answer["steps"])
        variant.runnable = True
        shutil.rmtree(outputs)

    def _run_evaluation(self, variant: Variant, outputs: Path, *, batched: bool) -> dict[str, Any]:
        worker = self._pool.start("evaluation", "LiteRT", task=f"while running {variant.recipe}")
        try:
            return worker.ask(
                "evaluate",
                self._limits.evaluate_seconds,
                path=str(self._places.results / str(variant.file)),
                samples=str(self._places.evaluation),
                outputs=str(outputs),
                threads=self._threads,
                stateful=variant.audit.is_stateful,
                batched=batched,
            )
        finally:
            worker.close()


def _mark_size_only(variant: Variant) -> None:
    kind = "TensorFlow operators, which need the Flex delegate"
    if variant.audit.custom_ops:
        kind = "custom operators, which need kernels of their own"
    variant.audit.notes.append(
        f"Size only: the file holds {kind}, and this runtime has none, so latency, drift, accuracy "
        "and memory are null."
    )
