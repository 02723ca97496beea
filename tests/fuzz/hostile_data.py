"""Data files that are meant to hurt: arrays, tables and pictures."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.fuzz.attack import Case

KIND = "hostile data"


class _Evil:
    """Runs a command where it is unpickled."""

    def __init__(self, outside: Path) -> None:
        self._command = f"touch {outside}/planted-by-pickle"

    def __reduce__(self):
        import os

        return os.system, (self._command,)


def build_data(folder: Path, outside: Path, table_model: Path, image_model: Path) -> Iterator[Case]:
    """Write all of them and yield a case for each.

    Args:
        folder: Where they go.
        outside: Where they try to write.
        table_model: A sound model that takes four numbers.
        image_model: A sound model that takes a small picture.
    """
    files = {
        ".npy": _arrays(outside),
        ".npz": _archives(outside),
        ".csv": _tables(),
    }
    for suffix, contents in files.items():
        for label, content in contents.items():
            path = folder / f"{label.replace(' ', '_')}{suffix}"
            path.write_bytes(content)
            yield _case(label, path, table_model)
    for label, content in _pictures().items():
        path = folder / f"{label.replace(' ', '_')}.zip"
        path.write_bytes(content)
        yield _case(label, path, image_model)


def _case(label: str, path: Path, model: Path) -> Case:
    return Case(format=KIND, label=label, path=path, name=path.name, is_data=True, model=model)


def array_bytes(array: np.ndarray) -> bytes:
    """Return an array as `.npy`."""
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def _with_header(header: str, content: bytes = bytes(64), version: int = 1) -> bytes:
    text = header.encode("latin1")
    form = "<H" if version == 1 else "<I"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack(form, len(text)) + text + content


def _arrays(outside: Path) -> dict[str, bytes]:
    def described(shape: str, descr: str = "'<f4'") -> bytes:
        return _with_header(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n")

    numbers = np.random.default_rng(1).normal(size=(12, 4)).astype(np.float32)
    infinite, nothing, large = numbers.copy(), numbers.copy(), numbers.copy()
    infinite[3], nothing[3], large[:] = np.inf, np.nan, 3e38
    return {
        "npy of terabytes": described("(1099511627776, 4)"),
        "npy of negative size": described("(-5, 4)"),
        "npy of overflowing size": described("(9223372036854775807, 9223372036854775807)"),
        "npy with a header of code": _with_header("__import__('os').system('true')\n"),
        "npy with a header of brackets": _with_header("[" * 9000 + "\n"),
        "npy with a header of digits": _with_header("9" * 60_000 + "\n"),
        "npy with a huge header": _with_header("{" + " " * 60_000, version=2),
        "npy of version 9": _with_header("{}", version=9),
        "npy of objects": array_bytes(np.array([_Evil(outside)] * 3, dtype=object)),
        "npy of structures": array_bytes(np.zeros(12, [("a", "f4"), ("b", "U9")])),
        "npy of text": array_bytes(np.array([["a", "b", "c", "d"]] * 12)),
        "npy of dates": array_bytes(np.zeros((12, 4), "M8[s]")),
        "npy of complex numbers": array_bytes(np.zeros((12, 4), np.complex64)),
        "npy of nothing": array_bytes(np.zeros((0, 4), np.float32)),
        "npy of one sample": array_bytes(numbers[:1]),
        "npy of no size": array_bytes(np.float32(3)),
        "npy of sixty sizes": array_bytes(np.zeros((12,) + (1,) * 50 + (4,), np.float32)),
        "npy of wide samples": array_bytes(np.zeros((12, 4, 9), np.float32)),
        "npy with infinities": array_bytes(infinite),
        "npy with not a number": array_bytes(nothing),
        "npy of the largest numbers": array_bytes(large),
        "npy of one number": array_bytes(np.full((12, 4), 7, np.float32)),
        "npy cut": array_bytes(numbers)[:-20],
        "npy with its magic alone": b"\x93NUMPY",
        "a pickle": pickle.dumps(_Evil(outside)),
        "nothing": b"",
    }  # fmt: skip


def zipped(members: dict[str, bytes]) -> bytes:
    """Return a zip of these members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo("x")
            info.filename, info.compress_type = name, zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return stream.getvalue()


def _archives(outside: Path) -> dict[str, bytes]:
    good = array_bytes(np.random.default_rng(1).normal(size=(12, 4)).astype(np.float32))
    zeros = array_bytes(np.zeros((1 << 23, 4), np.float32))
    labels, infinite = array_bytes(np.full(12, 10**12)), array_bytes(np.full(12, np.inf))
    return {
        "npz of zeros that fill the limit": zipped({"x.npy": zeros}),
        "npz beyond the limit": zipped({f"x{index}.npy": zeros for index in range(3)}),
        "npz of many arrays": zipped({f"a{index}.npy": good for index in range(15_000)}),
        "npz with a member above": zipped({"../../x.npy": good, "x.npy": good}),
        "npz of objects": zipped({"x.npy": array_bytes(np.array([_Evil(outside)] * 12, object))}),
        "npz with huge labels": zipped({"x.npy": good, "y.npy": labels}),
        "npz with labels of text": zipped({"x.npy": good, "y.npy": array_bytes(np.full(12, "a"))}),
        "npz with fewer labels": zipped({"x.npy": good, "y.npy": array_bytes(np.zeros(3))}),
        "npz with infinite labels": zipped({"x.npy": good, "y.npy": infinite}),
        "npz with markup": zipped({"<b>x</b>\n.npy": good, "..y.npy": good}),
        "npz of no arrays": zipped({}),
        "npz of a damaged array": zipped({"x.npy": good[:40]}),
        "npz cut": zipped({"x.npy": good})[:-40],
    }  # fmt: skip


def _tables() -> dict[str, bytes]:
    row = b"1,2,3,4,0\n"
    return {
        "table of 200000 columns": b",".join(b"%d" % i for i in range(200_000)) + b"\n",
        "table of one endless line": b"1," * 4_000_000,
        "table of one endless cell": b"a,b,c,d\n" + b"9" * 20_000_000 + b",1,2,3\n",
        "table with an open quote": b'a,b,c,d\n"' + row * 10_000,
        "table with NULs late": b"a,b,c,d,label\n" + row * 200 + b"\0" * 5000,
        "table in no encoding": b"a,b,c,d\n" + bytes(range(1, 256)) * 50,
        "table in half UTF-16": "a,b,c,d\n1,2,3,4\n".encode("utf-16")[:-1],
        "table of formulas": b"a,b,c,d\n" + b'=cmd|"/C calc"!A0,@SUM(1),+1,-1\n' * 20,
        "table of infinities": b"a,b,c,d\n" + b"inf,-inf,nan,1e400\n" * 20,
        "table of huge numbers": b"a,b,c,d\n" + b"1e308,9e999,-1e308,0x10\n" * 20,
        "table of ragged rows": b"a,b,c,d\n1,2\n1,2,3,4,5,6,7\n\n1\n" * 50,
        "table of one header": b"a,b,c,d\n",
        "table of one name": b"a,a,a,a,a\n" + row * 20,
        "table of markup": b"<b>,**x**,$y$,[z](http://e)\n" + b"1,2,3,4\n" * 20,
        "table of empty lines": b"\n" * 1_000_000,
        "table of separators": b",;\t|" * 100_000,
        "table of labels of text": b"a,b,c,d,label\n" + b"1,2,3,4,<script>\n" * 20,
    }


def _png(width: int, height: int, rows: bytes = b"") -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows, 9))
        + chunk(b"IEND", b"")
    )


def _pictures() -> dict[str, bytes]:
    good = _png(9, 9, (b"\0" + bytes(27)) * 9)
    wide = _png(7000, 7000, (b"\0" + bytes(21_000)) * 7000)
    text = b"\0\0\0\rIHDR"
    return {
        "picture of 60000 by 60000": zipped({"a/1.png": _png(60_000, 60_000), "b/2.png": good}),
        "pictures of 49 million pixels": zipped({f"a/{i}.png": wide for i in range(8)}),
        "picture without rows": zipped({"a/1.png": _png(9, 9), "b/2.png": good}),
        "picture cut": zipped({"a/1.png": good[:30], "b/2.png": good}),
        "picture of no size": zipped({"a/1.png": _png(0, 0), "b/2.png": good}),
        "picture that is text": zipped({"a/1.png": text, "b/2.jpg": b"<svg onload=alert(1)>"}),
        "picture of other kinds": zipped({"a/1.eps": b"%!PS-Adobe", "a/2.svg": b"<svg/>"}),
        "pictures in 9000 classes": zipped({f"c{i}/1.png": good for i in range(9000)}),
        "pictures with markup": zipped({"<b>a</b>/1.png": good, "b\n../2.png": good}),
        "pictures deep down": zipped({"a/" * 200 + "1.png": good, "b/2.png": good}),
        "picture within a zip": zipped({"a/1.zip": zipped({"1.png": good}), "b/2.png": good}),
    }
