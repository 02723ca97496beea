"""The parts of an HDF5 model file: its texts, and its arrays by layer."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import IO

import h5py

from converter.anatomy import (
    CONTAINER,
    GRAPH,
    METADATA,
    OPTIMIZER,
    WEIGHTS,
    AnatomyNode,
    branch,
    leaf,
)
from converter.errors import ModelFileError
from converter.hdf5_walk import walk_hdf5
from converter.keras_file import H5_DAMAGE, OPTIMIZER_GROUPS, is_seed_state, model_group

_TEXTS = {"model_config": GRAPH, "training_config": METADATA}
_OPTIMIZER, _METRICS, _OWN = "optimizer", "metrics and random seeds", "HDF5 structure"


def read_hdf5_anatomy(stream: IO[bytes], name: str, size: int) -> AnatomyNode:
    """Return the tree of an HDF5 file: arrays by their storage; what is left is HDF5's own.

    Args:
        stream: Its bytes.
        name: What the root is called.
        size: Number of bytes.

    Raises:
        ModelFileError: When it is damaged.
    """
    try:
        with h5py.File(stream, "r") as file:
            return _tree(file, name, size)
    except H5_DAMAGE as broken:
        raise ModelFileError(
            f"{name[:80]}: expected a readable HDF5 file, found a damaged one "
            f"({str(broken)[:120]}); save or upload it again."
        ) from broken


def _tree(file: h5py.File, name: str, size: int) -> AnatomyNode:
    groups: dict[str, list[AnatomyNode]] = defaultdict(list)
    left, arrays = size, 0
    for group, node in _arrays(file, name):
        if node.size_bytes <= left:  # arrays that share their storage, in a hostile file
            groups[group].append(node)
            left -= node.size_bytes
            arrays += 1
    texts = []
    for key, role in _TEXTS.items():
        length = _text_bytes(file, key)
        if 0 < length <= left:
            texts.append(leaf(key, role, length, "JSON"))
            left -= length
    return branch(name, [
        *texts,
        *(branch(group, groups[group]) for group in sorted(groups, key=_in_order)),
        leaf(_OWN, CONTAINER, left, "headers, names, free space"),
    ], f"{arrays:,} arrays")  # fmt: skip


def _in_order(name: str) -> list[tuple[int, str]]:
    """Sort `dense_10` behind `dense_9`."""
    return [(int(part), "") if part.isdecimal() else (-1, part)
            for part in re.split(r"(\d{1,9})", name)]  # fmt: skip


def _arrays(file: h5py.File, name: str) -> Iterator[tuple[str, AnatomyNode]]:
    """Yield each array that takes space, with the layer or the other group that it belongs to."""
    for place, _, item in walk_hdf5(file, name):
        if not isinstance(item, h5py.Dataset):
            continue
        stored = int(item.id.get_storage_size())
        parts = [part for part in place.split("/") if part]
        # `vars` and a number are how a `.keras` file names the arrays of a layer.
        layer = parts[:-2] if parts[-2:-1] == ["vars"] else parts[:-1]
        group, shown, role = "/".join(layer) or "top level", parts[-1], WEIGHTS
        if model_group(place) in OPTIMIZER_GROUPS:
            group, shown, role = _OPTIMIZER, "/".join(parts), OPTIMIZER
        elif model_group(place) == "metrics" or is_seed_state(place, item):
            group, shown, role = _METRICS, "/".join(parts), METADATA
        yield group, leaf(shown, role, stored, f"{item.dtype} {list(item.shape or ())}")


def _text_bytes(file: h5py.File, key: str) -> int:
    text = file.attrs.get(key)
    if isinstance(text, str):
        return len(text.encode("utf-8", "surrogateescape"))
    return len(text) if isinstance(text, bytes) else 0
