"""SavedModel and graph messages that are meant to hurt, put together without TensorFlow."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from converter.tensorflow_protos import import_proto


def saved_model() -> tuple[Any, Any]:
    """Return a SavedModel message with `y = x`, and its graph."""
    message = import_proto("core.protobuf.saved_model_pb2").SavedModel(saved_model_schema_version=1)
    meta = message.meta_graphs.add()
    meta.meta_info_def.tags.append("serve")
    meta.meta_info_def.tensorflow_version = "2.21.0"
    placeholder(meta.graph_def, "x", [-1, 4])
    node(meta.graph_def, "Identity", "y", "x").attr["T"].type = 1
    definition = meta.signature_def["serving_default"]
    for ends, name in ((definition.inputs, "x"), (definition.outputs, "y")):
        ends[name].name = f"{name}:0"
        ends[name].dtype = 1
        for size in (-1, 4):
            ends[name].tensor_shape.dim.add().size = size
    return message, meta


def placeholder(graph: Any, name: str, shape: list[int]) -> Any:
    """Add a float placeholder."""
    added = node(graph, "Placeholder", name)
    added.attr["dtype"].type = 1
    for size in shape:
        added.attr["shape"].shape.dim.add().size = size
    return added


def node(graph: Any, operator: str, name: str, *inputs: str) -> Any:
    """Add a node."""
    return graph.node.add(op=operator, name=name, input=inputs)


def constant(graph: Any, name: str, shape: list[int], values: list[float]) -> Any:
    """Add a float constant whose values may be fewer than its shape declares."""
    added = node(graph, "Const", name)
    added.attr["dtype"].type = 1
    tensor = added.attr["value"].tensor
    tensor.dtype = 1
    tensor.float_val.extend(values)
    for size in shape:
        tensor.tensor_shape.dim.add().size = size
    return added


def packed(message: Any, **files: bytes) -> bytes:
    """Return the zip of a SavedModel message and further files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        content = message if isinstance(message, bytes) else message.SerializeToString()
        target.writestr("saved_model.pb", content)
        for name, member in files.items():
            target.writestr(name, member)
    return stream.getvalue()


def saved_models() -> dict[str, bytes]:
    found = {"a graph of no bytes": packed(b""), "a graph of zeros": packed(bytes(5000))}

    def add(label: str, change: Callable[[Any], None]) -> None:
        message, meta = saved_model()
        change(meta)
        found[label] = packed(message)

    def circle(meta: Any) -> None:
        meta.graph_def.node[1].input[:] = ["y"]

    def calls_itself(meta: Any) -> None:
        function = meta.graph_def.library.function.add()
        function.signature.name = "again"
        function.signature.input_arg.add(name="a", type=1)
        function.signature.output_arg.add(name="b", type=1)
        inner = function.node_def.add(op="PartitionedCall", name="call", input=["a"])
        for caller in (inner, meta.graph_def.node[1]):
            caller.op = "PartitionedCall"
            caller.attr["f"].func.name = "again"
            caller.attr["Tin"].list.type.append(1)
            caller.attr["Tout"].list.type.append(1)
        function.ret["b"] = "call:output:0"

    def many_graphs(meta: Any) -> None:
        for index in range(20_000):
            node(meta.graph_def, "NoOp", f"n{index}")

    def many_objects(meta: Any) -> None:
        objects = meta.object_graph_def.nodes
        for index in range(20_000):
            objects.add().children.add(node_id=(index + 1) % 20_000, local_name="next")

    def huge_signature(meta: Any) -> None:
        for end in ("inputs", "outputs"):
            shape = next(iter(getattr(meta.signature_def["serving_default"], end).values()))
            for dim in shape.tensor_shape.dim:
                dim.size = 2**62

    def huge_placeholder(meta: Any) -> None:
        meta.graph_def.node[0].attr["shape"].shape.dim[1].size = 2**50
        meta.signature_def["serving_default"].inputs["x"].tensor_shape.dim[1].size = 2**50

    def huge_constant(meta: Any) -> None:
        constant(meta.graph_def, "c", [10**6, 10**6], [1.0])
        meta.graph_def.node[1].op = "AddV2"
        meta.graph_def.node[1].input[:] = ["x", "c"]

    def unknown_operator(meta: Any) -> None:
        meta.graph_def.node[1].op = "<b>DoEvil</b>"

    def markup(meta: Any) -> None:
        definition = meta.signature_def["serving_default"]
        meta.signature_def["<img src=x onerror=alert(1)>\n**../../x**"].CopyFrom(definition)
        definition.inputs["../../../etc\n<script>"].CopyFrom(definition.inputs["x"])

    def no_inputs(meta: Any) -> None:
        meta.signature_def["serving_default"].inputs.clear()

    def bad_dtype(meta: Any) -> None:
        meta.signature_def["serving_default"].inputs["x"].dtype = 7
        meta.graph_def.node[0].attr["dtype"].type = 7

    def deep_functions(meta: Any) -> None:
        for index in range(2000):
            function = meta.graph_def.library.function.add()
            function.signature.name = f"f{index}"
            call = function.node_def.add(op="PartitionedCall", name="call")
            call.attr["f"].func.name = f"f{index + 1}"
        meta.graph_def.node[1].attr["f"].func.name = "f0"

    def asset_above(meta: Any) -> None:
        meta.asset_file_def.add(filename="../../../etc/passwd").tensor_info.name = "x:0"

    for change in (circle, calls_itself, many_graphs, many_objects, huge_signature,
                   huge_placeholder, huge_constant, unknown_operator, markup, no_inputs,
                   bad_dtype, deep_functions, asset_above):  # fmt: skip
        add(f"saved model with {change.__name__.replace('_', ' ')}", change)
    return found


def frozen_graphs(outside: Path) -> dict[str, bytes]:
    found = {}

    def add(label: str, change: Callable[[Any], None]) -> None:
        graph = import_proto("core.framework.graph_pb2").GraphDef()
        placeholder(graph, "x", [1, 4])
        node(graph, "Relu", "y", "x").attr["T"].type = 1
        change(graph)
        found[f"frozen graph with {label}"] = graph.SerializeToString()

    def string(graph: Any, name: str, text: str) -> None:
        added = node(graph, "Const", name)
        added.attr["dtype"].type = 7
        added.attr["value"].tensor.dtype = 7
        added.attr["value"].tensor.string_val.append(text.encode())
        added.attr["value"].tensor.tensor_shape.SetInParent()

    def writes(graph: Any) -> None:
        string(graph, "where", f"{outside}/planted-by-frozen.txt")
        string(graph, "what", "planted")
        node(graph, "WriteFile", "write", "where", "what")
        graph.node[1].input.append("^write")

    def lists(graph: Any) -> None:
        string(graph, "pattern", "/etc/pass*")
        node(graph, "MatchingFiles", "list", "pattern")

    def circle(graph: Any) -> None:
        graph.node[1].input[0] = "y"

    def huge(graph: Any) -> None:
        constant(graph, "c", [2**31, 2**31], [1.0])
        node(graph, "AddV2", "z", "y", "c").attr["T"].type = 1

    def overflowing(graph: Any) -> None:
        constant(graph, "c", [2**62, 2**62, 2**62], [1.0])
        node(graph, "AddV2", "z", "y", "c").attr["T"].type = 1

    def filled(graph: Any) -> None:
        shape = node(graph, "Const", "shape")
        shape.attr["dtype"].type = 3
        shape.attr["value"].tensor.dtype = 3
        shape.attr["value"].tensor.int_val.extend([25, 10**9])
        shape.attr["value"].tensor.tensor_shape.dim.add().size = 2
        constant(graph, "one", [], [1.0])
        fill = node(graph, "Fill", "fill", "shape", "one")
        fill.attr["T"].type, fill.attr["index_type"].type = 1, 3

    def markup(graph: Any) -> None:
        graph.node[0].name = "<script>alert(1)</script>"
        graph.node[1].input[0] = graph.node[0].name

    def missing(graph: Any) -> None:
        graph.node[1].input[0] = "nowhere"

    def twins(graph: Any) -> None:
        placeholder(graph, "x", [1, 4])

    def many(graph: Any) -> None:
        for index in range(50_000):
            placeholder(graph, f"p{index}", [1])

    def long_chain(graph: Any) -> None:
        for index in range(20_000):
            before = "y" if index == 0 else f"r{index - 1}"
            node(graph, "Relu", f"r{index}", before).attr["T"].type = 1

    def abort(graph: Any) -> None:
        node(graph, "Abort", "abort")
        graph.node[1].input.append("^abort")

    for change in (writes, lists, circle, huge, overflowing, filled, markup, missing, twins, many,
                   long_chain, abort):  # fmt: skip
        add(change.__name__.replace("_", " "), change)
    return found
