"""Zip files from strangers: refused before unpacking when their table of contents is unsafe."""

from __future__ import annotations

import lzma
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from converter.errors import LiteDriftError
from converter.limits import current_limits

# What zipfile and its decompressors raise on damaged bytes.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    OSError,
    EOFError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
_LONGEST_PATH = 1024  # bytes; the folder that it is unpacked into comes before it
_LONGEST_NAME = 255


def open_zip(path: Path, error: type[LiteDriftError]) -> zipfile.ZipFile:
    """Open a zip whose every member is safe to unpack.

    Args:
        path: The archive.
        error: The error class to raise, so that the message names a model or a data file.

    Raises:
        LiteDriftError: (as `error`) when the archive is damaged, encrypted, too large once
            unpacked, or names a member outside its own folder.
    """
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGE as broken:
        raise error(
            f"{path.name}: expected a complete zip archive, found a damaged one ({broken}); "
            "pack or upload it again."
        ) from broken
    try:
        _check_members(path, archive.infolist(), error)
    except LiteDriftError:
        archive.close()
        raise
    return archive


def _check_members(path: Path, members: list[zipfile.ZipInfo], error: type[LiteDriftError]) -> None:
    limits = current_limits()
    if len(members) > limits.archive_members:
        raise error(
            f"{path.name}: expected at most {limits.archive_members} files in the archive, found "
            f"{len(members)}; pack fewer."
        )
    unpacked = sum(member.file_size for member in members)
    if unpacked > limits.unpacked_bytes:
        raise error(
            f"{path.name}: expected at most {limits.unpacked_bytes} bytes once unpacked, found "
            f"{unpacked}; raise LITEDRIFT_UNPACKED_BYTES if you trust the file."
        )
    seen: set[str] = set()
    for member in members:
        fault = _fault_of(member)
        if member.filename in seen:
            fault = "expected each member once, found {name} twice; pack it again"
        if fault:
            raise error(f"{path.name}: {fault.format(name=repr(member.filename[:80]))}.")
        seen.add(member.filename)
    both = seen & _folders_of(seen)
    if both:
        raise error(
            f"{path.name}: expected a file or a folder of one name, found both for "
            f"{min(both)[:80]!r}; pack it again."
        )


def _folders_of(names: Iterable[str]) -> set[str]:
    """Return every folder that the names lie in."""
    folders: set[str] = set()
    for name in names:
        folder = name.rstrip("/").rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


def _fault_of(member: zipfile.ZipInfo) -> str | None:
    """Return why a member cannot be unpacked safely, None where it can."""
    if _leaves_folder(member.filename):
        return (
            "expected members inside the archive's own folder, found {name}; pack it again without "
            "such paths"
        )
    if _is_too_long(member.filename):
        return "expected member names that a disk can hold, found {name} and more; pack it again"
    if member.flag_bits & 0x1:
        return "the archive is encrypted; pack it again without a password"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "the archive holds a symbolic link ({name}); pack the file itself"
    return None


def _is_too_long(name: str) -> bool:
    """Whether no disk could hold a member's name, so that unpacking would fail half-way."""
    path = name.encode("utf-8", "replace")
    return len(path) > _LONGEST_PATH or any(len(part) > _LONGEST_NAME for part in path.split(b"/"))


def _leaves_folder(name: str) -> bool:
    """Whether a member's name could lead out of the folder that it is unpacked into."""
    slashed = name.replace("\\", "/")
    # An empty part hides a root: cut behind its first slash, "a//etc/x" is "/etc/x".
    hidden_root = slashed.startswith("/") or "//" in slashed
    has_drive = re.match(r"[A-Za-z]:", slashed) is not None
    return hidden_root or has_drive or ".." in slashed.split("/")


def content_members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the files of an archive without folders and macOS's own bookkeeping."""
    return [
        member
        for member in archive.infolist()
        if not member.is_dir()
        and "__MACOSX" not in PurePosixPath(member.filename).parts
        and PurePosixPath(member.filename).name not in {".DS_Store", "Thumbs.db"}
    ]


def read_member(
    archive: zipfile.ZipFile, name: str, error: type[LiteDriftError], max_bytes: int | None = None
) -> bytes:
    """Return one member's bytes, never more than its declared size.

    Raises:
        LiteDriftError: (as `error`) when the member is missing, damaged or larger than allowed.
    """
    file = Path(archive.filename or "archive").name
    try:
        info = archive.getinfo(name)
        if max_bytes is not None and info.file_size > max_bytes:
            raise error(
                f"{file}: expected at most {max_bytes} bytes in {name}, found {info.file_size}; "
                "save the model again."
            )
        with archive.open(info) as stream:
            return stream.read(info.file_size)
    except _DAMAGE as broken:
        raise error(
            f"{file}: expected a readable {name} inside, found {broken}; save or pack it again."
        ) from broken


def extract_below(
    archive: zipfile.ZipFile, prefix: str, target: Path, error: type[LiteDriftError]
) -> None:
    """Unpack the members below `prefix` into `target`, keeping their relative paths.

    Raises:
        LiteDriftError: (as `error`) when a member is damaged, leads out of `target`, or has a name
            that the disk cannot hold.
    """
    root = target.resolve()
    for member in content_members(archive):
        if not member.filename.startswith(prefix):
            continue
        try:
            destination = (root / member.filename[len(prefix) :]).resolve()
            if not destination.is_relative_to(root):
                raise ValueError("it leads out of its folder")
            destination.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, destination.open("wb") as sink:
                shutil.copyfileobj(source, sink)
        except _DAMAGE as broken:
            raise error(
                f"{Path(archive.filename or 'archive').name}: {member.filename[:80]!r} cannot be "
                f"unpacked ({broken}); pack the archive again."
            ) from broken
