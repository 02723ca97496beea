"""Which variable lies where in a SavedModel's `variables` files, read from their index.

The index (`variables.index`) is a sorted table of strings: blocks of entries whose keys share their
beginnings, a block that lists the blocks, and a footer of 48 bytes (`table_format.txt` of LevelDB).
Its values are `BundleEntryProto` of `tensor_bundle.proto`. TensorFlow writes it uncompressed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from converter.saved_model_file import dtype_name
from converter.tensorflow_protos import import_proto

OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_VALUE_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
_OPTIMIZERS = {"optimizer", "_optimizer", ".OPTIMIZER_SLOT"}
_COUNTERS = {"keras_api", "metrics", "_metrics"}
_FOOTER_BYTES, _MAGIC = 48, 0xDB4775248B80FB57
_TRAILER_BYTES = 5  # kind of compression and checksum
_MOST_ENTRIES = 500_000
_LONGEST_VARINT = 10


@dataclass(frozen=True)
class BundleEntry:
    """One tensor of the bundle.

    Attributes:
        key: Its place among the model's objects, or its name in a graph of TensorFlow 1.
        shard: Number of the data file.
        start: The first byte's position in it.
        end: The position after the last.
        dtype: Such as `float32`.
        shape: Its sizes.
    """

    key: str
    shard: int
    start: int
    end: int
    dtype: str
    shape: tuple[int, ...]

    @property
    def place(self) -> str:
        """The key without what every variable's ends with."""
        return self.key.removesuffix(_VALUE_SUFFIX)

    @property
    def is_optimizer(self) -> bool:
        """Whether it belongs to an optimizer, or is what one keeps beside a variable."""
        return bool(_OPTIMIZERS & set(self.key.split("/")))

    @property
    def is_counter(self) -> bool:
        """Whether it counts something while training: a metric, the number of saves."""
        return bool(_COUNTERS & set(self.key.split("/"))) or self.key.startswith("save_counter/")


def read_bundle_index(content: bytes) -> list[BundleEntry]:
    """Return the entries of a `variables.index`.

    Raises:
        ValueError: When it is none, or is damaged.
    """
    if len(content) < _FOOTER_BYTES or int.from_bytes(content[-8:], "little") != _MAGIC:
        raise ValueError("no index of variables")
    footer = content[-_FOOTER_BYTES:]
    _, at = _handle(footer, 0)
    index, _ = _handle(footer, at)
    proto = import_proto("core.protobuf.tensor_bundle_pb2").BundleEntryProto
    found: list[BundleEntry] = []
    for _, value in _block(content, *index):
        block, _ = _handle(value, 0)
        for key, entry in _block(content, *block):
            if len(found) >= _MOST_ENTRIES:
                raise ValueError("more variables than a model has")
            if key:  # the entry without a key describes the files
                found.append(_entry(key, proto.FromString(entry)))
    return found


def _entry(key: bytes, proto: Any) -> BundleEntry:  # noqa: ANN401 - a generated protobuf class
    start, size = int(proto.offset), int(proto.size)
    if min(start, size) < 0:
        raise ValueError("a negative place")
    return BundleEntry(
        key=key.decode("utf-8", "replace"),
        shard=int(proto.shard_id),
        start=start,
        end=start + size,
        dtype=dtype_name(proto.dtype),
        shape=tuple(int(dim.size) for dim in proto.shape.dim),
    )


def _block(content: bytes, start: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield keys and values of a block; each key repeats only what the one before has not."""
    if start + size + _TRAILER_BYTES > len(content) or content[start + size] != 0:
        raise ValueError("a block that is compressed, or lies outside of the file")
    block = content[start : start + size]
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 - 4 * restarts
    if end < 0:
        raise ValueError("a block without its end")
    at, key = 0, b""
    while at < end:
        shared, at = _varint(block, at)
        own, at = _varint(block, at)
        length, at = _varint(block, at)
        if shared > len(key) or at + own + length > end:
            raise ValueError("an entry that lies outside of its block")
        key = key[:shared] + block[at : at + own]
        yield key, block[at + own : at + own + length]
        at += own + length


def _handle(content: bytes, at: int) -> tuple[tuple[int, int], int]:
    start, at = _varint(content, at)
    size, at = _varint(content, at)
    return (start, size), at


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for count in range(_LONGEST_VARINT):
        if at + count >= len(content):
            break
        byte = content[at + count]
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:  # noqa: PLR2004 - the bit that says that more follows
            return value, at + count + 1
    raise ValueError("a number that does not end")


def read_full_names(content: bytes) -> dict[str, str]:
    """Return the names that the program gave its variables, by key.

    Args:
        content: Of the entry `OBJECT_GRAPH`: a length, a checksum of 4 bytes and the message.

    Returns:
        Nothing where the bytes are no object graph.
    """
    try:
        length, at = _varint(content, 0)
        graph = import_proto("core.protobuf.trackable_object_graph_pb2").TrackableObjectGraph()
        graph.ParseFromString(content[at + 4 : at + 4 + length])
    except Exception:  # noqa: BLE001 - protobuf's DecodeError differs by backend
        return {}
    return {
        attribute.checkpoint_key: attribute.full_name
        for node in graph.nodes
        for attribute in node.attributes
        if attribute.full_name
    }
