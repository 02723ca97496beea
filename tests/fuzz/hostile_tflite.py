"""`.tflite` files that are meant to hurt: sound flatbuffers that say what cannot be."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np

from tests.fuzz.attack import Case

KIND = "hostile .tflite"
_HUGE = 2**31 - 1


def build_tflite(folder: Path, sound: Path) -> Iterator[Case]:
    """Write all of them and yield a case for each.

    Args:
        folder: Where they go.
        sound: A float file to start from.
    """
    for label, content in {**_changed(sound.read_bytes()), **_raw(sound.read_bytes())}.items():
        path = folder / f"{label.replace(' ', '_')}.tflite"
        path.write_bytes(content)
        yield Case(format=KIND, label=label, path=path, name=path.name)
    path = folder / "endless_loop.tflite"
    path.write_bytes(_endless_loop())
    yield Case(format=KIND, label="endless loop", path=path, name=path.name)


def unpacked(content: bytes) -> Any:
    """Return a flatbuffer as objects that can be changed."""
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromPackedBuf(bytearray(content), 0)


def packed(model: Any) -> bytes:
    """Return objects as a flatbuffer."""
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _changed(content: bytes) -> dict[str, bytes]:
    found = {}

    def add(label: str, change: Callable[[Any], None]) -> None:
        model = unpacked(content)
        change(model)
        found[f"tflite with {label}"] = packed(model)

    def shape_of(model: Any, index: int, shape: list[int]) -> None:
        tensor = model.subgraphs[0].tensors[index]
        tensor.shape = np.array(shape, np.int32)
        tensor.shapeSignature = None

    def first_input(model: Any) -> int:
        return int(model.subgraphs[0].inputs[0])

    def end_of_operators(model: Any, field: str, index: int) -> None:
        for operator in model.subgraphs[0].operators:
            setattr(operator, field, np.array([index], np.int32))

    def twice(model: Any) -> None:
        model.subgraphs[0].operators *= 20_000

    def names(model: Any) -> None:
        for tensor in model.subgraphs[0].tensors:
            tensor.name = b"<script>alert(1)</script>\n../../x\xff"
        for definition in model.signatureDefs or []:
            definition.signatureKey = b"**bold**\n<b>"

    def opcode(model: Any) -> None:
        model.subgraphs[0].operators[0].opcodeIndex = 4000

    def custom(model: Any) -> None:
        model.operatorCodes[0].builtinCode = 32
        model.operatorCodes[0].deprecatedBuiltinCode = 32
        model.operatorCodes[0].customCode = b"FlexWriteFile"

    def shared_buffers(model: Any) -> None:
        largest = max(range(len(model.buffers)), key=lambda i: _length(model.buffers[i].data))
        for tensor in model.subgraphs[0].tensors:
            tensor.buffer = largest

    def no_buffers(model: Any) -> None:
        for tensor in model.subgraphs[0].tensors:
            tensor.buffer = _HUGE

    def outside_offset(model: Any) -> None:
        for buffer in model.buffers:
            buffer.data, buffer.offset, buffer.size = None, 2**40, 2**40

    def cut_buffers(model: Any) -> None:
        for buffer in model.buffers:
            if _length(buffer.data) > 4:
                buffer.data = buffer.data[:4]

    def no_subgraphs(model: Any) -> None:
        model.subgraphs = []

    def many_subgraphs(model: Any) -> None:
        model.subgraphs *= 2000

    def no_signature(model: Any) -> None:
        model.signatureDefs = None

    def signature_outside(model: Any) -> None:
        for definition in model.signatureDefs or []:
            definition.subgraphIndex = 77
            for entry in [*definition.inputs, *definition.outputs]:
                entry.tensorIndex = 10**6

    def quantized_by_nothing(model: Any) -> None:
        for tensor in model.subgraphs[0].tensors:
            tensor.type = 9
            if tensor.quantization is not None:
                tensor.quantization.scale = np.array([0.0, np.nan, -1.0], np.float32)
                tensor.quantization.zeroPoint = np.array([2**40], np.int64)

    def types(model: Any) -> None:
        for index, tensor in enumerate(model.subgraphs[0].tensors):
            tensor.type = index % 20

    def outputs_of_themselves(model: Any) -> None:
        for operator in model.subgraphs[0].operators:
            operator.outputs = operator.inputs[:1]

    changes: dict[str, Callable[[Any], None]] = {
        "a huge input": lambda m: shape_of(m, first_input(m), [1, _HUGE, 8, 1]),
        "an overflowing input": lambda m: shape_of(m, first_input(m), [_HUGE] * 4),
        "a huge batch": lambda m: shape_of(m, first_input(m), [2**30, 8, 8, 1]),
        "a negative input": lambda m: shape_of(m, first_input(m), [-5, 8, 8, 1]),
        "an input without sizes": lambda m: shape_of(m, first_input(m), []),
        "an input of many sizes": lambda m: shape_of(m, first_input(m), [1] * 300),
        "inputs at minus one": lambda m: end_of_operators(m, "inputs", -1),
        "outputs at minus one": lambda m: end_of_operators(m, "outputs", -1),
        "inputs outside": lambda m: end_of_operators(m, "inputs", 99_999),
        "outputs outside": lambda m: end_of_operators(m, "outputs", 99_999),
        "a hundred thousand operators": twice,
        "markup for names": names,
        "an operator code outside": opcode,
        "a TensorFlow operator": custom,
        "one buffer for all": shared_buffers,
        "buffers outside": no_buffers,
        "buffers at an offset outside": outside_offset,
        "cut buffers": cut_buffers,
        "no subgraphs": no_subgraphs,
        "two thousand subgraphs": many_subgraphs,
        "no signature": no_signature,
        "a signature outside": signature_outside,
        "scales of nothing": quantized_by_nothing,
        "mixed types": types,
        "operators that feed themselves": outputs_of_themselves,
    }  # fmt: skip
    for label, change in changes.items():
        add(label, change)
    return found


def _length(data: Any) -> int:
    return 0 if data is None else len(data)


def _raw(content: bytes) -> dict[str, bytes]:
    def root(offset: int) -> bytes:
        return struct.pack("<I", offset) + content[4:]

    return {
        "its magic alone": content[:8],
        "a root outside": root(2**31),
        "a root at itself": root(0),
        "cut in half": content[: len(content) // 2],
        "zeros behind the magic": content[:8] + bytes(4096),
        "ones behind the magic": content[:8] + b"\xff" * 4096,
    }


def _endless_loop() -> bytes:
    import tensorflow as tf

    def compute(x: Any) -> Any:
        return tf.while_loop(lambda v: tf.reduce_all(v > -1e30), lambda v: [v * 0.5], [x])[0]

    traced = tf.function(compute, autograph=False).get_concrete_function(
        tf.TensorSpec((1, 4), tf.float32, name="x")
    )
    return bytes(tf.lite.TFLiteConverter.from_concrete_functions([traced]).convert())
