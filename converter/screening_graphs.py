"""Screens TensorFlow graphs for operators that reach beyond the model; nothing is executed.

What TensorFlow runs while it loads or serves a SavedModel: its signatures, its initializers, every
function of its object graph and, in TF 1 exports, the saver's restore operator. A node that none
of these reaches is dormant.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import numpy as np

from converter.errors import ModelFileError
from converter.refused_operators import (
    CHECKPOINT,
    RESTORE_OPERATORS,
    TABLE_FROM_FILE,
    may_lie_dormant,
    what_it_does,
)
from converter.saved_model_file import VARIABLES, dtype_name
from converter.screening_sizes import DeclaredSizes
from converter.tensorflow_protos import import_proto

MAX_STEPS = 50  # between a table and its asset; real models take two or three
MAIN_GRAPH = ""  # the name of the graph itself among those of its functions
_INITIALIZERS = ("saved_model_main_op", "legacy_init_op", "table_initializer")
_RUN, _RESTORE, _DORMANT = "run", "restore", "dormant"


def screen_meta_graph(name: str, meta_graph: Any, asset_names: Collection[str]) -> None:  # noqa: ANN401
    """Refuse a SavedModel's graph that reaches beyond the model.

    Args:
        name: The file's name, for messages.
        meta_graph: A `MetaGraphDef`.
        asset_names: Tensors that the loader feeds with the paths of the model's own assets.

    Raises:
        ModelFileError: When an operator touches files, the network, processes or Python.
    """
    graph = _Graph(meta_graph.graph_def)
    run = graph.reach(_running_nodes(meta_graph), _object_functions(meta_graph))
    restore = graph.reach([_node_name(meta_graph.saver_def.restore_op_name)], [])
    # A function that nothing calls may still be swapped in by TensorFlow's optimizers.
    called = graph.reach([node.name for node in meta_graph.graph_def.node], [])
    assets = _Assets(graph, meta_graph, asset_names)
    for container, node in graph.all_nodes():
        place = (container, node.name if container == MAIN_GRAPH else "")
        if place in run or (container != MAIN_GRAPH and place not in called):
            state = _RUN
        else:
            state = _RESTORE if place in restore else _DORMANT
        _check_node(name, node, container, state)
        if node.op in TABLE_FROM_FILE and state != _DORMANT and not assets.fill(container, node):
            raise ModelFileError(
                f"{name}: expected the vocabulary of a lookup table among the SavedModel's own "
                f"assets, found {node.op} {_place(node, container)}, which reads another file; "
                "export the model with its vocabulary as an asset."
            )
    _check_sizes(name, graph)


def screen_graph_def(name: str, graph_def: Any) -> None:  # noqa: ANN401
    """Refuse a frozen graph that reaches beyond the model; any of its nodes may be fetched.

    Raises:
        ModelFileError: When an operator touches files, the network, processes or Python.
    """
    graph = _Graph(graph_def)
    for container, node in graph.all_nodes():
        _check_node(name, node, container, _RUN)
        if node.op in TABLE_FROM_FILE:
            raise ModelFileError(
                f"{name}: expected a graph that needs no other file, found {node.op} "
                f"{_place(node, container)}, which reads a vocabulary; give the SavedModel, whose "
                "assets hold it."
            )
    _check_sizes(name, graph)


def short(text: object) -> str:
    """Return text from a file as a quoted, shortened, printable form."""
    return repr(str(text)[:60])


def _check_node(name: str, node: Any, container: str, state: str) -> None:  # noqa: ANN401
    what = what_it_does(node)
    if what is None or (state == _DORMANT and may_lie_dormant(node.op)):
        return
    if state == _RESTORE and node.op in RESTORE_OPERATORS:
        return
    advice = "export the model without that step"
    if what == CHECKPOINT:
        advice = "export the model again with tf.saved_model.save or model.export()"
    raise ModelFileError(
        f"{name}: expected a model that computes with its inputs and weights alone, found the "
        f"operator {short(node.op)[1:-1]} {_place(node, container)}, which {what}; {advice}."
    )


def _place(node: Any, container: str) -> str:  # noqa: ANN401
    where = f" in the function {short(container)}" if container != MAIN_GRAPH else ""
    return f"(node {short(node.name)}{where})"


class _Graph:
    """A graph with its functions, and what calls and feeds what in it."""

    def __init__(self, graph_def: Any) -> None:  # noqa: ANN401
        self.main = {node.name: node for node in graph_def.node}
        self.functions = {item.signature.name: item for item in graph_def.library.function}
        self.gradients = {
            item.function_name: item.gradient_func for item in graph_def.library.gradient
        }
        self.nodes = list(graph_def.node)
        self.duplicates = list(graph_def.library.function)

    def all_nodes(self) -> Iterator[tuple[str, Any]]:
        """Yield every node with the name of the function that holds it."""
        for node in self.nodes:
            yield MAIN_GRAPH, node
        for function in self.duplicates:
            for node in function.node_def:
                yield function.signature.name, node

    def reach(self, nodes: Iterable[str], functions: Iterable[str]) -> set[tuple[str, str]]:
        """Return what runs when these do: `("", node)` of the graph, `(function, "")` whole."""
        seen: set[tuple[str, str]] = set()
        waiting = [(MAIN_GRAPH, node) for node in nodes] + [(item, "") for item in functions]
        while waiting:
            place = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            function, name = place
            if function == MAIN_GRAPH:
                node = self.main.get(name)
                if node is None:
                    continue
                waiting.extend((MAIN_GRAPH, _node_name(source)) for source in node.input)
                callers = [node]
            elif function in self.functions:
                callers = list(self.functions[function].node_def)
                waiting.append((self.gradients.get(function, function), ""))
            else:
                continue
            waiting.extend((called, "") for node in callers for called in self.called_by(node))
        return seen

    def called_by(self, node: Any) -> Iterator[str]:  # noqa: ANN401
        """Yield the functions that a node calls, by its attributes or by being named after one."""
        if node.op in self.functions:
            yield node.op
        waiting = [node.attr]
        while waiting:
            for value in waiting.pop().values():
                for function in [value.func, *value.list.func]:
                    if function.name:
                        yield function.name
                        waiting.append(function.attr)


class _Assets:
    """Tells whether a file name in a graph can only be one of the model's own assets."""

    def __init__(self, graph: _Graph, meta_graph: Any, tensors: Collection[str]) -> None:  # noqa: ANN401
        self.graph = graph
        self.object_graph = meta_graph.object_graph_def
        self.tensors = {_node_name(tensor) for tensor in tensors}
        self.known: dict[tuple[str, str], bool] = {}

    def fill(self, container: str, table: Any) -> bool:  # noqa: ANN401
        """Return whether a node that fills a lookup table reads one of the assets."""
        return len(table.input) > 1 and self.feed(container, table.input[1])

    def feed(self, container: str, source: str, depth: int = 0) -> bool:
        """Return whether a node's input comes from an asset, wherever its function is called."""
        place = (container, _node_name(source))
        if place not in self.known:
            self.known[place] = False  # what leads back to itself comes from nowhere
            self.known[place] = depth < MAX_STEPS and self._find(*place, depth + 1)
        return self.known[place]

    def _find(self, container: str, name: str, depth: int) -> bool:
        if container == MAIN_GRAPH:
            node = self.graph.main.get(name)
            return name in self.tensors or self._follows(container, node, depth)
        function = self.graph.functions[container]
        arguments = [argument.name for argument in function.signature.input_arg]
        if name in arguments:
            return self._all_callers_feed(container, arguments.index(name), len(arguments), depth)
        nodes = {node.name: node for node in function.node_def}
        return self._follows(container, nodes.get(name), depth)

    def _follows(self, container: str, node: Any, depth: int) -> bool:  # noqa: ANN401
        if node is None or not node.input:
            return False
        if node.op == "Identity":
            return self.feed(container, node.input[0], depth)
        if node.op != "ReadVariableOp" or container != MAIN_GRAPH:
            return False
        # TF 2 keeps an asset's path in a variable that is assigned on loading.
        variable = _node_name(node.input[0])
        sources = [
            item.input[1]
            for item in self.graph.nodes
            if item.op == "AssignVariableOp"
            and len(item.input) > 1
            and _node_name(item.input[0]) == variable
        ]
        return bool(sources) and all(self.feed(container, source, depth) for source in sources)

    def _all_callers_feed(self, function: str, index: int, count: int, depth: int) -> bool:
        verdicts = [
            index < len(node.input) and self.feed(container, node.input[index], depth)
            for container, node in self.graph.all_nodes()
            if function in self.graph.called_by(node)
        ]
        concrete = self.object_graph.concrete_functions
        if function in concrete:
            bound = list(concrete[function].bound_inputs)
            position = index - (count - len(bound))
            kind = None
            if 0 <= position < len(bound) and 0 <= bound[position] < len(self.object_graph.nodes):
                kind = self.object_graph.nodes[bound[position]].WhichOneof("kind")
            verdicts.append(kind == "asset")
        return bool(verdicts) and all(verdicts)


def _node_name(tensor: str) -> str:
    return tensor.lstrip("^").split(":")[0]


def _running_nodes(meta_graph: Any) -> list[str]:  # noqa: ANN401
    names = [
        tensor
        for definition in meta_graph.signature_def.values()
        for info in definition.outputs.values()
        for tensor in _tensors_of(info)
    ]
    collections = meta_graph.collection_def
    for key in _INITIALIZERS:
        if key in collections:
            names += collections[key].node_list.value
    if "local_variables" in collections:
        variable_def = import_proto("core.framework.variable_pb2").VariableDef
        for content in collections["local_variables"].bytes_list.value:
            variable = variable_def()
            variable.MergeFromString(content)
            names += [variable.initializer_name, variable.initial_value_name]
    return [_node_name(name) for name in names]


def _tensors_of(info: Any) -> Iterator[str]:  # noqa: ANN401
    yield info.name
    sparse = info.coo_sparse
    yield from (sparse.values_tensor_name, sparse.indices_tensor_name)
    yield sparse.dense_shape_tensor_name
    for component in info.composite_tensor.components:
        yield component.name


def _object_functions(meta_graph: Any) -> list[str]:  # noqa: ANN401
    object_graph = meta_graph.object_graph_def
    names = list(object_graph.concrete_functions)
    for node in object_graph.nodes:
        names += node.function.concrete_functions
        names.append(node.bare_concrete_function.concrete_function_name)
    return [name for name in names if name]


def _check_sizes(name: str, graph: _Graph) -> None:
    """One stored value may stand for a whole array, so a small file can declare terabytes."""
    sizes = DeclaredSizes(name)
    for container, node in graph.all_nodes():
        where = f"{short(node.op)[1:-1]} {_place(node, container)}"
        if node.op == "Const" and "value" in node.attr:
            tensor = node.attr["value"].tensor
            sizes.add_weights(_elements(tensor.tensor_shape), _element_bytes(tensor.dtype), where)
        elif node.op in VARIABLES:
            item_bytes = _element_bytes(node.attr["dtype"].type)
            sizes.add_weights(_elements(node.attr["shape"].shape), item_bytes, where)
        elif node.op == "Placeholder":
            item_bytes = _element_bytes(node.attr["dtype"].type)
            sizes.check_result(_elements(node.attr["shape"].shape), item_bytes, where)


def _elements(shape: Any) -> int:  # noqa: ANN401
    return math.prod(max(dim.size, 1) for dim in shape.dim)


def _element_bytes(number: int) -> int:
    try:
        name = dtype_name(number)
        return 2 if name == "bfloat16" else int(np.dtype(name).itemsize) or 16
    except (TypeError, ValueError):
        # Strings and resources are objects; the small and quantized kinds take a byte or four.
        return 16 if number in {7, 20, 21} else 4
