"""One run from a request to a comparison: the order of the work."""

from __future__ import annotations

import contextlib
import datetime
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from converter.audit import note_identical_files
from converter.child_process import Worker
from converter.comparison import (
    CALIBRATION_FILE,
    Comparison,
    DataFacts,
    Reference,
)
from converter.engine import LITERT, TENSORFLOW, choose_engine
from converter.environment import read_environment
from converter.errors import (
    LiteDriftError,
    ModelFileError,
    RunCancelledError,
    WorkerError,
    blame_the_disk,
)
from converter.graph_nodes import GRAPH_FILE
from converter.intake import Intake, Shapes
from converter.kept_samples import keep_evaluation
from converter.keras_rebuild import RECURRENT_LAYERS
from converter.known_results import KnownResults
from converter.latency_step import LatencyStep
from converter.limits import MIB, current_limits
from converter.measurement_lock import building
from converter.model_facts import model_facts
from converter.model_file import ModelFile, file_sha256, path_size
from converter.original import Original, TensorFlowOriginal, TfliteOriginal
from converter.out_folder import check_out_folder, drop_earlier_result
from converter.progress import Progress, ProgressTracker
from converter.request import (
    DEFAULT_CALIBRATION_SAMPLES,
    RANDOM_EVALUATION_SAMPLES,
    RunRequest,
)
from converter.result_keys import ResultKeys, samples_digest
from converter.reuse import NoShelf, Shelf
from converter.run_plan import Rows, expected_seconds, plan_rows
from converter.sample_arrays import save_npz
from converter.samples import Samples, Split, random_samples, split_samples
from converter.sandbox import Permissions
from converter.signature import Signature, TensorSpec
from converter.tensor_binding import Binding, shapes_of
from converter.timing_session import (
    turn_labels,
)
from converter.variant_builder import BuildPlan, VariantBuilder, WorkPlaces
from converter.worker_pool import WorkerPool

LARGE_MODEL_BYTES = 8 * MIB


def run_comparison(
    request: RunRequest,
    folder: Path,
    listener: Callable[[Progress], None] = lambda _: None,
    shelf: Shelf | None = None,
) -> Comparison:
    """Carry out a run and leave its files in a folder.

    Args:
        request: What is asked.
        folder: Gets `comparison.json`, one `.tflite` for each variant, the raw latency samples
            and, where a recipe calibrates, the calibration samples.
        listener: Told of every change of progress.
        shelf: Results of earlier runs, to be used again, and where this one leaves its own; left
            out, everything is computed anew.

    Returns:
        The comparison; a variant that failed is in it with its reason.

    Raises:
        LiteDriftError: When the model or the data cannot be used.
        RunCancelledError: When the run was cancelled; no child process is left.
    """
    check_out_folder(request, folder)
    folder.mkdir(parents=True, exist_ok=True)
    tracker = ProgressTracker(expected_seconds(request), listener)
    with tempfile.TemporaryDirectory(prefix=".work-", dir=folder) as work:
        run = _Run(request, folder, Path(work).resolve(), tracker, shelf or NoShelf())
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


class _Run:
    """The state of one run while it goes on."""

    def __init__(
        self,
        request: RunRequest,
        folder: Path,
        work: Path,
        tracker: ProgressTracker,
        shelf: Shelf,
    ) -> None:
        self.request = request
        self.shelf = shelf
        self.folder = folder
        self.tracker = tracker
        self.limits = current_limits()
        self.engine = choose_engine(request.model_path)
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
        self.rows = Rows()

    def carry_out(self) -> Comparison:
        """Do the work in order and put the result together."""
        self.tracker.begin("wait for the machine")
        with contextlib.ExitStack() as machine:
            machine.enter_context(building())
            self.tracker.end("wait for the machine")
            return self._build_and_measure(machine)

    def _build_and_measure(self, machine: contextlib.ExitStack) -> Comparison:
        began = time.monotonic()
        created = _now()
        # They import TensorFlow, which takes longer than what is read meanwhile.
        self.tracker.begin("load")
        threads = str(self.request.threads)
        host = self.pool.start(self.engine.host, self.engine.host_label, "--threads", threads)
        converters = self._start_converters()
        reader = self.pool.start("reading", "reading the file")
        model, gzip_sizes = self.intake.inspect(reader)
        self._plan_rows(model)
        signature = self.intake.load(host, model)
        samples = self.intake.read_data(reader, model, signature)
        reader.close()
        shapes = self.intake.fix_shapes(host, model, signature, samples)
        self.tracker.end("load")
        drop_earlier_result(self.folder)
        with ThreadPoolExecutor(1) as side:
            freezing = side.submit(self._freeze, host, model, signature, shapes)
            split, data = self._split(samples, signature, shapes)
            signature = freezing.result()
        original = self._original(host, model, signature)
        keys = self._keys(model, signature, split)
        known = KnownResults(self.shelf, keys, self.places.scratch)
        builder = self._builder(model, signature, known)
        try:
            builder.build(original, converters, split.evaluation.labels, split.evaluation_rows)
        except WorkerError as error:
            blame_the_disk(error, model.name)
            raise self._cannot_run(model, error) from error
        keep_evaluation(self.folder, self.places.evaluation, self.places.scratch / "reference")
        note_identical_files(self.rows.variants)
        machine.close()  # who builds leaves before who measures comes
        walls = host.ask("walls", self.limits.read_seconds)
        timed = self._latency(keys).carry_out(original, builder)
        return Comparison(
            model=model_facts(model, signature, gzip_sizes),
            data=data,
            environment={**read_environment(self.request.threads).to_json(), "sandbox": walls},
            settings={
                "runs": self.request.runs,
                "seed": self.request.seed,
                "protocol": vars(self.request.protocol),
                "batch": signature.batch_size,
                "source": self.intake.source,
                "latency_measured": timed.measured,
                "reused": known.reused.to_json(),
            },
            reference=self.reference,
            variants=self.rows.variants,
            created=created,
            seconds=round(time.monotonic() - began, 3),
            further_latency=timed.further,
        )

    def _start_converters(self) -> list[Worker | None]:
        """Return a worker for each lane, or none yet where earlier runs may have done its work."""
        lanes = self._conversion_lanes()
        path = self.request.model_path
        if path.is_file() and self.shelf.knows_model(file_sha256(path)):
            return [None] * lanes
        return [self.pool.start(self.engine.worker, self.engine.worker_label) for _ in range(lanes)]

    def _keys(self, model: ModelFile, signature: Signature, split: Split) -> ResultKeys:
        environment = read_environment(self.request.threads)
        return ResultKeys(
            model={
                "sha256": model.sha256,
                "name": model.name,  # it stands in the notes of an audit
                "options": self.request.model_options.to_json(),
                "signature": signature.to_json(),
                "engine": self.engine.name,
            },
            versions={
                name: getattr(environment, name)
                for name in ("cpu", "tensorflow", "ai_edge_litert", "litert_quantizer", "keras")
            },
            calibration=samples_digest(split.calibration),
            evaluation=samples_digest(split.evaluation, split.evaluation_rows),
            threads=self.request.threads,
        )

    def _latency(self, keys: ResultKeys) -> LatencyStep:
        return LatencyStep(
            request=self.request,
            pool=self.pool,
            limits=self.limits,
            tracker=self.tracker,
            shelf=self.shelf,
            keys=keys,
            folder=self.folder,
            samples=self.places.evaluation,
            reference=self.reference,
            variants=self.rows.variants,
            start_host=self._start_host if self.engine is TENSORFLOW else None,
        )

    def _start_host(self) -> Worker:
        """Start another process that holds the TensorFlow model."""
        threads = str(self.request.threads)
        host = self.pool.start(self.engine.host, self.engine.host_label, "--threads", threads)
        self.intake.load_again(host)
        return host

    def _plan_rows(self, model: ModelFile) -> None:
        """Decide which rows there are, and take the stages that will not be from the progress."""
        self.rows = plan_rows(self.request, self.engine, model)
        built = {variant.recipe for variant, _ in self.rows.buildable}
        for recipe in self.request.recipes:
            if recipe.name not in built:
                self.tracker.skip(f"convert {recipe.name}")
                self.tracker.skip(f"evaluate {recipe.name}")
                for label in turn_labels([recipe.name], self.request.protocol):
                    self.tracker.skip(label)

    def _original(self, host: Worker, model: ModelFile, signature: Signature) -> Original:
        if self.engine is TENSORFLOW:
            return TensorFlowOriginal(host, self.limits)
        binding = Binding(
            label=model.name, signature=model.details["signature"], shapes=shapes_of(signature)
        )
        return TfliteOriginal(
            self.pool,
            self.limits,
            (self.request.model_path.resolve(), binding),
            threads=self.request.threads,
            stateful=model.details["is_stateful"],
            record=self.reference,
        )

    def _builder(
        self, model: ModelFile, signature: Signature, known: KnownResults
    ) -> VariantBuilder:
        source: dict[str, Any] = {"saved_model": str(self.places.frozen)}
        key = None
        if self.engine is LITERT:
            key = model.details["signature"]
            source = {
                "source": str(self.request.model_path.resolve()),
                "signature": signature.to_json(),
                "key": key,
                "signatures": len(model.details["signatures"]),
            }
        return VariantBuilder(
            pool=self.pool,
            places=self.places,
            limits=self.limits,
            tracker=self.tracker,
            reference=self.reference,
            threads=self.request.threads,
            known=known,
            plan=BuildPlan(
                recipes=self.rows.buildable,
                given=self.rows.given,
                engine=self.engine,
                source=source,
                signature=signature,
                key=key,
                advice=self._advice(model),
            ),
        )

    def _cannot_run(self, model: ModelFile, error: WorkerError) -> ModelFileError:
        reason = str(error).rstrip(".")
        if self.engine is LITERT:
            return ModelFileError(
                f"{model.name}: the file could not be run on the samples ({reason}); it is damaged "
                "or hostile, or the data is not what it was made for: convert it again.",
                error.details,
            )
        return ModelFileError(
            f"{model.name}: the original could not be run on the samples ({reason}); try it in "
            "TensorFlow first, with such samples and without access to files or network.",
            error.details,
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
        if self.engine is LITERT:
            return 1
        if not self.request.recipes:
            return 0
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
        split = split_samples(samples, *counts, request.seed, self.places.evaluation)
        if any(recipe.needs_samples for _, recipe in self.rows.buildable):
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
        graph = self.places.frozen / GRAPH_FILE
        if graph.is_file():  # a run from a .tflite has none
            shutil.move(graph, self.folder / GRAPH_FILE)
        self.tracker.end("freeze")
        return frozen



def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
