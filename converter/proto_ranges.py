"""Where in a protobuf's bytes each field lies, without building any message.

The wire format: a field is a varint (its number and how it is written), then a varint, 4 or 8
bytes, or a length and so many bytes. See protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
_LONGEST_VARINT = 10


@dataclass(frozen=True)
class Field:
    """One field.

    Attributes:
        number: As the `.proto` file has it.
        start: Where its number begins.
        inside: Where its content begins.
        end: The position after its last byte.
        is_message: Whether it has a length: a message, a string, or bytes.
    """

    number: int
    start: int
    inside: int
    end: int
    is_message: bool


def read_fields(content: bytes, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """Yield the fields of the message between two positions, in order.

    Raises:
        ValueError: When the bytes are no message.
    """
    at, end = start, len(content) if end is None else end
    while at < end:
        key, inside = _varint(content, at, end)
        kind = key & 7
        if kind == _VARINT:
            _, last = _varint(content, inside, end)
        elif kind == _BYTES:
            length, inside = _varint(content, inside, end)
            last = inside + length
        elif kind in {_EIGHT, _FOUR}:
            last = inside + (8 if kind == _EIGHT else 4)
        else:
            raise ValueError(f"a field of kind {kind} at byte {at}")
        if last > end:
            raise ValueError(f"a field at byte {at} that ends outside of its message")
        yield Field(key >> 3, at, inside, last, kind == _BYTES)
        at = last


def read_text(content: bytes, field: Field) -> str:
    """Return a field's content as text."""
    return content[field.inside : field.end].decode("utf-8", "replace")


def first_text(content: bytes, message: Field, number: int) -> str:
    """Return the first text of a number in a message; empty where it has none."""
    for field in read_fields(content, message.inside, message.end):
        if field.number == number and field.is_message:
            return read_text(content, field)
    return ""


def _varint(content: bytes, at: int, end: int) -> tuple[int, int]:
    value = 0
    for count in range(_LONGEST_VARINT):
        if at + count >= end:
            break
        byte = content[at + count]
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:  # noqa: PLR2004 - the bit that says that more follows
            return value, at + count + 1
    raise ValueError(f"a number that does not end at byte {at}")
