"""What a comparison says of its model, from the file and from loading it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from converter.comparison import TFLITE_FORMAT, ModelFacts
from converter.model_file import ModelFile
from converter.signature import Signature, TensorSpec


def model_facts(model: ModelFile, signature: Signature, gzip_sizes: dict[str, Any]) -> ModelFacts:
    """Return the facts.

    Args:
        model: What inspection found.
        signature: Inputs and outputs of the run, without open sizes.
        gzip_sizes: `gzip_bytes`, and `gzip_without_optimizer_bytes` where it can be told.
    """
    if model.format == TFLITE_FORMAT:
        signature = _with_stored_types(model, signature)
    return ModelFacts(
        name=model.name,
        format=model.format,
        sha256=model.sha256,
        size_bytes=model.size_bytes,
        size_without_optimizer_bytes=model.size_without_optimizer_bytes,
        gzip_bytes=gzip_sizes["gzip_bytes"],
        gzip_without_optimizer_bytes=gzip_sizes["gzip_without_optimizer_bytes"],
        optimizer_bytes=model.optimizer_bytes,
        parameters=model.parameters,
        parameter_bytes=model.parameter_bytes,
        inputs=list(signature.inputs),
        outputs=list(signature.outputs),
        notes=model.notes,
    )


def _with_stored_types(model: ModelFile, signature: Signature) -> Signature:
    """Name the types that are in the file: what is scaled was fed and compared as real numbers."""

    def stored(loaded: tuple[TensorSpec, ...], file: list[TensorSpec]) -> tuple[TensorSpec, ...]:
        dtypes = {spec.name: spec.dtype for spec in file}
        return tuple(replace(spec, dtype=dtypes[spec.name]) for spec in loaded)

    return Signature(
        stored(signature.inputs, model.inputs), stored(signature.outputs, model.outputs)
    )
