"""Small pictures of image samples, as plain arrays: black is an image's least value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_CHANNELS = {1, 3, 4}
_LEAST_SIDE = 4
MOST_PIXELS = 96
"""Of a thumbnail's longer side."""


def is_image_batch(array: np.ndarray) -> bool:
    """Whether an array looks like images: `(samples, height, width, 1, 3 or 4)`."""
    return array.ndim == 4 and array.shape[3] in _CHANNELS and min(array.shape[1:3]) >= _LEAST_SIDE


def stretch_values(image: np.ndarray) -> np.ndarray:
    """Return an image of any range as bytes; what is not finite is black."""
    values = image.astype(np.float64)
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    # Halves, because the span of two float64 may be beyond float64.
    span = high / 2 - low / 2
    scaled = (values / 2 - low / 2) / span if span > 0 else np.zeros_like(values)
    visible = np.where(np.isfinite(scaled), np.clip(scaled, 0, 1), 0)
    return np.round(255 * visible).astype(np.uint8)


def make_thumbnails(images: np.ndarray, samples: Sequence[int]) -> np.ndarray:
    """Return pictures of some samples, uint8, shape `(len(samples), height, width, channels)`.

    Args:
        images: `is_image_batch` holds for it; read at those samples alone.
        samples: Which, by their place.
    """
    step = -(-max(images.shape[1:3]) // MOST_PIXELS)
    height, width = (-(-size // step) for size in images.shape[1:3])
    pictures = np.zeros((len(samples), height, width, images.shape[3]), np.uint8)
    for place, sample in enumerate(samples):
        pictures[place] = stretch_values(np.asarray(images[sample, ::step, ::step]))
    return pictures
