"""How long each activation lives while a graph runs, and where most bytes are needed at once.

A tensor lives from the operator that gives it to the last one that takes it. The largest sum of
what lives during one operator is the least memory with which the graph can run in this order: a
lower bound of LiteRT's arena. Its planner needs more (`arena_plan.py`: alignment, gaps, inputs kept
to the end), kernels ask for scratch, and XNNPACK adds its own workspace (`arena_memory.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from converter.arena_plan import ArenaPlan, plan_arena
from converter.op_cut import GraphTensor, OperatorGraph, tensor_bytes


@dataclass(frozen=True, kw_only=True)
class TensorLife:
    """One activation.

    Attributes:
        name: The tensor's.
        dtype: TFLite's, in NumPy's spelling.
        shape: As in the file; an open size counts as 1.
        size_bytes: Of its values.
        first: Number of the operator that gives it; -1 for an input of the model.
        last: Number of the last operator that takes it; the last of all for an output.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    size_bytes: int
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class Lifetimes:
    """All activations of a file's main graph.

    Attributes:
        operators: Name of each operator, in order of execution.
        layers: What each gives.
        tensors: In the order in which they begin.
        live_bytes: What lives during each operator, its inputs and outputs included.
        plan: What TFLite's planner makes of it.
    """

    operators: list[str]
    layers: list[str]
    tensors: list[TensorLife]
    live_bytes: list[int]
    plan: ArenaPlan = field(default_factory=ArenaPlan)

    @property
    def peak_bytes(self) -> int:
        """The least memory that the activations need at once."""
        return max(self.live_bytes, default=0)

    @property
    def peak_operator(self) -> int | None:
        """Number of the first operator during which that much lives; None without operators."""
        return self.live_bytes.index(self.peak_bytes) if self.live_bytes else None

    def alive_at(self, operator: int) -> list[TensorLife]:
        """Return what lives during an operator, the largest first."""
        found = [t for t in self.tensors if t.first <= operator <= t.last]
        return sorted(found, key=lambda tensor: -tensor.size_bytes)

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read `to_json`'s form."""
        tensors = [TensorLife(**{**t, "shape": tuple(t["shape"])}) for t in values["tensors"]]
        plan = ArenaPlan.from_json(values["plan"])
        return cls(**{**values, "tensors": tensors, "plan": plan})


def find_lifetimes(graph: OperatorGraph) -> Lifetimes:
    """Return when each activation of a graph lives.

    Args:
        graph: Of `OperatorGraph`; what a file computes from constants alone counts as well.
    """
    count = len(graph.operators)
    first = dict.fromkeys(graph.inputs, -1)
    last: dict[int, int] = {}
    for operator in graph.operators:
        for index in operator.outputs:
            first.setdefault(index, operator.number)
            last.setdefault(index, operator.number)
        for index in _taken(graph, operator.number):
            last[index] = operator.number
    for index in graph.outputs:
        last[index] = count - 1
    tensors = [
        _life(graph.tensors[index], begin, last.get(index, begin)) for index, begin in first.items()
    ]
    live = [0] * count
    for tensor in tensors:
        for number in range(max(0, tensor.first), tensor.last + 1):
            live[number] += tensor.size_bytes
    return Lifetimes(
        operators=[operator.name for operator in graph.operators],
        layers=[graph.tensors[o.outputs[0]].name if o.outputs else "" for o in graph.operators],
        tensors=sorted(tensors, key=lambda tensor: (tensor.first, tensor.last)),
        live_bytes=live,
        plan=plan_arena(graph),
    )


def _taken(graph: OperatorGraph, number: int) -> list[int]:
    """Return what an operator reads that no file holds: activations, and computed constants."""
    operator = graph.operators[number]
    computed = [index for maker in operator.folded for index in graph.operators[maker].outputs]
    return [*operator.inputs, *computed]


def _life(tensor: GraphTensor, first: int, last: int) -> TensorLife:
    return TensorLife(
        name=tensor.name,
        dtype=tensor.dtype,
        shape=tensor.shape,
        size_bytes=tensor_bytes(tensor),
        first=first,
        last=last,
    )
