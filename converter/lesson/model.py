"""A bundled model in NumPy: small enough to be run again for every move of a slider.

The arrays are the constants of digits_mobilenet's float32 `.tflite` (`sample_models/lesson.npz`,
made by `build_lesson.py`); a test holds that this forward pass gives what LiteRT gives.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from converter.sample_models import SAMPLES_FOLDER

Array = np.ndarray
Change = Callable[[int, Array], Array]
"""Takes a layer's number and its weights or activations; returns what takes their place."""
EVALUATION = 200
"""Samples on which the lesson tells how often the model is right."""
_GROUP = 20
"""Images that go through the layers together: what they give stays in the processor's cache."""
_DEPTHWISE, _CONVOLUTION, _DENSE = "depthwise", "convolution", "dense"
_PLAN = ((_CONVOLUTION, 1, True), (_DEPTHWISE, 1, True), (_CONVOLUTION, 1, False),
         (_DEPTHWISE, 2, True), (_CONVOLUTION, 1, False), (_DEPTHWISE, 1, True),
         (_CONVOLUTION, 1, False), (_DEPTHWISE, 2, True), (_CONVOLUTION, 1, False),
         (_DENSE, 1, False))  # fmt: skip
"""Of each layer: its kind, its stride, and whether its input is padded to keep its size."""


@dataclass(frozen=True)
class Layer:
    """One layer with its constants as the `.tflite` holds them.

    Attributes:
        number: From 0.
        kind: `convolution`, `depthwise` or `dense`.
        weights: Output channels first; of a depthwise layer last.
        bias: One for each output channel.
        stride: Of a convolution.
        is_padded: Whether the input is padded with zeros to keep its size (`SAME`).
    """

    number: int
    kind: str
    weights: Array
    bias: Array
    stride: int
    is_padded: bool

    @property
    def name(self) -> str:
        """What a person reads."""
        return f"{self.number + 1}. {self.kind}"

    @property
    def channel_axis(self) -> int:
        """The axis of `weights` along which scales may differ."""
        return -1 if self.kind == _DEPTHWISE else 0


@cache
def load_layers() -> tuple[Layer, ...]:
    """Return the model's layers in order."""
    with np.load(SAMPLES_FOLDER / "lesson.npz", allow_pickle=False) as arrays:
        return tuple(
            Layer(number, kind, arrays[f"{number}.weights"], arrays[f"{number}.bias"], stride, same)
            for number, (kind, stride, same) in enumerate(_PLAN)
        )


@cache
def load_digits() -> tuple[Array, Array]:
    """Return held-back images, shape `(samples, 8, 8, 1)`, and their digits."""
    with np.load(SAMPLES_FOLDER / "digits_mobilenet" / "data.npz", allow_pickle=False) as data:
        return data["x"].astype(np.float32), data["y"].astype(np.int64)


def predict(
    images: Array, *, weights: Change | None = None, activations: Change | None = None
) -> Array:
    """Return the probability of each digit, shape `(samples, 10)`.

    Args:
        images: Shape `(samples, 8, 8, 1)`, 0 to 1; at least one.
        weights: Changes the weights of a layer before it computes.
        activations: Changes what a layer gives.
    """
    groups = range(0, len(images), _GROUP)
    x = np.concatenate([_logits(images[i : i + _GROUP], weights, activations) for i in groups])
    shifted = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def _logits(x: Array, weights: Change | None, activations: Change | None) -> Array:
    for layer in load_layers():
        used = layer.weights if weights is None else weights(layer.number, layer.weights)
        x = _run(layer, x, used)
        if activations is not None:
            x = activations(layer.number, x)
    return x


def layer_outputs(images: Array, number: int) -> Array:
    """Return what a layer gives for some images."""
    return next(itertools.islice(each_output(images), number, None))


def each_output(images: Array) -> Iterator[Array]:
    """Yield what each layer gives for some images, in order."""
    x = images
    for layer in load_layers():
        x = _run(layer, x, layer.weights)
        yield x


def _run(layer: Layer, x: Array, weights: Array) -> Array:
    if layer.kind == _DENSE:
        pooled = x.mean(axis=(1, 2)) if x.ndim > 2 else x  # noqa: PLR2004 - images are pooled first
        return np.asarray(pooled @ weights.T + layer.bias)
    size = weights.shape[1]
    if layer.is_padded:
        x = _padded(x, size, layer.stride)
    rows, columns = ((length - size) // layer.stride + 1 for length in x.shape[1:3])
    # One product for each place of the kernel, and no window is copied: a third of what an einsum
    # over windows took, and a slider's move waits for it.
    y = np.empty((len(x), rows, columns, len(layer.bias)), np.float32)
    y[:] = layer.bias
    part = np.empty_like(y)
    for i in range(size):
        for j in range(size):
            seen = x[:, i : i + rows * layer.stride : layer.stride,
                     j : j + columns * layer.stride : layer.stride]
            if layer.kind == _DEPTHWISE:
                np.multiply(seen, weights[0, i, j], out=part)
            else:
                np.matmul(seen, weights[:, i, j].T, out=part)
            y += part
    return np.clip(y, 0.0, 6.0, out=y)  # ReLU6, fused into the operator


def _padded(x: Array, size: int, stride: int) -> Array:
    """Return images with the zeros around them that `SAME` asks for."""
    edges = []
    for length in x.shape[1:3]:
        total = max((-(-length // stride) - 1) * stride + size - length, 0)
        edges.append((total // 2, total - total // 2))
    return np.pad(x, [(0, 0), *edges, (0, 0)])


def accuracy(scores: Array, digits: Array) -> float:
    """Return the share of samples whose most probable digit is right."""
    return float(np.mean(np.argmax(scores, axis=1) == digits))
