"""The zip that a bundle is: its manifest, how it is packed, and how a stranger's is unpacked."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import tomllib
import zipfile
from pathlib import Path
from typing import IO, Any, Self

import numpy as np

from converter.archive import extract_below, open_zip, read_member
from converter.child_process import PROJECT_ROOT
from converter.comparison import CALIBRATION_FILE, SAMPLES_FILE
from converter.errors import BundleError, ModelFileError
from converter.folder_upload import BLOCK_BYTES
from converter.graph_nodes import GRAPH_FILE, check_nodes
from converter.limits import MIB

MANIFEST_FILE = "manifest.json"
MANIFEST_SCHEMA = 1
KIND = "litedrift bundle"
MODEL = "source-model"
"""Stem of the model's member, and the folder of a SavedModel that was packed. A recipe's name holds
no hyphen, so that no variant's file has such a name."""
DATA = "source-data"
GIVEN_STEM = "source-given-"
MODEL_ZIP = f"{MODEL}.zip"

_MEMBER_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}(\.[a-z0-9]{1,8})?")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MOST_JSON_BYTES = 64 * MIB
_MOST_LATENCY_BYTES = 256 * MIB
MOST_GRAPH_BYTES = 128 * MIB
"""A graph's operations are read whole by the page: a longer list is left out of the bundle."""
_AGAIN = "ask for the bundle again, or make it anew"


def litedrift_version() -> str:
    """Return the version that this project's own `pyproject.toml` names."""
    text = (PROJECT_ROOT / "pyproject.toml").read_text()
    return str(tomllib.loads(text)["project"]["version"])


class BundleWriter:
    """Packs members one by one and lists them, with size and SHA-256, in the manifest.

    Args:
        target: Where the zip goes: open for writing.
    """

    def __init__(self, target: IO[bytes]) -> None:
        self._archive = zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED)
        self._members: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        """Return the writer itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the zip; without its manifest nothing reads it."""
        self._archive.close()

    def add(self, name: str, content: IO[bytes]) -> str:
        """Pack all that can be read and return its SHA-256: of the very bytes that were packed."""
        digest, size = hashlib.sha256(), 0
        # Zip64 always: the size of a stream is known only when it has ended.
        with self._archive.open(self._entry(name), "w", force_zip64=True) as sink:
            while block := content.read(BLOCK_BYTES):
                digest.update(block)
                size += len(block)
                sink.write(block)
        self._members[name] = {"sha256": digest.hexdigest(), "size_bytes": size}
        return digest.hexdigest()

    def finish(self, *, model_is_folder: bool) -> None:
        """Write the manifest, which is the last member.

        Args:
            model_is_folder: Whether the model's zip is a folder that was packed for the way.
        """
        manifest = {
            "schema": MANIFEST_SCHEMA,
            "kind": KIND,
            "litedrift": litedrift_version(),
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "model_is_folder": model_is_folder,
            "members": dict(sorted(self._members.items())),
        }
        self._archive.writestr(self._entry(MANIFEST_FILE), json.dumps(manifest, indent=1))

    @staticmethod
    def _entry(name: str) -> zipfile.ZipInfo:
        entry = zipfile.ZipInfo(name, _EPOCH)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.create_system, entry.external_attr = 3, 0o644 << 16
        return entry


def unpack_bundle(path: Path, target: Path) -> dict[str, Any]:
    """Unpack a bundle whose every byte is what its manifest says, and return the manifest.

    Nothing of it is executed, and a member's name becomes a file's only where it is one word of
    letters, digits, `_` and `-` with a suffix: there are no folders in a bundle.

    Args:
        path: The bundle.
        target: An empty folder.

    Returns:
        The manifest, and beside it `latency_runs`: how many latency samples each candidate has.

    Raises:
        BundleError: At the first fault.
    """
    with open_zip(path, BundleError) as archive:
        names = archive.namelist()
        for name in names:
            if not _MEMBER_NAME.fullmatch(name):
                raise BundleError(
                    f"{path.name}: expected members named as `bundle` names them, found "
                    f"{name[:80]!r}; {_AGAIN}."
                )
        manifest = _read_manifest(path, archive)
        _check_listed(path, names, manifest["members"])
        _check_sizes(path, archive, manifest["members"])
        extract_below(archive, "", target, BundleError)
    _check_hashes(path, manifest["members"], target)
    try:
        runs = _latency_runs(target / SAMPLES_FILE)
        _check_arrays(target / CALIBRATION_FILE)
        _check_graph(target / GRAPH_FILE)
        if manifest["model_is_folder"]:
            with open_zip(target / MODEL_ZIP, BundleError) as packed:
                extract_below(packed, "", target / MODEL, BundleError)
    except BundleError as refused:  # it names the member that is a zip itself
        raise BundleError(f"{path.name}: {refused}") from refused
    return {**manifest, "latency_runs": runs}


def _read_manifest(path: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    if MANIFEST_FILE not in archive.namelist():
        raise BundleError(
            f"{path.name}: expected a bundle with a {MANIFEST_FILE}, found none; give what "
            "`python -m converter bundle` wrote."
        )
    content = read_member(archive, MANIFEST_FILE, BundleError, _MOST_JSON_BYTES)
    try:
        manifest = json.loads(content)
        if manifest["kind"] != KIND:
            raise ValueError(f"kind {str(manifest['kind'])[:40]!r}")
        schema = manifest["schema"]
        if type(schema) is int and schema > MANIFEST_SCHEMA:
            raise BundleError(
                f"{path.name}: {MANIFEST_FILE}: expected schema {MANIFEST_SCHEMA}, found {schema}; "
                "it was made by a newer LiteDrift, read it with that one."
            )
        if schema != MANIFEST_SCHEMA or type(schema) is not int:
            raise ValueError(f"schema {str(schema)[:40]!r}")
        members = {name: _facts_of(facts) for name, facts in manifest["members"].items()}
        if type(manifest["model_is_folder"]) is not bool:
            raise TypeError("model_is_folder is neither true nor false")
        return {
            "litedrift": str(manifest["litedrift"])[:40],
            "created": str(manifest["created"])[:40],
            "model_is_folder": manifest["model_is_folder"],
            "members": members,
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as broken:
        raise BundleError(
            f"{path.name}: {MANIFEST_FILE}: expected a bundle's manifest (schema "
            f"{MANIFEST_SCHEMA}), found other content ({type(broken).__name__}: "
            f"{str(broken)[:80]}); {_AGAIN}."
        ) from broken


def _facts_of(facts: dict[str, Any]) -> dict[str, Any]:
    sha256, size = facts["sha256"], facts["size_bytes"]
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise ValueError(f"sha256 {str(sha256)[:70]!r}")
    if type(size) is not int or size < 0:
        raise ValueError(f"size_bytes {str(size)[:40]!r}")
    return {"sha256": sha256, "size_bytes": size}


def _check_listed(path: Path, names: list[str], listed: dict[str, Any]) -> None:
    """Refuse a zip that holds anything else than what its manifest lists."""
    held = set(names) - {MANIFEST_FILE}
    extra, missing = held - set(listed), set(listed) - held
    if extra:
        raise BundleError(
            f"{path.name}: {MANIFEST_FILE}: expected every member to be listed, found {min(extra)} "
            f"that is not; {_AGAIN}."
        )
    if missing:
        raise BundleError(
            f"{path.name}: expected the member {min(missing)[:80]!r} that {MANIFEST_FILE} lists, "
            f"found none; {_AGAIN}."
        )


def _check_sizes(path: Path, archive: zipfile.ZipFile, members: dict[str, Any]) -> None:
    """Refuse before unpacking what would unpack to another size; no more than that is inflated."""
    for name, facts in members.items():
        declared = archive.getinfo(name).file_size
        if declared != facts["size_bytes"]:
            raise BundleError(
                f"{path.name}: {name}: expected the {facts['size_bytes']} bytes of "
                f"{MANIFEST_FILE}, found {declared}; {_AGAIN}."
            )


def _check_hashes(path: Path, members: dict[str, Any], folder: Path) -> None:
    for name, facts in members.items():
        with (folder / name).open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != facts["sha256"]:
            raise BundleError(
                f"{path.name}: {name}: expected the SHA-256 {facts['sha256'][:12]}… of "
                f"{MANIFEST_FILE}, found {found[:12]}…; it was changed or damaged on the way, "
                f"{_AGAIN}."
            )


def _latency_runs(samples: Path) -> dict[str, int]:
    """Count the latency samples of each candidate; pages will read the file themselves."""
    arrays = _check_arrays(samples, _MOST_LATENCY_BYTES)
    for name, array in arrays.items():
        sound = array.dtype == np.float64 and array.ndim == 1
        if not sound or not np.isfinite(array).all() or (array < 0).any():
            raise BundleError(
                f"{SAMPLES_FILE}: expected a row of milliseconds for {name[:60]!r}, "
                f"found {array.dtype} of shape {array.shape}; {_AGAIN}."
            )
    return {name: len(array) for name, array in arrays.items()}


def _check_graph(file: Path) -> None:
    """Refuse a list of operations that pages could not read as they read a run's own."""
    if not file.is_file():
        return
    size = file.stat().st_size
    if size > MOST_GRAPH_BYTES:
        raise BundleError(
            f"{file.name}: expected at most {MOST_GRAPH_BYTES:,} bytes of operations, found "
            f"{size:,}; {_AGAIN}."
        )
    try:
        check_nodes(file)
    except ModelFileError as broken:
        raise BundleError(str(broken)) from broken


def _check_arrays(file: Path, most: int | None = None) -> dict[str, np.ndarray]:
    """Return the arrays of an `.npz`, none where there is no such file."""
    if not file.is_file():
        return {}
    with open_zip(file, BundleError) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    if most is not None and unpacked > most:
        raise BundleError(
            f"{file.name}: expected at most {most} bytes once unpacked, found {unpacked}; {_AGAIN}."
        )
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return {name: np.asarray(arrays[name]) for name in arrays.files}
    except Exception as broken:  # numpy fails with many kinds on damaged bytes
        raise BundleError(
            f"{file.name}: expected readable arrays, found damaged ones "
            f"({type(broken).__name__}: {str(broken)[:80]}); {_AGAIN}."
        ) from broken
