"""The model at fixed input shapes, its variables turned into constants. Workers only."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from converter.errors import ModelFileError
from converter.float_model import SIGNATURE_KEY, FloatModel, dtype_of, shape_of
from converter.signature import Shape, TensorSpec, format_shape


def fix_shapes(
    inputs: Sequence[TensorSpec], data_shapes: Mapping[str, Shape] | None = None
) -> tuple[dict[str, tuple[int, ...]], list[str]]:
    """Choose a size for every open input dimension.

    Args:
        inputs: The model's own, with None for open dimensions.
        data_shapes: Shapes of one sample for each input (no batch), where data is given.

    Returns:
        The full input shapes, batch first, and a sentence for each choice other than batch 1.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    notes = []
    batch = next((s.shape[0] for s in inputs if s.shape and s.shape[0]), 1)
    for spec in inputs:
        declared = spec.shape
        sample = (data_shapes or {}).get(spec.name)
        if declared is None:
            declared = (None, *(sample or ()))
            if sample:
                notes.append(
                    f"The rank of input {spec.name} is open in the model; its shape is fixed to "
                    f"{format_shape((batch, *sample))} by the data."
                )
        sizes = [
            batch if index == 0 and size is None else size for index, size in enumerate(declared)
        ]
        for index, size in enumerate(sizes):
            if size is None:
                known = sample[index - 1] if sample and len(sample) >= index else None
                sizes[index] = known or default_size(len(declared))
                source = "the data" if known else "a default"
                notes.append(
                    f"Dimension {index} of input {spec.name} is open in the model; it is fixed to "
                    f"{sizes[index]} by {source}."
                )
        shapes[spec.name] = tuple(int(size or 1) for size in sizes)
    return shapes, notes


def default_size(rank: int) -> int:
    """Return what an open dimension is fixed to without data: 224 pixels, or 32 steps."""
    return 224 if rank == 4 else 32


def freeze(
    model: FloatModel, shapes: Mapping[str, tuple[int, ...]], folder: Path
) -> tuple[list[TensorSpec], list[str]]:
    """Write the model at fixed input shapes as a SavedModel whose variables are constants.

    Args:
        model: The loaded model.
        shapes: Full input shapes, batch first.
        folder: Where the SavedModel goes.

    Returns:
        The outputs at these input shapes, and notes; one where the variables could not be turned
        into constants.

    Raises:
        ModelFileError: When the model cannot be traced at these shapes.
    """
    order = [spec.name for spec in model.signature.outputs]
    specs = {
        spec.name: tf.TensorSpec(shapes[spec.name], spec.dtype, name=spec.name)
        for spec in model.signature.inputs
    }

    def call_in_order(**tensors: tf.Tensor) -> list[tf.Tensor]:
        results = model.call(tensors)
        return [results[key] for key in order]

    try:
        traced = tf.function(call_in_order, autograph=False).get_concrete_function(**specs)
    except Exception as error:
        line = (str(error).strip().splitlines() or [""])[0][:160]
        raise ModelFileError(
            f"The model cannot be called with inputs of shape "
            f"{', '.join(str(shape) for shape in shapes.values())} ({line}); give data of the "
            "shape that it expects.",
            str(error),
        ) from error
    module = tf.Module()
    notes = []
    try:
        module.serve = _frozen_function(traced, specs, order)
        _save(module, specs, folder)
    except Exception as error:  # noqa: BLE001 - any failure to freeze has the same way round
        shutil.rmtree(folder, ignore_errors=True)
        notes.append(
            "The model keeps state (variables that change, or lookup tables), so it is converted "
            f"without turning its variables into constants ({type(error).__name__})."
        )
        module = tf.Module()
        module.model = model.trackable
        module.serve = tf.function(lambda **kw: model.call(kw), autograph=False)
        _save(module, specs, folder)
    outputs = [
        TensorSpec(name, shape_of(tensor.shape), dtype_of(tensor))
        for name, tensor in zip(order, tf.nest.flatten(traced.structured_outputs), strict=True)
    ]
    return outputs, notes


def _frozen_function(
    traced: Any,  # noqa: ANN401
    specs: Mapping[str, tf.TensorSpec],
    order: Sequence[str],
) -> Any:  # noqa: ANN401
    frozen = convert_variables_to_constants_v2(traced, lower_control_flow=False)
    known = {tensor.name.split(":")[0]: index for index, tensor in enumerate(frozen.inputs)}
    if set(known) != set(specs):
        raise ValueError(f"expected the inputs {sorted(specs)}, found {sorted(known)}")
    names = sorted(specs, key=lambda name: known[name])

    def serve(**tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        results = tf.nest.flatten(frozen(*[tensors[name] for name in names]))
        return dict(zip(order, results, strict=True))

    return tf.function(serve, autograph=False)


def _save(module: tf.Module, specs: Mapping[str, tf.TensorSpec], folder: Path) -> None:
    concrete = module.serve.get_concrete_function(**specs)
    tf.saved_model.save(module, str(folder), signatures={SIGNATURE_KEY: concrete})
