"""Step 4: one sum in several accumulators, and what the model makes of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from converter.lesson.model import EVALUATION, accuracy, layer_outputs, load_digits, load_layers
from converter.lesson.quantization import float16_sums, grid_between, make_grid, running_sums

Array = np.ndarray
INTEGERS = ("int32", "int16", "int8")
FLOAT16 = "float16"
STORED, BACKWARDS, LARGEST = "one after another", "backwards", "largest first"
ORDERS = (STORED, BACKWARDS, LARGEST)
"""Of the products. A kernel takes them one after another: its lanes are the outputs."""


@dataclass(frozen=True)
class Accumulation:
    """One output of the last layer, summed product by product, without its bias.

    Attributes:
        products: Of 8-bit activations and 8-bit weights, shape `(terms,)`, in the order summed.
        scale: What one unit of such a product is worth.
        sums: Running sums by the accumulator's name: of the products in units, and in `float16`
            those of the same numbers as half floats, in real numbers.
        exact: What `float16` would give if no sum were rounded.
        tops: The digit that the model names with each accumulator, bias added.
        accuracy: Share of the `EVALUATION` digits that are right with each.
    """

    products: Array
    scale: float
    sums: dict[str, Array]
    exact: Array
    tops: dict[str, int]
    accuracy: dict[str, float]

    def real(self, name: str) -> Array:
        """Return an accumulator's running sums in real numbers."""
        return self.sums[name] * (1.0 if name == FLOAT16 else self.scale)

    @property
    def rounding(self) -> Array:
        """How far float16 is from the exact sum after each product."""
        return np.asarray(self.sums[FLOAT16].astype(np.float64) - self.exact)


@dataclass(frozen=True)
class _AllSums:
    """Of every digit and output; products and sums have shape `(terms, digits, outputs)`."""

    products: Array
    scales: Array
    sums: dict[str, Array]
    exact: Array
    outputs: dict[str, Array]


def accumulate(digit: int, neuron: int, order: str = STORED) -> Accumulation:
    """Sum one output of the last layer in accumulators of several kinds.

    Args:
        digit: Number of the sample.
        neuron: Which of the ten outputs.
        order: One of `ORDERS`.
    """
    _, digits = load_digits()
    found = _all_sums(order)
    return Accumulation(
        products=found.products[:, digit, neuron], scale=float(found.scales[digit, neuron]),
        sums={name: sums[:, digit, neuron] for name, sums in found.sums.items()},
        exact=found.exact[:, digit, neuron],
        tops={name: int(np.argmax(out[digit])) for name, out in found.outputs.items()},
        accuracy={
            name: accuracy(out, digits[:EVALUATION]) for name, out in found.outputs.items()
        },
    )  # fmt: skip


@lru_cache(maxsize=len(ORDERS))
def _all_sums(order: str) -> _AllSums:
    last = load_layers()[-1]
    pooled = layer_outputs(load_digits()[0][:EVALUATION], last.number - 1).mean(axis=(1, 2))
    # Each sample has a range of its own, as a dynamic-range kernel measures it.
    inputs = grid_between(pooled.min(axis=1, keepdims=True), pooled.max(axis=1, keepdims=True), 8,
                          symmetric=False)
    weights = make_grid(last.weights, 8, channel_axis=last.channel_axis)
    left = (inputs.store(pooled) - inputs.zero_points).T[:, :, None]
    right = weights.store(last.weights).T[:, None, :]
    products = (left * right).astype(np.int64)
    place = _order(products, order)
    products = np.take_along_axis(products, place, axis=0)
    sums = {name: running_sums(products, int(name[3:])) for name in INTEGERS}
    halves = [np.take_along_axis(np.broadcast_to(each, place.shape), place, axis=0)
              for each in (pooled.T[:, :, None], last.weights.T[:, None, :])]  # fmt: skip
    sums[FLOAT16] = float16_sums(*halves)
    left16, right16 = (each.astype(np.float16).astype(np.float64) for each in halves)
    scales = inputs.scales * weights.scales.T
    outputs = {
        name: each[-1] * (1.0 if name == FLOAT16 else scales) + last.bias
        for name, each in sums.items()
    }
    return _AllSums(products, scales, sums, np.cumsum(left16 * right16, axis=0), outputs)


def _order(products: Array, order: str) -> Array:
    """Return where each product is taken from, along the first axis."""
    if order == LARGEST:
        return np.argsort(-np.abs(products), axis=0, kind="stable")
    terms = np.arange(len(products))[:: -1 if order == BACKWARDS else 1]
    return np.broadcast_to(terms[:, None, None], products.shape)
