"""One run from a request to a comparison: the order of the work, and what goes on side by side."""

from __future__ import annotations

import datetime
import queue
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from converter.assessment import Assessor, label_outputs
from converter.audit import note_identical_files
from converter.child_process import Worker
from converter.comparison import (
    CALIBRATION_FILE,
    REFERENCE,
    Audit,
    Comparison,
    DataFacts,
    ModelFacts,
    Reference,
    Variant,
    save_latency_samples,
)
from converter.environment import read_environment
from converter.errors import LiteDriftError, ModelFileError, RunCancelledError
from converter.limits import current_limits
from converter.model_file import ModelFile, file_sha256, gzip_size, inspect_model
from converter.progress import Progress, ProgressTracker
from converter.recipe import Recipe
from converter.request import (
    DEFAULT_CALIBRATION_SAMPLES,
    RANDOM_EVALUATION_SAMPLES,
    RunRequest,
)
from converter.sample_arrays import load_arrays, save_arrays, save_npz
from converter.samples import Samples, Split, load_samples, random_samples, split_samples
from converter.signature import Signature, TensorSpec
from converter.timing_session import Candidate, measure_in_turns, turn_labels

REFERENCE_BATCH = 32
MIB = 1024 * 1024


def run_comparison(
    request: RunRequest, folder: Path, listener: Callable[[Progress], None] = lambda _: None
) -> Comparison:
    """Carry out a run and leave its files in a folder.

    Args:
        request: What is asked.
        folder: Gets `comparison.json`, one `.tflite` for each variant, the raw latency samples
            and, where a recipe calibrates, the calibration samples.
        listener: Told of every change of progress.

    Returns:
        The comparison; a variant that failed is in it with its reason.

    Raises:
        LiteDriftError: When the model or the data cannot be used.
        RunCancelledError: When the run was cancelled; no child process is left.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tracker = ProgressTracker(_expected_seconds(request), listener)
    with tempfile.TemporaryDirectory(prefix=".work-", dir=folder) as work:
        run = _Run(request, folder, Path(work), tracker)
        try:
            comparison = run.carry_out()
        except (KeyboardInterrupt, RunCancelledError):
            tracker.finish("cancelled")
            raise RunCancelledError("The run was cancelled.") from None
        except LiteDriftError as error:
            tracker.finish("failed", str(error))
            raise
        finally:
            run.close()
    comparison.save(folder)
    tracker.finish("done")
    return comparison


def _expected_seconds(request: RunRequest) -> dict[str, float]:
    """Rough seconds of each stage; the tracker corrects them by the machine's real pace."""
    size = request.model_path.stat().st_size if request.model_path.is_file() else 0
    weight = 1 + size / (4 * MIB)
    expected = {"load": 1.8 + 0.2 * weight, "freeze": 0.25 * weight,
                "reference outputs": 0.3 * weight}
    for recipe in request.recipes:
        expected[f"convert {recipe.name}"] = (0.3 if recipe.calibrate else 0.2) * weight
        expected[f"evaluate {recipe.name}"] = 0.2 * weight
    names = [REFERENCE, *(recipe.name for recipe in request.recipes)]
    turn = (request.protocol.seconds + request.protocol.warmup_seconds) / request.protocol.rounds
    expected.update(dict.fromkeys(turn_labels(names, request.protocol), turn or 0.02))
    return expected


class _Run:
    """The state of one run while it goes on."""

    def __init__(
        self, request: RunRequest, folder: Path, work: Path, tracker: ProgressTracker
    ) -> None:
        self.request = request
        self.folder = folder
        self.work = work
        self.tracker = tracker
        self.limits = current_limits()
        self.lock = threading.Lock()
        self.workers: list[Worker] = []
        self.closed = False
        self.source: dict[str, Any] = {}
        self.reference = Reference()
        self.variants = [Variant(recipe=r.name, flags=r.to_json()) for r in request.recipes]

    def close(self) -> None:
        """End every child process."""
        with self.lock:
            self.closed = True
            workers, self.workers = self.workers, []
        for worker in workers:
            worker.close()

    def start_worker(self, kind: str, label: str, *arguments: str) -> Worker:
        """Start a child process that ends with the run."""
        with self.lock:
            if self.closed:
                raise RunCancelledError("The run was cancelled.")
            worker = Worker(f"converter.workers.{kind}", label, *arguments)
            self.workers.append(worker)
        return worker

    def carry_out(self) -> Comparison:
        """Do the work in order and put the result together."""
        began = time.monotonic()
        created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        # Both import TensorFlow, which takes longer than what is read meanwhile.
        self.tracker.begin("load")
        threads = str(self.request.threads)
        host = self.start_worker("float_model", "loading the model", "--threads", threads)
        converter = self.start_worker("conversion", "the converter")
        model = inspect_model(
            self.request.model_path, self.request.input_tensors, self.request.output_tensors
        )
        model.name = self.request.model_name
        if model.format == "tflite":
            raise ModelFileError(
                f"{model.name}: expected a TensorFlow model to convert, found a .tflite file, "
                "which is converted already; give the original model, or inspect this one."
            )
        signature = self._load(host, model)
        self.tracker.end("load")
        split, facts, shapes = self._prepare_data(host, model, signature)
        signature = self._freeze(host, model, signature, shapes)
        self._convert_and_evaluate(host, converter, split, signature)
        note_identical_files(self.variants)
        samples_ms = self._measure(host)
        save_latency_samples(self.folder, samples_ms)
        return Comparison(
            model=self._model_facts(model, signature),
            data=facts,
            environment=read_environment(self.request.threads).to_json(),
            settings={
                "runs": self.request.runs,
                "seed": self.request.seed,
                "protocol": vars(self.request.protocol),
                "batch": signature.batch_size,
                "source": self.source,
            },
            reference=self.reference,
            variants=self.variants,
            created=created,
            seconds=round(time.monotonic() - began, 3),
        )

    def _load(self, host: Worker, model: ModelFile) -> Signature:
        answer = host.ask(
            "load", self.limits.load_seconds,
            path=str(self.request.model_path.resolve()), name=model.name, format=model.format,
            work_folder=str(self.work.resolve()),
            input_tensors=model.details.get("input_tensors", []),
            output_tensors=model.details.get("output_tensors", []),
        )
        model.notes += answer["notes"]
        self.source = {
            "loader": answer["loader"],
            "raw_inputs": answer["raw_inputs"],
            "signature": model.details.get("signature"),
            "output_tensors": model.details.get("output_tensors"),
        }
        return Signature.from_json(answer["signature"])

    def _prepare_data(
        self, host: Worker, model: ModelFile, signature: Signature
    ) -> tuple[Split, DataFacts, dict[str, tuple[int, ...]]]:
        request = self.request
        samples: Samples | None = None
        counts = (request.samples, request.calibration_samples)
        if request.data_path is not None:
            samples = load_samples(
                request.data_path, request.data_name or request.data_path.name, signature.inputs,
                request.data_options, rescales="Rescaling" in model.details.get("layers", []),
            )
        known = samples and {name: list(a.shape[1:]) for name, a in samples.inputs.items()}
        answer = host.ask("fix", self.limits.load_seconds, data_shapes=known)
        model.notes += answer["notes"]
        shapes = {name: tuple(shape) for name, shape in answer["shapes"].items()}
        if samples is None:
            counts = (
                request.samples or RANDOM_EVALUATION_SAMPLES,
                DEFAULT_CALIBRATION_SAMPLES if counts[1] is None else counts[1],
            )
            specs = [TensorSpec(s.name, shapes[s.name], s.dtype) for s in signature.inputs]
            samples = random_samples(specs, sum(counts), request.seed)
        split = split_samples(samples, *counts, request.seed)
        save_arrays(self.work / "evaluation", split.evaluation.inputs)
        if any(recipe.calibrate for recipe in request.recipes):
            save_npz(self.folder / CALIBRATION_FILE, split.calibration.inputs)
        facts = DataFacts(
            source="random" if request.data_path is None else "file",
            name=request.data_name,
            sha256=None if request.data_path is None else file_sha256(request.data_path),
            calibration_samples=len(split.calibration),
            evaluation_samples=len(split.evaluation),
            labelled=bool(samples.labels),
            seed=request.seed,
            notes=[*samples.notes, *split.notes],
        )
        return split, facts, shapes

    def _freeze(
        self,
        host: Worker,
        model: ModelFile,
        signature: Signature,
        shapes: dict[str, tuple[int, ...]],
    ) -> Signature:
        self.tracker.begin("freeze")
        answer = host.ask("freeze", self.limits.load_seconds, folder=str(self._frozen_folder))
        model.notes += answer["notes"]
        self.tracker.end("freeze")
        inputs = tuple(TensorSpec(s.name, shapes[s.name], s.dtype) for s in signature.inputs)
        outputs = tuple(TensorSpec.from_json(item) for item in answer["outputs"])
        return Signature(inputs, outputs)

    @property
    def _frozen_folder(self) -> Path:
        return (self.work / "frozen").resolve()

    def _convert_and_evaluate(
        self, host: Worker, converter: Worker, split: Split, signature: Signature
    ) -> None:
        """Reference outputs, conversions and evaluations go on side by side, one of each."""
        converted: queue.SimpleQueue[tuple[Variant, Recipe] | None] = queue.SimpleQueue()
        with ThreadPoolExecutor(3) as pool:
            assessor = pool.submit(self._run_reference, host, split)
            tasks: list[Future[Any]] = [
                assessor,
                pool.submit(self._convert_all, converter, signature.batch_size, converted),
                pool.submit(self._evaluate_all, converted, assessor),
            ]
            try:
                wait(tasks, return_when=FIRST_EXCEPTION)
                for task in tasks:
                    if task.done():
                        task.result()
            except BaseException:
                # The other threads wait for their workers; without them they come back at once.
                converted.put(None)
                self.close()
                raise
            for task in tasks:
                task.result()

    def _run_reference(self, host: Worker, split: Split) -> Assessor:
        self.tracker.begin("reference outputs")
        folder = self.work / "reference"
        samples = str((self.work / "evaluation").resolve())
        host.ask("reference", self.limits.evaluate_seconds, samples=samples,
                 outputs=str(folder.resolve()), batch=REFERENCE_BATCH)
        host.ask("prepare", self.limits.load_seconds, samples=samples)
        outputs = load_arrays(folder)
        labels, notes = label_outputs(split.evaluation.labels, list(outputs))
        self.reference.notes += notes
        assessor = Assessor(outputs, labels, self.reference)
        self.tracker.end("reference outputs")
        return assessor

    def _convert_all(
        self,
        converter: Worker,
        batch: int,
        converted: queue.SimpleQueue[tuple[Variant, Recipe] | None],
    ) -> None:
        try:
            for variant, recipe in zip(self.variants, self.request.recipes, strict=True):
                if not converter.is_alive:
                    converter.close()
                    converter = self.start_worker("conversion", "the converter")
                self._convert(converter, variant, recipe, batch)
                converted.put((variant, recipe))
            converter.close()
        finally:
            converted.put(None)

    def _convert(self, converter: Worker, variant: Variant, recipe: Recipe, batch: int) -> None:
        stage = f"convert {recipe.name}"
        self.tracker.begin(stage)
        converter.label = f"{recipe.name}: the converter"
        path = self.folder.resolve() / f"{recipe.name}.tflite"
        path.unlink(missing_ok=True)  # of an earlier run into the same folder
        try:
            answer = converter.ask(
                "convert", self.limits.convert_seconds, saved_model=str(self._frozen_folder),
                recipe=recipe.to_json(), batch=batch, target=str(path),
                calibration=str((self.folder / CALIBRATION_FILE).resolve()),
            )
        except LiteDriftError as error:
            self._fail(variant, error)
        else:
            variant.audit = Audit(**answer.pop("audit"))
            variant.file = path.name
            for name, value in answer.items():
                setattr(variant, name, value)
        self.tracker.end(stage)

    def _fail(self, variant: Variant, error: LiteDriftError) -> None:
        if self.closed:
            raise RunCancelledError("The run was cancelled.") from error
        variant.status = "failed"
        variant.error = str(error)
        variant.error_details = error.details or None
        variant.audit.notes.append(f"Not measured: {error}")

    def _evaluate_all(
        self,
        converted: queue.SimpleQueue[tuple[Variant, Recipe] | None],
        assessor: Future[Assessor],
    ) -> None:
        while (item := converted.get()) is not None:
            variant, recipe = item
            stage = f"evaluate {recipe.name}"
            if variant.status != "ok":
                self.tracker.skip(stage)
                continue
            self.tracker.begin(stage)
            if variant.audit.flex_ops or variant.audit.custom_ops:
                self._mark_size_only(variant)
            else:
                try:
                    self._evaluate(variant, assessor)
                except LiteDriftError as error:
                    self._fail(variant, error)
            self.tracker.end(stage)

    def _evaluate(self, variant: Variant, assessor: Future[Assessor]) -> None:
        outputs = self.work / f"outputs-{variant.recipe}"
        worker = self.start_worker("evaluation", f"{variant.recipe}: LiteRT")
        answer = worker.ask(
            "evaluate", self.limits.evaluate_seconds,
            path=str((self.folder / str(variant.file)).resolve()),
            samples=str((self.work / "evaluation").resolve()), outputs=str(outputs.resolve()),
            threads=self.request.threads,
            stateful=variant.audit.is_stateful,
        )
        worker.close()
        variant.peak_memory_bytes = answer["peak_memory_bytes"]
        variant.runtime_memory_bytes = answer["runtime_memory_bytes"]
        variant.evaluation_batch = answer["batch"]
        if variant.peak_memory_bytes is None:
            variant.audit.notes.append("peak_memory_bytes is null: this system does not tell it.")
        assessor.result().assess(variant, load_arrays(outputs), answer["steps"])
        variant.runnable = True
        shutil.rmtree(outputs)

    def _mark_size_only(self, variant: Variant) -> None:
        kind = "TensorFlow operators, which need the Flex delegate"
        if variant.audit.custom_ops:
            kind = "custom operators, which need kernels of their own"
        variant.audit.notes.append(
            f"Size only: the file holds {kind}, and this runtime has none, so latency, drift, "
            "accuracy and memory are null."
        )

    def _measure(self, host: Worker) -> dict[str, Any]:
        """Time the original and all variants in turns, with nothing else going on."""
        samples = str((self.work / "evaluation").resolve())
        candidates = [Candidate(REFERENCE, host, None, None)]
        usable = [v for v in self.variants if v.status == "ok" and v.runnable]
        workers = [self.start_worker("timing", f"{v.recipe}: LiteRT") for v in usable]
        for variant, worker in zip(usable, workers, strict=True):
            candidate = Candidate(variant.recipe, worker, None, None)
            try:
                answer = worker.ask(
                    "prepare", self.limits.latency_seconds, samples=samples,
                    path=str((self.folder / str(variant.file)).resolve()),
                    threads=self.request.threads,
                )
                candidate.init_ms, candidate.first_ms = answer["init_ms"], answer["first_ms"]
            except LiteDriftError as error:
                candidate.error = str(error)
            candidates.append(candidate)
        for label in turn_labels([v.recipe for v in self.variants if v not in usable],
                                 self.request.protocol):
            self.tracker.skip(label)
        measure_in_turns(
            candidates, self.request.protocol, self.limits.latency_seconds,
            self.tracker.begin, self.tracker.end,
        )
        if self.closed:
            raise RunCancelledError("The run was cancelled.")
        for candidate in candidates:
            self._record_latency(candidate)
        return {c.name: c.samples_ms for c in candidates if c.error is None and c.samples_ms}

    def _record_latency(self, candidate: Candidate) -> None:
        stats = candidate.stats(self.request.threads)
        if candidate.name == REFERENCE:
            self.reference.latency = stats
            notes = self.reference.notes
        else:
            variant = next(v for v in self.variants if v.recipe == candidate.name)
            variant.latency = stats
            notes = variant.audit.notes
        if stats is None:
            notes.append(f"latency is null: {candidate.error}")

    def _model_facts(self, model: ModelFile, signature: Signature) -> ModelFacts:
        return ModelFacts(
            name=model.name, format=model.format, sha256=model.sha256,
            size_bytes=model.size_bytes,
            size_without_optimizer_bytes=model.size_bytes - model.optimizer_bytes,
            gzip_bytes=gzip_size(model.path),
            parameters=model.parameters, parameter_bytes=model.parameter_bytes,
            inputs=list(signature.inputs), outputs=list(signature.outputs), notes=model.notes,
        )
