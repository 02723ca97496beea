"""Originals and variants' bytes made up by hand, for steps, sentences and figures."""

from __future__ import annotations

from converter.comparison import ModelFacts
from converter.size_anatomy import WHOLE_FILE, LayerBytes, collect


def make_model(size=10_000, bare=None, parameter_bytes=8_000, optimizer=0, kind="keras"):
    """An original; `bare` is its size without optimizer state, unpacked."""
    bare = size - (optimizer or 0) if bare is None else bare
    return ModelFacts(
        name="net.keras", format=kind, sha256="ab" * 32, size_bytes=size,
        size_without_optimizer_bytes=bare, gzip_bytes=9_000, parameters=parameter_bytes // 4,
        parameter_bytes=parameter_bytes, inputs=[], outputs=[], optimizer_bytes=optimizer,
    )  # fmt: skip


def make_anatomy(*cells):
    """Of `(layer, kind, bytes)`, or with what the values take in float32 as the fourth."""
    return collect([LayerBytes(*cell) for cell in cells])


def int8_anatomy():
    """Weights of 7,600 bytes in float32 stored in 1,900; the file has 3,000."""
    return make_anatomy(
        ("a", "weights", 1_000, 4_000), ("b", "weights", 900, 3_600), ("a", "biases", 200, 200),
        ("b", "left_float", 100, 100), ("a", "scales", 300), ("b", "graph", 350),
        (WHOLE_FILE, "metadata", 100), (WHOLE_FILE, "padding", 50),
    )  # fmt: skip
