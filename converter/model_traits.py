"""What a model's file tells of the data that it expects: the ground on which data are judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from converter.signature import TensorSpec
from converter.stored_values import QUANTIZED_INPUTS

BYTES, UNITS, ANY, UNKNOWN = "bytes", "units", "any", "unknown"
"""What an image input expects: 0..255; small numbers; whatever a layer that normalizes was fitted
to; or what the file does not tell."""

_BYTES_SCALE = 1 / 32
"""A Rescaling layer that makes values smaller by more than this is made for 0..255."""
_MOST = 10**12
_FIRST = {"InputLayer", "Functional", "Sequential", "Model", "Reshape", "ZeroPadding2D", "Cast"}
_ARITHMETIC = {
    "Add",
    "Divide",
    "GetItem",
    "Multiply",
    "SlicingOpLambda",
    "Subtract",
    "TFOpLambda",
    "TrueDivide",
}
_WEIGHTED = ("Conv", "Dense", "SeparableConv", "DepthwiseConv")


@dataclass(frozen=True, kw_only=True)
class ModelTraits:
    """What is known of a model without running it; everything may be unknown.

    Attributes:
        inputs: As the file has them, integers where it stores scaled integers.
        outputs: As the file has them; a shape is None where only running the model would tell.
        layers: Class names in the file's order; None where the format does not tell them.
        rescaling_scale: The factor of the first Rescaling layer; None without one.
        embedding_rows: Rows of the largest Embedding: no input id is valid beyond it.
        quantized: Scale and zero point of each input that holds scaled integers.
    """

    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    layers: tuple[str, ...] | None = None
    rescaling_scale: float | None = None
    embedding_rows: int | None = None
    quantized: dict[str, tuple[float, int]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], details: Mapping[str, Any]
    ) -> ModelTraits:
        """Read the traits out of what was inspected.

        Args:
            inputs: The file's own, not those with float dtypes for scaled integers.
            outputs: The file's own.
            details: `ModelFile.details`.
        """
        layers = details.get("layers")
        return cls(
            inputs=tuple(inputs),
            outputs=tuple(outputs),
            layers=None if layers is None else tuple(map(str, layers)),
            rescaling_scale=details.get("rescaling_scale"),
            embedding_rows=details.get("embedding_rows"),
            quantized={
                name: (float(scale), int(zero_point))
                for name, (scale, zero_point) in details.get(QUANTIZED_INPUTS, {}).items()
            },
        )

    @property
    def image_values(self) -> str:
        """What values an image input expects: `BYTES`, `UNITS`, `ANY` or `UNKNOWN`."""
        if self.layers is None:
            return UNKNOWN
        if "Rescaling" in self.layers:
            is_small = self.rescaling_scale is None or self.rescaling_scale <= _BYTES_SCALE
            return BYTES if is_small else UNITS
        if "Normalization" in self.layers:
            return ANY
        before = [layer for layer in self._first_layers() if not layer.startswith("Random")]
        if before[:1] == ["BatchNormalization"]:
            return ANY
        return UNKNOWN if _ARITHMETIC & set(before) else UNITS

    def _first_layers(self) -> list[str]:
        """Return the layers before and including the first that has a kernel."""
        found = []
        for layer in self.layers or ():
            if layer not in _FIRST:
                found.append(layer)
            if layer.startswith(_WEIGHTED):
                break
        return found

    def real_range(self, name: str) -> tuple[float, float] | None:
        """Return the real numbers that an input of scaled integers can hold; None for any other."""
        spec = next((spec for spec in self.inputs if spec.name == name), None)
        if spec is None or spec.dtype is None or name not in self.quantized:
            return None
        scale, zero_point = self.quantized[name]
        bounds = np.iinfo(spec.dtype)
        return (bounds.min - zero_point) * scale, (bounds.max - zero_point) * scale

    def to_json(self) -> dict[str, Any]:
        """Return the traits as JSON-ready values."""
        return {
            "inputs": [spec.to_json() for spec in self.inputs],
            "outputs": [spec.to_json() for spec in self.outputs],
            "layers": None if self.layers is None else list(self.layers),
            "rescaling_scale": self.rescaling_scale,
            "embedding_rows": self.embedding_rows,
            "quantized": {name: list(ends) for name, ends in self.quantized.items()},
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ModelTraits:
        """Read `to_json`'s form."""
        return cls.of(
            [TensorSpec.from_json(item) for item in values["inputs"]],
            [TensorSpec.from_json(item) for item in values["outputs"]],
            {**values, QUANTIZED_INPUTS: values["quantized"]},
        )


def keras_data_details(config: object) -> dict[str, Any]:
    """Return what a Keras configuration tells of the data, for `ModelFile.details`.

    Args:
        config: The file's `config.json`, or the `model_config` of an HDF5 file; any JSON.

    Returns:
        `rescaling_scale` and `embedding_rows`, each only where the model has such a layer.
    """
    from converter.keras_file import walk_layers  # h5py: not in the web process

    scales: list[float] = []
    rows: list[int] = []
    for layer in walk_layers(config):
        values = layer["config"]
        if not isinstance(values, dict):
            continue
        scale, size = values.get("scale"), values.get("input_dim")
        # A configuration is any JSON: NaN, true, and integers of a thousand digits included.
        if layer["class_name"] == "Rescaling" and isinstance(scale, int | float):
            scales += [float(scale)] if abs(scale) < _MOST else []
        elif layer["class_name"] == "Embedding" and type(size) is int and 0 < size < _MOST:
            rows.append(size)
    details: dict[str, Any] = {"rescaling_scale": scales[0]} if scales else {}
    if rows:
        details["embedding_rows"] = max(rows)
    return details
