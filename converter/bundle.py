"""A bundle: one zip with everything of a finished run, to be looked at and re-run elsewhere."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from converter.bundle_archive import (
    DATA,
    GIVEN_STEM,
    MODEL,
    MODEL_ZIP,
    MOST_GRAPH_BYTES,
    BundleWriter,
)
from converter.bundle_content import KNOWN_SUFFIXES, load_request, read_content
from converter.child_process import Worker
from converter.comparison import (
    CALIBRATION_FILE,
    COMPARISON_FILE,
    SAMPLES_FILE,
    Comparison,
    Variant,
    write_whole,
)
from converter.comparison_check import check_comparison, check_pair
from converter.errors import BundleError, LiteDriftError, WorkerError, blame_the_disk
from converter.folder_upload import LateFile, pack_folder
from converter.graph_nodes import GRAPH_FILE
from converter.limits import current_limits
from converter.model_file import file_sha256, path_size
from converter.rebuild_parts import has_rebuild_script
from converter.rebuild_script import (
    build_rebuild_script,
    script_name,
    write_rebuild_scripts,
)
from converter.recipe import Recipe
from converter.request import REQUEST_FILE, RunRequest
from converter.sandbox import Permissions


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What a bundle holds, unpacked and checked.

    Attributes:
        request: What the run was asked, its files in the folder of the bundle.
        comparison: What it found.
        files: The run's own files by name, as `write_bundle` takes them.
        litedrift: The version that made the bundle; text to show.
        created: When it was made; text to show.
    """

    request: RunRequest
    comparison: Comparison
    files: Mapping[str, Path]
    litedrift: str
    created: str


def write_bundle(
    files: Mapping[str, Path],
    request: RunRequest,
    comparison: Comparison,
    target: IO[bytes] | Path,
) -> None:
    """Pack a finished run.

    Args:
        files: The run's own files by name: `comparison.json`, each variant's `.tflite`,
            `calibration.npz`, `latency_samples.npz`, `graph.json`. Others are left out; the
            scripts that rebuild a variant are written anew.
        request: What the run was asked, with the paths of its model and data.
        comparison: What it found.
        target: A file open for writing, or a path, which gets the whole bundle or is left as it is.

    Raises:
        BundleError: When a file is gone, or is not any more the one that the run measured.
        OSError: When the bundle cannot be written.
    """
    if not isinstance(target, Path):
        _pack(files, request, comparison, target)
        return
    partial = target.with_name(f".{target.name[:200]}.partial")
    try:
        with partial.open("wb") as stream:
            _pack(files, request, comparison, stream)
        partial.replace(target)
    except OSError as broken:
        if broken.filename == str(partial):
            broken.filename = str(target)
        raise
    finally:
        partial.unlink(missing_ok=True)


def bundle_run_folder(folder: Path, target: Path) -> None:
    """Pack the folder that `python -m converter run --out` left.

    Raises:
        BundleError: When it is no such folder, or a file of the run is gone or has changed.
        GateError: When its comparison cannot be read.
        OSError: When the bundle cannot be written.
    """
    if target.is_dir():
        raise BundleError(f"{target.name}: --out expects a file, found a folder; give another.")
    request = load_request(folder / REQUEST_FILE, folder.resolve().name)
    comparison = Comparison.load(folder / COMPARISON_FILE)
    names = [COMPARISON_FILE, CALIBRATION_FILE, SAMPLES_FILE, GRAPH_FILE]
    names += [variant.file for variant in comparison.variants if variant.file]
    files = {name: folder / name for name in names if (folder / name).is_file()}
    write_bundle(files, request, comparison, target)


def _pack(
    files: Mapping[str, Path], request: RunRequest, comparison: Comparison, target: IO[bytes]
) -> None:
    check_comparison(comparison, "The run")
    check_pair(request, comparison, "The run")
    with BundleWriter(target) as writer:
        _pack_members(_Packer(writer), files, request, comparison)


def _pack_members(
    packer: _Packer, files: Mapping[str, Path], request: RunRequest, comparison: Comparison
) -> None:
    model = packer.add_model(request, comparison)
    data = packer.add_data(request, comparison)
    given = [
        replace(
            file,
            path=packer.add_source(
                f"{GIVEN_STEM}{number}.tflite", file.path, file.name, file.sha256
            ),
        )
        for number, file in enumerate(request.given_variants, 1)
    ]
    inside = replace(request, model_path=model, data_path=data, given_variants=tuple(given))
    packer.writer.add(REQUEST_FILE, io.BytesIO(json.dumps(inside.to_json(), indent=1).encode()))
    packer.add_run_file(COMPARISON_FILE, files)
    for variant in comparison.variants:
        packer.add_variant(variant, comparison, files)
    uses_calibration = any(
        Recipe.from_json(variant.flags).needs_samples
        for variant in comparison.variants
        if variant.flags
    )
    if uses_calibration and CALIBRATION_FILE in files:
        packer.add_run_file(CALIBRATION_FILE, files)
    if SAMPLES_FILE in files:
        packer.add_run_file(SAMPLES_FILE, files)
    if GRAPH_FILE in files and not comparison.starts_from_tflite and _can_travel(files[GRAPH_FILE]):
        packer.add_run_file(GRAPH_FILE, files)
    packer.writer.finish(model_is_folder=request.model_path.is_dir())


def _can_travel(graph: Path) -> bool:
    return not graph.is_file() or graph.stat().st_size <= MOST_GRAPH_BYTES


class _Packer:
    """Adds the files of a run, each checked against what the run says of it."""

    def __init__(self, writer: BundleWriter) -> None:
        self.writer = writer

    def add_model(self, request: RunRequest, comparison: Comparison) -> Path:
        """Pack the model and return its place inside; a SavedModel folder becomes a zip."""
        path, name = request.model_path, request.model_name
        expected = comparison.model.sha256
        if not path.is_dir():
            return self.add_source(f"{MODEL}{_suffix(path)}", path, name, expected)
        if file_sha256(path) != expected:
            raise _changed(name)
        with tempfile.TemporaryFile() as packed:
            found = [file for file in sorted(path.rglob("*")) if file.is_file()]
            contents = [
                (f"{MODEL}/{file.relative_to(path).as_posix()}", LateFile(file)) for file in found
            ]
            pack_folder(contents, packed, path_size(path))
            packed.seek(0)
            self.writer.add(MODEL_ZIP, packed)
        return Path(MODEL_ZIP)

    def add_data(self, request: RunRequest, comparison: Comparison) -> Path | None:
        """Pack the data file, where there is one, and return its place inside."""
        path, expected = request.data_path, comparison.data.sha256
        if path is None or expected is None:
            return None
        return self.add_source(
            f"{DATA}{_suffix(path)}", path, request.data_name or path.name, expected
        )

    def add_source(self, member: str, path: Path, name: str, expected: str) -> Path:
        """Pack a file that the run was given and return its place inside."""
        if self._add(member, path, name) != expected:
            raise _changed(name)
        return Path(member)

    def add_variant(
        self, variant: Variant, comparison: Comparison, files: Mapping[str, Path]
    ) -> None:
        """Pack a variant's file and the script that rebuilds it, where it has them."""
        if variant.file is not None and self.add_run_file(variant.file, files) != variant.sha256:
            raise _changed(variant.file)
        if has_rebuild_script(variant):
            script = build_rebuild_script(comparison, variant)
            self.writer.add(script_name(variant), io.BytesIO(script.encode()))

    def add_run_file(self, name: str, files: Mapping[str, Path]) -> str:
        """Pack one of the run's own files and return its SHA-256."""
        if name not in files:
            raise BundleError(
                f"{name}: expected this file of the run, found none; run it again, then bundle it."
            )
        return self._add(name, files[name], name)

    def _add(self, member: str, path: Path, name: str) -> str:
        try:
            stream = path.open("rb")
        except OSError as broken:
            raise BundleError(
                f"{name[:80]}: expected the file that the run used, found that it cannot be read "
                f"({broken.strerror}); put it back where it was, or run again."
            ) from broken
        with stream:
            return self.writer.add(member, stream)


def _suffix(path: Path) -> str:
    """Return a suffix that loaders look at, else none: the content says what a file is."""
    suffix = path.suffix.lower()
    return suffix if suffix in KNOWN_SUFFIXES else ""


def _changed(name: str) -> BundleError:
    return BundleError(
        f"{name[:80]}: expected the file that the run used, found another content (its SHA-256 "
        "differs); put that file back, or run again and bundle the new run."
    )


def read_bundle(path: Path, folder: Path, name: str | None = None) -> Bundle:
    """Unpack a bundle, which a stranger may have made, and check all that it says of itself.

    The zip and its arrays are read by a sandboxed child. Here only `request.json` and
    `comparison.json` are, by Python's own JSON reader, as each answer of a child is. Scripts in the
    bundle are a stranger's code and are left out: `folder` gets scripts written anew.

    Args:
        path: The bundle.
        folder: Is made where there is none, and must be empty. Afterwards it is like one that `run`
            has left, and holds the run's model and data as well.
        name: What a person knows the bundle by, for messages; the file's own when left out.

    Raises:
        BundleError: At the first thing that is missing, damaged, too large or not what it says;
            the folder is empty then.
        OSError: When the folder cannot be written.
    """
    shown = (name or path.name)[:80]
    if not path.is_file():
        raise BundleError(f"{shown}: expected a bundle, found no such file; check the path.")
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise BundleError(
            f"{folder.name[:80]}: expected an empty folder to unpack {shown} into, found files in "
            "it; give another."
        )
    with tempfile.TemporaryDirectory(prefix=".unpack-", dir=folder) as scratch:
        place = Path(scratch).resolve()
        manifest = _unpack_in_child(path.resolve(), place, shown)
        request, comparison, own = read_content(place, manifest, shown)
        moved = _move_into(folder.resolve(), place, request, (comparison, own))
        return Bundle(
            request=moved,
            comparison=comparison,
            files={name: folder.resolve() / name for name in own},
            litedrift=manifest["litedrift"],
            created=manifest["created"],
        )


def _unpack_in_child(path: Path, place: Path, shown: str) -> dict[str, Any]:
    permissions = Permissions(read=(path,), write=(place,))
    try:
        with Worker("converter.workers.reading", "reading it", permissions=permissions) as worker:
            seconds = current_limits().read_seconds
            return worker.ask("unpack", seconds, path=str(path), target=str(place))
    except WorkerError as broken:
        blame_the_disk(broken, shown)
        raise BundleError(
            f"{shown}: expected a bundle that can be unpacked, found that {broken} Give a smaller "
            "or an undamaged one."
        ) from broken
    except LiteDriftError as refused:
        # An upload lies under its hash, which says nothing to the person who gave it.
        raise BundleError(str(refused).replace(path.name, shown)) from refused


def _move_into(
    folder: Path, place: Path, inside: RunRequest, result: tuple[Comparison, list[str]]
) -> RunRequest:
    """Move what is kept out of the scratch folder, and write what is ours to write."""
    comparison, own = result
    packed = (place / MODEL).is_dir()  # a folder that was packed for the way: it is unpacked
    model = Path(MODEL) if packed else inside.model_path
    given = [file.path for file in inside.given_variants]
    data = [] if inside.data_path is None else [inside.data_path]
    write_rebuild_scripts(comparison, place)  # in place of the bundle's own
    scripts = [Path(script_name(v)) for v in comparison.variants if has_rebuild_script(v)]
    for name in (model, *data, *given, *map(Path, own), *scripts):
        (place / name).replace(folder / name)
    request = replace(
        inside,
        model_path=folder / model,
        data_path=None if inside.data_path is None else folder / inside.data_path,
        given_variants=tuple(
            replace(file, path=folder / file.path) for file in inside.given_variants
        ),
    )
    write_request(request, folder)
    return request


def write_request(request: RunRequest, folder: Path) -> None:
    """Write `request.json` into a run's folder, with absolute paths, so that it can be bundled.

    Raises:
        OSError: When the disk is full or the folder cannot be written.
    """
    data = request.data_path
    absolute = replace(
        request,
        model_path=request.model_path.resolve(),
        data_path=None if data is None else data.resolve(),
    )
    content = json.dumps(absolute.to_json(), indent=1).encode()
    write_whole(folder / REQUEST_FILE, content)
