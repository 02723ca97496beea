"""A graph map cut into blocks that can be read one by one: layers, and the operators for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from converter.graph_map import ADDED, GraphMap, MappedNode, MappedOperator


@dataclass(frozen=True)
class Block:
    """Operations of some layers, and all operators that stand for one of them.

    Attributes:
        layers: Names, in the order of the graph; none for operators that are added or not traced.
        nodes: Operations of the original, in the order of the graph.
        operators: Of the variant, in order of execution.
    """

    layers: tuple[str, ...]
    nodes: tuple[MappedNode, ...] = ()
    operators: tuple[MappedOperator, ...] = ()


def cut_into_blocks(found: GraphMap) -> list[Block]:
    """Return a map as blocks in order of execution; every node and operator is in one of them.

    Operations of one layer, and those that one operator stands for, are in one block. A block
    without an operator follows the operations before it. Added operators of one kind that follow
    each other are one block.

    Args:
        found: The map.
    """
    groups = _Groups(len(found.nodes))
    first_of: dict[object, int] = {}
    for place, node in enumerate(found.nodes):
        for key in (("layer", node.layer) if node.layer else None, *node.operators):
            if key is not None:
                groups.join(place, first_of.setdefault(key, place))
    members: dict[int, list[int]] = defaultdict(list)
    for place in range(len(found.nodes)):
        members[groups.root(place)].append(place)
    ordered: list[tuple[float, int, Block]] = []
    taken: set[int] = set()
    last = -0.5
    for places in members.values():
        nodes = [found.nodes[place] for place in places]
        numbers = sorted({number for node in nodes for number in node.operators} - taken)
        taken.update(numbers)
        last = float(numbers[0]) if numbers else last
        layers = dict.fromkeys(node.layer for node in nodes if node.layer)
        block = Block(tuple(layers), tuple(nodes), tuple(found.operators[n] for n in numbers))
        ordered.append((last, places[0], block))
    ordered += [
        (float(run[0].number), -1, Block((), (), tuple(run)))
        for run in _runs([o for o in found.operators if o.number not in taken])
    ]
    return [block for *_, block in sorted(ordered, key=lambda item: item[:2])]


def _runs(operators: Sequence[MappedOperator]) -> list[list[MappedOperator]]:
    """Return operators that follow each other and are the same addition as one list."""
    runs: list[list[MappedOperator]] = []
    for operator in operators:
        last = runs[-1][-1] if runs else None
        same = last is not None and operator.fate == ADDED == last.fate and (
            (last.number + 1, last.name, last.detail)
            == (operator.number, operator.name, operator.detail)
        )  # fmt: skip
        if same:
            runs[-1].append(operator)
        else:
            runs.append([operator])
    return runs


class _Groups:
    """Numbers that were joined have one root."""

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def root(self, item: int) -> int:
        while self._above[item] != item:
            self._above[item] = self._above[self._above[item]]
            item = self._above[item]
        return item

    def join(self, one: int, other: int) -> None:
        first, second = sorted((self.root(one), self.root(other)))
        self._above[second] = first
