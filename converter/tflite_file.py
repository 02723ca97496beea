"""What a `.tflite` flatbuffer holds: signature, operators and the dtypes of their tensors."""

from __future__ import annotations

import hashlib
import importlib
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np

from converter.errors import ModelFileError
from converter.signature import TensorSpec, unique_names

MAGIC = b"TFL3"
MOST_OBJECTS = 300_000
"""Operators, tensors and buffers; the largest models that phones run have some 50 000."""
_TF_SCHEMA = "tensorflow.lite.python.schema_py_generated"
_DEFAULT_SIGNATURE = "serving_default"
STORED_INTEGERS = frozenset({"int8", "uint8", "int4", "int2", "uint4"})
"""Types in which weights are stored as scaled integers."""
_BORDERS = {"QUANTIZE", "DEQUANTIZE"}
_INTEGER_ACTIVATIONS = {"int8", "uint8", "int16"}
_RUNTIME_CUSTOM_OPERATORS = {
    "AudioSpectrogram",
    "Mfcc",
    "NumericVerify",
    "TFLite_Detection_PostProcess",
    "aeq.hadamard_rotation",
}
"""Custom operators whose kernels LiteRT's default resolver registers; a test holds it."""


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
        quantization: `(scale, zero_point)` where there is one scale.
        block_size: Values of one row that share a scale; 0 where scales are not by block.
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
    quantization: tuple[float, int] | None = None
    block_size: int = 0

    @property
    def is_float(self) -> bool:
        """Whether it holds floats of any width."""
        return self.dtype.startswith(("float", "bfloat"))

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

    @property
    def activations(self) -> list[Tensor]:
        """Its inputs and outputs that the file holds no values of."""
        return [t for t in (*self.inputs, *self.outputs) if not t.is_constant]

    @property
    def is_border(self) -> bool:
        """Whether it only converts between float and integer."""
        kinds = {tensor.is_float for tensor in (*self.inputs, *self.outputs)}
        return self.name in _BORDERS and len(kinds) == 2

    @property
    def computes_in_float(self) -> bool:
        """Whether it is a builtin operator on float activations, and no border."""
        apart = self.is_custom or self.is_border
        return not apart and any(tensor.is_float for tensor in self.activations)

    @property
    def computes_on_integers(self) -> bool:
        """Whether it is a builtin operator on scaled integers alone, and no border."""
        if self.is_custom or self.is_border or self.computes_in_float:
            return False
        return any(tensor.dtype in _INTEGER_ACTIVATIONS for tensor in self.activations)

    @property
    def has_integer_weights(self) -> bool:
        """Whether one of its constants is stored as scaled integers of 8 bits or fewer."""
        return any(
            t.is_constant and t.is_quantized and t.dtype in STORED_INTEGERS for t in self.inputs
        )

    @property
    def has_kernel(self) -> bool:
        """Whether this runtime can run it, as far as its name tells."""
        return not self.is_custom or self.name in _RUNTIME_CUSTOM_OPERATORS


@dataclass(frozen=True)
class TfliteFile:
    """The parts of a `.tflite` that an audit reads, of all its subgraphs.

    Attributes:
        inputs: Of the chosen signature, or of the first subgraph where there is none.
        outputs: The same.
        operators: Of all subgraphs.
        constants: Of all subgraphs.
        signature: The chosen signature's key; None for a file without signatures.
        signature_tensors: The names of inputs and outputs of every signature, by key.
        stored_types: Dtypes in which quantized tensors and float16 weights are stored, sorted;
            empty for a float32 file.
        quantized_inputs: `(scale, zero_point)` of each input that holds scaled integers.
        quantized_outputs: The same for outputs.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    operators: tuple[Operator, ...]
    constants: tuple[Tensor, ...]
    signature: str | None = None
    signature_tensors: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    stored_types: tuple[str, ...] = ()
    quantized_inputs: dict[str, tuple[float, int]] = field(default_factory=dict)
    quantized_outputs: dict[str, tuple[float, int]] = field(default_factory=dict)

    @property
    def missing_kernels(self) -> list[str]:
        """Operators that no pip runtime can run: TensorFlow's own, and unknown custom ones."""
        return sorted({o.name or "CUSTOM" for o in self.operators if not o.has_kernel})

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


def read_tflite(path: Path, signature: str | None = None) -> TfliteFile:
    """Read a `.tflite` file without running it.

    Args:
        path: The file.
        signature: Whose inputs and outputs are meant; `serving_default`, or the file's first, when
            left out.

    Raises:
        ModelFileError: When it is no TFLite flatbuffer, is damaged or lacks the signature.
    """
    try:
        return _read(parse_model(path), path.name, signature)
    except ModelFileError:
        raise
    except Exception as broken:  # noqa: BLE001 - damaged bytes fail in many ways
        raise _damaged(path.name, broken) from broken


def parse_model(path: Path) -> Any:  # noqa: ANN401 - generated code without types
    """Return a file as the schema's own objects (`ModelT`), for those who take it apart.

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
        _check_counts(content, path.name)
        model = _schema().ModelT.InitFromPackedBuf(bytearray(content), 0)
        _take_in(model, content)
        return model
    except ModelFileError:
        raise
    except Exception as broken:  # noqa: BLE001 - flatbuffers fails with many kinds on damaged bytes
        raise _damaged(path.name, broken) from broken


def _take_in(model: Any, content: bytes) -> None:  # noqa: ANN401
    """Give buffers their values that a writer put behind the flatbuffer (litert-quantizer does).

    Raises:
        ValueError: When values lie outside of the file.
    """
    for buffer in model.buffers or []:
        if buffer.offset <= 1:  # 1 stands in for an offset that is still to come
            continue
        end = buffer.offset + buffer.size
        if end > len(content):
            raise ValueError(f"values up to byte {end} of a file of {len(content)}")
        buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
        buffer.offset = buffer.size = 0


def signature_subgraph(model: Any, name: str, wanted: str | None) -> int:  # noqa: ANN401
    """Return the index of the subgraph that a signature stands for; 0 in a file without any.

    Args:
        model: Of `parse_model`.
        name: The file's name, for messages.
        wanted: The signature; the default when left out.

    Raises:
        ModelFileError: When the file does not have it.
    """
    defs = {_text(item.signatureKey): item for item in model.signatureDefs or []}
    key = choose_signature(list(defs), wanted, name)
    return 0 if key is None else int(defs[key].subgraphIndex)


def _damaged(name: str, broken: Exception) -> ModelFileError:
    return ModelFileError(
        f"{name}: expected a complete TFLite flatbuffer, found one whose parts lie outside of it; "
        "convert or upload it again.",
        f"{type(broken).__name__}: {broken}",
    )


def _check_counts(content: bytes, name: str) -> None:
    """Refuse a small file that unpacks to millions of objects: its lists may share their items."""
    model = _schema().Model.GetRootAs(content, 0)
    count = model.BuffersLength() + model.OperatorCodesLength() + model.SubgraphsLength()
    for index in range(model.SubgraphsLength()):
        subgraph = model.Subgraphs(index)
        count += subgraph.OperatorsLength() + subgraph.TensorsLength()
        if count > MOST_OBJECTS:
            break
    if count > MOST_OBJECTS:
        raise ModelFileError(
            f"{name}: expected at most {MOST_OBJECTS} operators, tensors and buffers, found more; "
            "give a smaller model."
        )


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


def choose_signature(keys: Sequence[str], wanted: str | None, name: str) -> str | None:
    """Return which of a file's signatures is meant; None where it has none.

    Args:
        keys: All signatures of the file.
        wanted: What a person asked for.
        name: The file's name, for messages.

    Raises:
        ModelFileError: When one was asked for that the file does not have.
    """
    if wanted is not None and wanted not in keys:
        known = ", ".join(key[:60] for key in keys) or "none"
        raise ModelFileError(
            f"{name}: the signature {wanted[:60]!r} was asked for, and the file has {known}; "
            "choose one of them or leave it out."
        )
    if wanted is not None or not keys:
        return wanted
    return _DEFAULT_SIGNATURE if _DEFAULT_SIGNATURE in keys else keys[0]


def _read(model: Any, name: str, wanted: str | None) -> TfliteFile:  # noqa: ANN401
    names = [operator_name(code) for code in model.operatorCodes]
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
    defs = {_text(item.signatureKey): item for item in model.signatureDefs or []}
    key = choose_signature(list(defs), wanted, name)
    signature = None if key is None else defs[key]
    index = 0 if signature is None else signature.subgraphIndex
    main = model.subgraphs[index]
    inputs = _ends(tables[index], main.inputs, signature and signature.inputs, "input")
    outputs = _ends(tables[index], main.outputs, signature and signature.outputs, "output")
    return TfliteFile(
        inputs=tuple(_spec(name, tensor) for name, tensor in inputs),
        outputs=tuple(_spec(name, tensor) for name, tensor in outputs),
        operators=tuple(operators),
        constants=tuple(tensor for table in tables for tensor in table if tensor.is_constant),
        signature=key,
        signature_tensors={
            key: {
                "inputs": [_text(entry.name) for entry in item.inputs or []],
                "outputs": [_text(entry.name) for entry in item.outputs or []],
            }
            for key, item in defs.items()
        },
        stored_types=_stored_types(tables),
        quantized_inputs=_scaled(inputs),
        quantized_outputs=_scaled(outputs),
    )


def _scaled(ends: list[tuple[str, Tensor]]) -> dict[str, tuple[float, int]]:
    return {
        name: tensor.quantization
        for name, tensor in ends
        if tensor.quantization is not None and tensor.dtype in {"int8", "uint8", "int16"}
    }


def _stored_types(tables: list[list[Tensor]]) -> tuple[str, ...]:
    """Return what a quantizer has left behind: scaled integers, or weights cut to half floats."""
    return tuple(
        sorted(
            {
                tensor.dtype
                for table in tables
                for tensor in table
                if tensor.is_quantized or (tensor.is_constant and tensor.dtype == "float16")
            }
            - {"float32", "int32", "int64"}  # biases, which come with smaller integers
        )
    )


def operator_name(code: Any) -> tuple[str, bool]:  # noqa: ANN401
    """Return the name of an operator code (its builtin's or its own), and whether it is custom."""
    schema = _schema()
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    if number == schema.BuiltinOperator.CUSTOM:
        return _text(code.customCode) or "CUSTOM", True
    return _enum_names("BuiltinOperator").get(number, f"UNKNOWN_{number}"), False


def tensor_type(number: int) -> str:
    """Return a type of the schema in NumPy's spelling (`int8`); `unknown` for one that is new."""
    return _enum_names("TensorType").get(number, "unknown").lower()


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
    details = tensor.quantization.details if tensor.quantization is not None else None
    block_size = int(getattr(details, "blockSize", 0) or 0)  # custom details have none
    return Tensor(
        name=_text(tensor.name),
        shape=tuple(size if size >= 0 else None for size in shape),
        dtype=tensor_type(tensor.type),
        is_constant=size_bytes > 0 or model.buffers[tensor.buffer].offset > 0,
        is_quantized=(scale is not None and len(scale) > 0) or block_size > 0,
        scales=0 if scale is None else len(scale),
        size_bytes=size_bytes,
        is_sparse=tensor.sparsity is not None,
        quantization=_single_scale(tensor.quantization),
        block_size=block_size,
    )


def _single_scale(parameters: Any) -> tuple[float, int] | None:  # noqa: ANN401
    if parameters is None or parameters.scale is None or len(parameters.scale) != 1:
        return None
    points = parameters.zeroPoint
    zero_point = int(points[0]) if points is not None and len(points) else 0
    return float(parameters.scale[0]), zero_point


def _pick(table: list[Tensor], indices: Any) -> tuple[Tensor, ...]:  # noqa: ANN401
    return tuple(table[i] for i in ([] if indices is None else indices) if 0 <= i < len(table))


def _ends(
    table: list[Tensor],
    indices: Any,  # noqa: ANN401
    named: Any,  # noqa: ANN401
    prefix: str,
) -> list[tuple[str, Tensor]]:
    if named:
        return [(_text(entry.name), table[entry.tensorIndex]) for entry in named]
    tensors = [table[int(index)] for index in ([] if indices is None else indices)]
    return list(zip(unique_names([t.name for t in tensors], prefix), tensors, strict=True))


def _spec(name: str, tensor: Tensor) -> TensorSpec:
    return TensorSpec(name, tensor.shape, tensor.dtype)
