"""Sorts the bytes of a `.tflite` by layer and kind.

They are `tflite_bytes`'s parts; none is added here, so that the sum is the file's size exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from converter.errors import ModelFileError
from converter.size_anatomy import (
    BIASES,
    GRAPH,
    LEFT_FLOAT,
    METADATA,
    NAME_LENGTH,
    PARAMETERS,
    SCALES,
    WEIGHTS,
    WHOLE_FILE,
    LayerBytes,
    SizeAnatomy,
    collect,
)
from converter.tflite_bytes import HEADER, PADDING, UNKNOWN, BytePart, read_byte_parts
from converter.tflite_file import parse_model
from converter.tflite_layers import LayerNames, is_scaled

_FLOAT_BYTES = 4
_MOST_ELEMENTS = 1 << 40
_BITS = {"int2": 2, "uint2": 2, "int4": 4, "uint4": 4,
         **dict.fromkeys(("int8", "uint8", "bool", "float8_e4m3fn", "float8_e5m2"), 8),
         **dict.fromkeys(("int16", "uint16", "float16", "bfloat16"), 16),
         **dict.fromkeys(("int64", "uint64", "float64", "complex64"), 64)}  # fmt: skip
_METADATA_PARTS = ("Metadata", "Model.metadata", "Model.description")


def read_size_anatomy(path: Path) -> SizeAnatomy:
    """Return all bytes of a `.tflite` by layer and kind.

    Args:
        path: The file.

    Raises:
        ModelFileError: When it is no TFLite flatbuffer or is damaged.
    """
    parts, model = read_byte_parts(path), parse_model(path)
    try:
        found = list(_Sorter(model).sort(parts))
    except (IndexError, TypeError, AttributeError, KeyError) as broken:
        raise ModelFileError(
            f"{path.name}: expected a complete TFLite flatbuffer, found tables that lead to "
            "nothing; convert or upload it again.",
            f"{type(broken).__name__}: {broken}",
        ) from broken
    return collect(found)


class _Sorter:
    """Knows for every tensor, operator and buffer of a file its layer and its kind."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - generated code without types
        self._model = model
        self._names = LayerNames(model)
        self._metadata = {int(entry.buffer) for entry in model.metadata or []}
        self._shrunk = any(
            tensor.dtype != "float32" and (tensor.is_scaled or tensor.dtype == "float16")
            for tensor in self._names.stored.values()
        )

    def sort(self, parts: list[BytePart]) -> Iterator[LayerBytes]:
        for part in parts:
            if part.kind == "Buffer.data":
                yield from self._values(part)
            elif part.kind in {PADDING, UNKNOWN}:
                yield LayerBytes(WHOLE_FILE, part.kind, part.size_bytes)
            elif part.kind == HEADER:
                yield LayerBytes(WHOLE_FILE, GRAPH, part.size_bytes)
            else:
                yield LayerBytes(self._layer(part), self._kind(part), part.size_bytes)

    def _layer(self, part: BytePart) -> str:
        place = dict(part.owner)
        if "buffers" in place:
            tensor = self._names.stored.get(place["buffers"])
            return _shown(tensor.layer) if tensor else WHOLE_FILE
        if "subgraphs" not in place:
            return WHOLE_FILE
        if "tensors" in place:
            return _shown(self._names.of_tensor(place["subgraphs"], place["tensors"]))
        if "operators" in place:
            return _shown(self._names.of_operator(place["subgraphs"], place["operators"]))
        return WHOLE_FILE

    def _kind(self, part: BytePart) -> str:
        if part.kind.startswith(_METADATA_PARTS):
            return METADATA
        if part.kind.startswith("SparsityParameters") or part.kind.startswith("DimensionMetadata"):
            return WEIGHTS  # where in the tensor the stored values stand
        if not part.kind.startswith("Quantization"):
            return GRAPH
        # Every tensor of a converted file has such a table; where it is empty it says nothing.
        place = dict(part.owner)
        tensor = self._model.subgraphs[place["subgraphs"]].tensors[place["tensors"]]
        return SCALES if is_scaled(tensor) else GRAPH

    def _values(self, part: BytePart) -> Iterator[LayerBytes]:
        """Yield the values of a buffer, and the length that stands before them."""
        index = dict(part.owner)["buffers"]
        buffer = self._model.buffers[index]
        held = 0 if buffer.data is None else len(buffer.data)
        # Values behind the flatbuffer have no length before them.
        stored = part.size_bytes if not held else min(part.size_bytes, held)
        tensor = self._names.stored.get(index)
        layer = _shown(tensor.layer) if tensor else WHOLE_FILE
        kind = self._kind_of_values(index)
        elements = 0
        if tensor is not None and kind in PARAMETERS:
            elements = _elements(tensor.shape, tensor.dtype, stored, is_sparse=tensor.is_sparse)
        yield LayerBytes(layer, kind, stored, elements * _FLOAT_BYTES)
        yield LayerBytes(layer, METADATA if kind == METADATA else GRAPH, part.size_bytes - stored)

    def _kind_of_values(self, buffer: int) -> str:
        tensor = self._names.stored.get(buffer)
        if tensor is None:
            return METADATA if buffer in self._metadata else GRAPH
        if tensor.is_scale:
            return SCALES
        is_float = tensor.dtype.startswith(("float", "bfloat"))
        if not (is_float or tensor.is_scaled):
            return GRAPH
        if tensor.is_bias:
            return BIASES
        is_wide = tensor.dtype in {"float32", "float64"} and not tensor.is_sparse
        return LEFT_FLOAT if self._shrunk and is_wide else WEIGHTS


def _shown(name: str) -> str:
    return name if len(name) <= NAME_LENGTH else f"{name[: NAME_LENGTH - 1]}…"


def _elements(shape: tuple[int, ...], dtype: str, stored: int, *, is_sparse: bool) -> int:
    """Return how many values are stored; a shape counts where the bytes bear it out."""
    bits = _BITS.get(dtype, 32)
    named = math.prod(abs(size) for size in shape)
    fits = math.ceil(named * bits / 8) == stored
    return named if named <= _MOST_ELEMENTS and (fits or is_sparse) else stored * 8 // bits
