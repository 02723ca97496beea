"""Times each operator of a file alone, in turn with the file as a whole. Workers only.

Every operator is cut into a model of its own and fed with the activations that it has in the whole.
How far the parts sum to the whole is measured with them: where they do not, they do not explain it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np

from converter.empty_model import empty_model
from converter.errors import RuntimeModelError
from converter.kernels import Kernels
from converter.layer_drift import OpenFile
from converter.litert_model import CutModel, LitertModel
from converter.op_cut import CutOperator, OperatorGraph
from converter.operator_costs import (
    GOOD_COVERAGE,
    OperatorCost,
    OperatorCosts,
    is_about_whole,
)
from converter.run_sizes import sizes_reason

Array = np.ndarray
PASSES = 3
"""Every operator is timed in so many turns, each in a fresh interpreter."""
WHOLE_TURNS = 4
"""Turns of the whole file within one pass over its operators."""
_WARMUP_RUNS, _WARMUP_SECONDS = 5, 0.002
_RUNS, _SECONDS = 10, 0.002
_WHOLE_RUNS, _WHOLE_SECONDS = 5, 0.02


def measure_operator_costs(
    file: OpenFile, inputs: Mapping[str, Array], threads: int = 1
) -> OperatorCosts:
    """Time every operator of a file, and the file.

    Args:
        file: The `.tflite`.
        inputs: Samples by input name, shape `(samples, ...)`; the first ones are fed.
        threads: For the kernels.

    Raises:
        RuntimeModelError: When LiteRT cannot load or run the file.
    """
    return _CostMeasurement(file, inputs, threads).measure()


class _CostMeasurement:
    """The whole file, ready to run, and the activations of one run of it."""

    def __init__(self, file: OpenFile, inputs: Mapping[str, Array], threads: int) -> None:
        self._graph = OperatorGraph(file.path, file.binding.signature)
        self._threads = threads
        self._whole = LitertModel(file.path, threads, file.binding)
        self._kept = LitertModel(
            file.path, threads, file.binding, kernels=Kernels.BUILTIN, keep_tensors=True
        )
        self._shapes = self._kept.tensor_shapes()
        for model in (self._whole, self._kept):
            model.set_inputs(first_samples(model, inputs))
            model.invoke()
        self._samples: dict[int, list[float]] = {}
        self._absences: dict[int, str] = {}
        self._whole_samples: list[float] = []

    def measure(self) -> OperatorCosts:
        ready = [op for op in self._graph.operators if self._can_be_cut(op)]
        empty = self._time_empty_call()
        time_calls(self._whole.invoke, _WHOLE_RUNS, _WHOLE_SECONDS)
        turn = max(1, -(-len(ready) // WHOLE_TURNS))
        for number in range(PASSES):
            # There and back: what drifts over a pass falls on early and late operators alike.
            for place, operator in enumerate(ready if number % 2 == 0 else ready[::-1]):
                if place % turn == 0:
                    self._time_whole()
                self._time(operator)
        if not self._whole_samples:
            self._time_whole()
        return self._result(empty)

    def _can_be_cut(self, operator: CutOperator) -> bool:
        reason = operator.reason or sizes_reason(operator, self._shapes, self._kept)
        if reason is not None:
            self._absences[operator.number] = reason
        return reason is None

    def _time_whole(self) -> None:
        self._whole_samples += time_calls(self._whole.invoke, _WHOLE_RUNS, _WHOLE_SECONDS)

    def _time(self, operator: CutOperator) -> None:
        if operator.number in self._absences:
            return
        fed = [self._kept.read_tensor(index) for index in operator.inputs]
        try:
            content = self._graph.cut(operator, self._shapes)
            model = CutModel(content, f"operator {operator.number}", self._threads)
            model.feed([values for values in fed if values is not None])
            samples = time_calls(model.invoke, _RUNS, _SECONDS)
        except RuntimeModelError as error:
            self._absences[operator.number] = str(error)
            self._samples.pop(operator.number, None)
            return
        self._samples.setdefault(operator.number, []).extend(samples)

    def _time_empty_call(self) -> float:
        """Return the milliseconds of a call that computes next to nothing."""
        model = CutModel(empty_model(), "an empty model", self._threads)
        model.feed([np.zeros(1, np.float32)])
        return float(np.median(time_calls(model.invoke, 200, 0.002)))

    def _result(self, empty_ms: float) -> OperatorCosts:
        operators = []
        for operator in self._graph.operators:
            samples = self._samples.get(operator.number, [])
            operators.append(
                OperatorCost(
                    number=operator.number,
                    operator=operator.name,
                    tensor=self._graph.tensors[operator.outputs[0]].name
                    if operator.outputs
                    else "",
                    median_ms=float(np.median(samples)) if samples else None,
                    fastest_ms=min(samples, default=None),
                    runs=len(samples),
                    absence=self._absences.get(operator.number),
                )
            )
        costs = OperatorCosts(
            operators=operators,
            whole_ms=float(np.median(self._whole_samples)),
            whole_fastest_ms=min(self._whole_samples),
            whole_runs=len(self._whole_samples),
            empty_call_ms=empty_ms,
            threads=self._threads,
        )
        costs.notes.extend(_notes(costs))
        return costs


def first_samples(model: LitertModel, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Return what fills each input of a model once, samples repeated where there are too few."""
    fed = {}
    for name, detail in model.inputs.items():
        shape, array = detail["shape"], inputs[name]
        count = len(shape) and int(shape[0])
        fed[name] = np.asarray(array[[i % len(array) for i in range(count)]]) if count else array[0]
    return fed


def time_calls(call: Callable[[], object], runs: int, seconds: float) -> list[float]:
    """Return milliseconds of each call, at least `runs` and for `seconds`, after a warm-up."""
    clock = time.perf_counter_ns
    warm = clock() + int(_WARMUP_SECONDS * 1e9)
    for _ in range(_WARMUP_RUNS):
        call()
        if clock() > warm:
            break
    samples: list[float] = []
    end = clock() + int(seconds * 1e9)
    while len(samples) < runs or clock() < end:
        start = clock()
        call()
        samples.append((clock() - start) / 1e6)
    return samples


def _notes(costs: OperatorCosts) -> list[str]:
    if costs.coverage is None or costs.is_explained:
        return []
    begin = f"The parts sum to {costs.coverage:.0%} of the whole"
    if is_about_whole(costs.fastest_coverage):
        return [
            f"{begin} by medians and to {costs.fastest_coverage:.0%} by the fastest runs: other "
            "programs were at work meanwhile; measure again on a quiet machine."
        ]
    if costs.coverage < GOOD_COVERAGE[0]:
        return [f"{begin}: what is not timed alone, or lies between operators, takes the rest."]
    return [
        f"{begin}: run together, operators are fused or share what each has to prepare alone, so a "
        "single figure here is an upper bound."
    ]
