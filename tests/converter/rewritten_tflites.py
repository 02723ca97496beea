"""`.tflite` files changed in one thing: a tensor's scale or name, the order of all tensors."""

from __future__ import annotations

from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests.converter.example_tflites import File, Op, Options


def read(path):
    return schema.ModelT.InitFromPackedBuf(bytearray(path.read_bytes()), 0)


def write(model, path) -> Path:
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def tensor_of(model, name):
    return next(t for t in model.subgraphs[0].tensors if t.name.decode() == name)


def scale_weights(path, target, name, factor) -> Path:
    """Multiply the scales of one tensor: the integers stay, what they stand for changes."""
    model = read(path)
    how = tensor_of(model, name).quantization
    how.scale = [float(scale) * factor for scale in how.scale]
    return write(model, target)


def rename(path, target, name, other) -> Path:
    model = read(path)
    tensor_of(model, name).name = other.encode()
    return write(model, target)


def shuffle_tensors(path, target, seed=0) -> Path:
    """Give all tensors other indices; the graph stays what it was."""
    model = read(path)
    graph = model.subgraphs[0]
    order = np.random.default_rng(seed).permutation(len(graph.tensors))
    place = {int(old): new for new, old in enumerate(order)}
    graph.tensors = [graph.tensors[old] for old in order]
    graph.inputs = [place[int(i)] for i in graph.inputs]
    graph.outputs = [place[int(i)] for i in graph.outputs]
    for operator in graph.operators:
        operator.inputs = [place.get(int(i), -1) for i in operator.inputs]
        operator.outputs = [place[int(i)] for i in operator.outputs]
    for signature in model.signatureDefs or []:
        for entry in (*signature.inputs, *signature.outputs):
            entry.tensorIndex = place[entry.tensorIndex]
    return write(model, target)


def write_copy(path, size) -> Path:
    """Write `y = x`, a reshape of float32."""
    file = File()
    graph = file.graph()
    x, y = graph.tensor("x", (1, size)), graph.tensor("y", (1, size))
    shape = graph.constant("shape", np.array([1, size], np.int32))
    graph.operator(Op.RESHAPE, [x, shape], [y], Options.ReshapeOptions, schema.ReshapeOptionsT())
    file.add(graph, {"x": x}, {"y": y})
    return file.write(path)


def write_rounding(path, size, scale, zero_point) -> Path:
    """Write `y = dequantize(quantize(x))`, by way of int8."""
    file = File()
    graph = file.graph()
    x, y = graph.tensor("x", (1, size)), graph.tensor("y", (1, size))
    q = graph.tensor("q", (1, size))
    how = schema.QuantizationParametersT()
    how.scale, how.zeroPoint = [scale], [zero_point]
    graph.table.tensors[q].type, graph.table.tensors[q].quantization = schema.TensorType.INT8, how
    graph.operator(Op.QUANTIZE, [x], [q], Options.QuantizeOptions, schema.QuantizeOptionsT())
    graph.operator(Op.DEQUANTIZE, [q], [y], Options.DequantizeOptions, schema.DequantizeOptionsT())
    file.add(graph, {"x": x}, {"y": y})
    return file.write(path)
