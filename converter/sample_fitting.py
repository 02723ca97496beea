"""Arrays brought into the shapes and dtypes of a model's inputs, or what does not fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from converter.errors import DataError
from converter.samples import RawData, Samples, fed_dtype
from converter.signature import Shape, TensorSpec, format_shape

Array = np.ndarray
_LISTED = 12


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
    class_names = dict(raw.class_names)
    labels = {
        key: _fit_labels(array, name, key, samples, class_names)
        for key, array in raw.labels.items()
    }
    notes += [
        f"The texts in {key}, in alphabetical order, are the classes: {list_classes(names)}."
        for key, names in class_names.items()
        if key not in raw.class_names
    ]
    return Samples(fitted, labels, tuple(notes), class_names, dict(raw.columns))


def _fit_array(array: Array, name: str, spec: TensorSpec, only: bool, notes: list[str]) -> Array:
    label = "x" if only else spec.name
    if array.dtype.kind not in "fiub":
        raise DataError(
            f"{name}: expected numbers in {label}, found {array.dtype}; save it as a numeric array."
        )
    target = fed_dtype(spec, name)
    shaped = _fit_shape(array, name, label, spec.shape, notes)
    return _fit_dtype(shaped, name, label, target, notes)


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
    if array.dtype.newbyteorder("=") != target:
        notes.append(f"{label} holds {array.dtype.name} values and is fed as {target.name}.")
        digits = 24 if target == np.float32 else 53
        if array.dtype.kind in "iu" and target.kind == "f" and _exceeds(array, 2**digits):
            notes.append(
                f"{label} holds whole numbers beyond 2^{digits}, which {target.name} rounds: if "
                "they are ids, the model should take them as integers."
            )
    return fitted


def _exceeds(array: Array, most: int) -> bool:
    return bool(array.size) and max(int(array.max()), -int(array.min())) > most


def _fit_labels(
    array: Array, name: str, key: str, samples: int, class_names: dict[str, tuple[str, ...]]
) -> Array:
    if array.ndim == 0 or len(array) != samples:
        found = 1 if array.ndim == 0 else len(array)
        raise DataError(
            f"{name}: expected {samples} labels in {key}, one a sample, found {found}; give as "
            "many labels as samples."
        )
    if array.dtype.kind in "US":
        names, array = np.unique(array, return_inverse=True)
        texts = names.astype(np.str_) if names.dtype.kind == "U" else map(_decoded, names)
        class_names[key] = tuple(map(str, texts))
    if array.dtype.kind not in "fiub":
        raise DataError(
            f"{name}: expected numbers or texts as labels in {key}, found {array.dtype}; save "
            "class indices."
        )
    squeezed = array.reshape(samples, -1)
    return squeezed[:, 0] if squeezed.shape[1] == 1 else array


def list_classes(names: Sequence[str]) -> str:
    """Return class names with their indices, the first dozen: `cat = 0, dog = 1`."""
    listed = ", ".join(f"{name[:20]} = {index}" for index, name in enumerate(names[:_LISTED]))
    return f"{listed} and {len(names) - _LISTED} more" if len(names) > _LISTED else listed


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "replace")
