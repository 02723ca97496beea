"""Keras configurations and HDF5 weights that are meant to hurt; needs no TensorFlow."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np


def layer(class_name: str, **config: Any) -> dict[str, Any]:
    """Return a Keras 3 layer's entry."""
    return {
        "module": "keras.layers",
        "class_name": class_name,
        "config": {"name": class_name.lower(), **config},
        "registered_name": None,
    }


def dense(units: int) -> dict[str, Any]:
    """Return a dense layer's entry."""
    return layer("Dense", units=units)


def sequential(layers: list[dict[str, Any]], shape: list[Any] | None = None) -> dict[str, Any]:
    """Return a sequential model's configuration."""
    start = layer("InputLayer", batch_shape=shape or [None, 4])
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "model", "layers": [start, *layers]},
        "registered_name": None,
    }


def weights(fill: Callable[[h5py.File], None] = lambda file: None) -> bytes:
    """Return an HDF5 file that a function fills."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        fill(file)
    return stream.getvalue()


def dense_weights(file: h5py.File) -> None:
    file["layers/dense/vars/0"] = np.ones((4, 3), np.float32)
    file["layers/dense/vars/1"] = np.zeros(3, np.float32)


def archive(config: object, content: bytes = b"", **more: bytes) -> bytes:
    """Return a `.keras` file of a configuration (or of its text) and weights."""
    stream = io.BytesIO()
    text = config if isinstance(config, str | bytes) else json.dumps(config)
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("config.json", text)
        target.writestr("metadata.json", '{"keras_version": "3.15.1"}')
        target.writestr("model.weights.h5", content or weights(dense_weights))
        for name, member in more.items():
            target.writestr(name, member)
    return stream.getvalue()


def configurations() -> dict[str, bytes]:
    image = [None, 8, 8, 3]
    deep: dict[str, Any] = dense(3)
    for _ in range(300):
        deep = layer("TimeDistributed", layer=deep)
    hostile = {
        "dense of 2 to the 31": sequential([dense(2**31)]),
        "dense of 2 to the 62": sequential([dense(2**62)]),
        "dense of 10 to the 400": sequential([dense(10**400)]),
        "dense of minus one": sequential([dense(-1)]),
        "dense of 20 GB": sequential([dense(70_000)], [None, 70_000]),
        "dense of 3 GB": sequential([dense(28_000)], [None, 28_000]),
        "units are text": sequential([layer("Dense", units="many")]),
        "huge convolution": sequential([layer("Conv2D", filters=2**28, kernel_size=99)], image),
        "huge kernel": sequential([layer("Conv2D", filters=4, kernel_size=2**20)], image),
        "huge padding": sequential([layer("ZeroPadding2D", padding=10**5)], image),
        "huge upsampling": sequential([layer("UpSampling2D", size=10**5)], image),
        "huge embedding": sequential(
            [layer("Embedding", input_dim=10**9, output_dim=1000)], [None, 4]
        ),
        "huge repetition": sequential([layer("RepeatVector", n=10**10)]),
        "huge input": sequential([dense(3)], [None, 10**12]),
        "huge batch": sequential([dense(3)], [10**10, 4]),
        "negative batch": sequential([dense(3)], [-7, 4]),
        "shape of text": sequential([dense(3)], ["a", "b"]),
        "a thousand dimensions": sequential([layer("Flatten")], [None] + [1] * 1000),
        "unrolled for a million steps": sequential(
            [layer("LSTM", units=4, unroll=True)], [None, 10**6, 4]
        ),
        "nested 300 deep": sequential([deep]),
        "ten thousand layers": sequential(
            [layer("Activation", activation="relu") for _ in range(10_000)]
        ),
        "a lambda": sequential([layer("Lambda", function={"class_name": "__lambda__"})]),
        "a class of the author": sequential(
            [{**layer("Mine"), "module": "mine", "registered_name": "mine>Mine"}]
        ),
        "a layer of another path": sequential([layer("TFSMLayer", filepath="/etc")]),
        "a call of os.system": sequential(
            [{"module": "os", "class_name": "function", "config": "system", "registered_name": ""}]
        ),
        "a vocabulary of the machine": sequential(
            [layer("StringLookup", vocabulary="/etc/passwd")]
        ),
        "initializer of a terabyte": sequential(
            [layer("Dense", units=3, kernel_initializer={
                "module": "keras.initializers", "class_name": "Constant",
                "config": {"value": 10**300}, "registered_name": None})]
        ),
        "names with markup": sequential(
            [layer("Dense", units=3) | {"config": {"name": "<b>x</b>\n../y", "units": 3}}]
        ),
        "a list": [],
        "a number": 5,
        "null": None,
        "wrong types all over": {"class_name": 5, "config": [[{"layers": 3}]], "module": {}},
    }  # fmt: skip
    texts = {
        "nesting bomb": "[" * 200_000,
        "nested objects bomb": '{"a":' * 200_000,
        "a number of a million digits": '{"class_name": "A", "config": ' + "9" * 10**6 + "}",
        "not a number": '{"class_name": "Sequential", "config": NaN}',
        "lone surrogates": '{"class_name": "\\ud800", "config": {"name": "\\udfff"}}',
        "a gigabyte of spaces": None,
    }
    found = {label: archive(config) for label, config in hostile.items()}
    for label, text in texts.items():
        found[label] = archive(text if text is not None else b" " * (1 << 30))
    return found


# --- HDF5 -------------------------------------------------------------------------------------


def _fills() -> dict[str, Callable[[h5py.File], None]]:
    def deep_groups(file: h5py.File) -> None:
        group = file
        for _ in range(3000):
            group = group.create_group("g")

    def circle(file: h5py.File) -> None:
        file["layers/dense/vars/again"] = file.create_group("layers/dense/vars")

    def virtual(file: h5py.File) -> None:
        layout = h5py.VirtualLayout((4,), "f4")
        layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
        file.create_virtual_dataset("x", layout)

    def bomb(file: h5py.File) -> None:
        file.create_dataset(
            "layers/dense/vars/0", data=np.zeros((1 << 27,), "u1"), compression="gzip"
        )

    def external(file: h5py.File) -> None:
        file["layers/dense/vars/0"] = h5py.ExternalLink("/etc/passwd", "/x")

    def stored(file: h5py.File) -> None:
        file.create_dataset("x", (4,), "u1", external=[("/etc/passwd", 0, 4)])

    def declared(file: h5py.File) -> None:
        file.create_dataset("x", (1 << 40,), "f4", chunks=(1 << 16,), compression="gzip")

    def compound(file: h5py.File) -> None:
        file["x"] = np.zeros(3, [("a", "f4"), ("b", "S9")])

    def text(file: h5py.File) -> None:
        file.create_dataset("x", data=["a" * 10_000] * 1000, dtype=h5py.string_dtype())

    return {
        "deep groups": deep_groups,
        "a circle of groups": circle,
        "a virtual dataset": virtual,
        "a deflate bomb": bomb,
        "an external link": external,
        "an external dataset": stored,
        "a declared dataset of terabytes": declared,
        "a compound dataset": compound,
        "text for weights": text,
        "nothing": lambda _: None,
    }


def damaged_weights() -> dict[str, bytes]:
    found = {f"weights with {label}": archive(sequential([dense(3)]), weights(fill))
             for label, fill in _fills().items()}  # fmt: skip
    found["weights that are none"] = archive(
        sequential([dense(3)]), b"\x89HDF\r\n\x1a\n" + b"\1" * 99
    )
    return found


def h5_files() -> dict[str, bytes]:
    config = json.dumps(sequential([dense(3)]))

    def with_config(fill: Callable[[h5py.File], None], value: object = config) -> bytes:
        def filled(file: h5py.File) -> None:
            file.attrs["model_config"] = value
            fill(file)

        return weights(filled)

    found = {f"h5 with {label}": with_config(fill) for label, fill in _fills().items()}
    evil = {
        "a lambda": json.dumps(sequential([layer("Lambda")])),
        "a number for a configuration": 5,
        "an array for a configuration": np.zeros(9),
        "an empty configuration": h5py.Empty("f"),
        "a nesting bomb": "[" * 60_000,
        "a dense layer of 20 GB": json.dumps(sequential([dense(70_000)], [None, 70_000])),
    }
    found |= {
        f"h5 with {label}": with_config(lambda _: None, value) for label, value in evil.items()
    }
    return found | {
        "h5 without anything": weights(),
        "h5 with a damaged string heap": _damaged_heap(with_config(lambda _: None)),
        "h5 with its signature alone": b"\x89HDF\r\n\x1a\n",
        "h5 with zeros": b"\x89HDF\r\n\x1a\n" + bytes(4096),
        "h5 with ones": b"\x89HDF\r\n\x1a\n" + b"\xff" * 4096,
    }


def _damaged_heap(content: bytes) -> bytes:
    changed = bytearray(content)
    position = changed.find(b"GCOL")
    if position >= 0:
        changed[position + 8 : position + 40] = b"\0" * 32
    return bytes(changed)
