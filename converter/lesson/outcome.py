"""What a change does to a tensor, to one prediction and to the model: what every step shows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from converter.lesson.model import EVALUATION, accuracy, load_digits, predict
from converter.lesson.quantization import Grid, clipped_share, error_db

Array = np.ndarray
INPUT = -1
"""Stands for the model's input among the numbers of layers whose output is quantized."""


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


def make_outcome(
    values: Array,
    grid: Grid,
    digit: int,
    *,
    weights: dict[int, Grid] | None = None,
    activations: dict[int, Grid] | None = None,
    replaced: dict[int, Array] | None = None,
) -> Outcome:
    """Run the model with some weights or activations quantized, and say what that changes.

    Args:
        values: The tensor that is shown, in floats.
        grid: Its grid.
        digit: Number of the sample whose prediction is shown.
        weights: The grid of each layer whose weights are quantized.
        activations: The grid of each layer whose output is, `INPUT` for the images.
        replaced: Weights that take the place of a layer's own before anything is quantized.
    """
    images, digits = load_digits()
    grids, others, new = weights or {}, activations or {}, replaced or {}

    def change(number: int, array: Array) -> Array:
        array = new.get(number, array)
        return grids[number].quantize(array) if number in grids else array

    def after(number: int, array: Array) -> Array:
        return others[number].quantize(array) if number in others else array

    scores = predict(after(INPUT, images[:EVALUATION]), weights=change, activations=after)
    plain = float_scores()
    if new:  # the outlier itself changes the model: it is compared with the model that has it
        plain = predict(images[:EVALUATION], weights=lambda n, w: new.get(n, w))
    quantized = grid.quantize(values)
    return Outcome(
        before=values, after=quantized, grid=grid, sqnr_db=error_db(values, quantized),
        clipped=clipped_share(values, grid), scores=np.stack([plain[digit], scores[digit]]),
        accuracy=(accuracy(plain, digits[:EVALUATION]), accuracy(scores, digits[:EVALUATION])),
    )  # fmt: skip
