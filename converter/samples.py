"""Samples that fit a model's inputs: read, adapted, labelled, split into disjoint parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.errors import DataError
from converter.request import (
    DEFAULT_CALIBRATION_SAMPLES,
    DEFAULT_EVALUATION_SAMPLES,
    DataOptions,
)
from converter.sample_arrays import load_arrays, write_rows
from converter.signature import TensorSpec

if TYPE_CHECKING:
    from converter.image_data import Originals

Array = np.ndarray
LABELS = "y"
MIN_CALIBRATION = 10


@dataclass(frozen=True)
class Samples:
    """Inputs by name and, where given, labels.

    Attributes:
        inputs: For each input name, shape `(samples, ...)` in the input's dtype.
        labels: By output name, or under `y` for the only or first output; shape `(samples, ...)`.
        notes: Sentences about what was adapted on the way in.
        class_names: For labels that were names: the names in the order of their indices.
        columns: For inputs out of a table: the names of their columns.
    """

    inputs: dict[str, Array]
    labels: dict[str, Array] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    class_names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(next(iter(self.inputs.values())))

    def take(self, indices: Array) -> Samples:
        """Return the samples at these indices, in their order."""
        return replace(
            self,
            inputs={name: array[indices] for name, array in self.inputs.items()},
            labels={name: array[indices] for name, array in self.labels.items()},
        )


    def take_to(self, folder: Path, indices: Array) -> Samples:
        """Return the samples at these ascending indices, their inputs in files of a folder."""
        write_rows(folder, self.inputs, indices)
        labels = {name: array[indices] for name, array in self.labels.items()}
        return replace(self, inputs=load_arrays(folder), labels=labels)


@dataclass(frozen=True)
class Split:
    """Two disjoint parts of the samples.

    Attributes:
        calibration: Shown to the quantizer.
        evaluation: Measured on.
        notes: Sentences where less was to be had than asked.
        evaluation_rows: Each evaluation sample's place in the data, from 0; None where unknown.
    """

    calibration: Samples
    evaluation: Samples
    notes: tuple[str, ...] = ()
    evaluation_rows: Array | None = None


def load_samples(
    path: Path,
    name: str,
    inputs: Sequence[TensorSpec],
    options: DataOptions | None = None,
    *,
    rescales: bool = False,
) -> Samples:
    """Read a data file for a model.

    Args:
        path: `.npz`, `.npy`, `.csv` or a zip of images, recognized by content.
        name: The name a person knows it by.
        inputs: The model's inputs, batch first.
        options: How to read a table or images.
        rescales: Whether the model scales its inputs by itself, so that images stay 0..255.

    Raises:
        DataError: When it cannot be read or does not fit the inputs.
    """
    from converter.data_file import read_data_file
    from converter.sample_fitting import fit_samples

    raw = read_data_file(path, name, inputs, options or DataOptions(), rescales=rescales)
    return fit_samples(raw, name, inputs)


@dataclass(frozen=True)
class RawData:
    """Arrays as a file gives them, before they are fitted to the inputs.

    Attributes:
        inputs: By input name.
        labels: As in `Samples`.
        notes: As in `Samples`.
        class_names: As in `Samples`.
        columns: As in `Samples`.
        image_scale: The range to which images were brought; None for other data.
        originals: What images were before they became arrays, where that was asked for.
    """

    inputs: dict[str, Array]
    labels: dict[str, Array] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    class_names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    image_scale: str | None = None
    originals: Originals | None = None


def fed_dtype(spec: TensorSpec, name: str) -> np.dtype[Any]:
    """Return the NumPy dtype that an input is fed in; half floats are fed as float32.

    Raises:
        DataError: When it takes no numbers.
    """
    wanted = "float32" if spec.dtype in {None, "bfloat16", "float16"} else spec.dtype
    try:
        dtype = np.dtype(wanted)
    except TypeError:  # string, resource, variant, qint8: TensorFlow's own
        dtype = np.dtype(object)
    if dtype.kind not in "fiubc":
        raise DataError(
            f"{name}: expected a model that takes numbers, found the input {spec.name!r} of dtype "
            f"{spec.dtype}; cut the model behind that input and save it again."
        )
    return dtype


def random_samples(inputs: Sequence[TensorSpec], count: int, seed: int) -> Samples:
    """Return seeded random samples: uniform in 0..1 for floats, 0 or 1 for integers.

    Args:
        inputs: Inputs whose dimensions are all fixed but for the batch.
        count: Number of samples.
        seed: Of NumPy's PCG64 generator.

    Raises:
        DataError: When an input takes no numbers.
    """
    generator = np.random.default_rng(seed)
    arrays = {}
    for spec in inputs:
        shape = (count, *(int(size or 1) for size in (spec.shape or (1,))[1:]))
        dtype = fed_dtype(spec, "Random samples")
        if dtype.kind == "f":
            arrays[spec.name] = generator.random(shape, dtype=np.float32).astype(dtype, copy=False)
        else:
            arrays[spec.name] = generator.integers(0, 2, shape).astype(dtype)
    note = (
        "The samples are random: drift on them says little about real inputs, and there is no "
        "accuracy. Give data for figures to decide on."
    )
    return Samples(arrays, {}, (note,))


def split_counts(available: int, samples: int | None, calibration: int | None) -> tuple[int, int]:
    """Return how many samples calibrate and how many are evaluated; the two never overlap.

    Args:
        available: Samples in the data.
        samples: Evaluation samples asked for, at most.
        calibration: Calibration samples asked for, at most.
    """
    if calibration is None:
        spare = available - samples if samples is not None else available // 4
        floor = min(MIN_CALIBRATION, available // 4)
        calibration = min(DEFAULT_CALIBRATION_SAMPLES, max(spare, floor))
    calibration = max(0, min(calibration, available - 1))
    evaluation = min(samples or DEFAULT_EVALUATION_SAMPLES, available - calibration)
    return calibration, evaluation


def split_samples(
    samples: Samples,
    evaluation: int | None,
    calibration: int | None,
    seed: int,
    folder: Path | None = None,
) -> Split:
    """Shuffle by a seed and cut into two disjoint parts.

    Args:
        samples: All samples.
        evaluation: Evaluation samples asked for; None for the default.
        calibration: Calibration samples asked for; None for the default.
        seed: Of NumPy's PCG64 generator.
        folder: Where the evaluation samples are written and read from, so that memory does not
            grow with their number; they stay in memory when left out.
    """
    calibrating, evaluating = split_counts(len(samples), evaluation, calibration)
    order = np.random.default_rng(seed).permutation(len(samples))
    notes = [
        f"{asked} {role} samples were asked for; the data leaves {found}."
        for role, asked, found in (
            ("evaluation", evaluation, evaluating),
            ("calibration", calibration, calibrating),
        )
        if asked is not None and found < asked
    ]
    rows = np.sort(order[calibrating : calibrating + evaluating])
    return Split(
        calibration=samples.take(np.sort(order[:calibrating])),
        evaluation=samples.take(rows) if folder is None else samples.take_to(folder, rows),
        notes=tuple(notes),
        evaluation_rows=rows,
    )
