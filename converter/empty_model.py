"""The smallest model that LiteRT runs: one value in, its absolute out."""

from __future__ import annotations

import importlib

import flatbuffers


def empty_model() -> bytes:
    """Return the flatbuffer of a model that takes one float32 and gives its absolute."""
    schema = importlib.import_module("ai_edge_litert.schema_py_generated")
    model, graph, code = schema.ModelT(), schema.SubGraphT(), schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.ABS
    code.version = 1
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = [0], [1]
    graph.tensors = []
    for name in (b"x", b"y"):
        tensor = schema.TensorT()
        tensor.name, tensor.type, tensor.shape = name, schema.TensorType.FLOAT32, [1]
        graph.tensors.append(tensor)
    graph.operators, graph.inputs, graph.outputs = [operator], [0], [1]
    model.version, model.operatorCodes = 3, [code]
    model.subgraphs, model.buffers = [graph], [schema.BufferT()]
    builder = flatbuffers.Builder(256)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
