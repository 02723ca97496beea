"""Steps 1 and 3: weights on a grid, and one weight that takes the grid from the others."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from converter.lesson.model import load_layers
from converter.lesson.outcome import Outcome, make_outcome
from converter.lesson.quantization import grid_between, make_grid


@lru_cache(maxsize=8)
def quantize_weights(
    layer: int, bits: int, digit: int, *, parts: tuple[float, float] = (1.0, 1.0),
    per_channel: bool, symmetric: bool = True,
) -> Outcome:
    """Quantize one layer's weights.

    Args:
        layer: Its number.
        bits: Of a stored weight.
        digit: Number of the sample whose prediction is shown.
        parts: Where the range begins and ends, as parts of the least and the greatest weight: of
            the tensor, or of each channel its own.
        per_channel: Whether each output channel has a scale of its own.
        symmetric: Whether zero is stored as 0.
    """
    chosen = load_layers()[layer]
    grid = make_grid(
        chosen.weights, bits, parts=parts, symmetric=symmetric,
        channel_axis=chosen.channel_axis if per_channel else None,
    )  # fmt: skip
    return make_outcome(chosen.weights, grid, digit, weights={layer: grid})


@lru_cache(maxsize=8)
def add_outlier(layer: int, factor: float, bits: int, digit: int, *, clip: float) -> Outcome:
    """Make the largest weight of a layer larger, and quantize it with one scale.

    Args:
        layer: Its number.
        factor: By which the largest weight grows.
        bits: Of a stored weight.
        digit: Number of the sample whose prediction is shown.
        clip: Percentile of the absolute weights at which the range ends; 100 for none.
    """
    weights = load_layers()[layer].weights.copy()
    place = np.unravel_index(np.argmax(np.abs(weights)), weights.shape)
    weights[place] *= factor
    reach = float(np.percentile(np.abs(weights), clip))
    grid = grid_between(np.asarray(-reach), np.asarray(reach), bits, symmetric=True)
    return make_outcome(weights, grid, digit, weights={layer: grid}, replaced={layer: weights})
