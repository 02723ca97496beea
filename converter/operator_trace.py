"""Which operators of a `.tflite` an operation of the frozen graph became, told from evidence alone.

Evidence: the names of tensors, which the converter puts together of the names of the operations
that an operator stands for; the order in which values flow; and which operations depend on no
input. What these do not tell is not traced.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from converter.graph_nodes import GraphNode

if TYPE_CHECKING:
    from converter.tflite_file import Operator

IGNORED = {"Const", "Placeholder", "NoOp", "Identity", "IdentityN", "_Arg", "_Retval"}
"""No operations: values, names of values, and order."""
_SHAPES = {"Shape", "ShapeN", "Size", "Rank"}
_BORDERS = {"QUANTIZE", "DEQUANTIZE"}
_OUTPUT = re.compile(r"(?:Stateful)?PartitionedCall:0(?!\d*/)")
_FLOATS = {"float32", "float16", "bfloat16", "float64", "complex64", "complex128"}
_INPUT = -1
"""Stands for what goes into the file, where an operator's place is asked."""


@dataclass(frozen=True)
class FileOperator:
    """One operator of a converted file.

    Attributes:
        name: The builtin's name, or the custom operator's.
        inputs: Names of the tensors that it reads and that are no constants.
        outputs: Names of the tensors that it writes.
        is_custom: Whether it is none of TFLite's builtins.
        is_float: Whether it computes on floats.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    is_custom: bool = False
    is_float: bool = False

    @classmethod
    def of(cls, operator: Operator) -> FileOperator:
        """Return what is needed of an operator that was read out of a file."""
        values = [t for t in (*operator.inputs, *operator.outputs) if not t.is_constant]
        return cls(
            name=operator.name,
            inputs=tuple(t.name for t in operator.inputs if not t.is_constant),
            outputs=tuple(tensor.name for tensor in operator.outputs),
            is_custom=operator.is_custom,
            is_float=any(tensor.dtype in _FLOATS for tensor in values),
        )

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> FileOperator:
        """Read the fields by name."""
        return cls(
            name=str(values["name"]),
            inputs=tuple(values["inputs"]),
            outputs=tuple(values["outputs"]),
            is_custom=bool(values["is_custom"]),
            is_float=bool(values["is_float"]),
        )


@dataclass(frozen=True)
class FrozenGraph:
    """The nodes of a graph, and what flows between them."""

    nodes: Sequence[GraphNode]

    @cached_property
    def places(self) -> dict[tuple[str | None, str], int]:
        """The place of each node by the function that it stands in and its name."""
        return {(node.function, node.name): place for place, node in enumerate(self.nodes)}

    @cached_property
    def sources(self) -> list[list[int]]:
        """For each node, the places of the nodes whose values it takes."""
        return [
            [
                self.places[node.function, name]
                for name in node.inputs
                if (node.function, name) in self.places
            ]
            for node in self.nodes
        ]

    @cached_property
    def consumers(self) -> list[list[int]]:
        """For each node, the places of those that take its value."""
        found: list[list[int]] = [[] for _ in self.nodes]
        for place, sources in enumerate(self.sources):
            for source in sources:
                found[source].append(place)
        return found

    @cached_property
    def constant(self) -> list[bool]:
        """For each node, whether its value depends on no input and on no state."""
        known: list[bool | None] = [None] * len(self.nodes)
        entered = [False] * len(self.nodes)  # a node met again before it is known is in a cycle
        for start in range(len(self.nodes)):
            waiting = [start]
            while waiting:
                place = waiting[-1]
                node, sources = self.nodes[place], self.sources[place]
                new = [source for source in sources if not entered[source]]
                if known[place] is not None:
                    waiting.pop()
                elif node.op == "Const" or self._asks_fixed_shape(place):
                    known[place] = True
                elif node.is_stateful or not sources or len(sources) < len(node.inputs):
                    known[place] = False
                elif new and not entered[place]:
                    waiting += new
                else:
                    known[place] = all(known[source] for source in sources)
                entered[place] = True
        return [bool(value) for value in known]

    def _asks_fixed_shape(self, place: int) -> bool:
        """Whether a node asks for the shape of an input: it is frozen at one shape."""
        return self.nodes[place].op in _SHAPES and all(
            self.nodes[self._behind_identities(source)].op == "Placeholder"
            for source in self.sources[place]
        )

    @cached_property
    def results(self) -> list[int]:
        """Places of the nodes whose values leave the graph, behind names that only pass them on."""
        ends = [
            place
            for place, node in enumerate(self.nodes)
            if node.function is None and not self.consumers[place] and node.op != "NoOp"
        ]
        return list(dict.fromkeys(self._behind_identities(place) for place in ends))

    def _behind_identities(self, place: int) -> int:
        while self.nodes[place].op == "Identity" and self.sources[place]:
            place = self.sources[place][0]
        return place


@dataclass
class Trace:
    """What became of the nodes in one file.

    Attributes:
        made: For each node, the places of the operators that bear its name or write its result.
        between: For a node without any, the operators one of which computes it as well.
        sharing: For each operator, the nodes that it stands for.
    """

    made: dict[int, list[int]] = field(default_factory=dict)
    between: dict[int, list[int]] = field(default_factory=dict)
    sharing: dict[int, list[int]] = field(default_factory=dict)


def trace_nodes(graph: FrozenGraph, operators: Sequence[FileOperator]) -> Trace:
    """Find the nodes again among the operators of a file.

    Args:
        graph: The frozen graph.
        operators: Of the file that was made of it.
    """
    trace = Trace()
    names: dict[str, list[int]] = {}
    for place, node in enumerate(graph.nodes):
        names.setdefault(node.name, []).append(place)
    for number, operator in enumerate(operators):
        if operator.name in _BORDERS:
            continue
        for place in _named(graph, names, operator):
            _add(trace, place, number)
    _trace_result(graph, operators, trace)
    _trace_custom(graph, operators, trace)
    _place_between(graph, operators, trace)
    return trace


def _add(trace: Trace, place: int, number: int) -> None:
    if number not in trace.made.setdefault(place, []):
        trace.made[place].append(number)
        trace.sharing.setdefault(number, []).append(place)


def _named(graph: FrozenGraph, names: Mapping[str, list[int]], operator: FileOperator) -> list[int]:
    """Return the nodes that the tensors of an operator are named after."""
    found: list[int] = []
    for part in (part for tensor in operator.outputs for part in tensor.split(";")):
        for place in _resolve(names, part):
            op = graph.nodes[place].op
            if op not in IGNORED:
                found.append(place)
            elif op == "Const" and len(set(graph.consumers[place])) == 1:
                # What is made of an operation may be named after the constant that it takes.
                consumer = graph.consumers[place][0]
                if graph.nodes[consumer].op not in IGNORED and not graph.constant[consumer]:
                    found.append(consumer)
    return found


def _resolve(names: Mapping[str, list[int]], tensor: str) -> list[int]:
    """Return the nodes of a name, to which the converter may have added a number or a type."""
    plain = re.sub(r"_(int16|float)$", "", tensor)
    shorter = [plain[: len(plain) - cut] for cut in range(_digits_at_end(plain) + 1)]
    for name in (tensor, *shorter):
        if name in names:
            return names[name]
    return []


def _digits_at_end(name: str) -> int:
    return len(name) - len(name.rstrip("0123456789"))


def _trace_result(graph: FrozenGraph, operators: Sequence[FileOperator], trace: Trace) -> None:
    """The operator that writes the only output stands for the node that gives it."""
    if len(graph.results) != 1 or graph.nodes[graph.results[0]].op in IGNORED:
        return
    for number, operator in enumerate(operators):
        if operator.name not in _BORDERS and any(_OUTPUT.match(name) for name in operator.outputs):
            _add(trace, graph.results[0], number)


def _trace_custom(graph: FrozenGraph, operators: Sequence[FileOperator], trace: Trace) -> None:
    """As many Flex operators of a kind as the graph has nodes of it are those nodes."""
    kinds: dict[str, list[int]] = {}
    for number, operator in enumerate(operators):
        if operator.is_custom:
            kinds.setdefault(operator.name.removeprefix("Flex"), []).append(number)
    for kind, numbers in kinds.items():
        nodes = [place for place, node in enumerate(graph.nodes) if node.op == kind]
        if len(nodes) == len(numbers):
            for place, number in zip(nodes, numbers, strict=True):
                if not trace.made.get(place):
                    _add(trace, place, number)


def _place_between(
    graph: FrozenGraph, operators: Sequence[FileOperator], trace: Trace
) -> None:
    """A node between two operators that hand a tensor to each other is computed by one of them."""
    written = {name for operator in operators for name in operator.outputs}
    for place, node in enumerate(graph.nodes):
        if node.op in IGNORED or trace.made.get(place) or graph.constant[place]:
            continue
        before = _nearest(graph, trace, place, graph.sources)
        after = _nearest(graph, trace, place, graph.consumers)
        if len(before) == 1 == len(after) and _adjoin(operators, written, *before, *after):
            trace.between[place] = sorted({*before, *after} - {_INPUT})


def _nearest(
    graph: FrozenGraph, trace: Trace, place: int, neighbours: Sequence[Sequence[int]]
) -> set[int]:
    """Return the operators of the nearest traced nodes in one direction; `_INPUT` for an input."""
    found: set[int] = set()
    waiting, seen = list(neighbours[place]), {place}
    while waiting:
        other = waiting.pop()
        if other in seen or graph.constant[other]:
            continue
        seen.add(other)
        if trace.made.get(other):
            found.update(trace.made[other])
        elif graph.nodes[other].op == "Placeholder":
            found.add(_INPUT)
        else:
            waiting += neighbours[other]
    return found


def _adjoin(
    operators: Sequence[FileOperator], written: set[str], before: int, after: int
) -> bool:
    if after == _INPUT:
        return False
    if before == _INPUT:
        return any(name not in written for name in operators[after].inputs)
    return before == after or bool({*operators[before].outputs} & {*operators[after].inputs})
