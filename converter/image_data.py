"""A zip of images as samples: class folders as labels, resized and scaled as stated in a note."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np
from PIL import Image, UnidentifiedImageError

from converter.archive import content_members, read_member
from converter.distribution import HISTOGRAM_VALUES
from converter.errors import DataError
from converter.image_scaling import BYTES, ImageRecipe, choose_recipe, resize_image, scale_pixels
from converter.limits import current_limits
from converter.request import DataOptions
from converter.sample_fitting import list_classes
from converter.samples import LABELS, RawData
from converter.signature import TensorSpec, format_shape

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"}
MOST_PICTURES = 6
PICTURE_PIXELS = 80
"""Of the longer side of a picture that is shown to a person."""
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_INDEX_DIGITS = 9  # longer numbers are serial numbers or dates, not class indices
_LISTED = 12


@dataclass
class Originals:
    """What images were before they were brought into the model's form, for people to compare.

    Attributes:
        recipe: What was done to them.
        pictures: By sample: the first images of each class, made small, uint8.
        values: A random part of all images' bytes at their own size, uint8.
    """

    recipe: ImageRecipe
    pictures: dict[int, np.ndarray] = field(default_factory=dict)
    values: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint8))


def read_images(
    archive: zipfile.ZipFile,
    name: str,
    inputs: Sequence[TensorSpec],
    options: DataOptions,
    *,
    rescales: bool,
    originals: bool = False,
) -> RawData:
    """Read the images of a zip for a model with one image input.

    Args:
        archive: The zip.
        name: Its name as the person knows it.
        inputs: The model's inputs.
        options: How images are resized, scaled and ordered.
        rescales: Whether the model scales its inputs by itself, so that images stay 0..255.
        originals: Whether to keep what the images were, in `RawData.originals`.

    Raises:
        DataError: When there is none, one cannot be read, or the model takes no images.
    """
    members = _image_members(archive, name)
    shape = _image_shape(archive, members, name, inputs)
    recipe = choose_recipe(
        options, shape, whole=_takes_whole(inputs[0]), rescales=rescales, name=name
    )
    if len(members) * math.prod(shape) * 4 > current_limits().data_bytes:
        raise DataError(
            f"{name}: {len(members)} images of {'x'.join(map(str, shape))} take more than "
            f"{int(current_limits().data_bytes)} bytes; give fewer."
        )
    notes = [recipe.describe(len(members))]
    labels, class_names = _folder_labels(members, notes)
    kept = Originals(recipe) if originals else None
    pixels, deep = _read_pixels(archive, members, name, recipe, kept)
    if deep:
        notes.append(
            f"{deep} images have 16 bits a pixel; the upper 8 were taken, so that white is 255."
        )
    return RawData(
        {inputs[0].name: scale_pixels(pixels, recipe)},
        labels,
        tuple(notes),
        class_names=class_names,
        image_scale=None if recipe.scale == BYTES else recipe.scale,
        originals=kept,
    )


def _image_members(archive: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    members = [
        m for m in content_members(archive) if PurePosixPath(m.filename).suffix.lower() in SUFFIXES
    ]
    if not members:
        raise DataError(
            f"{name}: expected arrays (.npy) or images ({', '.join(sorted(SUFFIXES))}) in the zip, "
            "found neither; pack the images of one class into one folder each."
        )
    return sorted(members, key=lambda member: member.filename)


def _takes_whole(spec: TensorSpec) -> bool:
    return spec.dtype is not None and spec.dtype.startswith(("uint", "int"))


def _image_shape(
    archive: zipfile.ZipFile,
    members: list[zipfile.ZipInfo],
    name: str,
    inputs: Sequence[TensorSpec],
) -> tuple[int, int, int]:
    shape = inputs[0].shape if len(inputs) == 1 else None
    if shape is None or len(shape) not in {3, 4} or (len(shape) == 4 and shape[3] not in _MODES):
        found = ", ".join(format_shape(spec.shape) for spec in inputs)
        hint = ""
        if shape is not None and len(shape) == 4 and shape[1] in _MODES:
            hint = " (channels stand first in it, which a zip of images cannot give)"
        raise DataError(
            f"{name}: images need a model with one input of shape (samples, height, width, 1, 3 "
            f"or 4), found {found}{hint}; give the samples as .npz."
        )
    height, width = shape[1], shape[2]
    if height is None or width is None:
        first = _open(archive, members[0], name)
        height, width = height or first.height, width or first.width
    return height, width, int(shape[3] or 3) if len(shape) == 4 else 1


def _open(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> Image.Image:
    content = read_member(archive, member.filename, DataError)
    try:
        image = Image.open(io.BytesIO(content))
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as broken:
        raise DataError(
            f"{name}: {member.filename[:80]!r} is no readable image; take it out or save it again."
        ) from broken
    limit = int(current_limits().image_pixels)
    if image.width * image.height > limit:
        raise DataError(
            f"{name}: expected at most {limit} pixels an image, found {image.width}x{image.height} "
            f"in {member.filename[:80]!r}; make it smaller."
        )
    if image.mode in {"F", "I"}:
        raise DataError(
            f"{name}: expected images of 8 or 16 bits a pixel, found one of 32 "
            f"({member.filename[:80]!r}); save it with 8 bits, or the samples as .npz."
        )
    return image


def _read_pixels(
    archive: zipfile.ZipFile,
    members: list[zipfile.ZipInfo],
    name: str,
    recipe: ImageRecipe,
    kept: Originals | None,
) -> tuple[np.ndarray, int]:
    """Return all images in the model's size, uint8, and how many had 16 bits a pixel."""
    shape = (recipe.height, recipe.width, recipe.channels)
    pixels = np.empty((len(members), *shape), np.uint8)
    shown = _shown_places(members) if kept else set()
    parts, random, deep = [], np.random.default_rng(0), 0
    for place, member in enumerate(members):
        image = _open(archive, member, name)
        deep += image.mode.startswith("I;16")
        try:
            image = _eight_bits(image)
            picture = _small_picture(image) if kept and place in shown else None
            image = image.convert(_MODES[recipe.channels])
            pixels[place] = np.asarray(resize_image(image, recipe), np.uint8).reshape(shape)
        except (OSError, ValueError, SyntaxError) as broken:
            raise DataError(
                f"{name}: {member.filename[:80]!r} is a damaged image; take it out or save it "
                "again."
            ) from broken
        if kept:
            parts.append(_some_values(image, max(64, HISTOGRAM_VALUES // len(members)), random))
        if kept and picture is not None:
            kept.pictures[place] = picture
    if kept:
        kept.values = np.concatenate(parts)
    return pixels, deep


def _eight_bits(image: Image.Image) -> Image.Image:
    if not image.mode.startswith("I;16"):
        return image
    # `convert` would turn everything above 255 into white.
    return Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))


def _some_values(image: Image.Image, most: int, random: np.random.Generator) -> np.ndarray:
    flat = np.asarray(image, np.uint8).reshape(-1)
    return flat if flat.size <= most else flat[random.integers(0, flat.size, most)]


def _small_picture(image: Image.Image) -> np.ndarray:
    image = image.convert("RGB")
    factor = min(1.0, PICTURE_PIXELS / max(image.size))
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return np.asarray(image if factor == 1 else image.resize(size, Image.Resampling.BILINEAR))


def _shown_places(members: list[zipfile.ZipInfo]) -> set[int]:
    """Return the places of the first images of each class in turn: all classes before a second."""
    by_class: dict[str, list[int]] = {}
    for place, member in enumerate(members):
        by_class.setdefault(PurePosixPath(member.filename).parent.name, []).append(place)
    in_turn = sorted(
        (nth, place) for places in by_class.values() for nth, place in enumerate(places)
    )
    return {place for _, place in in_turn[:MOST_PICTURES]}


def _folder_labels(
    members: list[zipfile.ZipInfo], notes: list[str]
) -> tuple[dict[str, np.ndarray], dict[str, tuple[str, ...]]]:
    """Return the labels and, where names became indices, the names in the order of the indices."""
    # The innermost folder is the class: train/cat and test/cat are the same one.
    folders = [PurePosixPath(member.filename).parent.name for member in members]
    names = sorted(set(folders))
    if len(names) < 2 or "" in names:
        return {}, {}
    # Folders named 0, 1, ..., 10 are class indices: their order is that of the numbers.
    if all(name.isdecimal() and len(name) <= _INDEX_DIGITS for name in names):
        listed = ", ".join(sorted(names, key=int)[:_LISTED])
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        notes.append(f"The folder names {listed}{more} are the labels.")
        return {LABELS: np.array([int(folder) for folder in folders])}, {}
    index_of = {name: index for index, name in enumerate(names)}
    notes.append(f"Class folders, in alphabetical order, are the labels: {list_classes(names)}.")
    labels = np.array([index_of[folder] for folder in folders])
    return {LABELS: labels}, {LABELS: tuple(names)}
