"""Where TFLite's planner puts each activation, computed from the file alone.

The rules are those of `tflite/arena_planner.cc` and `tflite/simple_memory_arena.cc` of LiteRT: what
lives all the time comes first, then the largest first, each at the best gap among those that live
at the same time, aligned to 64 bytes. The scratch tensors that kernels ask for while they are
prepared stand in no file, so the planner itself may need more than what is computed here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import numpy as np

from converter.op_cut import COMPUTES_A_CONSTANT, CutOperator, OperatorGraph, tensor_bytes

ALIGNMENT = 64
_SAME_DATA = {"RESHAPE", "SQUEEZE", "EXPAND_DIMS", "BITCAST"}
"""Operators that give their first input's bytes back: input and output share one place."""
_OVERWRITES = {"ADD": 2, "SUB": 2, "MUL": 2, "DIV": 2, "SOFTMAX": 1, "DYNAMIC_UPDATE_SLICE": 1}
"""Operators that may write over one of so many first inputs, where nobody else reads it."""
Bytes = TypeVar("Bytes", int, np.ndarray)
_NEVER = 2**31 - 1
"""The operator after which what is kept is freed."""
_LEAST_SHARED_BYTES = 5
"""A scalar may stand for a shape that is not known yet, so its place is not written over."""


@dataclass(frozen=True, kw_only=True)
class PlannedTensor:
    """A tensor that wants a place.

    Attributes:
        index: In the file's graph.
        size_bytes: Of its values.
        first: Number of the operator before which its place is taken.
        last: Number of the one after which it is free again; None where it is kept to the end.
    """

    index: int
    size_bytes: int
    first: int
    last: int | None


@dataclass(frozen=True, kw_only=True)
class ArenaPlan:
    """Memory by plan, for the tensors that the file itself names.

    Attributes:
        activation_bytes: Of the arena that operators use in turns.
        kept_bytes: Of what is kept beside it from one inference to the next: variables, and what
            is computed from constants alone.
    """

    activation_bytes: int = 0
    kept_bytes: int = 0

    @property
    def total_bytes(self) -> int:
        """Both together."""
        return self.activation_bytes + self.kept_bytes

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read the fields by name."""
        return cls(**values)


def plan_arena(graph: OperatorGraph) -> ArenaPlan:
    """Return how much memory TFLite's planner takes for a graph's own tensors.

    Args:
        graph: Of the file; an open size counts as 1.
    """
    tensors = planned_tensors(graph)
    computed = _computed(graph)
    kept = [*graph.variables, *computed]
    return ArenaPlan(
        activation_bytes=high_water_mark(tensors),
        kept_bytes=sum(_aligned(tensor_bytes(graph.tensors[index])) for index in kept),
    )


def planned_tensors(graph: OperatorGraph) -> list[PlannedTensor]:
    """Return the tensors that get a place of their own, with when they need it."""
    kept = {*graph.variables, *_computed(graph)}
    first: dict[int, int] = {index: 0 for index in graph.inputs if index >= 0}
    readers = Counter(
        index for operator in graph.operators for index in graph.reads(operator.number)
    )
    # The graph's own ends are never written over, as if somebody else read them too.
    held = Counter([*graph.inputs, *graph.outputs])
    owner = _owners(graph, readers + held)
    last_read: dict[int, int] = {}
    for operator in graph.operators:
        for index in operator.outputs:
            first.setdefault(index, operator.number)
        for index in graph.reads(operator.number):
            last_read[owner.get(index, index)] = operator.number
    # What nobody reads is never freed either.
    return [
        PlannedTensor(
            index=index,
            size_bytes=tensor_bytes(graph.tensors[index]),
            first=begin,
            last=None if held[index] else last_read.get(index),
        )
        for index, begin in first.items()
        if index not in kept and index not in owner and not graph.tensors[index].is_constant
    ]


def place_tensors(tensors: Iterable[PlannedTensor]) -> dict[int, int]:
    """Return the offset of each tensor in the arena, by its index."""
    order = sorted(
        (tensor for tensor in tensors if tensor.size_bytes),
        key=lambda t: (0, t.index, 0) if _is_always(t) else (1, -t.size_bytes, t.first),
    )
    # Offset, end, first and last operator of what has a place, by offset.
    placed = np.empty((0, 4), np.int64)
    places = {}
    for tensor in order:
        last = _NEVER if tensor.last is None else tensor.last
        meet = placed[(placed[:, 2] <= last) & (placed[:, 3] >= tensor.first)]
        offset = _best_offset(tensor.size_bytes, meet[:, 0], meet[:, 1])
        places[tensor.index] = offset
        at = int(np.searchsorted(placed[:, 0], offset, side="right"))
        row = [offset, offset + tensor.size_bytes, tensor.first, last]
        placed = np.insert(placed, at, row, axis=0)
    return places


def high_water_mark(tensors: Sequence[PlannedTensor]) -> int:
    """Return the bytes of the arena that holds all tensors at the places of the plan."""
    places = place_tensors(tensors)
    return max(
        (places[t.index] + t.size_bytes for t in tensors if t.index in places), default=0
    )


def _is_always(tensor: PlannedTensor) -> bool:
    return tensor.first == 0 and tensor.last is None


def _best_offset(size: int, offsets: np.ndarray, ends: np.ndarray) -> int:
    """Return where a tensor goes among those that live at the same time, sorted by offset."""
    reached = np.maximum.accumulate(np.concatenate([[0], ends]))
    begins = _aligned(reached)
    best, best_fit = int(begins[-1]), math.inf
    for gap in np.flatnonzero(begins[:-1] + size <= offsets):
        if offsets[gap] - begins[gap] < best_fit:
            # LiteRT compares what is left after alignment with what was free before it.
            best, best_fit = int(begins[gap]), int(offsets[gap] - reached[gap])
        if best_fit == 0:
            break
    return best


def _aligned(offset: Bytes) -> Bytes:
    return -(-offset // ALIGNMENT) * ALIGNMENT


def _computed(graph: OperatorGraph) -> list[int]:
    """Return what operators compute from constants alone, which is done once."""
    return [
        index
        for operator in graph.operators
        if operator.reason == COMPUTES_A_CONSTANT
        for index in operator.outputs
    ]


def _owners(graph: OperatorGraph, readers: Counter[int]) -> dict[int, int]:
    """Return whose place each tensor shares that gets none of its own."""
    owner: dict[int, int] = {}
    ends = {*graph.inputs}, {*graph.outputs}
    computed = {*_computed(graph)}
    for operator in graph.operators:
        if not operator.outputs or operator.outputs[0] in computed:
            continue
        found = _shared_input(graph, operator, readers, ends)
        if found is None:
            continue
        place = owner.get(found, found)
        if operator.name in _SAME_DATA or readers[place] <= 1:
            owner[operator.outputs[0]] = place
    return owner


def _shared_input(
    graph: OperatorGraph,
    operator: CutOperator,
    readers: Counter[int],
    ends: tuple[set[int], set[int]],
) -> int | None:
    result = operator.outputs[0]
    same = operator.name in _SAME_DATA
    most = 1 if same else _OVERWRITES.get(operator.name, 0)
    for index in graph.reads(operator.number)[:most]:
        if index in ends[0] or result in ends[1] or graph.tensors[index].is_constant:
            continue
        size = tensor_bytes(graph.tensors[index])
        fits = size == tensor_bytes(graph.tensors[result]) and size >= _LEAST_SHARED_BYTES
        if same or (fits and readers[index] <= 1):
            return index
    return None
