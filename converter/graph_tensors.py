"""Which tensors of a frozen graph can be fed or fetched, told from its nodes alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from converter.errors import ModelFileError
from converter.graph_operators import has_result, result_dtype
from converter.signature import Shape

MOST_OFFERED = 500
"""Tensors in a list to choose from; any other can be named."""

_REQUIRED = {"Placeholder", "PlaceholderV2"}
_FEEDABLE = {*_REQUIRED, "PlaceholderWithDefault"}
_GIVEN = {*_FEEDABLE, "Const"}
_FLOATS = {"float32", "float64", "float16", "bfloat16"}
_NOT_COMPUTED = {"resource", "variant", "string"}


@dataclass(frozen=True)
class GraphTensor:
    """A tensor that a graph offers.

    Attributes:
        tensor: Its name in the graph, without the `:0` of a node's first output.
        operator: What computes it.
        dtype: A NumPy dtype name; None where the graph does not tell it.
        shape: Dimensions, None for open ones; None where the graph does not tell them.
    """

    tensor: str
    operator: str
    dtype: str | None
    shape: Shape | None

    def to_json(self) -> dict[str, Any]:
        """Return `{"tensor", "operator", "dtype", "shape"}`."""
        shape = None if self.shape is None else list(self.shape)
        return {**vars(self), "shape": shape}


class GraphTensors:
    """The nodes of a frozen graph and the ways between them.

    Args:
        graph_def: A parsed `GraphDef`.
    """

    def __init__(self, graph_def: Any) -> None:  # noqa: ANN401 - a generated protobuf class
        self.nodes: dict[str, Any] = {node.name: node for node in graph_def.node}
        self.placeholders = [name for name, node in self.nodes.items() if node.op in _REQUIRED]

    def offer(self) -> dict[str, Any]:
        """Return what a person can choose from, the likeliest first.

        Returns:
            `{"inputs": [...], "outputs": [...], "left_out": {"inputs": n, "outputs": n}}`: lists
            of `GraphTensor.to_json`, at most `MOST_OFFERED` each.
        """
        usable = [self.describe(name) for name in self._computing]
        named = [self.describe(name) for name, n in self.nodes.items() if n.op in _FEEDABLE]
        ends = set(self.ends)
        floats = [t for t in usable if t.dtype in _FLOATS and t.tensor not in ends]
        inputs = [*named, *(tensor for tensor in usable if tensor.dtype not in _NOT_COMPUTED)]
        outputs = [*(self.describe(name) for name in self.ends), *reversed(floats)]
        return {
            "inputs": [tensor.to_json() for tensor in inputs[:MOST_OFFERED]],
            "outputs": [tensor.to_json() for tensor in outputs[:MOST_OFFERED]],
            "left_out": {
                "inputs": max(0, len(inputs) - MOST_OFFERED),
                "outputs": max(0, len(outputs) - MOST_OFFERED),
            },
        }

    @cached_property
    def ends(self) -> list[str]:
        """Nodes whose result nothing takes: what the graph is likely to be for."""
        consumed = {
            _node_of(name)
            for node in self.nodes.values()
            # A NoOp only groups others; nothing is computed from what it waits for.
            if node.op != "NoOp"
            for name in node.input
        }
        loose = [
            name
            for name, node in self.nodes.items()
            if name not in consumed and has_result(node) and node.op not in _GIVEN
        ]
        computed = [name for name in loose if name in self._from_placeholders]
        ends = computed or loose
        return [n for n in ends if self.describe(n).dtype not in _NOT_COMPUTED] or ends

    @cached_property
    def _computing(self) -> list[str]:
        """Nodes computed from what is fed; of a graph without placeholders, from anything."""
        return [
            name
            for name, node in self.nodes.items()
            if has_result(node)
            and node.op not in _GIVEN
            and (name in self._from_placeholders or not self._from_placeholders)
        ]

    @cached_property
    def _from_placeholders(self) -> set[str]:
        fed = [name for name, node in self.nodes.items() if node.op in _FEEDABLE]
        return _closure(fed, lambda name: self._users.get(name, []))

    def describe(self, tensor: str) -> GraphTensor:
        """Return what the graph tells of a tensor, named as `node` or `node:0`."""
        name, _, port = tensor.partition(":")
        node = self.nodes[name]
        first = port in {"", "0"}
        return GraphTensor(
            tensor=name if first else tensor,
            operator=node.op,
            dtype=result_dtype(node) if first else None,
            shape=_shape(node, int(port or 0)),
        )

    def default_inputs(self, outputs: Sequence[str]) -> list[str]:
        """Return the placeholders that outputs depend on; all where they depend on none."""
        needed = self._needed(outputs, self.placeholders)
        return [name for name in self.placeholders if name in needed] or self.placeholders

    def default_outputs(self, inputs: Sequence[str]) -> list[str]:
        """Return the ends for which chosen inputs suffice; all ends where none are chosen."""
        computed, short = self._reach(inputs)
        return [name for name in self.ends if name in computed - short] or self.ends

    def check(self, inputs: Sequence[str], outputs: Sequence[str], name: str) -> None:
        """Refuse ends between which nothing can be computed.

        Args:
            inputs: Tensors to feed, all of nodes in the graph.
            outputs: Tensors to fetch, all of nodes in the graph.
            name: The file's name, for messages.

        Raises:
            ModelFileError: When an output has no values, needs a placeholder that is not fed or
                depends on no input, or an input is needed by no output.
        """
        fed = {_node_of(tensor) for tensor in inputs}
        computed, short = self._reach(inputs)
        for output in outputs:
            node = _node_of(output)
            if not has_result(self.nodes[node]):
                problem = "its operator has no result; choose another output"
            elif node in fed:
                problem = "it is an input as well; choose an output behind it"
            elif node in short:
                needed = self._needed([output], inputs) - fed
                unfed = next(n for n in self.placeholders if n in needed)
                problem = (
                    f"it also needs the placeholder {unfed[:80]!r}; add that to the inputs or "
                    "choose another output"
                )
            elif node not in computed:
                problem = "no way leads to it from the chosen inputs; choose others"
            else:
                continue
            raise ModelFileError(f"{name}: {output[:80]!r} cannot be an output: {problem}.")
        needed = self._needed(outputs, inputs)
        idle = [tensor for tensor in inputs if _node_of(tensor) not in needed]
        if idle:
            raise ModelFileError(
                f"{name}: {idle[0][:80]!r} cannot be an input: no chosen output depends on it; "
                "leave it out or choose another output."
            )

    def _reach(self, inputs: Sequence[str]) -> tuple[set[str], set[str]]:
        """Return what follows from inputs, and what also needs placeholders that are not fed."""
        fed = {_node_of(name) for name in inputs}
        unfed = [name for name in self.placeholders if name not in fed]

        def follow(name: str) -> list[str]:
            return [user for user in self._users.get(name, []) if user not in fed]

        return _closure(fed, follow), _closure(unfed, follow)

    def _needed(self, outputs: Iterable[str], fed: Iterable[str]) -> set[str]:
        """Return the nodes that must be computed for outputs, up to those that are fed."""
        stop = {_node_of(name) for name in fed}

        def sources(name: str) -> list[str]:
            known = name in self.nodes and name not in stop
            return [_node_of(source) for source in self.nodes[name].input] if known else []

        return _closure([_node_of(name) for name in outputs], sources)

    @cached_property
    def _users(self) -> dict[str, list[str]]:
        """The nodes that each node's results go to; control inputs count."""
        users: dict[str, list[str]] = {}
        for node in self.nodes.values():
            for name in node.input:
                users.setdefault(_node_of(name), []).append(node.name)
        return users


def _closure(start: Iterable[str], follow: Callable[[str], Iterable[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(follow(name))
    return seen


def _node_of(name: str) -> str:
    return name.removeprefix("^").split(":")[0]


def _shape(node: Any, port: int) -> Shape | None:  # noqa: ANN401
    """Return a tensor's shape by the attributes in which graphs keep one."""
    if "_output_shapes" in node.attr:
        known = node.attr["_output_shapes"].list.shape
        proto = known[port] if port < len(known) else None
    elif node.op in _FEEDABLE and "shape" in node.attr:
        proto = node.attr["shape"].shape
    else:
        proto = None
    if proto is None or proto.unknown_rank:
        return None
    return tuple(dim.size if dim.size >= 0 else None for dim in proto.dim)
