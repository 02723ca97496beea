"""Quantizes and judges candidates of mixed precision, one after the other, warm. Workers only.

A candidate takes milliseconds: litert-quantizer works on the float file in memory, the activation
ranges are calibrated once, and the samples run in batches.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from converter.candidate_layers import (
    CandidateLayer,
    Choices,
    list_layers,
    mixed_rules,
    plain_name,
    resolve,
    uniform_choices,
)
from converter.cost_table import CostTable
from converter.drift import Drift, is_class_distribution, measure_drift, worst_drift
from converter.errors import ConversionError, LiteDriftError
from converter.evaluation import evaluate
from converter.op_cut import OperatorGraph
from converter.precision import FLOAT32, PRECISIONS
from converter.predicted_latency import PredictedLatency, TableCheck
from converter.requantizer import Requantizer
from converter.signature import Signature
from converter.tensor_binding import Binding

Array = np.ndarray
_FIRST_SAMPLES = 10
"""Of which the time of the others is foretold."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One candidate as measured.

    Attributes:
        sha256: Of its file.
        size_bytes: Of its file.
        drift: Worst over the outputs on the samples asked for; None where it could not run.
        accuracy: Share of samples whose top class is the label; None without labels.
        samples: How many.
        problem: Why there is no drift; None where there is.
        quantize_seconds: litert-quantizer's time.
        evaluate_seconds: Time of the samples and of the figures.
        predicted_ms: Latency by the cost table; None where it was not asked for or is not known.
    """

    sha256: str
    size_bytes: int
    drift: Drift | None
    accuracy: float | None
    samples: int
    problem: str | None
    quantize_seconds: float
    evaluate_seconds: float
    predicted_ms: float | None = None


@dataclass(frozen=True)
class Split:
    """Samples on which candidates are judged.

    Attributes:
        inputs: By name, shape `(samples, ...)`.
        reference: The original's outputs, by name.
        labels: Class indices, shape `(samples,)`; None where there are none.
    """

    inputs: Mapping[str, Array]
    reference: Mapping[str, Array]
    labels: Array | None = None

    @property
    def samples(self) -> int:
        """How many."""
        return len(next(iter(self.inputs.values())))


class CandidateEngine:
    """Candidates of one float file.

    Args:
        source: The float `.tflite`.
        signature: Inputs and outputs of the run, without open sizes.
        binding: How the file is opened.
        calibration: Samples by input name; may be empty, then nothing that needs ranges is offered.
        work: A folder for the file that is being judged.
        threads: For the kernels.
    """

    def __init__(
        self,
        source: Path,
        signature: Signature,
        binding: Binding,
        calibration: Mapping[str, Array],
        work: Path,
        threads: int = 1,
    ) -> None:
        self._source = source
        # Messages about a candidate must not name the file that it is made of.
        self._binding = replace(binding, label="this candidate")
        self._calibration = calibration
        self._threads = threads
        self._target = work / "candidate.tflite"
        self._requantizer = Requantizer(source, signature, binding.signature)
        self._splits: dict[str, Split] = {}
        self._costs: CostTable | None = None
        self.refused: dict[str, str] = {}
        self.layers = self._with_offers(list_layers(OperatorGraph(source, binding.signature)))

    def add_split(self, name: str, split: Split) -> None:
        """Name samples for `judge`."""
        self._splits[name] = split

    def build(self, choices: Choices) -> bytes:
        """Return a candidate's file.

        Raises:
            ConversionError: When litert-quantizer refuses.
        """
        precisions = resolve(self.layers, choices)
        rules = mixed_rules(self.layers, precisions)
        if not rules:
            return self._source.read_bytes()
        calibrates = any(PRECISIONS[name].needs_calibration for name in precisions.values())
        return self._requantizer.quantize_by(
            rules, "candidate", self._calibration if calibrates else None
        )

    def judge(
        self,
        choices: Choices,
        split: str,
        samples: int | None = None,
        *,
        predict: bool = False,
        seconds: float | None = None,
    ) -> Candidate:
        """Build a candidate and measure its drift.

        Args:
            choices: By operator number.
            split: Name of the samples.
            samples: The first so many; all when left out.
            predict: Whether its latency is told by the cost table.
            seconds: Take no more samples than can be run in about this time, a few at least;
                `Candidate.samples` says how many they were.

        Raises:
            ConversionError: When litert-quantizer refuses.
        """
        start = time.perf_counter()
        content = self.build(choices)
        built = time.perf_counter()
        self._target.write_bytes(content)
        found = self._splits[split]
        count = min(found.samples, samples or found.samples)
        drift, accuracy, problem, predicted = None, None, None, None
        try:
            outputs, steps, count = self._run(found, count, seconds)
            drift, accuracy = _compare(found, outputs, steps, count)
        except LiteDriftError as error:
            problem = str(error)
        judged = time.perf_counter()
        if predict and problem is None:
            predicted = self._costs_of(found).predict(self._target).predicted_ms
        return Candidate(
            sha256=hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
            drift=drift,
            accuracy=accuracy,
            samples=count,
            problem=problem,
            quantize_seconds=built - start,
            evaluate_seconds=judged - built,
            predicted_ms=predicted,
        )

    def predict(self, choices: Choices, split: str) -> PredictedLatency:
        """Build a candidate and tell its latency by the cost table.

        Args:
            choices: By operator number.
            split: Name of the samples that are fed where an operator of a new kind is timed.

        Raises:
            LiteDriftError: When litert-quantizer refuses, or LiteRT cannot run the candidate.
        """
        self._target.write_bytes(self.build(choices))
        return self._costs_of(self._splits[split]).predict(self._target)

    def check_costs(
        self, precision: str, split: str
    ) -> tuple[TableCheck | None, PredictedLatency] | None:
        """Time the whole file in one precision, and tell its latency by the cost table.

        Args:
            precision: Of every operator with weights that takes it.
            split: Name of the samples that are fed.

        Returns:
            None where no operator takes it; no check where not all operators can be timed.

        Raises:
            LiteDriftError: As for `predict`.
        """
        choices = uniform_choices(self.layers, precision)
        if not choices and precision != FLOAT32.name:
            return None
        predicted = self.predict(choices, split)
        if predicted.predicted_ms is None:
            return None, predicted
        measured = self._costs_of(self._splits[split]).time_whole(self._target)
        check = TableCheck(
            label=precision, predicted_ms=predicted.predicted_ms, measured_ms=measured
        )
        return check, predicted

    def _costs_of(self, split: Split) -> CostTable:
        if self._costs is None:
            self._costs = CostTable(
                self._binding, split.inputs, self._threads, self._target.with_name("costs.json")
            )
        return self._costs

    def _run(
        self, split: Split, count: int, seconds: float | None
    ) -> tuple[dict[str, Array], dict[str, float | None], int]:
        """Run the first samples; as many of them as time allows where that is bounded."""
        if seconds is None:
            outputs, steps = self._evaluate(split, 0, count)
            return outputs, steps, count
        start = time.perf_counter()
        done = min(count, _FIRST_SAMPLES)
        outputs, steps = self._evaluate(split, 0, done)
        parts, speed = [outputs], done / (time.perf_counter() - start)
        while done < count:
            began = time.perf_counter()
            # Not one by one at the end: each time a file is opened anew.
            more = int((seconds - (began - start)) * speed)
            if more < min(_FIRST_SAMPLES, count - done):
                break
            end = min(count, done + more)
            parts.append(self._evaluate(split, done, end)[0])
            speed = (end - done) / (time.perf_counter() - began)
            done = end
        joined = {name: np.concatenate([part[name] for part in parts]) for name in outputs}
        return joined, steps, done

    def _evaluate(
        self, split: Split, start: int, end: int
    ) -> tuple[dict[str, Array], dict[str, float | None]]:
        outputs, _, steps = evaluate(
            self._target, {n: a[start:end] for n, a in split.inputs.items()}, self._threads,
            stateful=False, binding=self._binding,
        )  # fmt: skip
        return outputs, steps

    def _with_offers(self, layers: Sequence[CandidateLayer]) -> list[CandidateLayer]:
        """Note for each operator which precisions change it, and to how many bytes.

        Found by asking: the whole file is quantized by each precision, and what it then stores for
        each operator is read. litert-quantizer skips what it does not support without a word.
        """
        offers: list[dict[str, int]] = [{} for _ in layers]
        plain = self._stored(self._source.read_bytes(), layers)
        for name, precision in PRECISIONS.items():
            if precision.needs_calibration and not self._calibration:
                continue
            content = self._source.read_bytes()
            if precision is not FLOAT32:
                rules = mixed_rules(layers, {layer.number: name for layer in layers})
                try:
                    content = self._requantizer.quantize_by(
                        rules, name, self._calibration if precision.needs_calibration else None
                    )
                except ConversionError as error:
                    self.refused[name] = str(error)
                    continue
            for offer, found, before in zip(
                offers, self._stored(content, layers), plain, strict=True
            ):
                if precision is FLOAT32 or found != before:
                    offer[name] = found[0]
        return [replace(layer, bytes_of=o) for layer, o in zip(layers, offers, strict=True)]

    def _stored(
        self, content: bytes, layers: Iterable[CandidateLayer]
    ) -> list[tuple[int, tuple[str, ...]]]:
        """Return, for each operator, the bytes of its stored tensors and the dtypes around it."""
        self._target.write_bytes(content)
        graph = OperatorGraph(self._target, self._binding.signature)
        by_scope: dict[str, Any] = {}
        for operator in graph.operators:
            # What a QUANTIZE or DEQUANTIZE gives has an ending of its own.
            if operator.name not in {"QUANTIZE", "DEQUANTIZE"}:
                for index in operator.outputs:
                    by_scope[plain_name(graph.tensors[index].name)] = operator
        return [_operator_bytes(graph, by_scope.get(layer.name)) for layer in layers]


def _compare(
    split: Split,
    outputs: Mapping[str, Array],
    steps: Mapping[str, float | None],
    count: int,
) -> tuple[Drift, float | None]:
    """Return the drift of the worst output and the accuracy on the first samples."""
    drifts = {}
    for name, reference in split.reference.items():
        shaped = outputs[name].reshape(reference[:count].shape)
        classes = is_class_distribution(reference)
        drifts[name] = measure_drift(reference[:count], shaped, classes=classes, step=steps[name])
    accuracy = None
    if split.labels is not None and len(outputs) == 1:
        (scores,) = outputs.values()
        found = np.argmax(scores.reshape(count, -1), axis=1)
        accuracy = float(np.mean(found == split.labels[:count]))
    return worst_drift(drifts.values()), accuracy


def _operator_bytes(graph: OperatorGraph, operator: Any) -> tuple[int, tuple[str, ...]]:  # noqa: ANN401
    if operator is None:
        return 0, ("changed",)
    total = 0
    dtypes = []
    # Weights that a DEQUANTIZE turns back into float are what that DEQUANTIZE reads.
    read = [*operator.constants]
    for number in operator.folded:
        read += graph.operators[number].constants
    for index in read:
        tensor = graph.tensors[index]
        elements = int(np.prod(tensor.shape, dtype=np.int64))
        total += (elements * _BITS.get(tensor.dtype, 32) + 7) // 8 + 12 * len(tensor.scales)
        dtypes.append(tensor.dtype)
    dtypes += [graph.tensors[index].dtype for index in operator.outputs]
    return total, (operator.name, *dtypes)


_BITS = {"int2": 2, "int4": 4, "int8": 8, "uint8": 8, "int16": 16, "float16": 16, "int32": 32,
         "float32": 32, "int64": 64}  # fmt: skip
