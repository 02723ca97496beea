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
from converter.tflite_bytes import HEADER, PADDING, UNKNOWN, BytePart, read_byte_parts
from converter.tflite_file import operator_name, parse_model, tensor_type

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
    parts = read_byte_parts(path)
    return _Tree(parse_model(path), parts).root(name)


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
            self._list("metadata", METADATA, lists["metadata"]),
            self._list("signature_defs", SIGNATURES, lists["signature_defs"], "signatures"),
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

    def _list(self, key: str, role: str, listed: int, shown: str | None = None) -> AnatomyNode:
        entries = {owner[0][1] for owner in self._by_owner if owner and owner[0][0] == key}
        size = sum(
            self._sum(owner) for owner in self._by_owner if owner and owner[0][0] == key
        )
        return leaf(shown or key, role, listed + size, f"{len(entries)} entries")

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
            leaf("scales and zero points", QUANTIZATION, sizes["quantization"]),
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
                role = METADATA if index in self._metadata else WEIGHTS
                children.append(leaf(names.get(index, f"buffer {index}"), role, data))
        return branch("buffers", [leaf("entries", GRAPH, entries), *children],
                      f"values of {len(children)} tensors and metadata")  # fmt: skip

    def _buffer_names(self) -> Mapping[int, str]:
        found: dict[int, str] = {}
        for graph in self._model.subgraphs:
            for tensor in graph.tensors:
                shape = [] if tensor.shape is None else [int(size) for size in tensor.shape]
                found.setdefault(
                    int(tensor.buffer),
                    f"{_text(tensor.name)} ({tensor_type(tensor.type)} {shape})",
                )
        for entry in self._model.metadata or []:
            found[int(entry.buffer)] = f"metadata {_text(entry.name)}"
        return found


def _gives(operator: Any, names: Sequence[str]) -> str:  # noqa: ANN401
    outputs = [] if operator.outputs is None else [int(i) for i in operator.outputs]
    return ", ".join(names[i] for i in outputs if 0 <= i < len(names))[:_NAME_LENGTH]


def _text(value: bytes | str | None) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""
    return text[:_NAME_LENGTH] or "unnamed"
