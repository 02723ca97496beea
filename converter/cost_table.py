"""What operators cost on this machine, each kind timed once: the cost table. Workers only.

Candidates of one model share most of their operators; only those of a kind not seen before are cut
out and timed, so that the latency of a further candidate is a sum.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from converter.empty_model import empty_model
from converter.errors import RuntimeModelError
from converter.kernels import Kernels
from converter.litert_model import CutModel, LitertModel
from converter.op_cost import first_samples, time_calls
from converter.op_cut import COMPUTES_A_CONSTANT, CutOperator, OperatorGraph
from converter.predicted_latency import PredictedLatency
from converter.run_sizes import sizes_reason
from converter.tensor_binding import Binding

Array = np.ndarray
_PASSES = 3
_RUNS, _SECONDS = 10, 0.002
_WHOLE_RUNS, _WHOLE_SECONDS = 10, 0.02


class CostTable:
    """Costs of operators by their kind: name, options, shapes and types; weights do not matter.

    Args:
        binding: How candidates are opened.
        inputs: Samples by input name; the first ones are fed.
        threads: For the kernels.
    """

    def __init__(self, binding: Binding, inputs: Mapping[str, Array], threads: int = 1) -> None:
        self._binding = binding
        self._inputs = inputs
        self._threads = threads
        self._known: dict[str, float | str] = {}
        self._empty_ms: float | None = None

    def __len__(self) -> int:
        """Return how many kinds were timed or could not be."""
        return len(self._known)

    def predict(self, path: Path) -> PredictedLatency:
        """Return a file's latency; kinds that are not known yet are timed first.

        Args:
            path: The `.tflite`.

        Raises:
            RuntimeModelError: When an unknown kind has to be timed and LiteRT cannot run the file.
            ModelFileError: When the file is damaged.
        """
        graph = OperatorGraph(path, self._binding.signature)
        kinds = {op.number: self._kind(graph, op) for op in graph.operators}
        new = [op for op in graph.operators if kinds[op.number] not in self._known]
        if new:
            self._time(path, graph, new, kinds)
        empty = self._empty()
        costs, names, untimed = {}, {}, {}
        for operator in graph.operators:
            found = self._known[kinds[operator.number]]
            if isinstance(found, str):
                if found != COMPUTES_A_CONSTANT:
                    untimed[operator.number] = found
                continue
            costs[operator.number] = max(0.0, found - empty)
            names[operator.number] = graph.tensors[operator.outputs[0]].name
        return PredictedLatency(
            predicted_ms=empty + sum(costs.values()), operators=costs, names=names, untimed=untimed
        )

    def time_whole(self, path: Path) -> float:
        """Return the median milliseconds of a whole file, timed as the operators are.

        Raises:
            RuntimeModelError: When LiteRT cannot run the file.
        """
        samples = []
        for _ in range(_PASSES):
            model = LitertModel(path, self._threads, self._binding)
            model.set_inputs(first_samples(model, self._inputs))
            samples += time_calls(model.invoke, _WHOLE_RUNS, _WHOLE_SECONDS)
        return float(np.median(samples))

    def _empty(self) -> float:
        if self._empty_ms is None:
            model = CutModel(empty_model(), "an empty model", self._threads)
            model.feed([np.zeros(1, np.float32)])
            self._empty_ms = float(np.median(time_calls(model.invoke, 200, 0.002)))
        return self._empty_ms

    def _kind(self, graph: OperatorGraph, operator: CutOperator) -> str:
        """Return what decides an operator's cost, without its weights' values."""
        if operator.reason is not None:
            return f"! {operator.reason}"
        parts: list[object] = [operator.name, graph.options(operator)]
        for number in (*operator.folded, operator.number):
            each = graph.operators[number]
            for index in (*each.inputs, *each.constants, *each.outputs):
                tensor = graph.tensors[index]
                parts.append((tensor.dtype, tensor.shape, len(tensor.scales), tensor.is_constant))
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def _time(
        self, path: Path, graph: OperatorGraph, new: list[CutOperator], kinds: Mapping[int, str]
    ) -> None:
        cut: dict[str, CutOperator] = {}
        for operator in new:
            if operator.reason is not None:
                self._known[kinds[operator.number]] = operator.reason
            else:
                cut.setdefault(kinds[operator.number], operator)
        if not cut:
            return
        kept = LitertModel(
            path, self._threads, self._binding, kernels=Kernels.BUILTIN, keep_tensors=True
        )
        shapes = kept.tensor_shapes()
        kept.set_inputs(first_samples(kept, self._inputs))
        kept.invoke()
        samples: dict[str, list[float]] = {}
        for _ in range(_PASSES):  # in turns, so that a busy moment falls on all alike
            for kind, operator in cut.items():
                reason = sizes_reason(operator, shapes, kept)
                try:
                    if reason is None:
                        fed = [kept.read_tensor(index) for index in operator.inputs]
                        content = graph.cut(operator, shapes)
                        model = CutModel(content, f"operator {operator.number}", self._threads)
                        model.feed([values for values in fed if values is not None])
                        samples.setdefault(kind, []).extend(
                            time_calls(model.invoke, _RUNS, _SECONDS)
                        )
                except RuntimeModelError as error:
                    reason = str(error)
                if reason is not None:
                    self._known[kind] = reason
        for kind, found in samples.items():
            self._known.setdefault(kind, float(np.median(found)))
