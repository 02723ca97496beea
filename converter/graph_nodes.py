"""The operations of a frozen graph as a run keeps them: name, kind and inputs of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converter.errors import ModelFileError

GRAPH_FILE = "graph.json"
MOST_NODES = 200_000
"""The page reads the list whole; a graph of more operations is kept without it."""
_CALLS = {"PartitionedCall", "StatefulPartitionedCall"}
"""The converter puts the called function in their place, so they are no operations of their own."""


@dataclass(frozen=True)
class GraphNode:
    """One operation of the frozen graph.

    Attributes:
        name: In the graph, or in the body of a loop or branch.
        op: Its kind, as TensorFlow names it (`Conv2D`).
        inputs: Names of the nodes whose values it takes, or of the arguments of its function.
        is_stateful: Whether TensorFlow calls it stateful: the same inputs may give other values.
        function: The body that it stands in; None for the graph itself.
    """

    name: str
    op: str
    inputs: tuple[str, ...] = ()
    is_stateful: bool = False
    function: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return `name`, `op` and `inputs`, and the others where they say something."""
        values: dict[str, Any] = {"name": self.name, "op": self.op, "inputs": list(self.inputs)}
        if self.is_stateful:
            values["stateful"] = True
        return values if self.function is None else {**values, "function": self.function}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> GraphNode:
        """Read `to_json`'s form."""
        function = values.get("function")
        return cls(
            name=str(values["name"]),
            op=str(values["op"]),
            inputs=tuple(str(name) for name in values["inputs"]),
            is_stateful=bool(values.get("stateful", False)),
            function=None if function is None else str(function),
        )


def list_nodes(graph: Any, is_stateful: Callable[[str], bool]) -> list[GraphNode]:  # noqa: ANN401
    """Return the operations of a graph, those in bodies of loops and branches after it.

    Args:
        graph: A `GraphDef`.
        is_stateful: Tells it of a kind of operation.
    """
    library = {function.signature.name: function for function in graph.library.function}
    found: list[GraphNode] = []
    seen: set[str] = set()
    waiting: list[tuple[str | None, Any]] = [(None, graph.node)]
    while waiting:
        function, nodes = waiting.pop(0)
        for node in nodes:
            called = [name for name in _called(node) if name in library]
            if node.op in library:
                called.append(node.op)
            is_call = node.op in _CALLS or node.op in library
            for name in called:
                if name not in seen:
                    seen.add(name)
                    waiting.append((function if is_call else name, library[name].node_def))
            if not is_call:
                stateful = is_stateful(node.op)
                found.append(GraphNode(node.name, node.op, _inputs(node), stateful, function))
    return found


def _called(node: Any) -> Iterator[str]:  # noqa: ANN401
    for value in node.attr.values():
        if value.HasField("func"):
            yield value.func.name
        yield from (item.name for item in value.list.func)


def _inputs(node: Any) -> tuple[str, ...]:  # noqa: ANN401
    return tuple(name.split(":", 1)[0] for name in node.input if not name.startswith("^"))


def save_nodes(nodes: Sequence[GraphNode], path: Path) -> None:
    """Write the nodes as a JSON list; nothing where there are more than `MOST_NODES`."""
    if len(nodes) > MOST_NODES:
        return
    path.write_text(json.dumps([node.to_json() for node in nodes], separators=(",", ":")))


def check_nodes(path: Path) -> None:
    """Refuse a list that `save_nodes` cannot have written: one of a stranger.

    Raises:
        ModelFileError: When it is missing, too long, or holds something else or more.
    """
    nodes = load_nodes(path)
    if len(nodes) > MOST_NODES:
        raise ModelFileError(
            f"{path.name}: expected at most {MOST_NODES:,} operations, found {len(nodes):,}; run "
            "it again."
        )
    if [node.to_json() for node in nodes] != json.loads(path.read_text()):
        raise ModelFileError(
            f"{path.name}: expected the frozen graph's operations as a run writes them, found "
            "other fields; run it again."
        )


def load_nodes(path: Path) -> list[GraphNode]:
    """Read `save_nodes`' form.

    Raises:
        ModelFileError: When the file is missing or holds something else.
    """
    try:
        return [GraphNode.from_json(item) for item in json.loads(path.read_text())]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as broken:
        raise ModelFileError(
            f"{path.name}: expected the frozen graph's operations as a run writes them, found none "
            f"({type(broken).__name__}); run it again."
        ) from broken
