"""Taking in a bundle of another installation: a run like one's own, to look at or run again."""

from __future__ import annotations

import datetime
import tempfile
from dataclasses import replace
from pathlib import Path

from converter.bundle import read_bundle
from converter.comparison import COMPARISON_FILE
from converter.data_home import data_home
from converter.folder_upload import LateFile
from converter.graph_nodes import GRAPH_FILE
from converter.run_store import adopt_run
from converter.uploads import StoredFile, store_folder, store_upload


def import_bundle(path: Path, name: str) -> str:
    """Unpack a bundle, check it, and keep it as a run; return the run's new id.

    Args:
        path: The bundle.
        name: What a person knows it by, for messages.

    Raises:
        BundleError: When it is missing, damaged, too large or not what it says of itself.
        StoreError: When it cannot be kept; nothing of it stays then.
    """
    with tempfile.TemporaryDirectory(prefix=".import-", dir=data_home()) as folder:
        bundle = read_bundle(path, Path(folder) / "run", name)
        request = bundle.request
        data = None
        if request.data_path is not None:
            data = _keep(request.data_path, request.data_name or "data")
        given = tuple(
            replace(file, path=_keep(file.path, file.name).path) for file in request.given_variants
        )
        model = _keep(request.model_path, request.model_name)
        return adopt_run(
            replace(
                request,
                model_path=model.path,
                data_path=None if data is None else data.path,
                given_variants=given,
            ),
            {file: place for file, place in bundle.files.items() if _is_kept(file)},
            model_sha256=model.sha256,
            note=f"Imported from {name[:80]}, made {bundle.created} by LiteDrift "
            f"{bundle.litedrift}.",
            created=_unix_time(bundle.comparison.created),
        )


def _keep(path: Path, name: str) -> StoredFile:
    if path.is_dir():  # a SavedModel: packed, as the upload of a folder is
        parts = sorted(each for each in path.rglob("*") if each.is_file())
        names = [f"{path.name}/{part.relative_to(path).as_posix()}" for part in parts]
        stored = store_folder(list(zip(names, map(LateFile, parts), strict=True)))
        return replace(stored, name=name)
    with path.open("rb") as content:
        stored = store_upload(content, name + ("" if Path(name).suffix else path.suffix))
    return replace(stored, name=name)


def _is_kept(file: str) -> bool:
    return file in {COMPARISON_FILE, GRAPH_FILE} or not file.endswith((".py", ".json"))


def _unix_time(created: str) -> float | None:
    try:
        return datetime.datetime.fromisoformat(created).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
