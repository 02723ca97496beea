"""The usual mistakes in what a model is fed: its range, constants, gaps, ids beyond the table."""

from __future__ import annotations

from typing import Any

import numpy as np

from converter.distribution import measure_range
from converter.finding import Finding, shorten_names
from converter.model_traits import ANY, BYTES, UNITS, UNKNOWN, ModelTraits
from converter.samples import Samples
from converter.thumbnails import is_image_batch

_LEAST_SAMPLES = 5
"""Fewer say nothing about what never changes."""
_FLAT_IMAGE = 64
"""A vector of so many bytes is an image of at least 8x8."""
_MOST_CHANNELS = 16


def find_input_mistakes(samples: Samples, traits: ModelTraits) -> list[Finding]:
    """Return what looks wrong with the inputs, the gravest first for each input.

    Args:
        samples: As the model is fed.
        traits: What its file tells of the data that it expects.
    """
    found = []
    for name, array in samples.inputs.items():
        label = "x" if len(samples.inputs) == 1 else name
        facts = measure_range(array)
        found += _not_finite(array, label, facts)
        if facts["min"] is None:
            continue
        if facts["min"] == facts["max"] and array.size > 1:
            found.append(
                Finding(
                    f"All values of {label} are {facts['min']:g}: on a constant nothing can be "
                    "calibrated or compared; check how the data was made."
                )
            )
            continue
        found += _constant_parts(samples, name, label)
        found += _range_mistakes(array, label, facts, traits)
        found += _beyond_scale(array, name, label, traits)
        found += _ids_beyond(array, label, facts, traits)
    return found


def judge_automatic_scale(scale: str, traits: ModelTraits) -> list[Finding]:
    """Return a warning where the range of image values was chosen and the file does not tell it.

    Args:
        scale: What was chosen automatically.
        traits: What the model's file tells.
    """
    if traits.image_values not in {ANY, UNKNOWN}:
        return []
    return [
        Finding(
            f"The image values were brought to {scale} automatically, but the model's file does "
            "not tell on which range it was trained: choose the image scale that the training "
            "used."
        )
    ]


def _not_finite(array: np.ndarray, label: str, facts: dict[str, Any]) -> list[Finding]:
    nan, infinite = facts["nan"], facts["infinite"]
    if not nan + infinite:
        return []
    rows = array.reshape(len(array), -1)
    hit = sum(
        int((~np.isfinite(rows[start : start + 10_000])).any(axis=1).sum())
        for start in range(0, len(rows), 10_000)
    )
    parts = [f"{nan} NaN"] * bool(nan) + [f"{infinite} infinite"] * bool(infinite)
    return [
        Finding(
            f"{label} holds values that are no numbers ({' and '.join(parts)}, in {hit} of "
            f"{len(array)} samples): a quantizer cannot be calibrated on them; fill them or drop "
            "those samples."
        )
    ]


def _constant_parts(samples: Samples, name: str, label: str) -> list[Finding]:
    array = samples.inputs[name]
    if array.ndim < 2 or len(array) < _LEAST_SAMPLES or array.shape[-1] < 2:
        return []
    is_table = array.ndim == 2
    if not is_table and array.shape[-1] > _MOST_CHANNELS:
        return []
    columns = array.reshape(-1, array.shape[-1])
    still = np.flatnonzero(columns.min(axis=0) == columns.max(axis=0))
    # The corners of a flattened image are always black: that is no mistake.
    if not still.size or (array.shape[-1] >= _FLAT_IMAGE and still.size * 4 < array.shape[-1]):
        return []
    word = "column" if is_table else "channel"
    known = samples.columns.get(name, ())
    names = [known[i] if i < len(known) else str(i + 1) for i in still.tolist()]
    is_one = still.size == 1
    return [
        Finding(
            f"{still.size} of {array.shape[-1]} {word}s of {label} never "
            f"{'changes' if is_one else 'change'} ({word}{'' if is_one else 's'} "
            f"{shorten_names(names)}): check that {'it was' if is_one else 'they were'} read "
            "right.",
            serious=still.size * 2 >= array.shape[-1],
        )
    ]


def _range_mistakes(
    array: np.ndarray, label: str, facts: dict[str, Any], traits: ModelTraits
) -> list[Finding]:
    if array.dtype.kind != "f":
        return []
    low, high = facts["min"], facts["max"]
    is_image = is_image_batch(array)
    looks_bytes = low >= 0 and 100 < high <= 255
    span = f"{label} runs from {low:.4g} to {high:.4g}"
    if looks_bytes and (is_image or _is_flat_image(array)):
        if traits.image_values == UNITS:
            return [
                Finding(
                    f"{span}, and the model has no layer that rescales its input: if it was "
                    "trained on 0..1, divide by 255 (images: choose the scale 0..1)."
                )
            ]
        if traits.image_values == UNKNOWN:
            return [
                Finding(
                    f"{span}; the model's file does not tell whether it rescales its input by "
                    "itself: if it was trained on 0..1, divide by 255 (images: choose the scale "
                    "0..1).",
                    serious=False,
                )
            ]
    if is_image and low >= -1.05 and high <= 1.05 and traits.image_values == BYTES:
        return [
            Finding(
                f"{span}, but the model rescales its input by itself, which is made for 0..255: "
                "multiply by 255 (images: choose the scale 0..255)."
            )
        ]
    return []


def _is_flat_image(array: np.ndarray) -> bool:
    if array.ndim != 2 or array.shape[1] < _FLAT_IMAGE:
        return False
    some = array[:: max(1, len(array) // 1000)]
    return bool((some == np.round(some)).all())


def _beyond_scale(array: np.ndarray, name: str, label: str, traits: ModelTraits) -> list[Finding]:
    ends = traits.real_range(name)
    if ends is None:
        return []
    step = abs(traits.quantized[name][0])
    beyond = int(((array < ends[0] - step) | (array > ends[1] + step)).sum())
    if beyond * 1000 < array.size:
        return []
    return [
        Finding(
            f"{beyond / array.size:.1%} of the values of {label} lie beyond {ends[0]:.4g} to "
            f"{ends[1]:.4g}, which is all that this file's input can hold, and are cut off: scale "
            "the data as in training."
        )
    ]


def _ids_beyond(
    array: np.ndarray, label: str, facts: dict[str, Any], traits: ModelTraits
) -> list[Finding]:
    rows = traits.embedding_rows
    if rows is None or array.dtype.kind not in "iu":
        return []
    low, high = int(facts["min"]), int(facts["max"])
    if low >= 0 and high < rows:
        return []
    return [
        Finding(
            f"{label} holds ids from {low} to {high}, and the model's largest embedding has "
            f"{rows} rows (0 to {rows - 1}): give ids of the vocabulary that it was trained with."
        )
    ]
