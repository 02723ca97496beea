"""Names, shapes and dtypes of a model's inputs and outputs."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class TensorSpec:
    """One input or output.

    Attributes:
        name: The name in the signature.
        shape: Dimensions, batch first; None where the model leaves one open. The shape itself
            is None where the file does not tell it without being executed.
        dtype: A NumPy dtype name, or None where the file does not tell it.
    """

    name: str
    shape: Shape | None
    dtype: str | None

    def to_json(self) -> dict[str, Any]:
        """Return `{"name", "shape", "dtype"}`."""
        shape = None if self.shape is None else list(self.shape)
        return {"name": self.name, "shape": shape, "dtype": self.dtype}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TensorSpec:
        """Read `to_json`'s form."""
        shape = values["shape"]
        return cls(values["name"], None if shape is None else tuple(shape), values["dtype"])


@dataclass(frozen=True)
class Signature:
    """What goes in and what comes out, in the model's own order."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    @property
    def batch_size(self) -> int:
        """The fixed leading dimension of the first input (1 for a scalar input)."""
        shape = self.inputs[0].shape
        return shape[0] if shape and shape[0] else 1

    def to_json(self) -> dict[str, Any]:
        """Return `{"inputs": [...], "outputs": [...]}`."""
        return {
            "inputs": [spec.to_json() for spec in self.inputs],
            "outputs": [spec.to_json() for spec in self.outputs],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Signature:
        """Read `to_json`'s form."""
        return cls(
            tuple(TensorSpec.from_json(item) for item in values["inputs"]),
            tuple(TensorSpec.from_json(item) for item in values["outputs"]),
        )


def format_shape(shape: Iterable[int | None] | None) -> str:
    """Return a shape for people: `(None, 28, 28, 1)`, or `unknown`."""
    if shape is None:
        return "unknown"
    inner = ", ".join("None" if size is None else str(size) for size in shape)
    return f"({inner})"


def unique_names(names: Iterable[str], kind: str) -> list[str]:
    """Turn any names into distinct Python identifiers, which signatures need.

    Args:
        names: Names as a file gives them (`"x:0"`, `"my input"`, duplicates).
        kind: `input` or `output`; also what a name that has no usable character becomes.

    Returns:
        One identifier for each name, in order.
    """
    taken: list[str] = []
    for raw in names:
        name = re.sub(r"\W", "_", raw.split(":")[0], flags=re.ASCII).strip("_") or kind
        if name[0].isdigit():
            name = f"{kind}_{name}"
        # Inputs become parameters of a traced function; outputs are only keys of a dict.
        if kind == "input" and (keyword.iskeyword(name) or name == "self"):
            name = f"{name}_"
        candidate, number = name, 1
        while candidate in taken:
            number += 1
            candidate = f"{name}_{number}"
        taken.append(candidate)
    return taken
