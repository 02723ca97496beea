"""What operators cost on this machine, each kind timed once: the cost table. Workers only.

Candidates of one model share most of their operators; only those of a kind not seen before are cut
out and timed, so that the latency of a further candidate is a sum.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from converter.empty_model import empty_model
from converter.errors import RuntimeModelError
from converter.litert_model import CutModel, LitertModel
from converter.op_cost import first_samples, time_calls
from converter.op_cut import COMPUTES_A_CONSTANT, CutOperator, OperatorGraph
from converter.predicted_latency import PredictedLatency
from converter.tensor_binding import Binding

Array = np.ndarray
_EMPTY = "an empty call"
_PASSES = 3
_RUNS, _SECONDS = 10, 0.002
_WHOLE_RUNS, _WHOLE_SECONDS = 10, 0.02


class CostTable:
    """Costs of operators by their kind: name, options, shapes and types; weights do not matter.

    Args:
        binding: How candidates are opened.
        inputs: Samples by input name; the first ones are fed.
        threads: For the kernels.
        kept: A file that outlives this process: what was timed by one that crashed is not lost.
    """

    def __init__(
        self,
        binding: Binding,
        inputs: Mapping[str, Array],
        threads: int = 1,
        kept: Path | None = None,
    ) -> None:
        self._binding = binding
        self._inputs = inputs
        self._threads = threads
        self._kept = kept
        self._known: dict[str, float | str] = {}
        if kept is not None and kept.is_file():
            self._known = json.loads(kept.read_text())

    def __len__(self) -> int:
        """Return how many kinds were timed or could not be."""
        return len(self._known.keys() - {_EMPTY})

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
        total = None if untimed else empty + sum(costs.values())
        return PredictedLatency(
            predicted_ms=total, operators=costs, names=names, untimed=untimed
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
        if _EMPTY not in self._known:
            model = CutModel(empty_model(), "an empty model", self._threads)
            model.feed([np.zeros(1, np.float32)])
            self._known[_EMPTY] = float(np.median(time_calls(model.invoke, 200, 0.002)))
        return float(self._known[_EMPTY])

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
        shapes = LitertModel(path, self._threads, self._binding).tensor_shapes()
        samples: dict[str, list[float]] = {}
        for _ in range(_PASSES):  # in turns, so that a busy moment falls on all alike
            for kind, operator in cut.items():
                if kind in self._known:
                    continue
                try:
                    samples.setdefault(kind, []).extend(self._calls(graph, operator, shapes))
                except RuntimeModelError as error:
                    self._known[kind] = str(error)
        for kind, found in samples.items():
            self._known.setdefault(kind, float(np.median(found)))
        if self._kept is not None:
            self._empty()
            self._kept.write_text(json.dumps(self._known))

    def _calls(
        self, graph: OperatorGraph, operator: CutOperator, shapes: Mapping[int, tuple[int, ...]]
    ) -> list[float]:
        sizes = [shapes[index] for index in operator.inputs]
        if any(0 in size for size in sizes):
            raise RuntimeModelError("its sizes are known only when it runs")
        model = CutModel(
            graph.cut(operator, shapes), f"operator {operator.number}", self._threads
        )
        # What is computed does not depend on the values, and running the whole for them might fail:
        # not every kernel without the delegate takes what litert-quantizer writes.
        model.feed([
            _made_up(graph.tensors[index].dtype, size)
            for index, size in zip(operator.inputs, sizes, strict=True)
        ])  # fmt: skip
        return time_calls(model.invoke, _RUNS, _SECONDS)


def _made_up(dtype: str, shape: tuple[int, ...]) -> Array:
    """Return values that no kernel takes for a special case; indices are 0, which always exists."""
    random = np.random.default_rng(0)
    if dtype.startswith("float"):
        return random.uniform(0.1, 1.0, shape).astype(dtype)
    if dtype in {"int8", "uint8", "int16"}:
        return random.integers(1, 100, shape).astype(dtype)
    return np.zeros(shape, dtype)
