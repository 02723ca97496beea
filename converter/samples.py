"""Samples that fit a model's inputs: read, adapted, labelled, split into disjoint parts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from converter.errors import DataError
from converter.request import (
    DEFAULT_CALIBRATION_SAMPLES,
    DEFAULT_EVALUATION_SAMPLES,
    DataOptions,
)
from converter.signature import Shape, TensorSpec, format_shape

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
    """

    inputs: dict[str, Array]
    labels: dict[str, Array] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

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


@dataclass(frozen=True)
class Split:
    """Two disjoint parts of the samples.

    Attributes:
        calibration: Shown to the quantizer.
        evaluation: Measured on.
        notes: Sentences where less was to be had than asked.
    """

    calibration: Samples
    evaluation: Samples
    notes: tuple[str, ...] = ()


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

    raw = read_data_file(path, name, inputs, options or DataOptions(), rescales=rescales)
    return fit_samples(raw, name, inputs)


@dataclass(frozen=True)
class RawData:
    """Arrays as a file gives them, before they are fitted to the inputs."""

    inputs: dict[str, Array]
    labels: dict[str, Array] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def fit_samples(raw: RawData, name: str, inputs: Sequence[TensorSpec]) -> Samples:
    """Bring arrays into the inputs' shapes and dtypes, or say what does not fit.

    Raises:
        DataError: When a shape, dtype or length does not fit.
    """
    notes = list(raw.notes)
    fitted = {
        spec.name: _fit_array(raw.inputs[spec.name], name, spec, len(inputs) == 1, notes)
        for spec in inputs
    }
    lengths = {key: len(array) for key, array in fitted.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{key}: {count}" for key, count in lengths.items())
        raise DataError(
            f"{name}: expected the same number of samples for every input, found {found}; give "
            "one row of each input for each sample."
        )
    samples = next(iter(lengths.values()))
    if samples == 0:
        raise DataError(f"{name}: expected at least one sample, found none; add rows.")
    labels = {key: _fit_labels(array, name, key, samples) for key, array in raw.labels.items()}
    return Samples(fitted, labels, tuple(notes))


def _fit_array(array: Array, name: str, spec: TensorSpec, only: bool, notes: list[str]) -> Array:
    label = "x" if only else spec.name
    if array.dtype.kind not in "fiub":
        raise DataError(
            f"{name}: expected numbers in {label}, found {array.dtype}; save it as a numeric array."
        )
    target = _array_dtype(spec, name)
    shaped = _fit_shape(array, name, label, spec.shape, notes)
    return _fit_dtype(shaped, name, label, target, notes)


def _array_dtype(spec: TensorSpec, name: str) -> np.dtype[Any]:
    """Return the NumPy dtype that an input is fed in; half floats are fed as float32."""
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


def _fit_shape(
    array: Array, name: str, label: str, declared: Shape | None, notes: list[str]
) -> Array:
    if declared is None:
        if array.ndim == 0:
            raise DataError(
                f"{name}: expected {label} with one row a sample, found a single number; give an "
                "array of shape (samples, ...)."
            )
        return array
    wanted = declared[1:]
    if not declared:  # a scalar input: one number a sample
        return array.reshape(-1)
    if array.ndim == len(wanted) + 1 and _matches(array.shape[1:], wanted):
        return array
    if array.ndim == len(wanted) and _matches(array.shape, wanted) and array.ndim > 0:
        notes.append(f"{label} holds one sample without a sample dimension; it was added.")
        return array[None]
    size = math.prod(array.shape[1:])
    closed = [s for s in wanted if s is not None]
    if array.ndim >= 1 and len(closed) == len(wanted) and size == math.prod(closed):
        shape = (len(array), *closed)
        notes.append(
            f"{label} of shape {format_shape(array.shape)} was reshaped to {format_shape(shape)}."
        )
        return array.reshape(shape)
    if None in wanted and array.ndim == len(wanted) and array.ndim >= 1:
        # (samples, steps) for an input of (samples, steps, 1)
        shape = (*array.shape, 1)
        if _matches(shape[1:], wanted):
            return array[..., None]
    raise DataError(
        f"{name}: expected {label} of shape {format_shape(('samples', *wanted))}, found "  # type: ignore[arg-type]
        f"{format_shape(array.shape)}; reshape it or give the data that belongs to this model."
    )


def _matches(found: Sequence[int], wanted: Sequence[int | None]) -> bool:
    return len(found) == len(wanted) and all(
        want is None or have == want for have, want in zip(found, wanted, strict=True)
    )


def _check_whole_numbers(array: Array, name: str, label: str, target: np.dtype[Any]) -> None:
    if array.dtype.kind == "f" and not np.array_equal(array, np.round(array)):
        found = "NaN" if np.isnan(array).any() else "fractions"
        raise DataError(
            f"{name}: expected whole numbers in {label} ({target}), found {found}; give the "
            "indices that the model was trained on."
        )
    bounds = np.iinfo(target)
    if array.size and (array.min() < bounds.min or array.max() > bounds.max):
        raise DataError(
            f"{name}: expected values of {label} between {bounds.min} and {bounds.max} "
            f"({target}), found {array.min()} to {array.max()}; give data in that range."
        )


def _fit_dtype(
    array: Array, name: str, label: str, target: np.dtype[Any], notes: list[str]
) -> Array:
    if target.kind in "iu":
        _check_whole_numbers(array, name, label, target)
    with np.errstate(over="ignore", invalid="ignore"):
        fitted = np.ascontiguousarray(array, dtype=target)
    if target.kind == "f":
        broken = fitted.size - int(np.count_nonzero(np.isfinite(fitted)))
        if broken:
            notes.append(f"{label} holds {broken} values that are NaN or infinite.")
        constant = fitted.size > 1 and fitted.min() == fitted.max()
        if constant:
            notes.append(
                f"All values of {label} are {fitted.flat[0]:g}: nothing can be learned "
                "from a constant."
            )
    return fitted


def _fit_labels(array: Array, name: str, key: str, samples: int) -> Array:
    if array.ndim == 0 or len(array) != samples:
        found = 1 if array.ndim == 0 else len(array)
        raise DataError(
            f"{name}: expected {samples} labels in {key}, one a sample, found {found}; give as "
            "many labels as samples."
        )
    if array.dtype.kind in "US":
        array = np.unique(array, return_inverse=True)[1]
    if array.dtype.kind not in "fiub":
        raise DataError(
            f"{name}: expected numbers or texts as labels in {key}, found {array.dtype}; save "
            "class indices."
        )
    squeezed = array.reshape(samples, -1)
    return squeezed[:, 0] if squeezed.shape[1] == 1 else array


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
        dtype = _array_dtype(spec, "Random samples")
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
    samples: Samples, evaluation: int | None, calibration: int | None, seed: int
) -> Split:
    """Shuffle by a seed and cut into two disjoint parts.

    Args:
        samples: All samples.
        evaluation: Evaluation samples asked for; None for the default.
        calibration: Calibration samples asked for; None for the default.
        seed: Of NumPy's PCG64 generator.
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
    return Split(
        calibration=samples.take(np.sort(order[:calibrating])),
        evaluation=samples.take(np.sort(order[calibrating : calibrating + evaluating])),
        notes=tuple(notes),
    )


def describe_samples(samples: Samples) -> dict[str, Any]:
    """Return what a page shows of data: count, labels, and each input's range."""
    return {
        "samples": len(samples),
        "labelled": bool(samples.labels),
        "label_names": list(samples.labels),
        "inputs": [
            {"name": name, "shape": list(array.shape), "dtype": str(array.dtype), **_range(array)}
            for name, array in samples.inputs.items()
        ],
        "notes": list(samples.notes),
    }


def _range(array: Array) -> Mapping[str, float | None]:
    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array
    if finite.size == 0:
        return {"min": None, "max": None, "mean": None}
    return {
        "min": float(finite.min()),
        "max": float(finite.max()),
        "mean": float(finite.mean(dtype=np.float64)),
    }
