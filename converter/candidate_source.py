"""What candidates are made of and judged by, out of a finished run: float file, labels, files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from converter.analysed_run import FLOAT_RECIPE, Files
from converter.comparison import Comparison, Variant
from converter.errors import DataError, ModelFileError
from converter.sample_file import load_sample_file


def first_variant(comparison: Comparison) -> Variant:
    """Return the variant that leads to the run's float file.

    Raises:
        ModelFileError: When the run has none.
    """
    variants = comparison.variants
    if comparison.starts_from_tflite:
        return next((v for v in variants if v.status == "ok" and v.runnable), variants[0])
    found = next((v for v in variants if v.recipe == FLOAT_RECIPE and v.status == "ok"), None)
    if found is None:
        raise ModelFileError(
            f"{comparison.model.name[:80]}: expected {FLOAT_RECIPE}.tflite to make candidates of, "
            f"found none; run it again with {FLOAT_RECIPE} among the recipes."
        )
    return found


def find_labels(files: Files, comparison: Comparison, count: int) -> np.ndarray | None:
    """Return the class of each of the first evaluation samples; None where not all have one.

    Args:
        files: Of the run.
        comparison: Of the run.
        count: How many samples.
    """
    for variant in comparison.variants:
        content = load_sample_file(files, variant.recipe)
        if content is None or len(content.outputs) != 1:
            continue
        (output,) = content.outputs.values()
        if not (output.classes and output.labelled):
            return None
        labels = np.full(count, -1)
        found = output.differences
        known = (found.sample < count) & ~np.isnan(found.label)
        labels[found.sample[known]] = found.label[known].astype(np.int64)
        return labels if (labels >= 0).all() else None
    return None


def need_file(files: Files, name: str) -> Path:
    """Return where one of a run's files lies.

    Raises:
        DataError: When the run has none of the name.
    """
    if name not in files:
        raise DataError(f"run: expected {name} in the run's folder, found none; run it again.")
    return files[name]
