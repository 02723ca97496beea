"""Where artifacts lie: an interface, and files of a local folder under their SHA-256 behind it.

An artifact is first staged (copied, hashed, synced), then kept (moved to its name). Keeping is one
rename, so that it can take place inside the transaction that writes the row; see docs/runs.md.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from converter.errors import StoreError
from converter.limits import MB, current_limits, setting_name

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Staged:
    """Content that is safe on disk, and not yet kept.

    Attributes:
        sha256: Of the content, lower-case hex.
        size_bytes: Of the content.
        path: Where it waits.
    """

    sha256: str
    size_bytes: int
    path: Path


class ArtifactStore(Protocol):
    """Content under its SHA-256."""

    def stage(self, source: Path) -> Staged:
        """Copy a file's content in.

        Raises:
            StoreError: When there is no space for it.
        """

    def keep(self, staged: Staged) -> None:
        """Make staged content available; content that is there already is left as it is."""

    def drop(self, staged: Staged) -> None:
        """Give staged content up."""

    def path(self, sha256: str) -> Path:
        """Return a local file with the content, to be read only.

        Raises:
            StoreError: When there is none.
        """

    def forget(self, sha256: str) -> None:
        """Remove content; none of that hash is no error."""

    def stored(self) -> Iterator[tuple[str, int]]:
        """Return the hash and the size in bytes of everything that is kept."""

    def tidy(self, idle_seconds: float) -> None:
        """Remove what was staged long ago and never kept: whoever staged it was killed."""


class LocalArtifacts:
    """Artifacts in a folder of this machine.

    Args:
        folder: Made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder / "incoming"

    def stage(self, source: Path) -> Staged:
        """See `ArtifactStore`."""
        partial = None
        try:
            self._incoming.mkdir(parents=True, exist_ok=True)
            _check_space(self._folder, source)
            digest = hashlib.sha256()
            with (
                source.open("rb") as content,
                tempfile.NamedTemporaryFile(dir=self._incoming, delete=False) as target,
            ):
                partial = Path(target.name)
                while block := content.read(_BLOCK_BYTES):
                    digest.update(block)
                    target.write(block)
                target.flush()
                os.fsync(target.fileno())
            return Staged(digest.hexdigest(), partial.stat().st_size, partial)
        except OSError as broken:
            if partial is not None:
                partial.unlink(missing_ok=True)
            raise StoreError(
                f"{source.name[:80]}: the result could not be kept ({broken.strerror}); free some "
                "disk space and resume the run: what was kept before is safe."
            ) from broken

    def keep(self, staged: Staged) -> None:
        """See `ArtifactStore`."""
        target = self._place(staged.sha256)
        target.parent.mkdir(exist_ok=True)
        if target.is_file() and target.stat().st_size == staged.size_bytes:
            staged.path.unlink()
            return
        staged.path.chmod(0o644)  # temporary files are for their owner alone
        staged.path.replace(target)
        _sync_folder(target.parent)

    def drop(self, staged: Staged) -> None:
        """See `ArtifactStore`."""
        staged.path.unlink(missing_ok=True)

    def path(self, sha256: str) -> Path:
        """See `ArtifactStore`."""
        path = self._place(sha256)
        if not path.is_file():
            raise StoreError(
                f"The stored file {sha256[:12]} is gone from the data folder; run it again."
            )
        return path

    def forget(self, sha256: str) -> None:
        """See `ArtifactStore`."""
        self._place(sha256).unlink(missing_ok=True)

    def stored(self) -> Iterator[tuple[str, int]]:
        """See `ArtifactStore`."""
        for path in self._folder.glob("[0-9a-f][0-9a-f]/*"):
            yield path.name, path.stat().st_size

    def tidy(self, idle_seconds: float) -> None:
        """See `ArtifactStore`."""
        for path in self._incoming.glob("*"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > idle_seconds:
                    path.unlink()

    def _place(self, sha256: str) -> Path:
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise StoreError(f"{sha256[:20]!r} is no SHA-256 of a stored file.")
        return self._folder / sha256[:2] / sha256


def _check_space(folder: Path, source: Path) -> None:
    """Refuse before the disk is full to the last byte: the machine needs some to go on.

    Raises:
        StoreError: When too little would stay free.
    """
    least = current_limits().free_disk_bytes
    if shutil.disk_usage(folder).free - source.stat().st_size < least:
        raise StoreError(
            f"{source.name[:80]}: keeping it would leave less than {least // MB} MB free on the "
            f"disk ({setting_name('free_disk_bytes')}); free some disk space and resume the run: "
            "what was kept before is safe."
        )


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
