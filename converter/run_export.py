"""Exports of a finished run's folder: its tables, and the notebook that rebuilds its variants."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from converter.comparison import (
    COMPARISON_FILE,
    SAMPLES_FILE,
    Comparison,
    load_latency_samples,
    write_whole,
)
from converter.errors import ExportError
from converter.rebuild_notebook import build_rebuild_notebook
from converter.tables.archive import write_tables_zip


def write_tables(folder: Path, target: Path) -> None:
    """Write every table of a run, raw latency samples included, into a zip.

    Args:
        folder: The run's, or its `comparison.json`.
        target: The zip; written whole or not at all.

    Raises:
        GateError: When there is no readable comparison.
        ExportError: When a value or the latency samples are not what a run writes.
        OSError: When the target cannot be written.
    """
    comparison = load_run(folder)
    write_tables_zip(comparison, load_samples_ms(_home(folder)), target)


def write_notebook(folder: Path, target: Path) -> None:
    """Write the notebook that rebuilds a run's variants.

    Args:
        folder: The run's, or its `comparison.json`.
        target: The `.ipynb`; written whole or not at all.

    Raises:
        GateError: When there is no readable comparison.
        ExportError: When no variant can be rebuilt.
        RecipeError: When a variant's flags are not a recipe's.
        OSError: When the target cannot be written.
    """
    write_whole(target, build_rebuild_notebook(load_run(folder)))


def tables_zip(comparison: Comparison, samples_ms: Mapping[str, np.ndarray]) -> bytes:
    """Return the zip of a run's tables.

    Args:
        comparison: The run's.
        samples_ms: Its raw latency samples by candidate.

    Raises:
        ExportError: When a value is not what a run writes.
    """
    stream = io.BytesIO()
    write_tables_zip(comparison, samples_ms, stream)
    return stream.getvalue()


def load_run(folder: Path) -> Comparison:
    """Return the comparison of a run's folder, or of its `comparison.json` itself.

    Raises:
        GateError: When it is missing or does not follow the contract.
    """
    return Comparison.load(_home(folder) / COMPARISON_FILE if folder.is_dir() else folder)


def load_samples_ms(folder: Path) -> dict[str, np.ndarray]:
    """Return a run's raw latency samples in milliseconds by candidate; empty where none were taken.

    Raises:
        ExportError: When they cannot be read.
    """
    try:
        path = folder / SAMPLES_FILE
        return dict(load_latency_samples({SAMPLES_FILE: path} if path.is_file() else {}))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as broken:
        raise ExportError(
            f"{SAMPLES_FILE}: expected the latency samples of a run, found no readable archive "
            f"({type(broken).__name__}); run it again, or delete the file to export without them."
        ) from broken


def _home(folder: Path) -> Path:
    return folder if folder.is_dir() else folder.parent
