"""Step 2: the ranges of activations come from samples, how many of them and which."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from converter.lesson.model import EVALUATION, each_output, layer_outputs, load_digits, load_layers
from converter.lesson.outcome import INPUT, Outcome, make_outcome
from converter.lesson.quantization import Grid, grid_between

Array = np.ndarray
COUNTS = (1, 2, 5, 10, 20, 50, 100)
"""Numbers of calibration samples that the lesson offers."""
MOST_FIRST = 39
"""The last sample with which calibration may begin: 100 follow it."""
_FIRST_CALIBRATION = 400
"""Calibration samples come behind those on which the lesson evaluates."""


@lru_cache(maxsize=32)
def _extremes(ink: float) -> tuple[Array, Array]:
    """Return least and greatest value of each calibration sample, shape `(samples, layers + 1)`.

    The input is the first column, then the layers in order.
    """
    scans = load_digits()[0][_FIRST_CALIBRATION:] * np.float32(ink)
    seen = [values.reshape(len(scans), -1) for values in (scans, *each_output(scans))]
    return (np.stack([values.min(axis=1) for values in seen], axis=1),
            np.stack([values.max(axis=1) for values in seen], axis=1))


def calibrate(samples: int, bits: int, *, ink: float = 1.0, first: int = 0) -> dict[int, Grid]:
    """Return the grid of the input (`INPUT`) and of what each layer gives.

    Args:
        samples: How many are looked at, none of which is evaluated.
        bits: Of a stored activation.
        ink: By which these scans are multiplied: below 1 they are fainter than those that the
            model meets later.
        first: Number of the first of them, up to `MOST_FIRST`.
    """
    low, high = _extremes(ink)
    seen = slice(first, first + samples)
    return {
        number: grid_between(low[seen, place].min(), high[seen, place].max(), bits, symmetric=False)
        for place, number in enumerate(range(INPUT, len(load_layers())))
    }


@lru_cache(maxsize=64)
def calibrate_activations(
    layer: int, samples: int, bits: int, digit: int, *, ink: float = 1.0, first: int = 0,
    whole: bool = False,
) -> Outcome:
    """Quantize activations with the ranges that some samples reach, and run the whole model.

    Args:
        layer: The one whose values are shown.
        samples: As for `calibrate`.
        bits: As for `calibrate`.
        digit: Number of the sample whose prediction is shown.
        ink: As for `calibrate`.
        first: As for `calibrate`.
        whole: Whether the input and all layers are quantized; else this layer alone.
    """
    grids = calibrate(samples, bits, ink=ink, first=first)
    used = grids if whole else {layer: grids[layer]}
    return make_outcome(_values(layer), grids[layer], digit, activations=used)


@lru_cache(maxsize=16)
def _values(layer: int) -> Array:
    return layer_outputs(load_digits()[0][:EVALUATION], layer)


def right_by_count(
    layer: int, bits: int, *, ink: float = 1.0, first: int = 0, whole: bool = False
) -> dict[int, float]:
    """Return the share of digits that the model gets right for each of `COUNTS`.

    Where more samples widen no range the figure is that of fewer: it is not computed again.
    """
    found: dict[int, float] = {}
    known: dict[tuple[float, ...], float] = {}
    for count in COUNTS:
        grids = calibrate(count, bits, ink=ink, first=first)
        used = grids if whole else {layer: grids[layer]}
        key = tuple(float(x) for g in used.values() for x in (g.scales, g.zero_points))
        if key not in known:
            outcome = calibrate_activations(
                layer, count, bits, 0, ink=ink, first=first, whole=whole
            )
            known[key] = outcome.accuracy[1]
        found[count] = known[key]
    return found
