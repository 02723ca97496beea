"""A tree of a file's parts out of the ranges of bytes where they lie: nothing is counted twice."""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from converter.anatomy import AnatomyNode, branch, leaf

Measure = Callable[[int, int], int]
_STEP = 16
"""Bytes of a compressed stream that are read at once where their content is attributed."""
_MOST_STEPS = 1_000_000


@dataclass(frozen=True)
class Piece:
    """A range of bytes that serves one part.

    Attributes:
        path: Names from below the root down to the part; pieces of one path are one part.
        role: One of `anatomy.ROLES`.
        start: The first byte's position.
        end: The position after the last byte.
        detail: A line about the part.
        unit: What its pieces are, counted in place of the detail where there are several.
    """

    path: tuple[str, ...]
    role: str
    start: int
    end: int
    detail: str = ""
    unit: str = ""


@dataclass
class _Part:
    """A part while it is put together: of a leaf its bytes, of a group its parts."""

    role: str = ""
    size_bytes: int = 0
    detail: str = ""
    unit: str = ""
    pieces: int = 0
    parts: dict[str, _Part] | None = None


def build_tree(
    name: str, pieces: Iterable[Piece], size: int, *, rest: Piece, measure: Measure | None = None
) -> AnatomyNode:
    """Return the tree of the bytes from 0 to `size`, whose sum is their size exactly.

    Args:
        name: What the root is called.
        pieces: In any order; where two overlap, the one that begins first has the bytes.
        size: Number of bytes.
        rest: Whose path, role and detail what lies between the pieces has.
        measure: Size of a range, additive; its number of bytes when left out.
    """
    measure = measure or (lambda start, end: end - start)
    root = _Part(parts={})
    for piece in _without_gaps(pieces, size, rest):
        _add(root, piece, measure(piece.start, piece.end))
    return _node(name, root)


def _without_gaps(pieces: Iterable[Piece], size: int, rest: Piece) -> Iterator[Piece]:
    at = 0
    for piece in sorted(pieces, key=lambda piece: (piece.start, -piece.end)):
        start, end = max(at, piece.start), min(piece.end, size)
        if start > end:
            continue
        if start > at:
            yield Piece(rest.path, rest.role, at, start, rest.detail)
        yield Piece(piece.path, piece.role, start, end, piece.detail, piece.unit)
        at = end
    if at < size:
        yield Piece(rest.path, rest.role, at, size, rest.detail)


def _add(root: _Part, piece: Piece, size: int) -> None:
    place = root
    for key in piece.path:
        if place.parts is None:  # a group of the name of a part: it becomes a part of its own
            place.parts = {}
        place = place.parts.setdefault(key, _Part())
    place.role, place.unit = place.role or piece.role, place.unit or piece.unit
    place.detail = place.detail or piece.detail
    place.size_bytes += size
    place.pieces += 1


def _node(name: str, part: _Part) -> AnatomyNode:
    detail = f"{part.pieces:,} {part.unit}" if part.unit and part.pieces > 1 else part.detail
    if part.parts is None:
        return leaf(name, part.role, part.size_bytes, detail)
    children = [_node(key, child) for key, child in part.parts.items()]
    if part.size_bytes:
        children.insert(0, leaf(name, part.role, part.size_bytes, detail))
    return branch(name, children)


def measure_deflated(stream: bytes) -> Measure | None:
    """Return how many bytes of a deflated stream stand for a range of what it unpacks to.

    A part has the bytes that were read, in steps of 16, from the moment when all before it was
    unpacked until all of it was. Ranges beside each other sum to the stream exactly.

    Args:
        stream: Raw deflate data, as in a zip.

    Returns:
        None where the stream is damaged or too long to be followed.
    """
    if len(stream) > _STEP * _MOST_STEPS:
        return None
    unpacked, read = [0], [0]
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for start in range(0, len(stream), _STEP):
            out = len(inflate.decompress(stream[start : start + _STEP]))
            if out:
                unpacked.append(unpacked[-1] + out)
                read.append(min(start + _STEP, len(stream)))
    except zlib.error:
        return None
    if not inflate.eof:
        return None
    read[-1] = len(stream)
    return _stepwise(unpacked, read)


def _stepwise(unpacked: Sequence[int], read: Sequence[int]) -> Measure:
    def until(place: int) -> int:
        """Return the bytes that were read when everything before a place was unpacked."""
        if place >= unpacked[-1]:
            return read[-1]
        return read[bisect_right(unpacked, place) - 1]

    return lambda start, end: until(end) - until(start)
