"""The parts of a `.tflite` as a tree: header, operator codes, subgraphs, buffers and the rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from converter.anatomy import (
    CONTAINER,
    GRAPH,
    METADATA,
    QUANTIZATION,
    SIGNATURES,
    WEIGHTS,
    AnatomyNode,
    branch,
    leaf,
)
from converter.errors import ModelFileError
from converter.tflite_bytes import HEADER, PADDING, UNKNOWN, BytePart, read_byte_parts
from converter.tflite_file import operator_name, parse_model, tensor_type
from converter.tflite_layers import LayerNames, is_scaled

_QUANTIZED = ("QuantizationParameters", "QuantizationDetails")
_NAME_LENGTH = 120
Owner = tuple[tuple[str, int], ...]


def read_tflite_anatomy(path: Path, name: str) -> AnatomyNode:
    """Return the tree of a file.

    Args:
        path: The file.
        name: What the root is called.

    Raises:
        ModelFileError: When it is no TFLite flatbuffer or is damaged.
    """
    parts, model = read_byte_parts(path), parse_model(path)
    try:
        return _Tree(model, parts).root(name)
    except (IndexError, TypeError, AttributeError, KeyError) as broken:
        raise ModelFileError(
            f"{path.name}: expected a complete TFLite flatbuffer, found tables that lead to "
            "nothing; convert or upload it again.",
            f"{type(broken).__name__}: {broken}",
        ) from broken


class _Tree:
    """Groups the parts by what they hang on."""

    def __init__(self, model: Any, parts: Sequence[BytePart]) -> None:  # noqa: ANN401
        self._model = model
        self._by_owner: dict[Owner, list[BytePart]] = defaultdict(list)
        self._loose: dict[str, int] = defaultdict(int)
        for part in parts:
            if part.kind in {HEADER, PADDING, UNKNOWN}:
                self._loose[part.kind] += part.size_bytes
            else:
                self._by_owner[part.owner[:2]].append(part)
        self._metadata = {int(entry.buffer) for entry in model.metadata or []}
        self._stored = LayerNames(model).stored

    def root(self, name: str) -> AnatomyNode:
        own = self._by_owner.get((), [])
        lists = {
            key: sum(p.size_bytes for p in own if p.kind == f"Model.{key}")
            for key in ("operator_codes", "subgraphs", "buffers", "metadata", "signature_defs")
        }
        rest = sum(p.size_bytes for p in own) - sum(lists.values())
        padding, unknown = self._loose[PADDING], self._loose[UNKNOWN]
        return branch(name, [
            leaf("header", CONTAINER, self._loose[HEADER], "identifier TFL3, place of the root"),
            leaf("root table and description", GRAPH, rest),
            self._codes(lists["operator_codes"]),
            *self._subgraphs(lists["subgraphs"]),
            self._buffers(lists["buffers"]),
            self._entries("metadata", METADATA, lists["metadata"], [
                _text(entry.name) for entry in self._model.metadata or []
            ]),
            self._entries("signature_defs", SIGNATURES, lists["signature_defs"], [
                _text(entry.signatureKey) for entry in self._model.signatureDefs or []
            ]),
            leaf("padding", CONTAINER, padding, "zeros that align the parts"),
            leaf("unknown", CONTAINER, unknown, "bytes that no offset leads to"),
        ])  # fmt: skip

    def _sum(self, owner: Owner) -> int:
        return sum(part.size_bytes for part in self._by_owner.get(owner, []))

    def _codes(self, listed: int) -> AnatomyNode:
        codes = [
            leaf(operator_name(code)[0] or "custom", GRAPH,
                 self._sum((("operator_codes", index),)))
            for index, code in enumerate(self._model.operatorCodes or [])
        ]  # fmt: skip
        return branch("operator codes", [leaf("list", GRAPH, listed), *codes],
                      f"{len(codes)} kinds of operators")  # fmt: skip

    def _entries(self, key: str, role: str, listed: int, names: Sequence[str]) -> AnatomyNode:
        """Return the entries of metadata (whose values are buffers) or of signatures, by name."""
        sizes = [0] * len(names)
        for owner, parts in self._by_owner.items():
            if owner and owner[0][0] == key:
                sizes[owner[0][1]] += sum(part.size_bytes for part in parts)
        entries = [leaf(name, role, size) for name, size in zip(names, sizes, strict=True)]
        shown = "signatures" if key == "signature_defs" else key
        counted = "1 entry" if len(names) == 1 else f"{len(names)} entries"
        return branch(shown, [leaf("list", role, listed), *entries], counted)

    def _subgraphs(self, listed: int) -> list[AnatomyNode]:
        found = []
        for index, graph in enumerate(self._model.subgraphs):
            own = (("subgraphs", index),)
            names = [_text(tensor.name) for tensor in graph.tensors]
            tensors = [
                self._tensor((*own, ("tensors", number)), tensor, names[number])
                for number, tensor in enumerate(graph.tensors)
            ]
            operators = [
                leaf(f"{number + 1}. {self._operator(operator)}", GRAPH,
                     self._sum((*own, ("operators", number))), _gives(operator, names))
                for number, operator in enumerate(graph.operators or [])
            ]  # fmt: skip
            found.append(branch(f"subgraph {index}", [
                leaf("table, inputs and outputs", GRAPH,
                     self._sum(own) + (listed if not index else 0)),
                branch("tensors", tensors, f"{len(tensors)} tensors: name, shape, dtype, scale"),
                branch("operators", operators, f"{len(operators)} operators in order"),
            ]))  # fmt: skip
        return found

    def _tensor(self, owner: Owner, tensor: Any, name: str) -> AnatomyNode:  # noqa: ANN401
        sizes = {"quantization": 0, "name": 0, "entry": 0}
        for part in self._by_owner.get(owner, []):
            kind = part.kind.split(".")[0]
            key = "quantization" if kind in _QUANTIZED else (
                "name" if part.kind == "Tensor.name" else "entry")  # fmt: skip
            sizes[key] += part.size_bytes
        shape = [] if tensor.shape is None else [int(size) for size in tensor.shape]
        return branch(name, [
            # Every tensor of a converted file has such a table; where it is empty it says nothing.
            leaf("scales, zero points, ranges", QUANTIZATION, sizes["quantization"])
            if is_scaled(tensor) else leaf("empty scales", GRAPH, sizes["quantization"]),
            leaf("name", GRAPH, sizes["name"]),
            leaf("shape, dtype, buffer", GRAPH, sizes["entry"]),
        ], f"{tensor_type(tensor.type)} {shape}")  # fmt: skip

    def _operator(self, operator: Any) -> str:  # noqa: ANN401
        return operator_name(self._model.operatorCodes[operator.opcodeIndex])[0] or "custom"

    def _buffers(self, listed: int) -> AnatomyNode:
        names = self._buffer_names()
        entries, children = listed, []
        for index in range(len(self._model.buffers)):
            parts = self._by_owner.get((("buffers", index),), [])
            data = sum(p.size_bytes for p in parts if p.kind == "Buffer.data")
            entries += sum(p.size_bytes for p in parts) - data
            if data:
                name, detail = names.get(index, (f"buffer {index}", ""))
                children.append(leaf(name, self._role(index), data, detail))
        return branch("buffers", [leaf("entries", GRAPH, entries), *children],
                      f"values of {len(children)} tensors and metadata")  # fmt: skip

    def _role(self, buffer: int) -> str:
        """Return what a buffer's values are for: integers without a scale are shapes and axes."""
        tensor = self._stored.get(buffer)
        if tensor is None:
            return METADATA if buffer in self._metadata else GRAPH
        if tensor.is_scale:
            return QUANTIZATION
        is_number = tensor.is_scaled or tensor.dtype.startswith(("float", "bfloat"))
        return WEIGHTS if is_number else GRAPH

    def _buffer_names(self) -> Mapping[int, tuple[str, str]]:
        found: dict[int, tuple[str, str]] = {}
        for graph in self._model.subgraphs:
            for tensor in graph.tensors:
                shape = [] if tensor.shape is None else [int(size) for size in tensor.shape]
                found.setdefault(
                    int(tensor.buffer),
                    (_text(tensor.name), f"{tensor_type(tensor.type)} {shape}"),
                )
        for entry in self._model.metadata or []:
            found[int(entry.buffer)] = f"metadata {_text(entry.name)}", ""
        return found


def _gives(operator: Any, names: Sequence[str]) -> str:  # noqa: ANN401
    outputs = [] if operator.outputs is None else [int(i) for i in operator.outputs]
    return ", ".join(names[i] for i in outputs if 0 <= i < len(names))[:_NAME_LENGTH]


def _text(value: bytes | str | None) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""
    return text[:_NAME_LENGTH] or "unnamed"
