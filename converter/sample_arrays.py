"""Named arrays on disk, one `.npy` each, so that workers can map them instead of reading them."""

from __future__ import annotations

import json
import mmap
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol

import numpy as np

_INDEX = "index.json"
RELEASE_BYTES = 1 << 19
"""After reading so much of mapped arrays their pages are given back."""


def save_arrays(folder: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays into a folder; their names need not be fit for file names."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, array in enumerate(arrays.values()):
        np.save(folder / f"{number}.npy", array, allow_pickle=False)
    (folder / _INDEX).write_text(json.dumps(list(arrays)))


def load_arrays(folder: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a folder by name, mapped read-only."""
    names = json.loads((folder / _INDEX).read_text())
    return {
        name: np.load(folder / f"{number}.npy", mmap_mode="r", allow_pickle=False)
        for number, name in enumerate(names)
    }


def load_npz(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an `.npz` that `save_npz` wrote."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


class ArraysOnDisk(Mapping[str, np.ndarray]):
    """The arrays of an `.npz` that `save_npz` wrote, each read anew when it is asked for.

    Args:
        path: The file; it must stay in place.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __getitem__(self, name: str) -> np.ndarray:
        with np.load(self._path, allow_pickle=False) as archive:
            return archive[name]

    def __iter__(self) -> Iterator[str]:
        with np.load(self._path, allow_pickle=False) as archive:
            return iter(list(archive.files))

    def __len__(self) -> int:
        return len(list(iter(self)))


class ArraySink(Protocol):
    """Takes named arrays block by block, samples first."""

    def append(self, block: Mapping[str, np.ndarray]) -> None:
        """Take the next samples of every array."""

    def restart(self) -> None:
        """Forget what was taken: it is all given again."""


class CollectedArrays:
    """Keeps the blocks in memory, for few samples."""

    def __init__(self) -> None:
        self._blocks: list[Mapping[str, np.ndarray]] = []

    def append(self, block: Mapping[str, np.ndarray]) -> None:
        """Keep a block."""
        self._blocks.append(block)

    def restart(self) -> None:
        """Forget all blocks."""
        self._blocks.clear()

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the whole arrays by name; none where nothing was appended."""
        names = self._blocks[0] if self._blocks else ()
        return {name: np.concatenate([block[name] for block in self._blocks]) for name in names}


class ArrayWriter:
    """Writes blocks to disk as they come, in `save_arrays`'s form: one at a time is in memory.

    A context manager: the arrays can be loaded after its end.

    Args:
        folder: Made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._streams: dict[str, IO[bytes]] = {}
        self._kinds: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {}
        self._rows: dict[str, int] = {}

    def append(self, block: Mapping[str, np.ndarray]) -> None:
        """Write the next samples.

        Raises:
            ValueError: When an array is missing, or of another type or shape than before.
        """
        if not self._streams:
            self._begin(block)
        if set(block) != set(self._streams):
            raise ValueError(f"expected the arrays {list(self._streams)}, found {list(block)}")
        for name, array in block.items():
            kind = (array.dtype, array.shape[1:])
            if kind != self._kinds[name]:
                raise ValueError(f"expected {name} as {self._kinds[name]}, found {kind}")
            self._streams[name].write(np.ascontiguousarray(array).tobytes())
            self._rows[name] += len(array)

    def restart(self) -> None:
        """Drop what was written."""
        self._close_all()
        self._streams, self._kinds, self._rows = {}, {}, {}

    def _begin(self, block: Mapping[str, np.ndarray]) -> None:
        for number, (name, array) in enumerate(block.items()):
            self._kinds[name] = (array.dtype, array.shape[1:])
            self._rows[name] = 0
            self._streams[name] = (self._folder / f"{number}.npy").open("wb")
            self._write_header(name)

    def _write_header(self, name: str) -> None:
        # NumPy leaves room in it for any count, so that it can be written again at the end.
        dtype, shape = self._kinds[name]
        header = np.lib.format.header_data_from_array_1_0(np.empty((0, *shape), dtype))
        header["shape"] = (self._rows[name], *shape)
        np.lib.format.write_array_header_1_0(self._streams[name], header)

    def _close_all(self) -> None:
        for stream in self._streams.values():
            stream.close()

    def __enter__(self) -> ArrayWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            for name, stream in self._streams.items():
                stream.seek(0)
                self._write_header(name)
            (self._folder / _INDEX).write_text(json.dumps(list(self._streams)))
        self._close_all()


def write_rows(folder: Path, arrays: Mapping[str, np.ndarray], rows: np.ndarray) -> None:
    """Write some samples of arrays in `save_arrays`'s form, a block at a time.

    Args:
        folder: Made where it is missing.
        arrays: Each of shape `(samples, ...)`; mapped ones stay on disk.
        rows: Which samples, in ascending order.
    """
    size = max(1, sum(array[:1].nbytes for array in arrays.values()))
    count = max(1, RELEASE_BYTES // size)
    pages = PageReleaser(arrays.values())
    with ArrayWriter(folder) as writer:
        for start in range(0, max(1, len(rows)), count):
            part = rows[start : start + count]
            writer.append({name: array[part] for name, array in arrays.items()})
            pages.note(len(part) * size)


class PageReleaser:
    """Keeps the pages of mapped arrays that were read from counting as this process's memory.

    Without it the resident size of a process that reads a mapped file from end to end grows to
    the file's size, although the system could take the pages back.

    Args:
        arrays: Of `load_arrays`; others are left alone.
    """

    def __init__(self, arrays: Iterable[np.ndarray]) -> None:
        self._maps = [found for array in arrays if (found := _map_of(array)) is not None]
        self._read = 0

    def note(self, read_bytes: int) -> None:
        """Count what was read, and give the pages back when it is much."""
        self._read += read_bytes
        if self._read >= RELEASE_BYTES:
            self._read = 0
            for mapped in self._maps:
                mapped.madvise(mmap.MADV_DONTNEED)


def _map_of(array: Any) -> mmap.mmap | None:  # noqa: ANN401 - an array or what it is a view of
    while array is not None and not isinstance(array, mmap.mmap):
        array = getattr(array, "base", None)
    return array


def save_npz(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write an `.npz`; unlike `numpy.savez` an array may have any name, `file` included."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)
