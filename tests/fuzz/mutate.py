"""Seeded damage: to any bytes, and to what zips, JSON, protobuf, HDF5 and flatbuffers say.

Damage to bytes is mostly caught by the first reader; damage to what a file says, packed again
with right checksums, gets as far as the loaders.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from random import Random
from typing import Any

import h5py
import numpy as np

from converter.tensorflow_protos import import_proto

Damaged = tuple[bytes, str]
"""The new content, and what was done, in words."""
INTEGERS = (0, 1, -1, 2, 7, 255, 65_535, 2**31 - 1, -(2**31), 2**32, 2**62, -(2**63))
TEXTS = ("", "x", "../../x", "/etc/passwd", "<b>x</b>", "a\nb", "é" * 300, "float64", "Lambda")
_MOST_DAMAGES = 4


def mutate(content: bytes, others: Sequence[bytes], random: Random) -> Damaged:
    """Return a damaged copy of a file.

    Args:
        content: A sound file.
        others: Files of any kind that parts may be taken from.
        random: Where all choices come from.
    """
    choices = [lambda: _damage_bytes(content, others, random)]
    choices += [lambda: told(content, random)] * 3 if (told := _teller(content)) else []
    changed, what = random.choice(choices)()
    if changed == content:
        return _damage_bytes(content, others, random)
    return changed, what


def _teller(content: bytes) -> Callable[[bytes, Random], Damaged] | None:
    """Return what damages the statements of a file of this kind; None for an unknown kind."""
    if content.startswith(b"PK"):
        return _mutate_zip
    if content.startswith(b"\x89HDF"):
        return _mutate_hdf5
    if content[4:8] == b"TFL3":
        return _mutate_flatbuffer
    if content.startswith(b"\x93NUMPY"):
        return _mutate_npy
    if content[:1] in b"{[" and content:
        return _mutate_json
    if _graph_of(content) is not None:
        return _mutate_protobuf
    return None


# --- Bytes ------------------------------------------------------------------------------------


def _damage_bytes(content: bytes, others: Sequence[bytes], random: Random) -> Damaged:
    done = []
    changed = bytearray(content or b"\0")
    for _ in range(random.randint(1, _MOST_DAMAGES)):
        place = random.randrange(len(changed)) if changed else 0
        kind = random.choice(["flip", "flip", "set", "cut", "insert", "remove", "repeat", "splice"])
        length = min(random.choice([1, 4, 64, 4096]), len(changed) - place)
        if kind == "flip" and changed:
            changed[place] ^= 1 << random.randrange(8)
        elif kind == "set":
            number = random.choice(INTEGERS) & 0xFFFFFFFF
            changed[place : place + 4] = struct.pack("<I", number)
        elif kind == "cut":
            del changed[place:]
        elif kind == "insert":
            changed[place:place] = random.randbytes(length)
        elif kind == "remove":
            del changed[place : place + length]
        elif kind == "repeat":
            changed[place:place] = changed[place : place + length] * random.choice([1, 50])
        elif others:
            other = random.choice(others)
            changed[place:] = other[random.randrange(len(other) + 1) :]
        done.append(f"{kind} at {place}")
    return bytes(changed), ", ".join(done)


# --- Zips -------------------------------------------------------------------------------------


def _mutate_zip(content: bytes, random: Random) -> Damaged:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError):
        return _damage_bytes(content, [], random)
    if not members:
        return _damage_bytes(content, [], random)
    name = random.choice(list(members))
    kind = random.choice(["inside"] * 8 + ["missing", "renamed", "swapped", "empty"])
    what = f"{name}: {kind}"
    if kind == "inside":
        members[name], how = mutate(members[name], list(members.values()), random)
        what = f"{name}: {how}"
    elif kind == "missing":
        del members[name]
    elif kind == "renamed":
        other = random.choice([*TEXTS, str(PurePosixPath(name).parent / "x.h5")])
        members[other] = members.pop(name)
    elif kind == "swapped":
        other = random.choice(list(members))
        members[name], members[other] = members[other], members[name]
    else:
        members[name] = b""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, inside in members.items():
            info = zipfile.ZipInfo("x")
            info.filename = member
            archive.writestr(info, inside)
    return stream.getvalue(), what


# --- JSON -------------------------------------------------------------------------------------


def _mutate_json(content: bytes, random: Random) -> Damaged:
    try:
        tree = json.loads(content)
    except ValueError:
        return _damage_bytes(content, [], random)
    places: list[tuple[Any, Any]] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node))
        places += [(node, key) for key in keys]
        waiting += [node[key] for key in keys if isinstance(node[key], dict | list)]
    if not places:
        return b"null", "all of it: null"
    done = []
    for _ in range(random.randint(1, 2)):
        node, key = random.choice(places)
        values = [*INTEGERS, *TEXTS, None, True, [], {}, 1e308, [node], -0.5]
        other, source = random.choice(places)
        value = random.choice([*values, _held(other, source)])
        if isinstance(node, dict) or key < len(node):
            node[key] = json.loads(json.dumps(value)) if value is not None else None
        done.append(f"{key}: {str(value)[:40]!r}")
    return json.dumps(tree).encode(), ", ".join(done)


def _held(node: Any, key: Any) -> Any:
    return node[key] if isinstance(node, dict) or key < len(node) else None


# --- Protobuf ---------------------------------------------------------------------------------


def _graph_of(content: bytes) -> Any | None:
    for module, name in (("saved_model_pb2", "SavedModel"), ("graph_pb2", "GraphDef")):
        package = "core.protobuf" if name == "SavedModel" else "core.framework"
        message = getattr(import_proto(f"{package}.{module}"), name)()
        try:
            message.ParseFromString(content)
        except Exception:  # noqa: BLE001 - protobuf's DecodeError differs by backend
            continue
        if message.ListFields() and message.ByteSize() > len(content) // 2:
            return message
    return None


def _mutate_protobuf(content: bytes, random: Random) -> Damaged:
    message = _graph_of(content)
    done = [_mutate_message(message, random) for _ in range(random.randint(1, _MOST_DAMAGES))]
    return message.SerializePartialToString(), ", ".join(done)


def _mutate_message(message: Any, random: Random) -> str:
    """Walk down a random path of fields that are set and change what lies at its end."""
    path = []
    while True:
        fields = message.ListFields()
        if not fields:
            return f"{'.'.join(path)}: empty"
        # Most of what a file says lies deep in its messages.
        weights = [1 if field.message_type is None else 5 for field, _ in fields]
        field, value = random.choices(fields, weights)[0]
        path.append(field.name)
        if _is_map(field):
            key = random.choice(list(value))
            if random.random() < 0.2:
                del value[key]
                return f"{'.'.join(path)}: without {str(key)[:30]!r}"
            if field.message_type.fields_by_name["value"].message_type is None:
                return f"{'.'.join(path)}: as it was"
            message = value[key]
        elif field.is_repeated:
            index = random.randrange(len(value))
            if random.random() < 0.3 or field.message_type is None:
                return f"{'.'.join(path)}: {_mutate_list(field, value, index, random)}"
            message = value[index]
        elif field.message_type is not None:
            if random.random() < 0.1:
                message.ClearField(field.name)
                return f"{'.'.join(path)}: removed"
            message = value
        else:
            setattr(message, field.name, _another(field, value, random))
            return f"{'.'.join(path)}: {str(getattr(message, field.name))[:30]!r}"


def _is_map(field: Any) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _mutate_list(field: Any, values: Any, index: int, random: Random) -> str:
    kind = random.choice(["removed", "repeated", "changed"])
    if kind == "removed":
        del values[index]
    elif kind == "repeated":
        for _ in range(random.choice([1, 1, 500])):
            values.append(values[index])
    elif field.message_type is None:
        values[index] = _another(field, values[index], random)
    else:
        values[index].CopyFrom(values[random.randrange(len(values))])
    return kind


def _another(field: Any, value: Any, random: Random) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, float):
        return random.choice([0.0, -1.0, 3e38, float("inf"), float("nan")])
    if isinstance(value, bytes):
        return _damage_bytes(value, [], random)[0]
    if isinstance(value, str):
        return random.choice([*TEXTS, value + "x", value[:-1]])
    if field.enum_type is not None:
        return random.choice([0, 1, 3, 7, 19, 20, 21, 101])
    unsigned, small = field.cpp_type in {3, 4}, field.cpp_type in {1, 3}
    number = random.choice([*INTEGERS, value + 1, value - 1])
    low, high = (0, 2**32 - 1) if unsigned else (-(2**31), 2**31 - 1)
    if not small:
        low, high = (0, 2**64 - 1) if unsigned else (-(2**63), 2**63 - 1)
    return min(max(number, low), high)


# --- HDF5, flatbuffers, NumPy -----------------------------------------------------------------


def _mutate_hdf5(content: bytes, random: Random) -> Damaged:
    stream = io.BytesIO(content)
    try:
        with h5py.File(stream, "r+") as file:
            what = _mutate_group(file, random)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError):
        return _damage_bytes(content, [], random)
    return stream.getvalue(), what


def _mutate_group(file: h5py.File, random: Random) -> str:
    config = file.attrs.get("model_config")
    if config is not None and random.random() < 0.5:
        text = config if isinstance(config, bytes) else config.encode()
        changed, what = _mutate_json(text, random)
        file.attrs["model_config"] = changed
        return f"model_config: {what}"
    names: list[str] = []
    file.visit(names.append)
    if not names:
        file["x"] = 1.0
        return "a dataset x"
    name = random.choice(names)
    kind = random.choice(["removed", "reshaped", "retyped", "not finite", "linked", "attributes"])
    item = file[name]
    array = item[()] if isinstance(item, h5py.Dataset) else np.zeros(3, np.float32)
    if kind == "attributes":
        for key in list(item.attrs):
            item.attrs[key] = random.choice([*TEXTS[:2], 5, 1.5])
        return f"{name}: {kind}"
    del file[name]
    if kind == "reshaped":
        file[name] = np.zeros(random.choice([(), (0,), (1,), (3, 5, 7)]), np.float32)
    elif kind == "retyped":
        file[name] = np.zeros(array.shape, random.choice(["i8", "S5", "f2", "c16", "u1"]))
    elif kind == "not finite":
        file[name] = np.full(array.shape, random.choice([np.nan, np.inf, 3e38]), np.float32)
    elif kind == "linked":
        file[name] = h5py.SoftLink("/" + random.choice(names))
    return f"{name}: {kind}"


def _mutate_flatbuffer(content: bytes, random: Random) -> Damaged:
    """Overwrite aligned integers: offsets, sizes, indices and enumerations are all such."""
    changed, done = bytearray(content), []
    for _ in range(random.randint(1, _MOST_DAMAGES)):
        place = random.randrange(8, max(9, len(changed) - 4)) & ~3
        (value,) = struct.unpack_from("<i", changed, place)
        number = random.choice([*INTEGERS[:9], value + 1, value - 1, value * 2, value + 4])
        struct.pack_into("<I", changed, place, number & 0xFFFFFFFF)
        done.append(f"{number} at {place}")
    return bytes(changed), ", ".join(done)


def _mutate_npy(content: bytes, random: Random) -> Damaged:
    length = int.from_bytes(content[8:10], "little")
    header = content[10 : 10 + length].decode("latin1")
    old = random.choice(["<f4", "False", "(12, 4)", "4)", "descr", "shape", "'"])
    new = random.choice(["|O", "<f8", "<i4", "True", "()", "(-1, 4)", "(10**9, 4)", "x", "9" * 40])
    text = header.replace(old, new, 1).encode("latin1")
    packed = content[:8] + struct.pack("<H", len(text)) + text + content[10 + length :]
    return packed, f"{old} becomes {new}"
