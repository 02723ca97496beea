"""Tiny seeded `.tflite` files written tensor by tensor: no TensorFlow, a few milliseconds each."""

from __future__ import annotations

from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

FEATURES, CLASSES = 8, 3
_TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "int32": schema.TensorType.INT32,
    "string": schema.TensorType.STRING,
    "bool": schema.TensorType.BOOL,
}
Op = schema.BuiltinOperator
Options = schema.BuiltinOptions


class Graph:
    """One subgraph under construction; tensors are known by their index."""

    def __init__(self, file: File) -> None:
        self._file = file
        self.table = schema.SubGraphT()
        self.table.tensors, self.table.operators = [], []

    def tensor(self, name, shape, dtype="float32", data=None):
        """Add a tensor; None in the shape is an open size."""
        tensor = schema.TensorT()
        tensor.name = name.encode() if isinstance(name, str) else name
        tensor.type = _TYPES[dtype]
        tensor.shape = [1 if size is None else size for size in shape]
        if None in shape:
            tensor.shapeSignature = [-1 if size is None else size for size in shape]
        tensor.buffer = self._file.buffer(data)
        self.table.tensors.append(tensor)
        return len(self.table.tensors) - 1

    def constant(self, name, values):
        values = np.asarray(values)
        return self.tensor(name, values.shape, values.dtype.name, values)

    def operator(self, code, inputs, outputs, kind=0, options=None, custom=None):
        operator = schema.OperatorT()
        operator.opcodeIndex = self._file.opcode(code, custom)
        operator.inputs, operator.outputs = inputs, outputs
        operator.builtinOptionsType, operator.builtinOptions = kind, options
        self.table.operators.append(operator)

    def dense(self, name, source, inputs, outputs, seed, *, batch, relu=False):
        """Add a fully connected layer with seeded weights and return its output."""
        random = np.random.default_rng(seed)
        weights = (random.normal(size=(outputs, inputs)) / np.sqrt(inputs)).astype(np.float32)
        bias = (random.normal(size=outputs) / 10).astype(np.float32)
        result = self.tensor(name, (batch, outputs))
        options = schema.FullyConnectedOptionsT()
        options.fusedActivationFunction = int(relu)
        self.operator(
            Op.FULLY_CONNECTED,
            [source, self.constant(f"{name}/w", weights), self.constant(f"{name}/b", bias)],
            [result],
            Options.FullyConnectedOptions,
            options,
        )
        return result

    def softmax(self, name, source, size, *, batch):
        result = self.tensor(name, (batch, size))
        options = schema.SoftmaxOptionsT()
        options.beta = 1.0
        self.operator(Op.SOFTMAX, [source], [result], Options.SoftmaxOptions, options)
        return result


class File:
    """A file under construction."""

    def __init__(self) -> None:
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.buffers, self.model.operatorCodes = [schema.BufferT()], []
        self.model.subgraphs, self.model.signatureDefs = [], []

    def buffer(self, data=None):
        if data is None:
            return 0
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        return len(self.model.buffers) - 1

    def opcode(self, code, custom=None):
        entry = schema.OperatorCodeT()
        entry.builtinCode = code
        entry.deprecatedBuiltinCode = min(code, 127)
        entry.version = 1
        entry.customCode = custom
        self.model.operatorCodes.append(entry)
        return len(self.model.operatorCodes) - 1

    def graph(self):
        return Graph(self)

    def add(self, graph, inputs, outputs, key="serving_default"):
        """Close a subgraph; `inputs` and `outputs` are `{name: tensor}`, `key` None: unsigned."""
        graph.table.inputs, graph.table.outputs = list(inputs.values()), list(outputs.values())
        self.model.subgraphs.append(graph.table)
        if key is None:
            return
        signature = schema.SignatureDefT()
        signature.signatureKey = key
        signature.subgraphIndex = len(self.model.subgraphs) - 1
        signature.inputs = [_entry(name, index) for name, index in inputs.items()]
        signature.outputs = [_entry(name, index) for name, index in outputs.items()]
        self.model.signatureDefs.append(signature)

    def write(self, path: Path) -> Path:
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        path.write_bytes(bytes(builder.Output()))
        return path


def _entry(name, index):
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, index
    return entry


def write_classifier(
    path, *, batch=1, key="serving_default", seed=1, names=("features", "scores")
) -> Path:
    """Write `softmax(dense(relu(dense(features))))`, 8 features, 3 classes, 64 hidden units."""
    file = File()
    graph = file.graph()
    _add_classifier(file, graph, batch, key, seed, names)
    return file.write(path)


def _add_classifier(file, graph, batch, key, seed, names):
    features = graph.tensor(f"serving_default_{names[0]}:0", (batch, FEATURES))
    hidden = graph.dense("hidden", features, FEATURES, 64, seed, batch=batch, relu=True)
    logits = graph.dense("logits", hidden, 64, CLASSES, seed + 1, batch=batch)
    scores = graph.softmax("PartitionedCall:0", logits, CLASSES, batch=batch)
    file.add(graph, {names[0]: features}, {names[1]: scores}, key)


def move_constants_behind(path, target) -> Path:
    """Write a file's constants behind its flatbuffer, as is done with large ones."""
    model = schema.ModelT.InitFromPackedBuf(bytearray(path.read_bytes()), 0)
    start = -(-2 * path.stat().st_size // 64) * 64
    tail = b""
    for buffer in model.buffers:
        if buffer.data is None or not len(buffer.data):
            continue
        buffer.offset, buffer.size = start + len(tail), len(buffer.data)
        content = bytes(bytearray(buffer.data))
        tail += content + bytes(-len(content) % 64)
        buffer.data = None
    last = max(buffer.offset + buffer.size for buffer in model.buffers) - start
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    target.write_bytes(bytes(builder.Output()).ljust(start, b"\0") + tail[:last])
    return target


def write_two_by_two(path) -> Path:
    """Write two inputs (zebra 3, apple 2) and two outputs (kind, a softmax of 3; amount, 1)."""
    file = File()
    graph = file.graph()
    zebra, apple = graph.tensor("z", (1, 3)), graph.tensor("a", (1, 2))
    joined = graph.tensor("joined", (1, 5))
    options = schema.ConcatenationOptionsT()
    options.axis = 1
    kind = Options.ConcatenationOptions
    graph.operator(Op.CONCATENATION, [zebra, apple], [joined], kind, options)
    hidden = graph.dense("hidden", joined, 5, 40, 3, batch=1, relu=True)
    kinds = graph.softmax("k", graph.dense("logits", hidden, 40, 3, 4, batch=1), 3, batch=1)
    amount = graph.dense("m", hidden, 40, 1, 5, batch=1)
    file.add(graph, {"zebra": zebra, "apple": apple}, {"amount": amount, "kind": kinds})
    return file.write(path)


def write_two_signatures(path) -> Path:
    """Write two classifiers of other weights, `first` and `second`, each in a subgraph."""
    file = File()
    for key, seed in (("first", 1), ("second", 20)):
        graph = file.graph()
        _add_classifier(file, graph, 1, key, seed, ("features", "scores"))
    return file.write(path)


def write_custom(path, name: bytes | None = b"Sparkle") -> Path:
    """Write one custom operator, by default one that no runtime knows; None: a ReLU."""
    file = File()
    graph = file.graph()
    x, y = graph.tensor("x", (1, 4)), graph.tensor("y", (1, 4))
    graph.operator(Op.RELU if name is None else Op.CUSTOM, [x], [y], custom=name)
    file.add(graph, {"x": x}, {"y": y})
    return file.write(path)


def write_strings(path) -> Path:
    """Write a reshape of strings."""
    file = File()
    graph = file.graph()
    x, y = graph.tensor("x", (1,), "string"), graph.tensor("y", (1, 1), "string")
    shape = graph.constant("shape", np.array([1, 1], np.int32))
    graph.operator(Op.RESHAPE, [x, shape], [y], Options.ReshapeOptions, schema.ReshapeOptionsT())
    file.add(graph, {"x": x}, {"y": y})
    return file.write(path)


def write_lookup(path, *, rows=10) -> Path:
    """Write a table lookup by integer ids of an open length, then a mean: `(1, ?)` to `(1, 4)`."""
    file = File()
    graph = file.graph()
    ids = graph.tensor("ids", (1, None), "int32")
    table = graph.constant("table", np.random.default_rng(6).normal(size=(rows, 4)).astype("f4"))
    found, mean = graph.tensor("found", (1, None, 4)), graph.tensor("mean", (1, 4))
    graph.operator(Op.GATHER, [table, ids], [found], Options.GatherOptions, schema.GatherOptionsT())
    axis = graph.constant("axis", np.array([1], np.int32))
    kind = Options.ReducerOptions
    graph.operator(Op.MEAN, [found, axis], [mean], kind, schema.ReducerOptionsT())
    result = graph.dense("result", mean, 4, 4, 7, batch=1)
    file.add(graph, {"ids": ids}, {"mean": result})
    return file.write(path)


def write_crash_when_run(path, *, size=4, classes=4) -> Path:
    """Write two graphs that call each other: LiteRT prepares them and dies when it runs them."""
    file = File()
    graph = file.graph()
    x = graph.tensor("x", (1, size))
    _call_once(graph, 1)
    y = graph.dense("y", x, size, classes, 1, batch=1)
    file.add(graph, {"x": x}, {"y": y})
    for other in (2, 1):
        graph = file.graph()
        _call_once(graph, other)
        file.add(graph, {}, {}, None)
    return file.write(path)


def _call_once(graph, subgraph):
    options = schema.CallOnceOptionsT()
    options.initSubgraphIndex = subgraph
    graph.operator(Op.CALL_ONCE, [], [], Options.CallOnceOptions, options)


def write_crash_when_prepared(path) -> Path:
    """Write a file that kills the process which allocates it: a loop whose body is itself."""
    file = File()
    for key in ("serving_default", None, None):
        graph = file.graph()
        x, y = graph.tensor("x", (1, 4)), graph.tensor("y", (1, 4))
        if len(file.model.subgraphs) == 1:
            true = graph.tensor("true", (1,), "bool", np.array([True]))
            file.add(graph, {"x": x}, {"true": true}, key)
            continue
        options = schema.WhileOptionsT()
        options.condSubgraphIndex, options.bodySubgraphIndex = 1, 2
        graph.operator(Op.WHILE, [x], [y], Options.WhileOptions, options)
        file.add(graph, {"x": x}, {"y": y}, key)
    return file.write(path)


def features(count, seed=0):
    """Return seeded samples for the classifier."""
    return np.random.default_rng(seed).normal(size=(count, FEATURES)).astype(np.float32)


def as_int8(path, target) -> Path:
    """Write a classifier in 8-bit integers from input to output."""
    from converter.recipe import PRESETS
    from converter.requantizer import Requantizer
    from converter.signature import Signature
    from converter.tflite_file import read_tflite

    file = read_tflite(path)
    samples = {
        spec.name: np.random.default_rng(9)
        .normal(size=(20, *[int(size or 1) for size in spec.shape[1:]]))
        .astype(np.float32)
        for spec in file.inputs
    }
    worker = Requantizer(path, Signature(file.inputs, file.outputs), file.signature)
    target.write_bytes(worker.quantize(PRESETS["int8_full"], samples))
    return target
