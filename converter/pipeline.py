"""One run from a request to a comparison: the order of the work."""

from __future__ import annotations

import datetime
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
    LiteDriftError,
    ModelFileError,
    RunCancelledError,
    WorkerError,
)
from converter.intake import Intake, Shapes
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
from converter.sample_arrays import save_arrays, save_npz
from converter.samples import Samples, Split, random_samples, split_samples
from converter.sandbox import Permissions
from converter.signature import Signature, TensorSpec
from converter.timing_session import Candidate, measure_in_turns, start_candidates, turn_labels
from converter.variant_builder import VariantBuilder, WorkPlaces
from converter.worker_pool import WorkerPool

LARGE_MODEL_BYTES = 8 * MIB


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
        self.intake = Intake(request, self.limits, work)
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
        model, gzip_sizes = self.intake.inspect(reader)
        signature = self.intake.load(host, model)
        samples = self.intake.read_data(reader, model, signature)
        reader.close()
        shapes = self.intake.fix_shapes(host, model, signature, samples)
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
                "source": self.intake.source,
            },
            reference=self.reference,
            variants=self.variants,
            created=created,
            seconds=round(time.monotonic() - began, 3),
        )

    def _advice(self, model: ModelFile) -> str:
        if self.request.model_options.unroll or not RECURRENT_LAYERS & set(
            model.details.get("layers", [])
        ):
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
        frozen = self.intake.freeze(host, model, signature, shapes, self.places.frozen)
        self.tracker.end("freeze")
        return frozen

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
