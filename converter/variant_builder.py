"""Reference outputs, conversions and evaluations of one run, side by side."""

from __future__ import annotations

import contextlib
import queue
import shutil
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from converter.arena_memory import read_arena
from converter.assessment import Assessor, label_outputs
from converter.child_process import Worker
from converter.comparison import CALIBRATION_FILE, Reference, Variant
from converter.engine import LITERT, Engine
from converter.errors import LiteDriftError, RunCancelledError, StoreError, WorkerError
from converter.given_intake import GivenIntake
from converter.given_variant import GivenVariant
from converter.known_results import KnownResults, record_conversion
from converter.limits import Limits
from converter.original import BoundFile, Original, evaluate_file
from converter.preprocessing_check import check_preprocessing
from converter.progress import ProgressTracker
from converter.recipe import INT16X8, Recipe
from converter.sample_arrays import load_arrays, save_arrays
from converter.sample_file import save_sample_file
from converter.signature import Signature
from converter.tensor_binding import Binding, shapes_of
from converter.worker_pool import WorkerPool

_Built = queue.SimpleQueue[Variant | None]
_EVALUATORS = 2
"""Variants evaluated at once: starting a process takes longer than a small file needs."""


@dataclass(frozen=True, kw_only=True)
class WorkPlaces:
    """Where the files of a run lie; all paths are absolute.

    Attributes:
        results: Gets the `.tflite` files; holds the calibration samples.
        frozen: The frozen SavedModel, where the run starts from a TensorFlow model.
        evaluation: The evaluation samples, as `sample_arrays` writes them.
        scratch: For outputs that are read once.
    """

    results: Path
    frozen: Path
    evaluation: Path
    scratch: Path


@dataclass(frozen=True, kw_only=True)
class BuildPlan:
    """What is to be built, and of what.

    Attributes:
        recipes: Variants to convert, with what is asked of each.
        given: Variants that are files already.
        engine: What carries out the recipes.
        source: What its worker needs to know of the model.
        signature: Inputs and outputs of the run, without open sizes.
        key: The signature's key in the converted files; None for the default.
        advice: What may help where the converter crashes on an integer recipe; may be empty.
    """

    recipes: Sequence[tuple[Variant, Recipe]]
    given: Sequence[tuple[Variant, GivenVariant]]
    engine: Engine
    source: dict[str, Any]
    signature: Signature
    key: str | None = None
    advice: str = ""

    def lanes(self, workers: int) -> list[list[tuple[Variant, Recipe]]]:
        """Cut the recipes into one list a worker: the calibrated ones take longest, so apart.

        int16x8 comes first: its kernels are the slowest on the evaluation samples by far, and run
        meanwhile the others are built.
        """
        ordered = sorted(self.recipes, key=lambda pair: INT16X8 not in pair[1].supported_ops)
        if workers < 2:
            return [ordered][:workers]
        return [[p for p in ordered if p[1].calibrate == kind] for kind in (True, False)]


@dataclass
class _Running:
    """The threads of one build and the queue between them."""

    built: _Built = field(default_factory=queue.SimpleQueue)
    producers: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_variant(self) -> Variant | None:
        """Return what was built next, for any of the threads that ask; None at the end."""
        while (variant := self.built.get()) is None:  # one lane has built all its variants
            with self.lock:
                self.producers -= 1
                if self.producers <= 0:
                    self.built.put(None)  # for the others
                    return None
        return variant


class VariantBuilder:
    """Fills in variants: file, audit, memory, drift and accuracy.

    Args:
        pool: Of the run.
        places: Of the run.
        limits: Seconds for each stage.
        tracker: Told of every stage.
        reference: Filled in with the original's own accuracy.
        threads: For LiteRT.
        plan: What to build.
        known: What earlier runs have found out.
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
        plan: BuildPlan,
        known: KnownResults,
    ) -> None:
        self._pool = pool
        self._places = places
        self._limits = limits
        self._tracker = tracker
        self._reference = reference
        self._threads = threads
        self._plan = plan
        self._known = known
        self._bindings: dict[str, Binding] = {}

    def build(
        self,
        original: Original,
        converters: Sequence[Worker | None],
        labels: dict[str, np.ndarray],
        rows: np.ndarray | None = None,
    ) -> None:
        """Build and assess all variants; one that fails keeps its reason, the others go on.

        Args:
            original: What the variants are compared with, ready to run.
            converters: For each lane a worker of the engine, or None to start one where it is
                needed; two lanes, one, or none where there is no recipe. Replaced when they die.
            labels: Of the evaluation samples, by name.
            rows: Places of the evaluation samples in the data file.

        Raises:
            LiteDriftError: When the reference outputs cannot be computed.
            RunCancelledError: When the run was cancelled.
        """
        lanes = self._plan.lanes(len(converters))
        running = _Running(producers=len(lanes) + bool(self._plan.given))
        with ThreadPoolExecutor(1 + _EVALUATORS + running.producers) as threads:
            assessor = threads.submit(self._run_reference, original, labels, rows)
            tasks: list[Future[Any]] = [
                assessor,
                *(
                    threads.submit(self._convert_all, converter, lane, running.built)
                    for converter, lane in zip(converters, lanes, strict=True)
                ),
                *(
                    threads.submit(self._evaluate_all, running, assessor)
                    for _ in range(_EVALUATORS)
                ),
            ]
            if self._plan.given:
                tasks.append(threads.submit(self._take_all, running.built))
            try:
                wait(tasks, return_when=FIRST_EXCEPTION)
                for task in tasks:
                    if task.done():
                        task.result()
            except BaseException:
                # The other threads wait for their workers; without them they come back at once.
                for _ in range(len(tasks)):
                    running.built.put(None)
                self._pool.close()
                raise
            for task in tasks:
                task.result()

    def file_of(self, variant: Variant) -> BoundFile:
        """Return a built variant's file and how it is opened."""
        return self._places.results / str(variant.file), self._bindings[variant.recipe]

    def _run_reference(
        self, original: Original, labels: dict[str, np.ndarray], rows: np.ndarray | None
    ) -> Assessor:
        self._tracker.begin("reference outputs")
        folder = self._places.scratch / "reference"

        def compute() -> dict[str, np.ndarray]:
            original.compute_outputs(self._places.evaluation, folder)
            return load_arrays(folder)

        outputs = self._known.reference_outputs(self._reference, compute)
        if not folder.is_dir():  # known from an earlier run: what follows finds them all the same
            save_arrays(folder, outputs)
        original.prepare(self._places.evaluation)
        paired, notes = label_outputs(labels, list(outputs))
        self._reference.notes += notes
        assessor = Assessor(
            outputs,
            paired,
            self._reference,
            rows=rows,
            inputs=load_arrays(self._places.evaluation),
            original="the given file" if self._plan.engine is LITERT else "the original",
        )
        self._warn_of_preprocessing(original, outputs, assessor)
        self._tracker.end("reference outputs")
        return assessor

    def _warn_of_preprocessing(
        self, original: Original, outputs: Mapping[str, np.ndarray], assessor: Assessor
    ) -> None:
        """Try on the original whether the samples were prepared otherwise than in training."""
        labelled = assessor.labelled_classes()
        if labelled is None:
            return
        name, labels = labelled
        memory = (self._reference.peak_memory_bytes, self._reference.runtime_memory_bytes)

        def run(inputs: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
            with tempfile.TemporaryDirectory(dir=self._places.scratch) as folder:
                samples, found = Path(folder) / "samples", Path(folder) / "outputs"
                save_arrays(samples, inputs)
                original.compute_outputs(samples, found)
                return {key: np.array(array) for key, array in load_arrays(found).items()}

        with contextlib.suppress(LiteDriftError):  # it has run on the samples themselves
            warning = check_preprocessing(
                run, load_arrays(self._places.evaluation), name, outputs[name], labels
            )
            self._reference.warnings += [] if warning is None else [warning]
        self._reference.peak_memory_bytes, self._reference.runtime_memory_bytes = memory

    def _convert_all(
        self, converter: Worker | None, pairs: list[tuple[Variant, Recipe]], built: _Built
    ) -> None:
        try:
            for variant, recipe in pairs:
                if not self._take_known(variant, recipe):
                    if converter is None or not converter.is_alive:
                        if converter is not None:
                            converter.close()
                        engine = self._plan.engine
                        converter = self._pool.start(engine.worker, engine.worker_label)
                    self._convert(converter, variant, recipe)
                built.put(variant)
            if converter is not None:
                converter.close()
        finally:
            built.put(None)

    def _take_known(self, variant: Variant, recipe: Recipe) -> bool:
        path = self._places.results / f"{recipe.name}.tflite"
        if not self._known.take_conversion(variant, recipe, path):
            return False
        self._tracker.skip(f"convert {recipe.name}")
        self._bind(variant, recipe)
        return True

    def _bind(self, variant: Variant, recipe: Recipe) -> None:
        self._bindings[variant.recipe] = Binding(
            label=recipe.name, signature=self._plan.key, shapes=shapes_of(self._plan.signature)
        )

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
                recipe=recipe.to_json(),
                batch=self._plan.signature.batch_size,
                target=str(built),
                calibration=str(self._places.results / CALIBRATION_FILE),
                **self._plan.source,
            )
        except LiteDriftError as error:
            advice = self._plan.advice
            if isinstance(error, WorkerError) and recipe.calibrate and advice:
                error = WorkerError(f"{str(error).rstrip('.')}; {advice}", error.details)
            self._fail(variant, error)
        else:
            built.replace(path)
            self._known.keep_conversion(recipe, answer, path)
            record_conversion(variant, answer, path)
            self._bind(variant, recipe)
        self._tracker.end(stage)

    def _take_all(self, built: _Built) -> None:
        """Read the files that were given, and pair their tensors with the run's."""
        intake = GivenIntake(self._pool, self._places.results, self._limits, self._plan.signature)
        try:
            for variant, file in self._plan.given:
                stage = f"read {variant.recipe}"
                self._tracker.begin(stage)
                try:
                    self._bindings[variant.recipe] = intake.take(variant, file)
                except LiteDriftError as error:
                    self._fail(variant, error)
                self._tracker.end(stage)
                built.put(variant)
        finally:
            intake.close()
            built.put(None)

    def _fail(self, variant: Variant, error: LiteDriftError) -> None:
        if self._pool.is_closed:
            raise RunCancelledError("The run was cancelled.") from error
        variant.fail(str(error), error.details)

    def _evaluate_all(self, running: _Running, assessor: Future[Assessor]) -> None:
        while (variant := running.next_variant()) is not None:
            stage = f"evaluate {variant.recipe}"
            if variant.status != "ok":
                self._tracker.skip(stage)
                continue
            self._tracker.begin(stage)
            if variant.audit.missing_kernels:
                _mark_size_only(variant)
            else:
                try:
                    self._known.evaluate(
                        variant,
                        self._bindings[variant.recipe],
                        self._places.results,
                        partial(self._evaluate, variant, assessor),
                    )
                except StoreError:
                    raise  # a full disk is the run's failure, not this variant's
                except LiteDriftError as error:
                    self._fail(variant, error)
            self._tracker.end(stage)

    def _evaluate(self, variant: Variant, assessor: Future[Assessor]) -> Path:
        """Fill in a variant's figures and return the file that holds its samples."""
        outputs = self._places.scratch / f"outputs-{variant.recipe}"
        answer = evaluate_file(
            self._pool,
            self._limits,
            self.file_of(variant),
            samples=self._places.evaluation,
            outputs=outputs,
            threads=self._threads,
            stateful=variant.audit.is_stateful,
            with_arena=True,
        )
        variant.arena, notes = read_arena(answer)
        variant.audit.notes += notes
        variant.peak_memory_bytes = answer["peak_memory_bytes"]
        variant.runtime_memory_bytes = answer["runtime_memory_bytes"]
        variant.evaluation_batch = answer["batch"]
        if variant.peak_memory_bytes is None:
            variant.audit.notes.append("peak_memory_bytes is null: this system does not tell it.")
        samples = assessor.result().assess(variant, load_arrays(outputs), answer["steps"])
        variant.runnable = True
        shutil.rmtree(outputs)
        return save_sample_file(self._places.results, variant.recipe, samples)


def _mark_size_only(variant: Variant) -> None:
    kind = "TensorFlow operators, which need the Flex delegate"
    if not variant.audit.flex_ops:
        names = ", ".join(name[:60] for name in variant.audit.missing_kernels[:5])
        kind = f"custom operators ({names}), which need kernels of their own"
    variant.audit.notes.append(
        f"Size only: the file holds {kind}, and this runtime has none, so latency, drift, accuracy "
        "and memory are null."
    )
