"""One run from a request to a comparison: the order of the work."""

from __future__ import annotations

import datetime
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from converter.audit import note_identical_files
from converter.child_process import Worker
from converter.comparison import (
    CALIBRATION_FILE,
    REFERENCE,
    Comparison,
    DataFacts,
    ModelFacts,
    Reference,
    Variant,
    save_latency_samples,
)
from converter.environment import read_environment
from converter.errors import (
    DataError,
    LiteDriftError,
    ModelFileError,
    RunCancelledError,
    WorkerError,
)
from converter.keras_rebuild import RECURRENT_LAYERS
from converter.limits import MIB, current_limits
from converter.measurement_lock import measuring_alone
from converter.model_file import ModelFile, file_sha256, path_size
from converter.progress import Progress, ProgressTracker
from converter.request import (
    DEFAULT_CALIBRATION_SAMPLES,
    RANDOM_EVALUATION_SAMPLES,
    RunRequest,
)
from converter.sample_arrays import load_arrays, save_arrays, save_npz
from converter.samples import Samples, Split, random_samples, split_samples
from converter.sandbox import Permissions
from converter.signature import Signature, TensorSpec
from converter.timing_session import Candidate, measure_in_turns, start_candidates, turn_labels
from converter.variant_builder import VariantBuilder, WorkPlaces
from converter.worker_pool import WorkerPool

LARGE_MODEL_BYTES = 8 * MIB
Shapes = dict[str, tuple[int, ...]]


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
        run = _Run(request, folder, Path(work).resolve(), tracker)
        try:
            comparison = run.carry_out()
        except (KeyboardInterrupt, RunCancelledError):
            tracker.finish("cancelled")
            raise RunCancelledError("The run was cancelled.") from None
        except LiteDriftError as error:
            tracker.finish("failed", str(error))
            raise
        finally:
            run.pool.close()
    comparison.save(folder)
    tracker.finish("done")
    return comparison


def _expected_seconds(request: RunRequest) -> dict[str, float]:
    """Rough seconds of each stage; the tracker corrects them by the machine's real pace."""
    weight = 1 + path_size(request.model_path) / (4 * MIB)
    expected = {
        "load": 1.8 + 0.2 * weight,
        "freeze": 0.25 * weight,
        "reference outputs": 0.3 * weight,
    }
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
        self.tracker = tracker
        self.limits = current_limits()
        given = [request.model_path, *([request.data_path] if request.data_path else [])]
        # Workers write into the scratch folder only; what is kept is moved out of it from here.
        reachable = (*(path.resolve() for path in given), folder.resolve())
        self.pool = WorkerPool(Permissions(read=reachable, write=(work,)))
        self.places = WorkPlaces(
            results=folder.resolve(),
            frozen=work / "frozen",
            evaluation=work / "evaluation",
            scratch=work,
        )
        self.source: dict[str, Any] = {}
        self.reference = Reference()
        self.variants = [Variant(recipe=r.name, flags=r.to_json()) for r in request.recipes]

    def carry_out(self) -> Comparison:
        """Do the work in order and put the result together."""
        began = time.monotonic()
        created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        # Both import TensorFlow, which takes longer than what is read meanwhile.
        self.tracker.begin("load")
        threads = str(self.request.threads)
        host = self.pool.start("float_model", "TensorFlow", "--threads", threads)
        converters = [
            self.pool.start("conversion", "the converter") for _ in range(self._conversion_lanes())
        ]
        reader = self.pool.start("reading", "reading the file")
        model, gzip_sizes = self._inspect(reader)
        signature = self._load(host, model)
        samples = self._read_data(reader, model, signature)
        reader.close()
        shapes = self._fix_shapes(host, model, samples)
        self.tracker.end("load")
        with ThreadPoolExecutor(1) as side:
            freezing = side.submit(self._freeze, host, model, signature, shapes)
            split, data = self._split(samples, signature, shapes)
            signature = freezing.result()
        builder = VariantBuilder(
            pool=self.pool,
            places=self.places,
            limits=self.limits,
            tracker=self.tracker,
            reference=self.reference,
            threads=self.request.threads,
            batch=signature.batch_size,
            advice=self._advice(model),
        )
        pairs = list(zip(self.variants, self.request.recipes, strict=True))
        try:
            builder.build(pairs, host, converters, split.evaluation.labels)
        except WorkerError as error:
            raise ModelFileError(
                f"{model.name}: the original could not be run on the samples ({error}); try it in "
                "TensorFlow first, with such samples and without access to files or network.",
                error.details,
            ) from error
        note_identical_files(self.variants)
        self.tracker.begin("wait for the machine")
        with measuring_alone():
            self.tracker.end("wait for the machine")
            samples_ms = self._measure(host)
        save_latency_samples(self.folder, samples_ms)
        return Comparison(
            model=_model_facts(model, signature, gzip_sizes),
            data=data,
            environment={
                **read_environment(self.request.threads).to_json(),
                "sandbox": host.ask("walls", self.limits.read_seconds),
            },
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

    def _advice(self, model: ModelFile) -> str:
        if self.request.unroll or not RECURRENT_LAYERS & set(model.details.get("layers", [])):
            return ""
        return (
            "integer recurrent layers do that to it: unroll them (--unroll, or the switch among "
            "the run settings) and run again."
        )

    def _conversion_lanes(self) -> int:
        """Two for a large model with both kinds of recipes: else TensorFlow's import costs more."""
        if path_size(self.request.model_path) < LARGE_MODEL_BYTES:
            return 1
        return len({recipe.calibrate for recipe in self.request.recipes})

    def _inspect(self, reader: Worker) -> tuple[ModelFile, dict[str, int | None]]:
        request = self.request
        reader.task = "in the model"
        try:
            answer = reader.ask(
                "inspect",
                self.limits.read_seconds,
                path=str(request.model_path.resolve()),
                name=request.model_name,
                inputs=list(request.input_tensors),
                outputs=list(request.output_tensors),
            )
        except ModelFileError as error:
            # An upload lies under its hash, which says nothing to the person who gave it.
            sentence = str(error).replace(request.model_path.name, request.model_name)
            raise ModelFileError(sentence, error.details) from error
        except WorkerError as error:
            raise ModelFileError(
                f"{request.model_name}: expected a model file, found one on which {error} The file "
                "is damaged or hostile; give another one.",
                error.details,
            ) from error
        model = ModelFile.from_json(answer)
        model.name = request.model_name
        if model.format == "tflite":
            raise ModelFileError(
                f"{model.name}: expected a TensorFlow model to convert, found a .tflite file, "
                "which is converted already; give the original model, or inspect this one."
            )
        gzip = reader.ask(
            "measure_gzip",
            self.limits.read_seconds,
            path=str(model.path),
            model_format=model.format,
            # A SavedModel's optimizer state lies in shards with the weights.
            optimizer_bytes=model.optimizer_bytes if model.format in {"keras", "h5"} else 0,
        )
        if model.format == "saved_model" and model.optimizer_bytes:
            gzip["gzip_without_optimizer_bytes"] = None
        return model, gzip

    def _ask_host(
        self,
        host: Worker,
        operation: str,
        **fields: Any,  # noqa: ANN401
    ) -> dict[str, Any]:
        """Ask the float-model worker; without it there is no run, so its death names the model."""
        host.task = f"in the step {operation!r}"
        try:
            return host.ask(operation, self.limits.load_seconds, **fields)
        except WorkerError as error:
            raise ModelFileError(
                f"{self.request.model_name}: the model could not be prepared ({error}); try it in "
                "TensorFlow first, or export it as a SavedModel.",
                error.details,
            ) from error

    def _load(self, host: Worker, model: ModelFile) -> Signature:
        answer = self._ask_host(
            host,
            "load",
            path=str(self.request.model_path.resolve()),
            name=model.name,
            format=model.format,
            work_folder=str(self.places.scratch),
            input_tensors=model.details.get("input_tensors", []),
            output_tensors=model.details.get("output_tensors", []),
            unroll=self.request.unroll,
        )
        model.notes += answer["notes"]
        self.source = {
            "loader": answer["loader"],
            "raw_inputs": answer["raw_inputs"],
            "changes": answer["changes"],
            "signature": model.details.get("signature"),
            "output_tensors": model.details.get("output_tensors"),
        }
        return Signature.from_json(answer["signature"])

    def _read_data(self, reader: Worker, model: ModelFile, signature: Signature) -> Samples | None:
        request = self.request
        if request.data_path is None:
            return None
        name = request.data_name or request.data_path.name
        target = self.places.scratch / "data"
        reader.task = "in the data"
        try:
            answer = reader.ask(
                "read_samples",
                self.limits.read_seconds,
                path=str(request.data_path.resolve()),
                name=name,
                inputs=[spec.to_json() for spec in signature.inputs],
                options=asdict(request.data_options),
                rescales="Rescaling" in model.details.get("layers", []),
                target=str(target),
            )
        except WorkerError as error:
            raise DataError(
                f"{name}: expected samples, found a file on which {error} The file is damaged or "
                "hostile; give another one.",
                error.details,
            ) from error
        labels = {name: np.array(array) for name, array in load_arrays(target / "labels").items()}
        return Samples(load_arrays(target / "inputs"), labels, tuple(answer["notes"]))

    def _fix_shapes(self, host: Worker, model: ModelFile, samples: Samples | None) -> Shapes:
        known = samples and {name: list(a.shape[1:]) for name, a in samples.inputs.items()}
        answer = self._ask_host(host, "fix", data_shapes=known)
        model.notes += answer["notes"]
        return {name: tuple(shape) for name, shape in answer["shapes"].items()}

    def _split(
        self, samples: Samples | None, signature: Signature, shapes: Shapes
    ) -> tuple[Split, DataFacts]:
        request = self.request
        counts = (request.samples, request.calibration_samples)
        if samples is None:
            calibration = DEFAULT_CALIBRATION_SAMPLES if counts[1] is None else counts[1]
            counts = (request.samples or RANDOM_EVALUATION_SAMPLES, calibration)
            specs = [TensorSpec(s.name, shapes[s.name], s.dtype) for s in signature.inputs]
            samples = random_samples(specs, counts[0] + calibration, request.seed)
        split = split_samples(samples, *counts, request.seed)
        save_arrays(self.places.evaluation, split.evaluation.inputs)
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
        return split, facts

    def _freeze(
        self, host: Worker, model: ModelFile, signature: Signature, shapes: Shapes
    ) -> Signature:
        self.tracker.begin("freeze")
        answer = self._ask_host(host, "freeze", folder=str(self.places.frozen))
        model.notes += answer["notes"]
        self.tracker.end("freeze")
        inputs = tuple(TensorSpec(s.name, shapes[s.name], s.dtype) for s in signature.inputs)
        outputs = tuple(TensorSpec.from_json(item) for item in answer["outputs"])
        return Signature(inputs, outputs)

    def _measure(self, host: Worker) -> dict[str, np.ndarray]:
        """Time the original and all variants in turns, with nothing else going on."""
        usable = [v for v in self.variants if v.status == "ok" and v.runnable]
        candidates = [
            Candidate(REFERENCE, host),
            *start_candidates(
                self.pool,
                {v.recipe: self.places.results / str(v.file) for v in usable},
                self.places.evaluation,
                self.request.threads,
                self.limits.latency_seconds,
            ),
        ]
        others = [v.recipe for v in self.variants if v not in usable]
        for label in turn_labels(others, self.request.protocol):
            self.tracker.skip(label)
        measure_in_turns(
            candidates, self.request.protocol, self.limits.latency_seconds, self.tracker
        )
        if self.pool.is_closed:
            raise RunCancelledError("The run was cancelled.")
        for candidate in candidates:
            self._record_latency(candidate)
        return {c.name: np.array(c.samples_ms) for c in candidates if c.is_measured}

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
        elif candidate.noise_note:
            notes.append(candidate.noise_note)


def _model_facts(model: ModelFile, signature: Signature, gzip_sizes: dict[str, Any]) -> ModelFacts:
    return ModelFacts(
        name=model.name,
        format=model.format,
        sha256=model.sha256,
        size_bytes=model.size_bytes,
        size_without_optimizer_bytes=model.size_without_optimizer_bytes,
        gzip_bytes=gzip_sizes["gzip_bytes"],
        gzip_without_optimizer_bytes=gzip_sizes["gzip_without_optimizer_bytes"],
        parameters=model.parameters,
        parameter_bytes=model.parameter_bytes,
        inputs=list(signature.inputs),
        outputs=list(signature.outputs),
        notes=model.notes,
    )
