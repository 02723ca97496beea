"""The parts of a SavedModel's files: its graph by function, its variables one by one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from converter.anatomy import ASSETS, CONTAINER, GRAPH, METADATA, OPTIMIZER, WEIGHTS
from converter.byte_pieces import Piece
from converter.graph_anatomy import REST, saved_model_pieces
from converter.saved_model_file import SAVED_MODEL_PB
from converter.variable_bundle import (
    OBJECT_GRAPH,
    BundleEntry,
    read_bundle_index,
    read_full_names,
)

Read = Callable[[str, int, int], bytes]
"""Returns the bytes of a file, by its name, between two positions."""
INDEX = "variables/variables.index"
_SHARD = re.compile(r"variables/variables\.data-(\d{5})-of-\d{5}")
_NAME_LENGTH = 120
_LARGEST_INDEX = 256 << 20
_LARGEST_GRAPH = 1 << 30
_LARGEST_NAMES = 64 << 20
_SECOND_COPY = "_all_variables"
_NOT_LISTED = Piece(("bytes that the index does not list",), CONTAINER, 0, 0)
_COUNTERS, _SEEDS = "counters of training", "random seeds"


def file_role(name: str) -> str:
    """Return what a member of an archive, or a file of a folder, is for as a whole."""
    last = PurePosixPath(name).name
    if last in {"config.json", SAVED_MODEL_PB}:
        return GRAPH
    if ".data-" in last or last.endswith((".weights.h5", ".h5")):
        return WEIGHTS
    if last in {"metadata.json", "fingerprint.pb", "keras_metadata.pb"}:
        return METADATA
    return CONTAINER if last == "variables.index" else ASSETS


class SavedModelParts:
    """Takes the files of a SavedModel apart.

    Args:
        sizes: Bytes of each file, by its path below the model's folder.
        read: Gives their bytes.
    """

    def __init__(self, sizes: Mapping[str, int], read: Read) -> None:
        self._sizes = sizes
        self._read = read
        self._entries = self._read_entries()
        self._names = self._read_names()

    def pieces(self, file: str) -> tuple[list[Piece], Piece]:
        """Return the parts of a file and what lies between them; none where it is one part."""
        if file == SAVED_MODEL_PB and self._sizes[file] <= _LARGEST_GRAPH:
            return saved_model_pieces(self._read(file, 0, self._sizes[file])), REST
        shard = _SHARD.fullmatch(file)
        if shard is None:
            return [], REST
        number, size = int(shard[1]), self._sizes[file]
        return [
            self._piece(entry)
            for entry in self._entries if entry.shard == number and entry.end <= size
        ], _NOT_LISTED  # fmt: skip

    def _read_entries(self) -> list[BundleEntry]:
        if not 0 < self._sizes.get(INDEX, 0) <= _LARGEST_INDEX:
            return []
        try:
            return read_bundle_index(self._read(INDEX, 0, self._sizes[INDEX]))
        except Exception:  # noqa: BLE001 - protobuf's DecodeError differs by backend
            return []

    def _read_names(self) -> dict[str, str]:
        graph = next((e for e in self._entries if e.key == OBJECT_GRAPH), None)
        if graph is None or graph.end - graph.start > _LARGEST_NAMES:
            return {}
        for file, size in self._sizes.items():
            shard = _SHARD.fullmatch(file)
            if shard is not None and int(shard[1]) == graph.shard and graph.end <= size:
                return read_full_names(self._read(file, graph.start, graph.end))
        return {}

    def _piece(self, entry: BundleEntry) -> Piece:
        """Return a variable under its layer, in the group of those that serve the same."""
        detail = f"{entry.dtype} {list(entry.shape)}"
        name = self._names.get(entry.key, "") or entry.place
        path, role = self._place(entry, name)
        shown = tuple(part[:_NAME_LENGTH] or "unnamed" for part in path)
        return Piece(shown, role, entry.start, entry.end, detail)

    def _place(self, entry: BundleEntry, name: str) -> tuple[tuple[str, ...], str]:
        if entry.key == OBJECT_GRAPH:
            return ("object graph",), METADATA
        if entry.is_optimizer:
            return ("optimizer state", name), OPTIMIZER
        if entry.is_counter:
            return (_COUNTERS, entry.place), METADATA
        if "seed_generator" in name:
            return (_SEEDS, name), METADATA
        layer, _, last = name.rpartition("/")
        top = "variables"
        if entry.key.startswith(f"{_SECOND_COPY}/"):
            top = f"the same variables once more ({_SECOND_COPY})"
        return (top, *([layer] if layer else []), last), WEIGHTS
