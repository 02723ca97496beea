"""The original's operations beside a variant's operators: what became of each, and what is new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from converter.graph_layers import find_layers
from converter.graph_nodes import GraphNode
from converter.operator_trace import IGNORED, FileOperator, FrozenGraph, Trace, trace_nodes

KEPT, FUSED, FOLDED, INSIDE, NOT_TRACED = "kept", "fused", "folded", "inside", "not traced"
REMOVED, ADDED = "removed", "added"
FATES = {
    KEPT: "became an operator of its own, or several that bear its name alone",
    FUSED: "shares an operator with others, whose names it joins",
    INSIDE: "lies between operations of operators beside each other, so one of these computes it",
    FOLDED: "depends on no input: computed once, at conversion, and only its value is in the file",
    REMOVED: "only passes its value on, which needs no operator",
    NOT_TRACED: "no operator bears its name, and its place does not tell which computes it",
}
ADDED_MEANING = (
    "an operator that the original has not: QUANTIZE and DEQUANTIZE where values change between "
    "float and integer, or stored values are unpacked"
)
_PASSING = {"Identity", "IdentityN", "StopGradient", "PreventGradient", "Snapshot"}
_NO_OPERATIONS = IGNORED - _PASSING
_BORDERS = {"QUANTIZE", "DEQUANTIZE"}
_QUANTIZER_SUFFIXES = ("_quantized", "_dequant", "_requant")


@dataclass(frozen=True)
class MappedNode:
    """One operation of the original.

    Attributes:
        name: In the frozen graph, or of the tensor that an operator of a `.tflite` gives.
        op: Its kind.
        fate: One of `FATES`.
        operators: Numbers of the variant's operators that stand for it, from 0; of one that is
            inside, those one of which computes it; of one that is folded, those that are named
            after it as well, and take its value.
        layer: The layer or name scope that it stands in; empty for one without.
    """

    name: str
    op: str
    fate: str
    operators: tuple[int, ...] = ()
    layer: str = ""


@dataclass(frozen=True)
class MappedOperator:
    """One operator of the variant.

    Attributes:
        number: In order of execution, from 0.
        name: TFLite's.
        stands_for: Names of the original's operations.
        fate: `added`; `fused` for several operations in one, `kept` for one, `not traced` where
            none is known.
        detail: Of one that was added: the dtypes between which it stands.
    """

    number: int
    name: str
    stands_for: tuple[str, ...]
    fate: str
    detail: str = ""


@dataclass(frozen=True)
class GraphMap:
    """Both sides."""

    nodes: list[MappedNode]
    operators: list[MappedOperator]

    def counts(self) -> dict[str, int]:
        """Return how many operations met which fate, and how many operators were added."""
        found = {fate: sum(node.fate == fate for node in self.nodes) for fate in FATES}
        found[ADDED] = sum(operator.fate == ADDED for operator in self.operators)
        return found


def map_graph(nodes: Sequence[GraphNode], operators: Sequence[FileOperator]) -> GraphMap:
    """Pair the operations of a frozen graph with the operators of a file made from it.

    Args:
        nodes: Of the frozen graph; constants, what names them, and inputs are no operations.
        operators: Of the `.tflite`, in order of execution.
    """
    graph = FrozenGraph(nodes)
    trace = trace_nodes(graph, operators)
    # An operator's name tells also whose values it takes: those are computed before it.
    computed = {
        number: [p for p in places if not graph.constant[p]] or places
        for number, places in trace.sharing.items()
    }
    mapped = {
        place: _fate(graph, trace, computed, place)
        for place, node in enumerate(nodes)
        if node.op not in _NO_OPERATIONS and not (node.op in _PASSING and graph.constant[place])
    }
    layers = _layers(graph, list(mapped))
    return GraphMap(
        [MappedNode(nodes[place].name, nodes[place].op, fate, made, layer)
         for (place, (fate, made)), layer in zip(mapped.items(), layers, strict=True)],
        [_operator(number, operator, [nodes[p].name for p in computed.get(number, ())])
         for number, operator in enumerate(operators)],
    )  # fmt: skip


def _fate(
    graph: FrozenGraph, trace: Trace, computed: dict[int, list[int]], place: int
) -> tuple[str, tuple[int, ...]]:
    made = tuple(trace.made.get(place, ()))
    own = tuple(number for number in made if place in computed[number])
    if own:
        return (FUSED if any(len(computed[n]) > 1 for n in own) else KEPT), own
    if graph.constant[place]:
        return FOLDED, made
    if graph.nodes[place].op in _PASSING:
        return REMOVED, ()
    if place in trace.between:
        return INSIDE, tuple(trace.between[place])
    return NOT_TRACED, ()


def _layers(graph: FrozenGraph, places: Sequence[int]) -> list[str]:
    """Return the layers of some nodes; those in the body of a loop or branch are the body's."""
    main = [place for place in places if graph.nodes[place].function is None]
    found = dict(zip(main, find_layers(
        [graph.nodes[place].name for place in main],
        [not graph.constant[place] and graph.nodes[place].op not in _PASSING for place in main],
    ), strict=True))  # fmt: skip
    return [found.get(place, f"body {graph.nodes[place].function}") for place in places]


def _operator(number: int, operator: FileOperator, names: Sequence[str]) -> MappedOperator:
    detail = ""
    if operator.name in _BORDERS and not names:
        fate = ADDED
        if operator.input_types and operator.output_types:
            detail = f"{operator.input_types[0]} → {operator.output_types[0]}"
            detail += "" if operator.inputs else ", a stored value"
    else:
        fate = FUSED if len(names) > 1 else KEPT if names else NOT_TRACED
    return MappedOperator(number, operator.name, tuple(names), fate, detail)


def map_files(before: Sequence[FileOperator], after: Sequence[FileOperator]) -> GraphMap:
    """Pair the operators of a `.tflite` with those of one quantized from it, by their tensors.

    Args:
        before: Of the original, in order of execution.
        after: Of the variant.
    """
    givers: dict[str, int] = {}
    for number, operator in enumerate(after):
        if operator.name not in _BORDERS:
            for tensor in operator.outputs:
                givers.setdefault(tensor, number)
                givers.setdefault(_plain(tensor), number)
    nodes, stands_for = [], dict[int, list[str]]()
    layers = find_layers([_name(operator).split(";")[0] for operator in before],
                         [True] * len(before))  # fmt: skip
    own = {tensor: number for number, operator in enumerate(after) for tensor in operator.outputs}
    for operator, layer in zip(before, layers, strict=True):
        found = {givers[t] for t in operator.outputs if t in givers}
        if operator.name in _BORDERS:
            found = {own[t] for t in operator.outputs if t in own}
        found = {number for number in found if after[number].name == operator.name}
        for number in found:
            stands_for.setdefault(number, []).append(_name(operator))
        nodes.append(MappedNode(_name(operator), operator.name, KEPT if found else NOT_TRACED,
                                tuple(sorted(found)), layer))  # fmt: skip
    return GraphMap(nodes, [
        _operator(number, operator, stands_for.get(number, ()))
        for number, operator in enumerate(after)
    ])  # fmt: skip


def _plain(tensor: str) -> str:
    """Return a tensor's name without what the quantizer ends names of its own with."""
    for suffix in _QUANTIZER_SUFFIXES:
        tensor = tensor.removesuffix(suffix)
    return tensor


def _name(operator: FileOperator) -> str:
    return operator.outputs[0] if operator.outputs else operator.name
