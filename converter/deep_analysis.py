"""Looks into one variant of a finished run: layers, ledger and cost, each in a child of its own.

On request and apart from the run, so that a run stays fast. What fails costs its own part alone.
"""

from __future__ import annotations

import datetime
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from converter.child_process import Worker
from converter.environment import read_environment
from converter.errors import LiteDriftError, WorkerError
from converter.kernels import Kernels
from converter.layer_analysis import LayerAnalysis, LayerDrift
from converter.ledger import Ledger, Station, build_ledger
from converter.limits import current_limits
from converter.measurement_lock import building, measuring_alone
from converter.model_file import file_sha256
from converter.operator_costs import OperatorCosts
from converter.sample_arrays import load_arrays, save_arrays
from converter.sandbox import Permissions
from converter.tensor_binding import Binding
from converter.worker_pool import WorkerPool

Array = np.ndarray
Listener = Callable[[str, float], None]
"""Told of each stage: what is done, and the share of all that is done by then."""
WAITING = "waiting for the machine"
MOST_SAMPLES = 64
"""Evaluation samples that layers and ledger are measured on, where there are as many."""
_DRIFT_SHARE = 0.5
"""Of the time that an evaluation may take; the rest is for loading and the last sample."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is analysed.

    Attributes:
        recipe: The variant's name.
        variant: Its file.
        binding: How that is opened.
        reference: The float file; None where there is none, as for a file that was quantized
            before the run saw it.
        reference_binding: How that is opened.
        is_stateful: Whether the variant keeps variables between inferences.
        threads: For the kernels.
    """

    recipe: str
    variant: Path
    binding: Binding
    reference: Path | None
    reference_binding: Binding
    is_stateful: bool = False
    threads: int = 1


def analyse_variant(
    subject: Subject,
    inputs: Mapping[str, Array],
    reference_outputs: Mapping[str, Array],
    work: Path,
    *,
    most_samples: int = MOST_SAMPLES,
    listener: Listener = lambda _stage, _share: None,
) -> LayerAnalysis:
    """Measure a variant's layers, ledger and operator costs.

    Args:
        subject: What is analysed.
        inputs: Evaluation samples by input name, shape `(samples, ...)`.
        reference_outputs: The TensorFlow model's outputs on them; empty where it is not known.
        work: A folder for scratch files; a new one inside it is made and removed.
        most_samples: Samples to use at most, the first ones.
        listener: Told of each stage; what it raises ends the analysis, no child process is left.

    Returns:
        The analysis; a part that could not be measured is None, with its reason in `notes`.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=".layers-", dir=work) as scratch:
        analysis = _Analysis(subject, Path(scratch).resolve(), listener)
        try:
            result = analysis.carry_out(
                {name: array[:most_samples] for name, array in inputs.items()},
                {name: array[:most_samples] for name, array in reference_outputs.items()},
            )
        finally:
            analysis.pool.close()
    result.created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    result.seconds = round(time.monotonic() - began, 3)
    return result


class _Analysis:
    """The state of one analysis while it goes on."""

    def __init__(self, subject: Subject, scratch: Path, listener: Listener) -> None:
        self._subject = subject
        self._scratch = scratch
        self._listener = listener
        self._limits = current_limits()
        self._samples = scratch / "samples"
        files = {subject.variant.resolve(), (subject.reference or subject.variant).resolve()}
        self.pool = WorkerPool(Permissions(read=tuple(files), write=(scratch,)))
        self._notes: list[str] = []

    def carry_out(
        self, inputs: Mapping[str, Array], reference_outputs: Mapping[str, Array]
    ) -> LayerAnalysis:
        subject = self._subject
        save_arrays(self._samples, inputs)
        reference = subject.reference or subject.variant
        result = LayerAnalysis(
            recipe=subject.recipe,
            sha256=file_sha256(subject.variant),
            reference_sha256=file_sha256(reference),
            environment=read_environment(subject.threads).to_json(),
        )
        if subject.reference is None:
            self._notes.append(
                "There is no float model to hold the layers against: the file was quantized "
                "before this run saw it."
            )
        else:
            # It would slow down what another run measures meanwhile.
            with building(lambda: self._listener(WAITING, 0.0)):
                self._listener("comparing the layers", 0.0)
                result.drift = self._part("layers", self._measure_drift)
                result.ledger = self._part("ledger", lambda: self._build_ledger(reference_outputs))
        self._listener(WAITING, 0.6)
        with measuring_alone(lambda: self._listener(WAITING, 0.6)):
            self._listener("timing the operators", 0.6)
            if subject.reference is not None:
                result.reference_costs = self._part(
                    "cost of the float32 file's operators", lambda: self._costs(self._float())
                )
            self._listener("timing the operators", 0.8)
            result.costs = self._part("cost of the operators", lambda: self._costs(self._variant()))
        result.notes = self._notes
        return result

    def _part(self, name: str, measure: Callable[[], Any]) -> Any:  # noqa: ANN401
        try:
            return measure()
        except LiteDriftError as error:
            self._notes.append(f"Not measured: {name}. {error}")
            return None

    def _measure_drift(self) -> LayerDrift:
        answer = self._ask(
            "comparing the layers",
            "drift",
            self._limits.evaluate_seconds,
            reference=self._float(),
            variant=self._variant(),
            samples=str(self._samples),
            threads=self._subject.threads,
            stateful=self._subject.is_stateful,
            most_seconds=self._limits.evaluate_seconds * _DRIFT_SHARE,
        )
        return LayerDrift.from_json(answer)

    def _costs(self, file: dict[str, Any]) -> OperatorCosts:
        answer = self._ask(
            "timing the operators",
            "costs",
            self._limits.evaluate_seconds,
            file=file,
            samples=str(self._samples),
            threads=self._subject.threads,
        )
        return OperatorCosts.from_json(answer)

    def _build_ledger(self, reference_outputs: Mapping[str, Array]) -> Ledger:
        self._listener("running the float32 file", 0.3)
        converted, _ = self._outputs(self._float(), Kernels.DEFAULT)
        self._listener("running the variant on reference kernels", 0.4)
        recipe = self._subject.recipe
        name, note = f"{recipe}, reference kernels", ""
        try:
            plain, _ = self._outputs(self._variant(), Kernels.REFERENCE)
        except WorkerError as error:
            name = f"{recipe}, built-in kernels"
            note = (
                f"The reference kernels could not run this file ({str(error).rstrip('.')}); the "
                "built-in ones without XNNPACK stand in."
            )
            plain, _ = self._outputs(self._variant(), Kernels.BUILTIN)
        self._listener("running the variant", 0.5)
        final, steps = self._outputs(self._variant(), Kernels.DEFAULT)
        original = Station(
            name="TensorFlow",
            outputs=reference_outputs,
            note=""
            if reference_outputs
            else "The TensorFlow model's own outputs are not known, so its leg is missing.",
        )
        stations = [
            original,
            Station(name="float32 TFLite", outputs=converted),
            Station(name=name, outputs=plain, note=note),
            Station(name=f"{recipe}, default kernels", outputs=final),
        ]
        return build_ledger(stations, ("conversion", "quantization", "kernels"), steps)

    def _outputs(
        self, file: dict[str, Any], kernels: Kernels
    ) -> tuple[dict[str, Array], dict[str, float | None]]:
        folder = self._scratch / f"outputs-{time.monotonic_ns()}"
        answer = self._ask(
            f"running on {kernels} kernels",
            "outputs",
            self._limits.evaluate_seconds,
            file=file,
            samples=str(self._samples),
            target=str(folder),
            threads=self._subject.threads,
            stateful=self._subject.is_stateful,
            kernels=kernels.value,
        )
        return load_arrays(folder), answer["steps"]

    def _ask(self, task: str, operation: str, seconds: float, /, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
        # One question, one process: a kernel that aborts takes no other figure with it.
        worker: Worker = self.pool.start("layers", "LiteRT", task=f"while {task}")
        try:
            return worker.ask(operation, seconds, **fields)
        finally:
            worker.close()

    def _float(self) -> dict[str, Any]:
        reference = self._subject.reference or self._subject.variant
        return _file(reference, self._subject.reference_binding)

    def _variant(self) -> dict[str, Any]:
        return _file(self._subject.variant, self._subject.binding)


def _file(path: Path, binding: Binding) -> dict[str, Any]:
    return {"path": str(path.resolve()), "binding": binding.to_json()}
