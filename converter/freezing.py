"""The model at fixed input shapes, its variables turned into constants. Workers only."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import op_def_registry
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from converter.errors import ModelFileError
from converter.float_model import SIGNATURE_KEY, FloatModel, dtype_of, shape_of
from converter.frozen_constants import fold_constants
from converter.graph_nodes import GRAPH_FILE, list_nodes, save_nodes
from converter.signature import TensorSpec


def freeze(
    model: FloatModel, shapes: Mapping[str, tuple[int, ...]], folder: Path
) -> tuple[list[TensorSpec], list[str]]:
    """Write the model at fixed input shapes as a SavedModel whose variables are constants.

    The operations of its graph are listed in `GRAPH_FILE` in the same folder.

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
        frozen, folded = _frozen_function(traced, specs)
        module.serve = _by_name(frozen, order)
        _save(module, specs, folder)
        graph = frozen.graph
        notes += folded
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
        graph = traced.graph
    save_nodes(list_nodes(graph.as_graph_def(), _is_stateful), folder / GRAPH_FILE)
    outputs = [
        TensorSpec(name, shape_of(tensor.shape), dtype_of(tensor))
        for name, tensor in zip(order, tf.nest.flatten(traced.structured_outputs), strict=True)
    ]
    return outputs, notes


def _frozen_function(
    traced: Any,  # noqa: ANN401
    specs: Mapping[str, tf.TensorSpec],
) -> tuple[Any, list[str]]:
    frozen = convert_variables_to_constants_v2(traced, lower_control_flow=False)
    frozen, notes = fold_constants(traced, frozen)
    known = {tensor.name.split(":")[0] for tensor in frozen.inputs}
    if known != set(specs):
        raise ValueError(f"expected the inputs {sorted(specs)}, found {sorted(known)}")
    return frozen, notes


def _by_name(frozen: Any, order: Sequence[str]) -> Any:  # noqa: ANN401
    """Return a function of a frozen one that takes its inputs and gives its outputs by name."""
    names = [tensor.name.split(":")[0] for tensor in frozen.inputs]

    def serve(**tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        results = tf.nest.flatten(frozen(*[tensors[name] for name in names]))
        return dict(zip(order, results, strict=True))

    return tf.function(serve, autograph=False)


def _save(module: tf.Module, specs: Mapping[str, tf.TensorSpec], folder: Path) -> None:
    concrete = module.serve.get_concrete_function(**specs)
    # Gradients of their own (swish has one) would be written too, and a frozen one cannot be.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, str(folder), signatures={SIGNATURE_KEY: concrete}, options=options)


def _is_stateful(op: str) -> bool:
    definition = op_def_registry.get(op)
    return definition is None or bool(definition.is_stateful)
