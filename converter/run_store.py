"""Where runs and uploads lie, and how the dashboard starts, follows and stops a run.

A run is a folder with `request.json`, `progress.json` and, in the end, `comparison.json` and the
`.tflite` files. It is carried out by `python -m converter job FOLDER`, a process of its own, so
it goes on when a page is left. This module is the one place that knows both the folder layout and
how a job is started; see docs/design.md, "Seams".
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from converter.child_process import PROJECT_ROOT
from converter.comparison import COMPARISON_FILE, Comparison, write_whole
from converter.errors import StoreError
from converter.folder_upload import BLOCK_BYTES, pack_folder
from converter.limits import current_limits, setting_name
from converter.progress import PROGRESS_FILE, Progress, read_progress, write_progress
from converter.request import REQUEST_FILE, RunRequest
from converter.trust import check_upload

PID_FILE = "pid"
CANCEL_FILE = "cancel"
"""There once a person asked to cancel."""


@dataclass(frozen=True)
class StoredFile:
    """An upload on disk: named by its hash, shown by the name it came with."""

    path: Path
    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class RunSummary:
    """One run in a list."""

    run_id: str
    request: RunRequest
    progress: Progress

    @property
    def has_result(self) -> bool:
        """Whether there is a comparison to show."""
        return (run_folder(self.run_id) / COMPARISON_FILE).is_file()


def data_home() -> Path:
    """Return the folder for runs and uploads: `LITEDRIFT_HOME`, or `.litedrift` in the project."""
    home = Path(os.environ.get("LITEDRIFT_HOME") or PROJECT_ROOT / ".litedrift").absolute()
    home.mkdir(parents=True, exist_ok=True)
    return home


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


def store_folder(files: Sequence[tuple[str, BinaryIO]]) -> StoredFile:
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


def run_folder(run_id: str) -> Path:
    """Return a run's folder.

    Raises:
        StoreError: When there is no run of that id.
    """
    folder = data_home() / "runs" / run_id
    if not run_id.isalnum() or not folder.is_dir():
        raise StoreError(f"There is no run {run_id[:40]!r} here; it may have been deleted.")
    return folder


def start_run(request: RunRequest) -> str:
    """Create a run, start its job in a process of its own, and return its unguessable id.

    Raises:
        TrustError: When the model is an upload that would be executed behind weak walls.
        StoreError: When the folder cannot be written or the process not be started.
    """
    run_id = secrets.token_hex(12)
    folder = data_home() / "runs" / run_id
    try:
        if request.model_path.resolve().is_relative_to((data_home() / "uploads").resolve()):
            check_upload(request.model_path, request.model_name)
        folder.mkdir(parents=True)
        write_whole(folder / REQUEST_FILE, json.dumps(request.to_json()).encode())
        write_progress(folder, Progress(started=time.time()))
        with (folder / "job.log").open("wb") as log:
            job = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "converter", "job", str(folder)],
                cwd=PROJECT_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        write_whole(folder / PID_FILE, str(job.pid).encode())
    except OSError as broken:
        raise StoreError(
            f"The run could not be started ({broken.strerror}); free some disk space or memory "
            "and start it again."
        ) from broken
    _children[run_id] = job
    return run_id


_children: dict[str, subprocess.Popen[bytes]] = {}
"""Jobs that this process started, so that their exit status is collected."""


def follow_run(run_id: str) -> Progress:
    """Return a run's state; a job that died without saying so shows as `interrupted`.

    Raises:
        StoreError: When there is no run of that id.
    """
    folder = run_folder(run_id)
    progress = read_progress(folder)
    if progress.is_active and not _is_alive(run_id, folder):
        progress = read_progress(folder)  # it may have finished between the two looks
        if progress.is_active:
            progress.status = "interrupted"
            progress.error = "The run was interrupted: its process ended; start it again."
            if (folder / CANCEL_FILE).exists():  # asked before its process had begun to listen
                progress.status, progress.error = "cancelled", None
            for scratch in folder.glob(".work-*"):  # nobody is left to clear it away
                shutil.rmtree(scratch, ignore_errors=True)
    return progress


def _is_alive(run_id: str, folder: Path) -> bool:
    job = _children.get(run_id)
    if job is not None:
        return job.poll() is None
    try:
        pid = int((folder / PID_FILE).read_text())
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return False
    return folder.name.encode() in arguments


def cancel_run(run_id: str) -> None:
    """Ask a run to stop; its job ends its children and says `cancelled`.

    Raises:
        StoreError: When there is no run of that id.
    """
    folder = run_folder(run_id)
    if not read_progress(folder).is_active or not _is_alive(run_id, folder):
        return
    job = _children.get(run_id)
    pid = job.pid if job is not None else int((folder / PID_FILE).read_text())
    with contextlib.suppress(OSError):  # on a full disk too, a run can be cancelled
        (folder / CANCEL_FILE).touch()
    os.kill(pid, signal.SIGTERM)


def load_request(run_id: str) -> RunRequest:
    """Return what a run was asked.

    Raises:
        StoreError: When there is no such run or its request is unreadable.
    """
    folder = run_folder(run_id)
    try:
        return RunRequest.from_json(json.loads((folder / REQUEST_FILE).read_text()))
    except (OSError, ValueError, KeyError, TypeError) as broken:
        raise StoreError(f"The request of run {run_id} cannot be read; start it again.") from broken


def load_comparison(run_id: str) -> Comparison:
    """Return the result of a finished run.

    Raises:
        StoreError: When there is no run of that id.
        GateError: When its result is missing or unreadable.
    """
    return Comparison.load(run_folder(run_id) / COMPARISON_FILE)


def list_runs() -> list[RunSummary]:
    """Return all runs, the newest first; folders that hold no readable run are left out."""
    folders = [f for f in (data_home() / "runs").glob("*") if (f / PROGRESS_FILE).is_file()]
    summaries = []
    for folder in folders:
        try:
            request = load_request(folder.name)
            summaries.append(RunSummary(folder.name, request, follow_run(folder.name)))
        except StoreError:
            continue
    return sorted(summaries, key=lambda run: run.progress.started, reverse=True)
