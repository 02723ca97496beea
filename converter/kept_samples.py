"""What a run keeps of its evaluation samples, so that a variant can be looked into afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from converter.errors import DataError
from converter.limits import MIB
from converter.sample_arrays import load_arrays, save_npz

Array = np.ndarray
EVALUATION_FILE = "evaluation.npz"
REFERENCE_FILE = "reference_outputs.npz"
"""The original's own outputs on the samples of `EVALUATION_FILE`."""
MOST_BYTES = 64 * MIB


def keep_first(path: Path, arrays: Mapping[str, Array], most_bytes: int = MOST_BYTES) -> int:
    """Write as many first samples as fit a size, at least one, and return their number.

    Args:
        path: The `.npz` to write.
        arrays: By name, shape `(samples, ...)`.
        most_bytes: Of all arrays together.
    """
    samples = len(next(iter(arrays.values())))
    each = sum(array.nbytes for array in arrays.values()) / max(1, samples)
    count = max(1, min(samples, int(most_bytes // max(1.0, each))))
    save_npz(path, {name: array[:count] for name, array in arrays.items()})
    return count


def keep_evaluation(folder: Path, inputs: Path, outputs: Path) -> None:
    """Keep a run's first evaluation samples, and the original's outputs on just those.

    Args:
        folder: Of the run.
        inputs: The evaluation samples, as `sample_arrays` writes them.
        outputs: The original's outputs; left out where the folder is missing.
    """
    count = keep_first(folder / EVALUATION_FILE, load_arrays(inputs))
    (folder / REFERENCE_FILE).unlink(missing_ok=True)  # of an earlier run into the same folder
    if outputs.is_dir():
        arrays = load_arrays(outputs)
        save_npz(folder / REFERENCE_FILE, {name: a[:count] for name, a in arrays.items()})


def load_kept(path: Path) -> dict[str, Array]:
    """Return what `keep_first` wrote; empty where there is no such file.

    Raises:
        DataError: When the file is damaged.
    """
    if not path.is_file():
        return {}
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, KeyError, EOFError) as broken:
        raise DataError(
            f"{path.name}: expected arrays that a run kept, found a damaged file "
            f"({type(broken).__name__}); run it again."
        ) from broken
