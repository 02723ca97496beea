"""How a model file is to be read, where the file itself leaves a choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from converter.errors import ModelFileError
from converter.signature import Shape, TensorSpec, format_shape

LARGEST_DIMENSION = 1_000_000


def default_size(rank: int) -> int:
    """Return what an open dimension is fixed to without data: 224 pixels, or 32 steps."""
    return 224 if rank == 4 else 32


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """What a person chose for a model file.

    Attributes:
        signature: Key of a SavedModel's signature; None for `serving_default`, or the first.
        input_tensors: For a frozen graph, the tensors to feed; its placeholders when empty.
        output_tensors: For a frozen graph, the tensors to fetch; its unconsumed nodes when empty.
        dimensions: Sizes for dimensions that the model leaves open, by input: the full shape,
            batch first, with None where the choice is left to the data or a default.
        unroll: Whether a Keras model's recurrent layers are unrolled before conversion.
    """

    signature: str | None = None
    input_tensors: tuple[str, ...] = ()
    output_tensors: tuple[str, ...] = ()
    dimensions: tuple[tuple[str, Shape], ...] = ()
    unroll: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the options as JSON-ready values."""
        return {
            "signature": self.signature,
            "input_tensors": list(self.input_tensors),
            "output_tensors": list(self.output_tensors),
            "dimensions": [[name, list(shape)] for name, shape in self.dimensions],
            "unroll": self.unroll,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read `to_json`'s form."""
        return cls(
            signature=values["signature"],
            input_tensors=tuple(values["input_tensors"]),
            output_tensors=tuple(values["output_tensors"]),
            dimensions=tuple((name, tuple(shape)) for name, shape in values["dimensions"]),
            unroll=values["unroll"],
        )


DEFAULT_OPTIONS = ModelOptions()
"""Every choice left to the file."""


def parse_dimensions(text: str) -> tuple[str, Shape]:
    """Read the command line's form of one input's shape: `NAME=1,64,64,3`, `?` for open.

    Raises:
        ModelFileError: When it has another form.
    """
    name, equals, sizes = text.rpartition("=")
    try:
        shape = tuple(None if size.strip() == "?" else int(size) for size in sizes.split(","))
    except ValueError:
        equals = ""
    if not (name and equals):
        raise ModelFileError(
            f"--shape expects NAME=1,64,64,3 (batch first, ? for a size that stays open), found "
            f"{text[:60]!r}; correct it."
        )
    return name, shape


def set_dimensions(
    inputs: tuple[TensorSpec, ...], dimensions: tuple[tuple[str, Shape], ...], model: str
) -> tuple[TensorSpec, ...]:
    """Return the inputs with the sizes that a person chose for their open dimensions.

    Args:
        inputs: As the model declares them.
        dimensions: `ModelOptions.dimensions`.
        model: The model's name, for messages.

    Raises:
        ModelFileError: When a shape is of no input, has another rank, contradicts a dimension
            that the model fixes, or holds no usable size.
    """
    chosen = dict(dimensions)
    unknown = sorted(set(chosen) - {spec.name for spec in inputs})
    if unknown:
        known = ", ".join(spec.name for spec in inputs)
        raise ModelFileError(
            f"{model}: a shape was set for the input {unknown[0]!r}, and the model's inputs are "
            f"{known}; correct the name."
        )
    return tuple(
        TensorSpec(spec.name, _merged(spec, chosen[spec.name], model), spec.dtype)
        if spec.name in chosen
        else spec
        for spec in inputs
    )


def _merged(spec: TensorSpec, chosen: Shape, model: str) -> Shape:
    declared = (None,) * len(chosen) if spec.shape is None else spec.shape
    fits = len(declared) == len(chosen) and all(
        have is None or want is None or have == want
        for have, want in zip(declared, chosen, strict=True)
    )
    if not fits:
        raise ModelFileError(
            f"{model}: the shape {format_shape(chosen)} was set for the input {spec.name!r}, which "
            f"the model declares as {format_shape(declared)}; only its open dimensions (None) can "
            "be set."
        )
    if any(size is not None and not 1 <= size <= LARGEST_DIMENSION for size in chosen):
        raise ModelFileError(
            f"{model}: the shape {format_shape(chosen)} was set for the input {spec.name!r}; each "
            f"size must lie between 1 and {LARGEST_DIMENSION:,}."
        )
    return tuple(
        have if want is None else want for have, want in zip(declared, chosen, strict=True)
    )
