"""The original's operations beside a variant's operators: what became of each, and what is new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from converter.graph_nodes import GraphNode
from converter.operator_trace import IGNORED, FileOperator, FrozenGraph, trace_nodes

KEPT, FUSED, FOLDED, INSIDE, NOT_TRACED = "kept", "fused", "folded", "inside", "not traced"
ADDED = "added"
FATES = {
    KEPT: "became an operator of its own",
    FUSED: "shares an operator with others",
    FOLDED: "computed once, at conversion: only its value is in the file",
    INSIDE: "computed by one of the operators around it",
    NOT_TRACED: "no operator bears its name",
}
_BORDERS = {"QUANTIZE", "DEQUANTIZE"}


@dataclass(frozen=True)
class MappedNode:
    """One operation of the original.

    Attributes:
        name: In the frozen graph.
        op: TensorFlow's kind.
        fate: One of `FATES`.
        operators: Numbers of the variant's operators that stand for it, from 0.
    """

    name: str
    op: str
    fate: str
    operators: tuple[int, ...] = ()

    @property
    def layer(self) -> str:
        """The scope that it stands in: the layer, as Keras names it."""
        return self.name.rsplit("/", 1)[0] if "/" in self.name else ""


@dataclass(frozen=True)
class MappedOperator:
    """One operator of the variant.

    Attributes:
        number: In order of execution, from 0.
        name: TFLite's.
        stands_for: Names of the original's operations.
        fate: `added` for a border between float and integer, `fused` for several operations in
            one, `kept` for one, `not traced` where none is known.
    """

    number: int
    name: str
    stands_for: tuple[str, ...]
    fate: str


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
        nodes: Of the frozen graph; constants, inputs and identities are no operations.
        operators: Of the `.tflite`, in order of execution.
    """
    graph = FrozenGraph(nodes)
    trace = trace_nodes(graph, operators)
    mapped = []
    for place, node in enumerate(nodes):
        if node.op in IGNORED:
            continue
        made = tuple(trace.made.get(place, ()))
        if made:
            shared = any(len(trace.sharing.get(number, ())) > 1 for number in made)
            fate = FUSED if shared else KEPT
        elif graph.constant[place]:
            fate = FOLDED
        elif place in trace.between:
            made, fate = tuple(trace.between[place]), INSIDE
        else:
            fate = NOT_TRACED
        mapped.append(MappedNode(node.name, node.op, fate, made))
    return GraphMap(mapped, [
        _operator(number, operator, [nodes[place].name for place in trace.sharing.get(number, ())])
        for number, operator in enumerate(operators)
    ])  # fmt: skip


def _operator(number: int, operator: FileOperator, names: list[str]) -> MappedOperator:
    if operator.name in _BORDERS and not names:
        fate = ADDED
    else:
        fate = FUSED if len(names) > 1 else KEPT if names else NOT_TRACED
    return MappedOperator(number, operator.name, tuple(names), fate)
