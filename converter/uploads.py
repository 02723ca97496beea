"""Uploads on disk: under their hash as soon as they arrive, shown by the name they came with."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from converter.comparison import write_whole
from converter.data_home import data_home
from converter.errors import StoreError
from converter.folder_upload import BLOCK_BYTES, Readable, pack_folder
from converter.limits import current_limits, setting_name


@dataclass(frozen=True)
class StoredFile:
    """An upload on disk: named by its hash, shown by the name it came with."""

    path: Path
    name: str
    sha256: str
    size_bytes: int


def store_upload(stream: BinaryIO, name: str) -> StoredFile:
    """Copy an upload to disk under its SHA-256, in blocks, and return where it lies.

    The given name is kept for display only and never becomes a path; a known suffix is kept
    because Keras looks at it.

    Raises:
        StoreError: When it is larger than the limit or cannot be written.
    """
    most = current_limits().upload_bytes

    def copy(target: IO[bytes]) -> str:
        while block := stream.read(BLOCK_BYTES):
            if target.tell() + len(block) > most:
                raise StoreError(
                    f"{name[:80]}: expected a file of at most {most} bytes, found a larger one; "
                    f"give a smaller one, or ask the operator, who may raise "
                    f"{setting_name('upload_bytes')}."
                )
            target.write(block)
        return name

    return _store(copy, name, _safe_suffix(name))


def store_folder(files: Sequence[tuple[str, Readable]]) -> StoredFile:
    """Pack a folder that was uploaded file by file into a zip under its SHA-256.

    Args:
        files: See `pack_folder`.

    Raises:
        ModelFileError: When its paths are unsafe or it is too large.
        StoreError: When it cannot be written.
    """
    most = current_limits().upload_bytes
    return _store(lambda target: pack_folder(files, target, most), "The folder", ".zip")


def _store(write: Callable[[IO[bytes]], str], shown: str, suffix: str) -> StoredFile:
    """Let `write` fill a file and move that to its hash; it returns the name to show."""
    folder = data_home() / "uploads"
    try:
        folder.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as partial:
            try:
                name = write(partial)
                partial.flush()
                os.fsync(partial.fileno())
            except BaseException:
                Path(partial.name).unlink()
                raise
        path = Path(partial.name)
        with path.open("rb") as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        target = path.replace(folder / (sha256 + suffix))
        size = target.stat().st_size
    except OSError as broken:
        raise StoreError(
            f"{shown[:80]}: the upload could not be kept ({broken.strerror}); free some disk space "
            "and upload it again."
        ) from broken
    stored = StoredFile(target, name, sha256, size)
    _remember_name(stored)
    return stored


def _remember_name(stored: StoredFile) -> None:
    """Keep the name that an upload came with, so that its hash alone leads back to it."""
    with contextlib.suppress(OSError):  # the upload itself is safe; only a link to it is not
        folder = data_home() / "upload_names"
        folder.mkdir(exist_ok=True)
        entry = {"name": stored.name, "file": stored.path.name}
        write_whole(folder / f"{stored.sha256}.json", json.dumps(entry).encode())


def find_upload(sha256: str) -> StoredFile | None:
    """Return an earlier upload by its SHA-256, under the name that it came with last."""
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        return None
    try:
        entry = json.loads((data_home() / "upload_names" / f"{sha256}.json").read_text())
        path = data_home() / "uploads" / Path(entry["file"]).name
        return StoredFile(path, str(entry["name"]), sha256, path.stat().st_size)
    except (OSError, ValueError, KeyError, TypeError):
        return None


_KNOWN_SUFFIXES = {".keras", ".h5", ".hdf5", ".zip", ".pb", ".tflite", ".npz", ".npy", ".csv"}


def _safe_suffix(name: str) -> str:
    suffix = Path(name.replace("\\", "/")).suffix.lower()
    return suffix if suffix in _KNOWN_SUFFIXES else ""


def is_upload(path: Path) -> bool:
    """Whether a file was uploaded by somebody, not bundled or named by the operator."""
    return path.resolve().is_relative_to((data_home() / "uploads").resolve())


def touch_upload(path: Path) -> None:
    """Say that an upload is in somebody's hands, so that it is not cleaned away."""
    with contextlib.suppress(OSError):
        if is_upload(path):
            os.utime(path)


def forget_uploads(needed: Collection[Path], idle_seconds: float) -> int:
    """Remove the uploads that no run needs and nobody touched lately; return the bytes freed.

    Args:
        needed: Files that runs refer to.
        idle_seconds: How long an upload stays that no run needs: somebody may be about to use it.
    """
    kept = {path.resolve() for path in needed}
    freed = 0
    with contextlib.suppress(OSError):
        for path in list((data_home() / "uploads").iterdir()):
            with contextlib.suppress(OSError):
                facts = path.stat()
                if path.resolve() in kept or time.time() - facts.st_mtime < idle_seconds:
                    continue
                path.unlink()
                name = data_home() / "upload_names" / f"{path.name.partition('.')[0]}.json"
                name.unlink(missing_ok=True)
                freed += facts.st_size
    return freed
