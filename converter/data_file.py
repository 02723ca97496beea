"""Data files as arrays: `.npz`, `.npy`, `.csv` and zips of images, recognized by content."""

from __future__ import annotations

import io
import math
import tokenize
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from converter.archive import content_members, open_zip, read_member
from converter.array_choice import choose_arrays, describe_choice
from converter.csv_form import text_encoding
from converter.errors import DataError
from converter.limits import current_limits
from converter.request import DataOptions
from converter.samples import RawData
from converter.signature import TensorSpec

EXPECTED = "a .npz, .npy or .csv file or a zip of images"
_NPY_MAGIC = b"\x93NUMPY"
# Images and other binary files hold a NUL within this; a text in UTF-8 or Latin-1 never does.
_HEAD_BYTES = 1024
# What NumPy's header parser raises: it tokenizes and evaluates the header as Python literals.
_DAMAGE = (
    ValueError,
    TypeError,
    SyntaxError,
    tokenize.TokenError,
    RecursionError,
    MemoryError,
    OverflowError,
    EOFError,
    OSError,
    zipfile.BadZipFile,
)


def read_data_file(
    path: Path,
    name: str,
    inputs: Sequence[TensorSpec],
    options: DataOptions,
    *,
    rescales: bool,
    originals: bool = False,
) -> RawData:
    """Read a data file; see `samples.load_samples`.

    Args:
        path: Where it lies.
        name: The name a person knows it by.
        inputs: The model's inputs.
        options: How to read it.
        rescales: Whether the model scales its inputs by itself.
        originals: Whether to keep what images were before they became arrays.

    Raises:
        DataError: When it is missing, empty, of another kind, or lacks an input.
    """
    if not path.is_file():
        raise DataError(f"{name}: expected {EXPECTED}, found no such file; check the path.")
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if not head:
        raise DataError(f"{name}: expected {EXPECTED}, found an empty file (0 bytes).")
    if head.startswith(_NPY_MAGIC):
        return _read_npy(path, name, inputs)
    if head.startswith(b"PK"):
        return _read_zip(path, name, inputs, options, rescales=rescales, originals=originals)
    if head.startswith(b"\x89HDF") or text_encoding(head) is None:
        raise DataError(
            f"{name}: expected {EXPECTED}, found another binary file; save the samples with "
            "numpy.savez(path, x=..., y=...)."
        )
    size, limit = path.stat().st_size, int(current_limits().data_bytes)
    if size > limit:
        raise DataError(
            f"{name}: expected a table of at most {limit} bytes, found {size}; give fewer samples."
        )
    from converter.csv_data import read_csv_data

    return read_csv_data(path, name, inputs, options)


def _read_npy(path: Path, name: str, inputs: Sequence[TensorSpec]) -> RawData:
    if len(inputs) != 1:
        names = ", ".join(spec.name for spec in inputs)
        raise DataError(
            f"{name}: expected one array for each of the inputs {names}, found a single array; "
            "save them together with numpy.savez."
        )
    with path.open("rb") as stream:
        array = _read_array(stream, name, "x", path.stat().st_size)
    return RawData({inputs[0].name: array})


def _read_array(stream: BinaryIO, name: str, label: str, size: int) -> np.ndarray:
    """Read one array whose header promises no more than the bytes that are there."""
    try:
        version = np.lib.format.read_magic(stream)
        read_header = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = read_header(stream)
        if min(shape, default=0) < 0:
            raise ValueError(f"the shape {shape}")
        declared = math.prod(shape) * dtype.itemsize
        if dtype.hasobject:
            raise DataError(
                f"{name}: expected numbers in {label}, found Python objects, which would have to "
                "be executed to be read; save a numeric array."
            )
        if declared > min(size, current_limits().data_bytes):
            raise DataError(
                f"{name}: expected at most {min(size, int(current_limits().data_bytes))} bytes in "
                f"{label}, found a header that promises {declared}; save the array again."
            )
        content = stream.read(declared)
        if len(content) < declared:
            raise DataError(
                f"{name}: expected {declared} bytes in {label}, found {len(content)}; the file was "
                "cut off, copy it again."
            )
        flat = np.frombuffer(content, dtype=dtype)
        return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)
    except _DAMAGE as broken:
        raise DataError(
            f"{name}: expected a readable array in {label}, found a damaged one "
            f"({_first_line(broken)}); save it again."
        ) from broken


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:100]


def _read_zip(
    path: Path,
    name: str,
    inputs: Sequence[TensorSpec],
    options: DataOptions,
    *,
    rescales: bool,
    originals: bool,
) -> RawData:
    with open_zip(path, DataError) as archive:
        members = content_members(archive)
        total = sum(member.file_size for member in members)
        if total > current_limits().data_bytes:
            raise DataError(
                f"{name}: expected at most {int(current_limits().data_bytes)} bytes once unpacked, "
                f"found {total}; give fewer samples."
            )
        if members and all(member.filename.endswith(".npy") for member in members):
            return _read_npz(archive, name, inputs)
        if any(member.filename in {"saved_model.pb", "config.json"} for member in members):
            raise DataError(
                f"{name}: expected {EXPECTED}, found a model; give it on the model's side."
            )
        from converter.image_data import read_images

        return read_images(archive, name, inputs, options, rescales=rescales, originals=originals)


def _read_npz(archive: zipfile.ZipFile, name: str, inputs: Sequence[TensorSpec]) -> RawData:
    members = {member.filename.removesuffix(".npy"): member for member in content_members(archive)}

    def read(key: str) -> np.ndarray:
        content = read_member(archive, members[key].filename, DataError)
        return _read_array(io.BytesIO(content), name, key, len(content))

    chosen, labels = choose_arrays(name, [spec.name for spec in inputs], list(members))
    return RawData(
        {target: read(key) for target, key in chosen.items()},
        {target: read(key) for target, key in labels.items()},
        tuple(describe_choice(chosen, labels, list(members))),
    )
