"""The parts of the file that a person brought: archives, HDF5 groups, protobufs, folders."""

from __future__ import annotations

import io
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import h5py

from converter.anatomy import (
    ASSETS,
    CONTAINER,
    GRAPH,
    METADATA,
    OPTIMIZER,
    SIGNATURES,
    WEIGHTS,
    AnatomyNode,
    branch,
    leaf,
)
from converter.archive import open_zip, read_member
from converter.errors import ModelFileError
from converter.frozen_graph_file import parse_graph_def
from converter.hdf5_walk import walk_hdf5
from converter.model_file import detect_format
from converter.saved_model_file import parse_saved_model, read_saved_model
from converter.tflite_anatomy import read_tflite_anatomy

_MOST_INNER_BYTES = 2 << 30
_OPTIMIZERS = ("optimizer", "optimizer_weights")


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
        with h5py.File(path, "r") as file:
            return _hdf5(file, name, path.stat().st_size)
    if kind == "frozen_graph":
        return _frozen(path, name)
    if path.is_dir():
        return _folder(path, name)
    return _archive(path, name)


def _archive(path: Path, name: str) -> AnatomyNode:
    """Each member with its compressed bytes and its headers, then the directory at the end."""
    with open_zip(path, ModelFileError) as archive:
        members = sorted(archive.infolist(), key=lambda member: member.header_offset)
        ends = [m.header_offset for m in members[1:]] + [archive.start_dir]
        children, directory = [], path.stat().st_size - archive.start_dir
        for member, end in zip(members, ends, strict=True):
            content = _member(archive, member)
            headers = end - member.header_offset - member.compress_size
            children += [content, leaf(f"header of {member.filename}", CONTAINER, headers)]
    headers = sum(c.size_bytes for c in children if c.name.startswith("header of "))
    kept = [c for c in children if not c.name.startswith("header of ")]
    return branch(name, [*kept, leaf("zip headers and directory", CONTAINER,
                                     headers + directory)])  # fmt: skip


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> AnatomyNode:
    is_plain = member.compress_type == zipfile.ZIP_STORED
    if is_plain and member.filename.endswith(".h5") and member.file_size < _MOST_INNER_BYTES:
        content = read_member(archive, member.filename, ModelFileError, _MOST_INNER_BYTES)
        with h5py.File(io.BytesIO(content), "r") as file:
            return _hdf5(file, member.filename, member.compress_size)
    detail = "" if is_plain else f"compressed; {member.file_size:,} bytes once unpacked"
    return leaf(member.filename, _role(member.filename), member.compress_size, detail)


def _role(name: str) -> str:
    last = name.rsplit("/", 1)[-1]
    if last in {"config.json", "saved_model.pb"}:
        return GRAPH
    if ".data-" in last or last.endswith((".weights.h5", ".h5")):
        return WEIGHTS
    if last in {"metadata.json", "fingerprint.pb", "keras_metadata.pb"}:
        return METADATA
    if last == "variables.index":
        return CONTAINER
    return ASSETS


def _hdf5(file: h5py.File, name: str, size: int) -> AnatomyNode:
    """Datasets by their storage, grouped as in the file; what is left is HDF5's own."""
    groups: dict[str, list[AnatomyNode]] = defaultdict(list)
    total = 0
    for place, _, item in walk_hdf5(file, name):
        if not isinstance(item, h5py.Dataset):
            continue
        stored = int(item.id.get_storage_size())
        if not stored or total + stored > size:
            continue
        total += stored
        parts = place.split("/")
        role = OPTIMIZER if any(part in _OPTIMIZERS for part in parts[:2]) else WEIGHTS
        group = "/".join(parts[:-2] if parts[-2:-1] == ["vars"] else parts[:-1]) or "/"
        groups[group].append(leaf(parts[-1], role, stored, f"{item.dtype} {list(item.shape)}"))
    texts = []
    for key in ("model_config", "training_config"):
        text = file.attrs.get(key)
        length = len(text.encode() if isinstance(text, str) else text) if text is not None else 0
        if length and total + length <= size:
            total += length
            texts.append(leaf(key, GRAPH if key == "model_config" else METADATA, length, "JSON"))
    return branch(name, [
        *texts,
        *(branch(group, children) for group, children in groups.items()),
        leaf("HDF5 structure", CONTAINER, size - total, "headers, names, free space"),
    ], f"{sum(len(c) for c in groups.values())} arrays")  # fmt: skip


def _folder(path: Path, name: str) -> AnatomyNode:
    facts = read_saved_model(path)
    children = []
    for file in sorted(each for each in path.rglob("*") if each.is_file()):
        size, shown = file.stat().st_size, file.relative_to(path).as_posix()
        if shown == "saved_model.pb":
            children.append(_saved_model(path.name, file.read_bytes(), shown))
        elif ".data-" in file.name and facts.parameter_bytes + facts.optimizer_bytes <= size:
            rest = size - facts.parameter_bytes - facts.optimizer_bytes
            children.append(branch(shown, [
                leaf("variables of the model", WEIGHTS, facts.parameter_bytes),
                leaf("variables of the optimizer", OPTIMIZER, facts.optimizer_bytes),
                leaf("object graph, counters, seeds", CONTAINER, rest),
            ]))  # fmt: skip
        else:
            children.append(leaf(shown, _role(shown), size))
    return branch(name, children)


def _saved_model(model: str, content: bytes, name: str) -> AnatomyNode:
    """The protobuf's messages by their encoded bytes; what is left frames them."""
    graphs = parse_saved_model(model, content).meta_graphs
    graph = graphs[0] if graphs else None
    if graph is None:
        return leaf(name, GRAPH, len(content))
    library = graph.graph_def.library.function
    parts = [
        leaf("nodes of the main graph", GRAPH, sum(n.ByteSize() for n in graph.graph_def.node),
             f"{len(graph.graph_def.node)} nodes"),
        *(leaf(f"function {function.signature.name[:80]}", GRAPH, function.ByteSize(),
               f"{len(function.node_def)} nodes") for function in library),
        leaf("object graph", METADATA, graph.object_graph_def.ByteSize(),
             f"{len(graph.object_graph_def.nodes)} objects"),
        leaf("signatures", SIGNATURES,
             sum(signature.ByteSize() for signature in graph.signature_def.values()),
             f"{len(graph.signature_def)} signatures"),
    ]  # fmt: skip
    rest = len(content) - sum(part.size_bytes for part in parts)
    if rest < 0:
        return leaf(name, GRAPH, len(content))
    return branch(name, [*parts, leaf("frames of the messages and the rest", CONTAINER, rest)])


def _frozen(path: Path, name: str) -> AnatomyNode:
    graph, size = parse_graph_def(path), path.stat().st_size
    nodes = [] if graph is None else list(graph.node)
    constants = [
        leaf(node.name[:120], WEIGHTS, node.attr["value"].tensor.ByteSize())
        for node in nodes if node.op == "Const"
    ]  # fmt: skip
    others = _sum_of(node.ByteSize() for node in nodes if node.op != "Const")
    known = others + sum(part.size_bytes for part in constants)
    if known > size:
        return leaf(name, GRAPH, size)
    return branch(name, [
        branch("constants", constants, f"{len(constants)} constants"),
        leaf("other nodes", GRAPH, others, f"{len(nodes) - len(constants)} operations"),
        leaf("names of constants, functions and frames", CONTAINER, size - known),
    ])  # fmt: skip


def _sum_of(sizes: Iterable[int]) -> int:
    return sum(sizes)
