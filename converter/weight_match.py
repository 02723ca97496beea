"""Whether two files of one model hold the same weights, as far as their real values tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from converter.op_cut import OperatorGraph

_STORED = frozenset({"int8", "uint8", "int4", "float16"})


@dataclass(frozen=True, kw_only=True)
class WeightMatch:
    """The stored weights of two files, held against each other.

    Attributes:
        tensors: Weight tensors of the same shape in the same order, in both.
        unpaired: Those of either file without a partner.
        values: Values in the pairs.
        equal: Of them, those whose real values are the same to seven digits.
        largest_steps: The largest difference in steps of the first file's scale; None where weights
            are floats, or nothing is paired.
        dtypes: Stored types, of the first and of the second file.
    """

    tensors: int
    unpaired: int
    values: int
    equal: int
    largest_steps: float | None
    dtypes: tuple[tuple[str, ...], tuple[str, ...]]

    @property
    def share(self) -> float | None:
        """Equal values of all paired; None where nothing is paired."""
        return self.equal / self.values if self.values else None

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> WeightMatch:
        """Read the form that `asdict` writes, after JSON."""
        first, second = values["dtypes"]
        return cls(**{**values, "dtypes": (tuple(first), tuple(second))})


def match_weights(first: Path, second: Path, signature: str | None = None) -> WeightMatch:
    """Hold the stored weights of two files against each other.

    Weights are constants of two dimensions or more, in the order in which operators read them; of
    each shape the first goes with the first, whatever a converter calls it.

    Args:
        first: A `.tflite` file.
        second: Another one of the same model.
        signature: Whose graph is meant.
    """
    sides = [_weights(OperatorGraph(path, signature)) for path in (first, second)]
    counts = {shape: min(len(side.get(shape, [])) for side in sides) for shape in
              {*sides[0], *sides[1]}}  # fmt: skip
    values = equal = 0
    largest: float | None = None
    for shape, count in counts.items():
        pairs = zip(sides[0].get(shape, [])[:count], sides[1].get(shape, [])[:count], strict=True)
        for (one, step), (other, _) in pairs:
            values += one.size
            equal += int(np.count_nonzero(np.isclose(one, other, rtol=1e-7, atol=0)))
            if step is not None:
                farthest = float(np.max(np.abs(one - other) / step, initial=0.0))
                largest = max(largest or 0.0, farthest)
    totals = [sum(len(found) for found in side.values()) for side in sides]
    paired = sum(counts.values())
    return WeightMatch(
        tensors=paired, unpaired=sum(totals) - 2 * paired, values=values, equal=equal,
        largest_steps=largest, dtypes=(_dtypes(first, signature), _dtypes(second, signature)),
    )  # fmt: skip


def _weights(
    graph: OperatorGraph,
) -> dict[tuple[int, ...], list[tuple[np.ndarray, np.ndarray | None]]]:
    """Return real values with their step, by shape, in the order of reading."""
    found: dict[tuple[int, ...], list[tuple[np.ndarray, np.ndarray | None]]] = {}
    for index in _stored(graph):
        tensor, real = graph.tensors[index], graph.constant(index)
        if real is None:
            continue
        step = None
        if tensor.scales:
            along = [1] * real.ndim
            if len(tensor.scales) > 1:
                along[tensor.channel_axis] = len(tensor.scales)
            step = np.array(tensor.scales).reshape(along)
        found.setdefault(tensor.shape, []).append((real, step))
    return found


def _stored(graph: OperatorGraph) -> list[int]:
    seen = dict.fromkeys(i for operator in graph.operators for i in operator.constants)
    return [
        i for i in seen
        if graph.tensors[i].dtype in _STORED and len(graph.tensors[i].shape) > 1
    ]  # fmt: skip


def _dtypes(path: Path, signature: str | None) -> tuple[str, ...]:
    graph = OperatorGraph(path, signature)
    return tuple(sorted({graph.tensors[i].dtype for i in _stored(graph)}))
