"""A real probe of targets: converts the model for each, prepares the file and runs it once.

On request. What a run has shown already is not asked again.
"""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from converter.child_process import Worker
from converter.comparison import CALIBRATION_FILE
from converter.converter_refusals import find_refusals
from converter.engine import LITERT, TENSORFLOW, choose_engine
from converter.environment import read_environment
from converter.errors import LiteDriftError, ModelFileError, WorkerError
from converter.graph_nodes import GRAPH_FILE, load_nodes
from converter.intake import Intake
from converter.kept_samples import load_kept
from converter.keras_rebuild import RECURRENT_LAYERS
from converter.limits import current_limits
from converter.measurement_lock import building
from converter.operator_evidence import (
    PROBE,
    TARGETS,
    Evidence,
    Target,
    read_operators,
)
from converter.request import RunRequest
from converter.run_operators import Probe
from converter.sample_arrays import save_arrays, save_npz
from converter.samples import random_samples
from converter.sandbox import Permissions
from converter.signature import Signature, TensorSpec
from converter.tensor_binding import Binding, shapes_of
from converter.worker_pool import WorkerPool

Listener = Callable[[str, float], None]
MOST_SAMPLES = 16
"""Samples that calibrate a probe: it asks whether a model converts, not how well."""


def probe_model(
    request: RunRequest,
    known: Sequence[Evidence] = (),
    *,
    calibration: Path | None = None,
    listener: Listener = lambda _stage, _share: None,
) -> Probe:
    """Convert a model for each target that nothing is known of, prepare the file, run it once.

    Args:
        request: Which model, with which options and data.
        known: What a run has shown.
        calibration: A run's calibration samples; others are made of the request when left out.
        listener: Told of each stage; what it raises ends the probe, no child process is left.

    Raises:
        LiteDriftError: When the model or the data cannot be used at all.
    """
    if choose_engine(request.model_path) is LITERT:
        raise ModelFileError(
            f"{request.model_name}: expected a TensorFlow model, found a .tflite, whose operations "
            "are TFLite's already; give the model that it was converted from."
        )
    tried = {item.target for item in known}
    targets = [target for target in TARGETS if target.name not in tried]
    with tempfile.TemporaryDirectory(prefix="litedrift-probe-") as folder:
        work = Path(folder).resolve()
        probing = _Probing(request, work, calibration, listener)
        try:
            with building(lambda: listener("waiting for the machine", 0.0)):
                return probing.carry_out(targets)
        finally:
            probing.pool.close()


class _Probing:
    """The state of one probe while it goes on."""

    def __init__(
        self, request: RunRequest, work: Path, calibration: Path | None, listener: Listener
    ) -> None:
        self._request = request
        self._work = work
        self._listener = listener
        self._limits = current_limits()
        self._given_calibration = calibration
        given = [request.model_path, *([request.data_path] if request.data_path else [])]
        read = (*(path.resolve() for path in given), work)
        self.pool = WorkerPool(Permissions(read=read, write=(work,)))
        self._intake = Intake(request, self._limits, work)
        self._advice = ""
        self._converter: Worker | None = None
        self._notes: list[str] = []

    def carry_out(self, targets: Sequence[Target]) -> Probe:
        self._listener("loading the model", 0.0)
        signature = self._freeze()
        graph = self._work / "frozen" / GRAPH_FILE
        probe = Probe(nodes=load_nodes(graph) if graph.is_file() else [])
        for number, target in enumerate(targets):
            self._listener(f"probing {target.label}", (number + 1) / (len(targets) + 1))
            probe.evidence.append(self._try(target, signature))
        environment = read_environment(self._request.threads)
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        probe.notes = [
            *self._notes,
            f"Probed on {today} with TensorFlow {environment.tensorflow} and LiteRT "
            f"{environment.ai_edge_litert}, at batch {signature.batch_size}; each file that came "
            "out was run once.",
        ]
        return probe

    def _freeze(self) -> Signature:
        """Load and freeze the model as a run does, and lay the samples down."""
        engine = TENSORFLOW
        with _closing(self.pool.start("reading", "reading the file")) as reader:
            host = self.pool.start(engine.host, engine.host_label, "--threads", "1")
            model, _ = self._intake.inspect(reader)
            if RECURRENT_LAYERS & set(model.details.get("layers", [])):
                self._advice = "Unroll its recurrent layers (--unroll), which crash the converter."
            signature = self._intake.load(host, model)
            samples = self._intake.read_data(reader, model, signature)
        shapes = self._intake.fix_shapes(host, model, signature, samples)
        signature = self._intake.freeze(host, model, signature, shapes, self._work / "frozen")
        host.close()
        self._notes += model.notes
        count = max(MOST_SAMPLES, signature.batch_size)
        arrays = load_kept(self._given_calibration) if self._given_calibration else {}
        if not arrays and samples is not None:
            arrays = {name: array[:count] for name, array in samples.inputs.items()}
        if not arrays and not any(spec.dtype == "string" for spec in signature.inputs):
            specs = [TensorSpec(s.name, shapes[s.name], s.dtype) for s in signature.inputs]
            arrays = dict(random_samples(specs, count, self._request.seed).inputs)
            self._notes.append("Calibrated on random samples: enough to see whether it converts.")
        save_npz(self._work / CALIBRATION_FILE, arrays)
        save_arrays(self._work / "samples", arrays)
        return signature

    def _try(self, target: Target, signature: Signature) -> Evidence:
        file = self._work / f"{target.name}.tflite"
        worker = self._converter
        if worker is None or not worker.is_alive:
            if worker is not None:
                worker.close()
            worker = self.pool.start(TENSORFLOW.worker, TENSORFLOW.worker_label)
            self._converter = worker
        worker.task = f"while building {target.name}"
        failed = Evidence(target=target.name, source=PROBE, converts=False)
        try:
            worker.ask(
                "convert",
                self._limits.convert_seconds,
                saved_model=str(self._work / "frozen"),
                recipe=target.recipe.to_json(),
                calibration=str(self._work / CALIBRATION_FILE),
                batch=signature.batch_size,
                target=str(file),
            )
        except LiteDriftError as error:
            crashed = isinstance(error, WorkerError) and target.recipe.calibrate
            return replace(
                failed,
                reason=str(error),
                refusals=tuple(find_refusals(error.details)),
                advice=self._advice if crashed else "",
            )
        return self._run_once(target, file, signature)

    def _run_once(self, target: Target, file: Path, signature: Signature) -> Evidence:
        with _closing(self.pool.start("operators", "LiteRT", task=f"running {target.name}")) as one:
            answer = one.ask("list_operators", self._limits.read_seconds, path=str(file))
            found = Evidence(
                target=target.name,
                source=PROBE,
                converts=True,
                operators=read_operators(answer["operators"]),
            )
            binding = Binding(label=target.name, shapes=shapes_of(signature))
            try:
                one.ask(
                    "prepare",
                    self._limits.load_seconds,
                    path=str(file),
                    binding=binding.to_json(),
                    threads=self._request.threads,
                )
            except LiteDriftError as error:
                return replace(found, allocates=False, runs=False, reason=str(error))
            try:
                samples = str(self._work / "samples")
                one.ask("run_once", self._limits.evaluate_seconds, samples=samples)
            except LiteDriftError as error:
                return replace(found, allocates=True, runs=False, reason=str(error))
            return replace(found, allocates=True, runs=True)


@contextmanager
def _closing(worker: Worker) -> Iterator[Worker]:
    try:
        yield worker
    finally:
        worker.close()
