"""A zip of images as samples: class folders as labels, resized and scaled as stated in a note."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
from PIL import Image, UnidentifiedImageError

from converter.archive import content_members, read_member
from converter.errors import DataError
from converter.limits import current_limits
from converter.request import IMAGE_SCALES, DataOptions
from converter.samples import LABELS, RawData
from converter.signature import TensorSpec, format_shape

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"}
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_INDEX_DIGITS = 9  # longer numbers are serial numbers or dates, not class indices


def read_images(
    archive: zipfile.ZipFile,
    name: str,
    inputs: Sequence[TensorSpec],
    options: DataOptions,
    *,
    rescales: bool,
) -> RawData:
    """Read the images of a zip for a model with one image input.

    Raises:
        DataError: When there is none, one cannot be read, or the model takes no images.
    """
    members = sorted(
        (
            m
            for m in content_members(archive)
            if PurePosixPath(m.filename).suffix.lower() in SUFFIXES
        ),
        key=lambda member: member.filename,
    )
    if not members:
        raise DataError(
            f"{name}: expected arrays (.npy) or images ({', '.join(sorted(SUFFIXES))}) in the zip, "
            "found neither; pack the images of one class into one folder each."
        )
    height, width, channels = _image_shape(archive, members, name, inputs)
    scale = _scale(options.image_scale, rescales)
    if len(members) * height * width * channels * 4 > current_limits().data_bytes:
        raise DataError(
            f"{name}: {len(members)} images of {height}x{width}x{channels} take more than "
            f"{int(current_limits().data_bytes)} bytes; give fewer."
        )
    pixels = np.stack(
        [_pixels(archive, member, name, (height, width, channels)) for member in members]
    )
    target = inputs[0]
    takes_bytes = target.dtype == "uint8"
    values = pixels if takes_bytes else _scaled(pixels, scale)
    how = "kept as bytes, 0..255, which the model takes" if takes_bytes else f"scaled to {scale}"
    notes = [
        f"{len(members)} images were resized to {height}x{width} with {channels} channel(s) and "
        f"{how}."
    ]
    labels = _folder_labels(members, notes)
    return RawData({target.name: values}, labels, tuple(notes))


def _image_shape(
    archive: zipfile.ZipFile,
    members: list[zipfile.ZipInfo],
    name: str,
    inputs: Sequence[TensorSpec],
) -> tuple[int, int, int]:
    shape = inputs[0].shape if len(inputs) == 1 else None
    if shape is None or len(shape) not in {3, 4} or (len(shape) == 4 and shape[3] not in _MODES):
        found = ", ".join(format_shape(spec.shape) for spec in inputs)
        raise DataError(
            f"{name}: images need a model with one input of shape (samples, height, width, 1, 3 "
            f"or 4), found {found}; give the samples as .npz."
        )
    height, width = shape[1], shape[2]
    if height is None or width is None:
        first = _open(archive, members[0], name)
        height, width = height or first.height, width or first.width
    return height, width, int(shape[3] or 3) if len(shape) == 4 else 1


def _scale(asked: str, rescales: bool) -> str:
    if asked not in IMAGE_SCALES:
        raise DataError(
            f"The image scale is one of {', '.join(IMAGE_SCALES)}; found {asked!r}; choose one."
        )
    if asked == "auto":
        return "0..255" if rescales else "0..1"
    return asked


def _scaled(pixels: np.ndarray, scale: str) -> np.ndarray:
    values = pixels.astype(np.float32)
    if scale == "0..1":
        return values / np.float32(255)
    return values / np.float32(127.5) - 1 if scale == "-1..1" else values


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
    return image


def _pixels(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, shape: tuple[int, int, int]
) -> np.ndarray:
    height, width, channels = shape
    try:
        image = _open(archive, member, name).convert(_MODES[channels])
        if image.size != (width, height):
            image = image.resize((width, height), Image.Resampling.BILINEAR)
    except (OSError, ValueError, SyntaxError) as broken:
        raise DataError(
            f"{name}: {member.filename[:80]!r} is a damaged image; take it out or save it again."
        ) from broken
    return np.asarray(image, dtype=np.uint8).reshape(shape)


def _folder_labels(members: list[zipfile.ZipInfo], notes: list[str]) -> dict[str, np.ndarray]:
    # The innermost folder is the class: train/cat and test/cat are the same one.
    folders = [PurePosixPath(member.filename).parent.name for member in members]
    names = sorted(set(folders))
    if len(names) < 2 or "" in names:
        return {}
    # Folders named 0, 1, ..., 10 are class indices: their order is that of the numbers.
    if all(name.isdecimal() and len(name) <= _INDEX_DIGITS for name in names):
        labels = np.array([int(folder) for folder in folders])
        notes.append(f"The folder names {', '.join(sorted(names, key=int)[:12])} are the labels.")
    else:
        index_of = {name: index for index, name in enumerate(names)}
        labels = np.array([index_of[folder] for folder in folders])
        listed = ", ".join(f"{name} = {index_of[name]}" for name in names[:12])
        notes.append(f"Class folders, in alphabetical order, are the labels: {listed}.")
    return {LABELS: labels}
