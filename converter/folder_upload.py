"""A folder that arrives file by file (a SavedModel, from a browser), packed into one zip."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Protocol

from converter.errors import ModelFileError
from converter.limits import MIB, current_limits, setting_name

BLOCK_BYTES = MIB
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip can hold: the same folder is the same zip whenever it is packed."""


class Readable(Protocol):
    """What is read to its end, block by block, before the next is read."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end."""


class LateFile:
    """A file that is opened when it is read: a SavedModel may have more than can be open at once.

    `pack_folder` reads each to its end before the next; only the end closes it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream: IO[bytes] | None = None

    def read(self, size: int, /) -> bytes:
        """Return the next block, empty at the end."""
        if self._stream is None:
            self._stream = self._path.open("rb")
        block = self._stream.read(size)
        if not block:
            self._stream.close()
        return block


def pack_folder(files: Sequence[tuple[str, Readable]], target: IO[bytes], max_bytes: int) -> str:
    """Write files into a zip, in the order of their names, and return their folder's name.

    The zip depends on names and contents below the folder alone, so the same folder gives the same
    bytes. Nothing is compressed: it is read once or twice and then thrown away.

    Args:
        files: Relative paths with `/`, as browsers give them (`"model/variables/x"`), with their
            content.
        target: Where the zip goes; open for writing, seekable.
        max_bytes: The contents' bytes at most.

    Raises:
        ModelFileError: When there is no file, a path is unsafe or there twice, or they are too
            many or too large.
    """
    top, names = _below_folder([name for name, _ in files])
    _check_names(names, top)
    left = max_bytes
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        contents = dict(zip(names, (content for _, content in files), strict=True))
        for name, content in sorted(contents.items(), key=lambda entry: entry[0]):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # else by the system's kind
            with archive.open(entry, "w", force_zip64=max_bytes >= zipfile.ZIP64_LIMIT) as sink:
                while block := content.read(BLOCK_BYTES):
                    left -= len(block)
                    if left < 0:
                        raise ModelFileError(
                            f"{top[:80]}: expected a folder of at most {max_bytes} bytes, found a "
                            "larger one; give a smaller one, or ask the operator, who may raise "
                            f"{setting_name('upload_bytes')}."
                        )
                    sink.write(block)
    return top


def _below_folder(names: list[str]) -> tuple[str, list[str]]:
    """Return the folder that all paths share, and the paths below it."""
    tops = {name.partition("/")[0] for name in names}
    if len(tops) == 1 and all("/" in name for name in names):
        return tops.pop(), [name.partition("/")[2] for name in names]
    return "folder", names


def _check_names(names: list[str], top: str) -> None:
    most = current_limits().archive_members
    unsafe = [name for name in (*names, top) if not _is_safe(name)]
    twice = len(names) - len(set(names))
    if not names:
        raise ModelFileError("The folder is empty; choose the one that holds a saved_model.pb.")
    if len(names) > most:
        raise ModelFileError(
            f"{top[:80]}: expected a folder of at most {most} files, found {len(names)}; leave out "
            "what the SavedModel does not need."
        )
    if unsafe or twice:
        found = repr(unsafe[0][:80]) if unsafe else "the same path twice"
        raise ModelFileError(
            f"{top[:80]}: expected paths inside the folder, found {found}; zip the folder and "
            "upload that."
        )


def _is_safe(name: str) -> bool:
    """Whether a path stays below its folder on any system."""
    parts = name.split("/")
    plain = re.fullmatch(r"[^\\\0]+", name) and not re.match(r"[A-Za-z]:", name)
    return bool(plain) and not {"", ".", ".."} & set(parts)
