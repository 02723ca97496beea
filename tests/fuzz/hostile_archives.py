"""Archives that are meant to hurt, and names that are; needs no TensorFlow."""

from __future__ import annotations

import io
import json
import stat
import struct
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.attack import Case
from tests.fuzz.hostile_keras import (
    archive,
    configurations,
    damaged_weights,
    dense,
    dense_weights,
    h5_files,
    layer,
    sequential,
    weights,
)

KIND = "hostile .keras and .h5"
NAMES = [
    "<script>alert(1)</script>.keras",
    "../../../../etc/passwd.keras",
    "/etc/shadow.keras",
    "..\\..\\windows.keras",
    "two\nlines: Traceback.keras",
    "**bold** [link](http:evil) $x$ :red[x].keras",
    "\u202esarek.exe",
    "nul\0byte.keras",
    "-rf --out.keras",
    "x" * 300 + ".keras",
    ".keras",
    "model",
]


def build_archives(folder: Path) -> Iterator[Case]:
    """Write all of them and yield a case for each."""
    for label, content in {**_zips(), **configurations(), **damaged_weights()}.items():
        path = folder / f"{label.replace(' ', '_')}.keras"
        path.write_bytes(content)
        yield Case(format=KIND, label=label, path=path, name=path.name)
    for label, content in h5_files().items():
        path = folder / f"{label.replace(' ', '_')}.h5"
        path.write_bytes(content)
        yield Case(format=KIND, label=label, path=path, name=path.name)
    sound = folder / "sound_model.keras"
    sound.write_bytes(archive(sequential([dense(3)]), weights(dense_weights)))
    broken = folder / "broken_model.keras"
    broken.write_bytes(sound.read_bytes()[:-30])
    for index, name in enumerate(NAMES):
        path = broken if index % 2 == 0 else sound
        yield Case(format=KIND, label=f"named {name[:40]!r}", path=path, name=name)


def _zips() -> dict[str, bytes]:
    sound = archive(sequential([dense(3)]))
    nested = sound
    for _ in range(20):
        nested = archive(sequential([dense(3)]), **{"inner.keras": nested})
    overlapping = _overlapping()
    encrypted = bytearray(sound)
    encrypted[encrypted.index(b"PK\x03\x04") + 6] |= 1
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    return {
        "nested zips": nested,
        "overlapping members": overlapping,
        "encrypted members": bytes(encrypted),
        "cut in half": sound[: len(sound) // 2],
        "without its end": sound[:-22],
        "end record alone": sound[-22:],
        "end record of zeros": sound[:-22] + b"PK\x05\x06" + bytes(18),
        "a member above": _with_member("../../planted.txt"),
        "an absolute member": _with_member("/tmp/planted.txt"),
        "a member on a drive": _with_member("C:\\planted.txt"),
        "a member with a NUL": _with_member("config.json\0.txt"),
        "a member with a long name": _with_member("a" * 60_000),
        "a folder as long as a path": _with_member("a/" * 3000 + "b"),
        "a symbolic link": _with_link(),
        "members of one name": _with_twins(),
        "thirty thousand members": _with_many(30_000),
        "a declared size that lies": _with_declared_size(sound, 10),
        "a declared size of 4 GB": _with_declared_size(sound, 0xFFFFFFFE),
        "weights of 600 MiB of zeros": archive(sequential([dense(3)]), bytes(600 << 20)),
        "assets of 768 MiB": archive(
            sequential([dense(3)]),
            **{f"assets/{index}": bytes(1 << 27) for index in range(6)},
        ),
    }


def _with_member(name: str) -> bytes:
    stream = io.BytesIO(archive(sequential([dense(3)])))
    with zipfile.ZipFile(stream, "a") as target:
        info = zipfile.ZipInfo("x")
        info.filename = name
        target.writestr(info, b"planted")
    return stream.getvalue()


def _with_link() -> bytes:
    stream = io.BytesIO(archive(sequential([dense(3)])))
    link = zipfile.ZipInfo("model.weights.h5.link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(stream, "a") as target:
        target.writestr(link, "/etc/passwd")
    return stream.getvalue()


def _with_twins() -> bytes:
    stream = io.BytesIO(archive(sequential([dense(3)])))
    with zipfile.ZipFile(stream, "a") as target, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        target.writestr("config.json", json.dumps(sequential([layer("Lambda")])))
    return stream.getvalue()


def _with_many(count: int) -> bytes:
    stream = io.BytesIO(archive(sequential([dense(3)])))
    with zipfile.ZipFile(stream, "a") as target:
        for index in range(count):
            target.writestr(f"assets/{index}", b"")
    return stream.getvalue()


def _with_declared_size(sound: bytes, size: int) -> bytes:
    changed = bytearray(sound)
    directory = changed.index(b"PK\x01\x02")
    struct.pack_into("<I", changed, directory + 24, size)
    return bytes(changed)


def _overlapping() -> bytes:
    """Let every entry of the directory point at the same 8 MiB of deflated zeros."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        for index in range(40):
            content = bytes(1 << 23) if index == 0 else b""
            target.writestr(f"assets/{index}", content)
        target.writestr("config.json", "{}")
        target.writestr("metadata.json", "{}")
    changed = bytearray(stream.getvalue())
    position, first = changed.index(b"PK\x01\x02"), None
    while position >= 0:
        first = first or changed[position + 10 : position + 28]
        length = int.from_bytes(changed[position + 28 : position + 30], "little")
        if changed[position + 46 : position + 46 + length].startswith(b"assets/"):
            changed[position + 10 : position + 28] = first
            struct.pack_into("<I", changed, position + 42, 0)
        position = changed.find(b"PK\x01\x02", position + 46)
    return bytes(changed)
