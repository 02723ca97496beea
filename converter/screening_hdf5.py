"""Screens HDF5 files: everything a model says must lie in the file itself, at a bearable size."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import h5py

from converter.errors import ModelFileError
from converter.hdf5_walk import walk_hdf5
from converter.limits import current_limits
from converter.screening_graphs import short

# What h5py raises on damaged bytes; OverflowError where an address in them is out of bounds.
_DAMAGE = (OSError, RuntimeError, LookupError, ValueError, TypeError, OverflowError, MemoryError)


def screen_hdf5(source: Path | io.BytesIO, name: str) -> Any:  # noqa: ANN401 - any attribute
    """Refuse an HDF5 file that leads to other files or declares more than the machine should hold.

    Args:
        source: The file, or its bytes.
        name: The model file's name, for messages.

    Returns:
        The file's `model_config`, in which `.h5` models keep their configuration; None without.

    Raises:
        ModelFileError: When it holds an external or soft link, data stored in other files, a
            virtual dataset, or datasets of more bytes than `unpacked_bytes` allows.
    """
    limit = current_limits().unpacked_bytes
    try:
        with h5py.File(source, "r") as file:
            _check(file, name, limit)
            return file.attrs.get("model_config")
    except _DAMAGE as broken:
        raise ModelFileError(
            f"{name}: expected readable HDF5 weights, found damaged ones ({str(broken)[:120]!r}); "
            "save or upload the model again."
        ) from broken


def _check(file: h5py.File, name: str, limit: int) -> None:
    declared = 0
    for inner, link, item in walk_hdf5(file, name):
        place = f"/{inner}"
        _check_link(link, place, name)
        if isinstance(item, h5py.Dataset):
            _check_storage(item, place, name)
            declared += math.prod(item.shape or ()) * item.dtype.itemsize
            if declared > limit:
                raise ModelFileError(
                    f"{name}: expected at most {limit} bytes in its datasets, found more with "
                    f"{short(place)}; raise LITEDRIFT_UNPACKED_BYTES if you trust the file."
                )


def _check_link(link: object, place: str, name: str) -> None:
    if isinstance(link, h5py.HardLink):
        return
    what = "a soft link"
    if isinstance(link, h5py.ExternalLink):
        what = f"a link to the other file {short(link.filename)}"
    raise ModelFileError(
        f"{name}: expected all weights in the file itself, found {what} at {short(place)}; save "
        "the model again with model.save()."
    )


def _check_storage(dataset: h5py.Dataset, place: str, name: str) -> None:
    if dataset.is_virtual:
        what = "a virtual dataset, put together from other files,"
    elif dataset.external:
        what = f"a dataset stored in the other file {short(dataset.external[0][0])}"
    else:
        return
    raise ModelFileError(
        f"{name}: expected all weights in the file itself, found {what} at {short(place)}; save "
        "the model again with model.save()."
    )
