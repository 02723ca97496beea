"""A few images as the model will receive them, as small PNG pictures beside the originals."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from converter.image_data import PICTURE_PIXELS
from converter.image_scaling import unscale_values
from converter.samples import LABELS, RawData, Samples
from converter.thumbnails import is_image_batch, stretch_values

_COARSE = 2.5
_MOST_SAMPLES = 8
"""Of arrays, which need no original beside them."""
_CAPTION = 60
"""Characters of a class name at most."""


def preview_images(samples: Samples, raw: RawData) -> dict[str, Any] | None:
    """Return pictures of a few samples; None where the model takes no images.

    Args:
        samples: Fitted to the inputs.
        raw: Before that, with the originals of a zip of images.

    Returns:
        `{"pictures": [{"sample", "caption", "original", "fed"}], "how"}`: the pictures are PNG in
        base64, `original` is None for arrays, and `how` says in words what `fed` shows.
    """
    array = next(iter(samples.inputs.values()))
    if raw.originals is not None:
        recipe, scaled = raw.originals.recipe, next(iter(raw.inputs.values()))
        swapped = "with red and blue exchanged, as it takes them" if recipe.order == "BGR" else ""
        return {
            "how": swapped,
            "pictures": [
                {
                    "sample": place,
                    "caption": _caption(samples, place),
                    "original": _png(picture),
                    "fed": _png(unscale_values(_with_channels(scaled[place]), recipe)),
                }
                for place, picture in sorted(raw.originals.pictures.items())
            ],
        }
    if len(samples.inputs) != 1 or not is_image_batch(array):
        return None
    return {
        "how": "each from its least value, black, to its greatest, white",
        "pictures": [
            {
                "sample": place,
                "caption": _caption(samples, place),
                "original": None,
                "fed": _png(stretch_values(np.asarray(array[place]))),
            }
            for place in _spread(samples)
        ],
    }


def _spread(samples: Samples) -> list[int]:
    """Return the first sample of each class, or of samples without classes the first ones."""
    labels = samples.labels.get(LABELS)
    if labels is None or labels.ndim != 1 or labels.dtype.kind == "f":
        return list(range(min(_MOST_SAMPLES, len(samples))))
    first = np.sort(np.unique(labels, return_index=True)[1])[:_MOST_SAMPLES].tolist()
    rest = [place for place in range(min(len(samples), 2 * _MOST_SAMPLES)) if place not in first]
    return sorted(first + rest[: _MOST_SAMPLES - len(first)])


def _caption(samples: Samples, place: int) -> str:
    labels = samples.labels.get(LABELS)
    if labels is None or labels.ndim != 1:
        return ""
    label = labels[place].item()
    names = samples.class_names.get(LABELS)
    if names:
        return names[int(label)][:_CAPTION]
    return f"{label:.4g}" if isinstance(label, float) else str(int(label))


def _with_channels(image: np.ndarray) -> np.ndarray:
    return image[..., None] if image.ndim == 2 else image


def _png(pixels: np.ndarray) -> str:
    """Return a PNG in base64, its longer side `PICTURE_PIXELS`."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1:] == (1,) else pixels)
    longer = max(image.size)
    if longer > PICTURE_PIXELS:
        factor = PICTURE_PIXELS / longer
        size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        image = image.resize(size, Image.Resampling.BILINEAR)
    elif longer < PICTURE_PIXELS:
        # Single pixels stay visible where they are few; a browser would blur them into a cloud.
        steps = PICTURE_PIXELS / longer
        size = (max(1, round(image.width * steps)), max(1, round(image.height * steps)))
        is_coarse = steps >= _COARSE
        image = image.resize(
            size, Image.Resampling.NEAREST if is_coarse else Image.Resampling.BICUBIC
        )
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()
