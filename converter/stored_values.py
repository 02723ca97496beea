"""Data for a `.tflite` whose inputs hold scaled integers: real numbers, or what is stored of them.

Data are real numbers, as the model was trained on, and are quantized at the border. A file may
hold the stored integers instead (pixels of 0..255 for an input that stores -1..1): they are told
by their range, and turned into the real numbers that they stand for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from converter.samples import Samples
from converter.signature import TensorSpec

QUANTIZED_INPUTS = "quantized_inputs"
"""Key in a model's details: `{name: [scale, zero_point]}`."""


def fed_inputs(inputs: list[TensorSpec], details: Mapping[str, Any]) -> list[TensorSpec]:
    """Return the inputs as data are fitted to them: float32 where integers are scaled."""
    quantized = details.get(QUANTIZED_INPUTS, {})
    return [replace(s, dtype="float32") if s.name in quantized else s for s in inputs]


def real_samples(samples: Samples, inputs: list[TensorSpec], details: Mapping[str, Any]) -> Samples:
    """Return samples whose stored integers are turned into real numbers.

    An array counts as stored where all its values are whole, lie in the integer type and not all
    in the range of real numbers that the input can hold.

    Args:
        samples: Fitted to `fed_inputs`.
        inputs: As the file has them, with their integer dtypes.
        details: Of the model file.
    """
    arrays, notes = dict(samples.inputs), list(samples.notes)
    for spec in inputs:
        how = details.get(QUANTIZED_INPUTS, {}).get(spec.name)
        array = arrays.get(spec.name)
        if how is None or array is None or spec.dtype is None:
            continue
        scale, zero_point = how
        if _are_stored(np.asarray(array), scale, zero_point, np.iinfo(spec.dtype)):
            shifted = np.asarray(array, np.float32) - np.float32(zero_point)
            arrays[spec.name] = shifted * np.float32(scale)
            notes.append(
                f"The data of input {spec.name} are taken for stored {spec.dtype} values, because "
                f"they are whole and the input holds real numbers from "
                f"{(np.iinfo(spec.dtype).min - zero_point) * scale:.4g} to "
                f"{(np.iinfo(spec.dtype).max - zero_point) * scale:.4g}."
            )
    return replace(samples, inputs=arrays, notes=tuple(notes))


def _are_stored(array: np.ndarray, scale: float, zero_point: int, bounds: Any) -> bool:  # noqa: ANN401
    if not array.size or not np.isfinite(array).all():
        return False
    least, most = float(array.min()), float(array.max())
    if least < bounds.min or most > bounds.max:
        return False
    slack = abs(scale)  # a calibrated range may miss the data's ends by a step
    low, high = (bounds.min - zero_point) * scale, (bounds.max - zero_point) * scale
    is_real = least >= low - slack and most <= high + slack
    return not is_real and bool(np.array_equal(array, np.round(array)))
