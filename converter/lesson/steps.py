"""The figures of the lesson's steps, each from real tensors of the bundled model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from converter.lesson.model import (
    EVALUATION,
    accuracy,
    layer_outputs,
    load_digits,
    load_layers,
    predict,
)
from converter.lesson.quantization import (
    Grid,
    clipped_share,
    error_db,
    grid_between,
    make_grid,
    running_sums,
)

Array = np.ndarray
CALIBRATION = (1, 10, 100)
"""Numbers of samples that step 2 offers."""
_FIRST_CALIBRATION = 400
"""Calibration samples come behind those on which the lesson evaluates."""


@dataclass(frozen=True)
class Outcome:
    """What a change does to a tensor and to the model.

    Attributes:
        before: The tensor's values.
        after: The same as they come back out of the integers.
        grid: The grid.
        sqnr_db: Of the tensor.
        clipped: Share of values beyond the grid.
        scores: Probabilities of the shown digit before and after, shape `(2, 10)`.
        accuracy: Of the model before and after, on `EVALUATION` digits.
    """

    before: Array
    after: Array
    grid: Grid
    sqnr_db: float
    clipped: float
    scores: Array
    accuracy: tuple[float, float]


@cache
def float_scores() -> Array:
    """Return the float model's probabilities for the digits of the lesson."""
    return predict(load_digits()[0][:EVALUATION])


@lru_cache(maxsize=8)
def quantize_weights(
    layer: int, bits: int, share: float, digit: int, *, per_channel: bool, symmetric: bool = True
) -> Outcome:
    """Quantize one layer's weights.

    Args:
        layer: Its number.
        bits: Of a stored weight.
        share: Part of the range that is covered, 0 to 1.
        digit: Number of the sample whose prediction is shown.
        per_channel: Whether each output channel has a scale of its own.
        symmetric: Whether zero is stored as 0.
    """
    chosen = load_layers()[layer]
    grid = make_grid(
        chosen.weights, bits, share=share, symmetric=symmetric,
        channel_axis=chosen.channel_axis if per_channel else None,
    )  # fmt: skip
    return _outcome(chosen.weights, grid, digit, weights={layer: grid})


@lru_cache(maxsize=4)
def calibrate_activations(layer: int, samples: int, bits: int, digit: int) -> Outcome:
    """Quantize what a layer gives, with the range that some samples reach.

    Args:
        layer: Its number.
        samples: Calibration samples, none of which is evaluated.
        bits: Of a stored activation.
        digit: Number of the sample whose prediction is shown.
    """
    images, _ = load_digits()
    seen = layer_outputs(images[_FIRST_CALIBRATION : _FIRST_CALIBRATION + samples], layer)
    grid = grid_between(seen.min(), seen.max(), bits, symmetric=False)
    values = layer_outputs(images[:EVALUATION], layer)
    return _outcome(values, grid, digit, activations={layer: grid})


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
    return _outcome(weights, grid, digit, weights={layer: grid}, replaced={layer: weights})


def _outcome(
    values: Array,
    grid: Grid,
    digit: int,
    *,
    weights: dict[int, Grid] | None = None,
    activations: dict[int, Grid] | None = None,
    replaced: dict[int, Array] | None = None,
) -> Outcome:
    images, digits = load_digits()
    grids, others, new = weights or {}, activations or {}, replaced or {}

    def change(number: int, array: Array) -> Array:
        array = new.get(number, array)
        return grids[number].quantize(array) if number in grids else array

    def after(number: int, array: Array) -> Array:
        return others[number].quantize(array) if number in others else array

    scores = predict(images[:EVALUATION], weights=change, activations=after)
    plain = float_scores()
    if new:  # the outlier itself changes the model: it is compared with the model that has it
        plain = predict(images[:EVALUATION], weights=lambda n, w: new.get(n, w))
    quantized = grid.quantize(values)
    return Outcome(
        before=values, after=quantized, grid=grid, sqnr_db=error_db(values, quantized),
        clipped=clipped_share(values, grid), scores=np.stack([plain[digit], scores[digit]]),
        accuracy=(accuracy(plain, digits[:EVALUATION]), accuracy(scores, digits[:EVALUATION])),
    )  # fmt: skip


@dataclass(frozen=True)
class Accumulation:
    """One output of the last layer, summed product by product.

    Attributes:
        products: Of 8-bit activations and 8-bit weights, shape `(terms,)`.
        sums: Running sums by the accumulator's name.
        scale: What one unit of a product is worth.
    """

    products: Array
    sums: dict[str, Array]
    scale: float


def accumulate(digit: int, neuron: int) -> Accumulation:
    """Sum one output of the last layer in accumulators of several widths.

    Args:
        digit: Number of the sample.
        neuron: Which of the ten outputs.
    """
    images, _ = load_digits()
    last = load_layers()[-1]
    pooled = layer_outputs(images[digit : digit + 1], last.number - 1).mean(axis=(1, 2))[0]
    inputs = grid_between(pooled.min(), pooled.max(), 8, symmetric=False)
    weights = make_grid(last.weights[neuron], 8)
    products = (inputs.store(pooled) - inputs.zero_points) * weights.store(last.weights[neuron])
    whole = products.astype(np.int64)
    sums = {
        f"int{bits}": running_sums(whole, bits) for bits in (32, 16, 8)
    }  # fmt: skip
    return Accumulation(whole, sums, float(inputs.scales) * float(weights.scales))
