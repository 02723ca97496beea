"""The parts of the file that a person brought: archives, HDF5 groups, protobufs, folders."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

from converter.anatomy import CONTAINER, GRAPH, AnatomyNode, branch, leaf
from converter.archive import open_zip, read_member
from converter.byte_pieces import Measure, Piece, build_tree, measure_deflated
from converter.errors import ModelFileError
from converter.graph_anatomy import REST, frozen_graph_pieces
from converter.hdf5_anatomy import read_hdf5_anatomy
from converter.limits import current_limits
from converter.model_file import detect_format
from converter.saved_model_anatomy import SavedModelParts, file_role
from converter.saved_model_file import find_saved_model_prefix
from converter.tflite_anatomy import read_tflite_anatomy

_LOCAL_HEADER = struct.Struct("<26xHH")  # of a zip's member; behind it its name and extra field
_HEADERS = Piece(("zip headers and directory",), CONTAINER, 0, 0)


def read_original_anatomy(path: Path, name: str) -> AnatomyNode:
    """Return the tree of a model file or folder; nothing of it is executed.

    Args:
        path: Where it lies.
        name: What the root is called.

    Raises:
        ModelFileError: When it is no model file that can be read.
    """
    kind = detect_format(path)
    if kind == "tflite":
        return read_tflite_anatomy(path, name)
    if kind == "h5":
        with path.open("rb") as stream:
            return read_hdf5_anatomy(stream, name, path.stat().st_size)
    if kind == "frozen_graph":
        content = path.read_bytes()
        pieces = frozen_graph_pieces(content) or [Piece(("graph",), GRAPH, 0, len(content))]
        return build_tree(name, pieces, len(content), rest=REST)
    return _folder(path, name) if path.is_dir() else _archive(path, name, kind)


def _folder(path: Path, name: str) -> AnatomyNode:
    sizes = {
        file.relative_to(path).as_posix(): file.stat().st_size
        for file in sorted(path.rglob("*")) if file.is_file()
    }  # fmt: skip

    def read(file: str, start: int, end: int) -> bytes:
        with (path / file).open("rb") as stream:
            stream.seek(start)
            return stream.read(end - start)

    parts = SavedModelParts(sizes, read)
    return branch(name, [
        _saved_model_file(parts, file, size, size) for file, size in sizes.items()
    ])  # fmt: skip


def _saved_model_file(
    parts: SavedModelParts,
    file: str,
    size: int,
    stored: int,
    measure: Measure | None = None,
) -> AnatomyNode:
    """Return a file as its parts; as one where nothing is known of them.

    Args:
        parts: Of its SavedModel.
        file: Its path below the model's folder.
        size: Its bytes once unpacked.
        stored: Its bytes where it lies.
        measure: How many of those stand for a range of it; None where they are the same.
    """
    pieces, rest = parts.pieces(file)
    detail = "" if stored == size else f"compressed; {size:,} bytes once unpacked"
    if not pieces or (measure is None and stored != size):
        return leaf(file, file_role(file), stored, detail)
    tree = build_tree(file, pieces, size, rest=rest, measure=measure)
    return branch(file, tree.children, detail)


def _archive(path: Path, name: str, kind: str) -> AnatomyNode:
    """Each member with its bytes as they lie in the archive, then what a zip needs around them."""
    with open_zip(path, ModelFileError) as archive, path.open("rb") as stream:
        members = {member.filename: member for member in archive.infolist()}
        places = {name: _place(stream, member) for name, member in members.items()}
        pieces = [
            Piece((name,), file_role(name), *place) for name, place in places.items()
        ]  # fmt: skip
        tree = build_tree(name, pieces, path.stat().st_size, rest=_HEADERS)
        take_apart = _keras_member if kind == "keras" else _zipped_saved_model(archive, path)
        children = []
        for child in tree.children:
            member = members.get(child.name)
            # Members that overlap, in a hostile archive, have not all of their bytes.
            if member is None or child.size_bytes != member.compress_size:
                children.append(child)
                continue
            start, end = places[child.name]
            stream.seek(start)
            content = stream.read(end - start) if _is_small(member) else b""
            children.append(take_apart(archive, member, content))
    return branch(name, children)


def _is_small(member: zipfile.ZipInfo) -> bool:
    return member.compress_size <= current_limits().unpacked_bytes


def _place(stream: io.BufferedReader, member: zipfile.ZipInfo) -> tuple[int, int]:
    """Return where the content of a member lies: behind its header, its name and extra field."""
    stream.seek(member.header_offset)
    header = stream.read(_LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size:
        return 0, 0
    start = member.header_offset + _LOCAL_HEADER.size + sum(_LOCAL_HEADER.unpack(header))
    return start, start + member.compress_size


Apart = Callable[[zipfile.ZipFile, zipfile.ZipInfo, bytes], AnatomyNode]


def _whole(member: zipfile.ZipInfo, detail: str = "") -> AnatomyNode:
    if member.compress_type != zipfile.ZIP_STORED:
        detail = f"compressed; {member.file_size:,} bytes once unpacked"
    return leaf(member.filename, file_role(member.filename), member.compress_size, detail)


def _keras_member(_: zipfile.ZipFile, member: zipfile.ZipInfo, content: bytes) -> AnatomyNode:
    is_plain = member.compress_type == zipfile.ZIP_STORED
    if is_plain and content and member.filename.endswith(".h5"):
        try:
            return read_hdf5_anatomy(io.BytesIO(content), member.filename, member.compress_size)
        except ModelFileError:  # the archive's other parts can be read all the same
            return _whole(member, "cannot be read as HDF5")
    return _whole(member)


def _zipped_saved_model(archive: zipfile.ZipFile, path: Path) -> Apart:
    prefix = find_saved_model_prefix(path) or ""
    sizes = {
        m.filename.removeprefix(prefix): m.file_size
        for m in archive.infolist() if m.filename.startswith(prefix)
    }  # fmt: skip

    def read(file: str, start: int, end: int) -> bytes:
        return read_member(archive, prefix + file, ModelFileError)[start:end]

    parts = SavedModelParts(sizes, read)

    def take_apart(_: zipfile.ZipFile, member: zipfile.ZipInfo, content: bytes) -> AnatomyNode:
        file = member.filename.removeprefix(prefix)
        if not member.filename.startswith(prefix) or not content:
            return _whole(member)
        measure = None
        if member.compress_type == zipfile.ZIP_DEFLATED:
            measure = measure_deflated(content)
        elif member.compress_type != zipfile.ZIP_STORED:
            return _whole(member)
        return _saved_model_file(parts, file, member.file_size, member.compress_size, measure)

    return take_apart
