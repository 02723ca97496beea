"""What a `.tflite` flatbuffer holds: signature, operators and the dtypes of their tensors."""

from __future__ import annotations

import hashlib
import importlib
import math
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import flatbuffers

from converter.errors import ModelFileError
from converter.signature import TensorSpec, unique_names

MAGIC = b"TFL3"
_TF_SCHEMA = "tensorflow.lite.python.schema_py_generated"


@dataclass(frozen=True)
class Tensor:
    """One tensor of the file.

    Attributes:
        name: The converter's name.
        shape: Dimensions; None where `shape_signature` leaves one open.
        dtype: TFLite's type in NumPy's spelling (`int8`, `float32`).
        is_constant: Whether the file holds its values.
        is_quantized: Whether it carries a scale.
        scales: Number of scales (1: per tensor, more: per channel).
        size_bytes: Bytes of its values in the file; 0 for activations.
        is_sparse: Whether its values are stored in a sparse format.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    is_constant: bool
    is_quantized: bool
    scales: int
    size_bytes: int
    is_sparse: bool = False

    @property
    def elements(self) -> int:
        """Number of elements, open dimensions counted as 1."""
        return math.prod(size or 1 for size in self.shape)


@dataclass(frozen=True)
class Operator:
    """One operator: its builtin name (or custom code) and the tensors it touches."""

    name: str
    is_custom: bool
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    @property
    def is_flex(self) -> bool:
        """Whether it is a TensorFlow operator that needs the Flex delegate."""
        return self.is_custom and self.name.startswith("Flex")


@dataclass(frozen=True)
class TfliteFile:
    """The parts of a `.tflite` that an audit reads, of all its subgraphs."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    operators: tuple[Operator, ...]
    constants: tuple[Tensor, ...]

    @property
    def parameters(self) -> int:
        """Elements of the constant tensors that hold weights (not shapes or axes)."""
        return sum(tensor.elements for tensor in self._weights)

    @property
    def parameter_bytes(self) -> int:
        """Bytes of the constant tensors that hold weights."""
        return sum(tensor.size_bytes for tensor in self._weights)

    @property
    def _weights(self) -> list[Tensor]:
        return [
            tensor
            for tensor in self.constants
            if tensor.dtype.startswith(("float", "bfloat")) or tensor.is_quantized
        ]


@cache
def _schema() -> Any:  # noqa: ANN401 - generated code without types
    # A conversion worker has TensorFlow's copy of the same schema loaded already; LiteRT's own
    # costs another 0.2 s of import.
    if _TF_SCHEMA in sys.modules:
        return sys.modules[_TF_SCHEMA]
    return importlib.import_module("ai_edge_litert.schema_py_generated")


def read_tflite(path: Path) -> TfliteFile:
    """Read a `.tflite` file without running it.

    Raises:
        ModelFileError: When it is no TFLite flatbuffer or is damaged.
    """
    content = path.read_bytes()
    if content[4:8] != MAGIC:
        raise ModelFileError(
            f"{path.name}: expected a TFLite flatbuffer (identifier TFL3), found other bytes; "
            "convert or upload it again."
        )
    try:
        model = _schema().ModelT.InitFromPackedBuf(bytearray(content), 0)
        return _read(model)
    except Exception as broken:  # noqa: BLE001 - flatbuffers fails with many kinds on damaged bytes
        raise ModelFileError(
            f"{path.name}: expected a complete TFLite flatbuffer, found a damaged one "
            f"({type(broken).__name__}); convert or upload it again."
        ) from broken


def content_sha256(path: Path) -> str:
    """Return a SHA-256 of what a file computes: all of it but the converter's metadata.

    The metadata repeat the flags of the conversion, so two files that compute the same differ in
    them.
    """
    schema = _schema()
    model = schema.ModelT.InitFromPackedBuf(bytearray(path.read_bytes()), 0)
    for entry in model.metadata or []:
        model.buffers[entry.buffer].data = None
    model.metadata = None
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder))
    return hashlib.sha256(builder.Output()).hexdigest()


def _read(model: Any) -> TfliteFile:  # noqa: ANN401
    names = [_operator_name(code) for code in model.operatorCodes]
    tables = [
        [_tensor(model, tensor) for tensor in subgraph.tensors] for subgraph in model.subgraphs
    ]
    operators = [
        Operator(
            name=names[operator.opcodeIndex][0],
            is_custom=names[operator.opcodeIndex][1],
            inputs=_pick(table, operator.inputs),
            outputs=_pick(table, operator.outputs),
        )
        for subgraph, table in zip(model.subgraphs, tables, strict=True)
        for operator in ([] if subgraph.operators is None else subgraph.operators)
    ]
    main = model.subgraphs[0]
    signature = (model.signatureDefs or [None])[0]
    return TfliteFile(
        inputs=_ends(tables[0], main.inputs, signature and signature.inputs, "input"),
        outputs=_ends(tables[0], main.outputs, signature and signature.outputs, "output"),
        operators=tuple(operators),
        constants=tuple(tensor for table in tables for tensor in table if tensor.is_constant),
    )


def _operator_name(code: Any) -> tuple[str, bool]:  # noqa: ANN401
    schema = _schema()
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    if number == schema.BuiltinOperator.CUSTOM:
        return _text(code.customCode) or "CUSTOM", True
    return _enum_names("BuiltinOperator").get(number, f"UNKNOWN_{number}"), False


@cache
def _enum_names(enum: str) -> dict[int, str]:
    values = vars(getattr(_schema(), enum)).items()
    return {value: name for name, value in values if isinstance(value, int)}


def _text(value: bytes | str | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""


def _tensor(model: Any, tensor: Any) -> Tensor:  # noqa: ANN401
    shape = [] if tensor.shape is None else [int(size) for size in tensor.shape]
    if tensor.shapeSignature is not None:
        shape = [int(size) for size in tensor.shapeSignature]
    data = model.buffers[tensor.buffer].data
    size_bytes = 0 if data is None else len(data)
    scale = tensor.quantization.scale if tensor.quantization is not None else None
    return Tensor(
        name=_text(tensor.name),
        shape=tuple(size if size >= 0 else None for size in shape),
        dtype=_enum_names("TensorType").get(tensor.type, "unknown").lower(),
        is_constant=size_bytes > 0 or model.buffers[tensor.buffer].offset > 0,
        is_quantized=scale is not None and len(scale) > 0,
        scales=0 if scale is None else len(scale),
        size_bytes=size_bytes,
        is_sparse=tensor.sparsity is not None,
    )


def _pick(table: list[Tensor], indices: Any) -> tuple[Tensor, ...]:  # noqa: ANN401
    return tuple(table[i] for i in ([] if indices is None else indices) if 0 <= i < len(table))


def _ends(table: list[Tensor], indices: Any, named: Any, prefix: str) -> tuple[TensorSpec, ...]:  # noqa: ANN401
    if named:
        pairs = [(_text(entry.name), table[entry.tensorIndex]) for entry in named]
    else:
        tensors = [table[int(index)] for index in ([] if indices is None else indices)]
        pairs = list(zip(unique_names([t.name for t in tensors], prefix), tensors, strict=True))
    return tuple(TensorSpec(name, tensor.shape, tensor.dtype) for name, tensor in pairs)
