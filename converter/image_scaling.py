"""Images as a model takes them: brought to its size, scaled, channels in its order; and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from converter.errors import DataError
from converter.request import CHANNEL_ORDERS, IMAGE_RESIZES, IMAGE_SCALES, DataOptions

AUTO = "auto"
BYTES = "bytes"
"""The scale of a model that takes whole numbers: nothing is done to them."""

# Mean and deviation of ImageNet's colours, R G B, as keras.applications.imagenet_utils has them.
_TORCH_MEAN, _TORCH_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CAFFE_MEAN = (123.68, 116.779, 103.939)
_NORMAL: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "0..1": ((0.0,), (255.0,)),
    "-1..1": ((127.5,), (127.5,)),
    "0..255": ((0.0,), (1.0,)),
    BYTES: ((0.0,), (1.0,)),
    "imagenet": (
        tuple(255 * value for value in _TORCH_MEAN),
        tuple(255 * value for value in _TORCH_STD),
    ),
    "imagenet-caffe": (_CAFFE_MEAN, (1.0,)),
}
"""For each scale what is subtracted from the bytes, and by what the rest is divided."""
_WORDS = {
    "imagenet": "scaled by ImageNet's mean and deviation",
    "imagenet-caffe": "scaled to 0..255 less ImageNet's mean colour",
    BYTES: "kept as bytes, 0..255, which the model takes",
}
_RESIZE_WORDS = {
    "stretch": "stretched",
    "crop": "cropped to the middle and resized",
    "pad": "resized and padded with black",
}


@dataclass(frozen=True, kw_only=True)
class ImageRecipe:
    """What is done to each image.

    Attributes:
        height: In pixels.
        width: In pixels.
        channels: 1, 3 or 4.
        resize: One of `IMAGE_RESIZES`.
        scale: One of `IMAGE_SCALES` but `auto`, or `BYTES`.
        order: `RGB` or `BGR`.
    """

    height: int
    width: int
    channels: int
    resize: str
    scale: str
    order: str

    def describe(self, count: int) -> str:
        """Return in a sentence what was done to so many images."""
        scaled = _WORDS.get(self.scale, f"scaled to {self.scale}")
        order = f", channels in the order {self.order}" if self.channels > 1 else ""
        return (
            f"{count} images were {_RESIZE_WORDS[self.resize]} to {self.height}x{self.width} "
            f"(bilinear) with {self.channels} channel(s){order}, and {scaled}."
        )


def choose_recipe(
    options: DataOptions,
    shape: tuple[int, int, int],
    *,
    whole: bool,
    rescales: bool,
    name: str = "Images",
) -> ImageRecipe:
    """Return what is to be done to the images.

    Args:
        options: What was chosen.
        shape: Height, width and channels of the model's input.
        whole: Whether the model takes whole numbers.
        rescales: Whether the model scales its inputs by itself.
        name: The file's name as the person knows it.

    Raises:
        DataError: When an option is unknown, or does not suit the model's channels.
    """
    for label, value, known in (
        ("scale", options.image_scale, IMAGE_SCALES),
        ("resizing", options.image_resize, IMAGE_RESIZES),
        ("channel order", options.channel_order, CHANNEL_ORDERS),
    ):
        if value not in known:
            raise DataError(
                f"{name}: the image {label} is one of {', '.join(known)}; found {value!r}; choose "
                "one."
            )
    height, width, channels = shape
    scale = options.image_scale
    if scale == AUTO:
        scale = "0..255" if rescales else "0..1"
    if scale.startswith("imagenet") and channels != 3:
        raise DataError(
            f"{name}: the image scale {scale!r} needs a model of 3 colour channels, found one of "
            f"{channels}; choose 0..1, -1..1 or 0..255."
        )
    order = options.channel_order
    if order == AUTO or channels == 1:
        order = "BGR" if scale == "imagenet-caffe" and channels > 1 else "RGB"
    return ImageRecipe(
        height=height,
        width=width,
        channels=channels,
        resize=options.image_resize,
        scale=BYTES if whole else scale,
        order=order,
    )


def resize_image(image: Image.Image, recipe: ImageRecipe) -> Image.Image:
    """Return an image in the recipe's size."""
    size = (recipe.width, recipe.height)
    if image.size == size:
        return image
    bilinear = Image.Resampling.BILINEAR
    if recipe.resize == "stretch":
        return image.resize(size, bilinear)
    if recipe.resize == "crop":
        # Of the largest middle part that has the model's proportions.
        factor = min(image.width / size[0], image.height / size[1])
        width, height = size[0] * factor, size[1] * factor
        left, top = (image.width - width) / 2, (image.height - height) / 2
        right, bottom = min(image.width, left + width), min(image.height, top + height)
        return image.resize(size, bilinear, box=(max(0, left), max(0, top), right, bottom))
    factor = min(size[0] / image.width, size[1] / image.height)
    inner = (
        min(size[0], max(1, round(image.width * factor))),
        min(size[1], max(1, round(image.height * factor))),
    )
    padded = Image.new(image.mode, size)
    offset = ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2)
    padded.paste(image.resize(inner, bilinear), offset)
    return padded


def scale_pixels(pixels: np.ndarray, recipe: ImageRecipe) -> np.ndarray:
    """Return bytes as the model takes them: float32, or uint8 for a model of whole numbers.

    Args:
        pixels: Shape `(..., channels)`, uint8, colours in the order R G B (A).
        recipe: What is to be done.
    """
    values = pixels
    if recipe.scale != BYTES:
        mean, deviation = _normal(recipe.scale)
        values = (pixels - mean) / deviation
    return _reorder(values, recipe)


def unscale_values(values: np.ndarray, recipe: ImageRecipe) -> np.ndarray:
    """Return what `scale_pixels` gave as bytes again, for display; the channels stay as fed."""
    mean, deviation = _normal(recipe.scale)
    if recipe.order == "BGR" and mean.size > 1:
        mean, deviation = mean[::-1], deviation if deviation.size == 1 else deviation[::-1]
    restored = values.astype(np.float32) * deviation + mean
    return np.clip(np.round(restored), 0, 255).astype(np.uint8)


def _normal(scale: str) -> tuple[np.ndarray, np.ndarray]:
    mean, deviation = _NORMAL[scale]
    return np.array(mean, np.float32), np.array(deviation, np.float32)


def _reorder(values: np.ndarray, recipe: ImageRecipe) -> np.ndarray:
    if recipe.order == "RGB" or recipe.channels < 3:
        return values
    return np.ascontiguousarray(values[..., [2, 1, 0, *range(3, recipe.channels)]])
