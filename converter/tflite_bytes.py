"""Where each byte of a `.tflite` goes: every part of the flatbuffer with its range and its owner.

A flatbuffer stores no list of its parts, so they are found by following every offset from the
root. The layout of the tables is that of `schema.fbs` of TensorFlow Lite (version 3), whose slots
never change their meaning. What no offset leads to is padding where it is zero, and unknown where
it is not.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from converter.errors import ModelFileError
from converter.tflite_file import MAGIC, MOST_OBJECTS

HEADER, PADDING, UNKNOWN = "header", "padding", "unknown"
_SCALAR_VECTORS = {"[1]": 1, "[2]": 2, "[4]": 4, "[8]": 8}
_OPTIONS = "options"


@dataclass(frozen=True)
class BytePart:
    """A range of bytes of the file.

    Attributes:
        kind: `header`, `padding`, `unknown`, or the table's and the field's name with a dot
            between, such as `Buffer.data` or `QuantizationParameters.scale`; a table's own entry
            (with its vtable) has the table's name alone.
        start: The first byte's position.
        end: The position after the last byte.
        owner: Where it hangs: `(list, index)` pairs from the root, such as
            `(("subgraphs", 0), ("tensors", 4))`.
    """

    kind: str
    start: int
    end: int
    owner: tuple[tuple[str, int], ...] = ()

    @property
    def size_bytes(self) -> int:
        """Number of bytes."""
        return self.end - self.start


# For each table: slot number -> (name, type). A type is a table's name, `[table]`, `string`, or the
# width of a scalar vector's items; scalars lie in the table itself and need no entry.
_TABLES: dict[str, dict[int, tuple[str, str]]] = {
    "Model": {
        1: ("operator_codes", "[OperatorCode]"), 2: ("subgraphs", "[SubGraph]"),
        3: ("description", "string"), 4: ("buffers", "[Buffer]"), 5: ("metadata_buffer", "[4]"),
        6: ("metadata", "[Metadata]"), 7: ("signature_defs", "[SignatureDef]"),
    },
    "OperatorCode": {1: ("custom_code", "string")},
    "SubGraph": {
        0: ("tensors", "[Tensor]"), 1: ("inputs", "[4]"), 2: ("outputs", "[4]"),
        3: ("operators", "[Operator]"), 4: ("name", "string"),
    },
    "Tensor": {
        0: ("shape", "[4]"), 3: ("name", "string"), 4: ("quantization", "QuantizationParameters"),
        6: ("sparsity", "SparsityParameters"), 7: ("shape_signature", "[4]"),
        9: ("variant_tensors", "[VariantSubType]"),
    },
    "QuantizationParameters": {
        0: ("min", "[4]"), 1: ("max", "[4]"), 2: ("scale", "[4]"), 3: ("zero_point", "[8]"),
        5: ("details", "QuantizationDetails"),
    },
    # CustomQuantization has `custom`, BlockwiseQuantization scalars alone.
    "QuantizationDetails": {},
    "SparsityParameters": {
        0: ("traversal_order", "[4]"), 1: ("block_map", "[4]"),
        2: ("dim_metadata", "[DimensionMetadata]"),
    },
    "DimensionMetadata": {},
    "VariantSubType": {0: ("shape", "[4]")},
    "Operator": {
        1: ("inputs", "[4]"), 2: ("outputs", "[4]"), 4: ("builtin_options", _OPTIONS),
        5: ("custom_options", "[1]"), 7: ("mutating_variable_inputs", "[1]"),
        8: ("intermediates", "[4]"), 12: ("builtin_options_2", _OPTIONS),
    },
    _OPTIONS: {},
    "FullyConnectedOptions": {5: ("quant_spec", "[4]")},
    "ReshapeOptions": {0: ("new_shape", "[4]")},
    "SqueezeOptions": {0: ("squeeze_dims", "[4]")},
    "BucketizeOptions": {0: ("boundaries", "[4]")},
    "VarHandleOptions": {0: ("container", "string"), 1: ("shared_name", "string")},
    "Buffer": {0: ("data", "[1]")},
    "Metadata": {0: ("name", "string")},
    "SignatureDef": {
        0: ("inputs", "[TensorMap]"), 1: ("outputs", "[TensorMap]"), 2: ("signature_key", "string"),
    },
    "TensorMap": {0: ("name", "string")},
}  # fmt: skip
# Values of the union BuiltinOptions whose tables hold more than scalars.
_OPTION_TABLES = {8: "FullyConnectedOptions", 17: "ReshapeOptions", 30: "SqueezeOptions",
                  111: "VarHandleOptions", 115: "BucketizeOptions"}  # fmt: skip


def read_byte_parts(path: Path) -> list[BytePart]:
    """Return the parts of a `.tflite`, in file order, without gap or overlap.

    Args:
        path: The file.

    Returns:
        Parts whose sizes sum to the file's size exactly.

    Raises:
        ModelFileError: When it is no TFLite flatbuffer, or a part of it lies outside of it.
    """
    content = path.read_bytes()
    if content[4:8] != MAGIC:
        raise ModelFileError(
            f"{path.name}: expected a TFLite flatbuffer (identifier TFL3), found other bytes; "
            "convert or upload it again."
        )
    walk = _Walk(content)
    try:
        walk.visit_table(_read(content, "<I", 0), "Model", ())
    except (struct.error, _OutsideError, RecursionError) as broken:
        raise ModelFileError(
            f"{path.name}: expected a complete TFLite flatbuffer, found one whose parts lie "
            "outside of it; convert or upload it again.",
            f"{type(broken).__name__}: {broken}",
        ) from broken
    return list(_fill_gaps(content, [BytePart(HEADER, 0, 8), *walk.parts]))


class _OutsideError(ValueError):
    """An offset leads out of the file, or to more parts than a model has."""


@dataclass
class _Walk:
    """Follows every offset once."""

    content: bytes
    parts: list[BytePart] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)

    def visit_table(self, at: int, table: str, owner: tuple[tuple[str, int], ...]) -> None:
        """Note a table, its vtable and all that hangs on it."""
        if at in self.seen:  # two may share one; its bytes are there once
            return
        vtable = at - _read(self.content, "<i", at)
        vtable_bytes, table_bytes = struct.unpack_from("<HH", self.content, self._inside(vtable, 4))
        if vtable_bytes < 4 or table_bytes < 4:  # noqa: PLR2004 - the two sizes; the vtable's offset
            raise _OutsideError(f"a table of {table_bytes} bytes at {at}")
        self._note(table, at, table_bytes, owner)
        self._note(table, vtable, vtable_bytes, owner)
        known = _TABLES[table]
        for slot in range((vtable_bytes - 4) // 2):
            offset = _read(self.content, "<H", vtable + 4 + 2 * slot, width=2)
            if offset and slot in known:
                name, kind = known[slot]
                place = at + offset
                if kind == _OPTIONS:
                    kind = self._option_table(at, vtable, vtable_bytes, slot)
                self._visit_field(place, f"{table}.{name}", name, kind, owner)
        if table == "Buffer":
            self._visit_data_behind(at, vtable, vtable_bytes, owner)

    def _visit_field(
        self, place: int, label: str, name: str, kind: str, owner: tuple[tuple[str, int], ...]
    ) -> None:
        target = place + _read(self.content, "<I", place)
        if kind == "string":  # its length, its bytes, and a zero that ends it
            self._note(label, target, 4 + _read(self.content, "<I", target) + 1, owner)
        elif kind in _SCALAR_VECTORS:
            count = _read(self.content, "<I", target)
            self._note(label, target, 4 + count * _SCALAR_VECTORS[kind], owner)
        elif kind.startswith("["):
            count = _read(self.content, "<I", target)
            if count > MOST_OBJECTS:
                raise _OutsideError(f"{count} entries at {target}")
            self._note(label, target, 4 + 4 * count, owner)
            for index in range(count):
                entry = target + 4 + 4 * index
                there = entry + _read(self.content, "<I", entry)
                self.visit_table(there, kind[1:-1], (*owner, (name, index)))
        else:
            self.visit_table(target, kind, owner)

    def _option_table(self, at: int, vtable: int, vtable_bytes: int, slot: int) -> str:
        """Return the table of an operator's options by the union's type, one slot before."""
        offset = 0
        if 4 + 2 * slot <= vtable_bytes and slot == 4:  # noqa: PLR2004 - builtin_options
            offset = _read(self.content, "<H", vtable + 4 + 2 * (slot - 1), width=2)
        union = self.content[self._inside(at + offset, 1)] if offset else 0
        return _OPTION_TABLES.get(union, _OPTIONS)

    def _visit_data_behind(
        self, at: int, vtable: int, vtable_bytes: int, owner: tuple[tuple[str, int], ...]
    ) -> None:
        """Note values that a file of over 2 GB keeps behind the flatbuffer (offset and size)."""
        found = []
        for slot in (1, 2):
            inside = 4 + 2 * slot < vtable_bytes
            offset = _read(self.content, "<H", vtable + 4 + 2 * slot, width=2) if inside else 0
            found.append(_read(self.content, "<Q", at + offset, width=8) if offset else 0)
        if found[0] > 1 and found[1]:  # 0 and 1 say that there is none
            self._note("Buffer.data", found[0], found[1], owner)

    def _note(self, kind: str, start: int, size: int, owner: tuple[tuple[str, int], ...]) -> None:
        self._inside(start, size)
        if start in self.seen:  # a vtable or a vector that others use as well
            return
        self.seen.add(start)
        if len(self.parts) > 12 * MOST_OBJECTS:
            raise _OutsideError("more parts than a model has")
        self.parts.append(BytePart(kind, start, start + size, owner))

    def _inside(self, start: int, size: int) -> int:
        if start < 0 or start + size > len(self.content):
            raise _OutsideError(f"bytes {start} to {start + size} of {len(self.content)}")
        return start


def _read(content: bytes, form: str, at: int, *, width: int = 4) -> int:
    if at < 0 or at + width > len(content):
        raise _OutsideError(f"bytes {at} to {at + width} of {len(content)}")
    value: int = struct.unpack_from(form, content, at)[0]
    return value


def _fill_gaps(content: bytes, parts: list[BytePart]) -> Iterator[BytePart]:
    """Yield the parts in file order, cut where they overlap, with what lies between them."""
    end = 0
    for part in sorted(parts, key=lambda part: (part.start, -part.end)):
        if part.start > end:
            yield _gap(content, end, part.start)
        if part.end > end:
            yield BytePart(part.kind, max(part.start, end), part.end, part.owner)
            end = part.end
    if end < len(content):
        yield _gap(content, end, len(content))


def _gap(content: bytes, start: int, end: int) -> BytePart:
    is_zero = content.count(0, start, end) == end - start
    return BytePart(PADDING if is_zero else UNKNOWN, start, end)
