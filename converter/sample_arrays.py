"""Named arrays on disk, one `.npy` each, so that workers can map them instead of reading them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

_INDEX = "index.json"


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


def save_npz(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write an `.npz`; unlike `numpy.savez` an array may have any name, `file` included."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)
