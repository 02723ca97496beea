"""The original model in TensorFlow: loaded, run as the reference, frozen once. Workers only.

The one module that touches Keras and TensorFlow's loaders.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from converter.errors import ModelFileError
from converter.saved_model_file import extract_saved_model
from converter.signature import Shape, Signature, TensorSpec, unique_names

Tensors = dict[str, Any]
SIGNATURE_KEY = "serving_default"


@dataclass
class FloatModel:
    """A reference function with one signature.

    Attributes:
        call: Takes a tensor for each input name, returns one for each output name; inference
            mode.
        signature: Inputs and outputs in the model's own order; None marks open dimensions.
        trackable: What must stay alive, and be saved along where freezing is not possible.
        loader: What read the file: `keras`, `tf_keras`, `saved_model` or `frozen_graph`.
        raw_inputs: The file's own names of the inputs, in the signature's order.
        notes: Sentences a person should read.
    """

    call: Callable[[Tensors], Tensors]
    signature: Signature
    trackable: Any
    loader: str
    raw_inputs: list[str]
    notes: list[str] = field(default_factory=list)


def load_float_model(
    path: Path,
    name: str,
    model_format: str,
    work_folder: Path,
    tensors: tuple[Sequence[str], Sequence[str]] = ((), ()),
) -> FloatModel:
    """Load a model file of any format that TensorFlow runs.

    Args:
        path: The file or SavedModel folder.
        name: The name a person knows it by, for messages.
        model_format: One of `model_file.FORMATS`.
        work_folder: Where archives may be unpacked.
        tensors: For a frozen graph, the tensors to feed and to fetch.

    Raises:
        ModelFileError: When it cannot be loaded, or has no fixed signature.
    """
    if model_format in {"keras", "h5"}:
        return _load_keras(path, name, model_format, work_folder)
    if model_format == "saved_model":
        folder = path
        if not path.is_dir():
            folder = extract_saved_model(path, work_folder / "saved_model")
        return _load_saved_model(folder, name)
    if model_format == "frozen_graph":
        return _load_frozen_graph(path, name, *tensors)
    raise ModelFileError(
        f"{name}: expected a TensorFlow model to convert, found a .tflite file, which is converted "
        "already; give the original model."
    )


def _load_keras(path: Path, name: str, model_format: str, work_folder: Path) -> FloatModel:
    import keras

    # Keras chooses its reader by the suffix, we by the content.
    suffix = ".keras" if model_format == "keras" else ".h5"
    readable = path
    if path.suffix != suffix:
        readable = work_folder / f"model{suffix}"
        shutil.copyfile(path, readable)
    try:
        model = keras.models.load_model(readable, compile=False, safe_mode=True)
        loader = "keras"
    except Exception as first:  # noqa: BLE001 - Keras raises any kind on a file it cannot read
        model = _load_with_keras_2(readable, name, first)
        loader = "tf_keras"
    return _from_keras(model, name, loader)


def _load_with_keras_2(path: Path, name: str, first: Exception) -> Any:  # noqa: ANN401
    """Files of Keras 2 fail in Keras 3; `tf_keras` is Keras 2 kept alive for them."""
    try:
        import tf_keras

        return tf_keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as second:
        raise _keras_error(name, first, second) from first


def _keras_error(name: str, first: Exception, second: Exception) -> ModelFileError:
    text = f"{first}\n{second}"
    custom = re.search(r"Could not locate class '([^']+)'|Unknown layer: '?([\w>]+)", text)
    if custom:
        found = custom.group(1) or custom.group(2)
        return ModelFileError(
            f"{name}: the model uses the custom class {found!r}, whose code is not in the file; "
            "export it as a SavedModel with model.export() and give that.",
            text,
        )
    line = next((part.strip() for part in str(first).splitlines() if part.strip()), "no reason")
    return ModelFileError(
        f"{name}: expected a model that Keras can load, found one that it refuses "
        f"({type(first).__name__}: {line[:160]}); save it again with a current Keras or as a "
        "SavedModel.",
        text,
    )


def _from_keras(model: Any, name: str, loader: str) -> FloatModel:  # noqa: ANN401 - Keras 2 or 3
    inputs = list(getattr(model, "inputs", None) or [])
    if not inputs:
        raise ModelFileError(
            f"{name}: expected a model with declared inputs, found one that was never built; add "
            "a keras.Input as its first layer and save again."
        )
    raw_names = list(getattr(model, "input_names", None) or [tensor.name for tensor in inputs])
    input_names = unique_names(raw_names, "input")
    structure = getattr(model, "_inputs_struct", None) or getattr(model, "_nested_inputs", None)
    output_names = getattr(model, "output_names", None)
    if not output_names and type(model).__name__ == "Sequential":
        output_names = [model.layers[-1].name]

    def call(tensors: Tensors) -> Tensors:
        flat = [tensors[key] for key in input_names]
        packed = flat[0] if len(flat) == 1 else flat
        if isinstance(structure, dict | list | tuple):
            packed = tf.nest.pack_sequence_as(structure, flat)
        return _named_outputs(model(packed, training=False), output_names)

    specs = [
        TensorSpec(key, tuple(tensor.shape), _dtype_of(tensor))
        for key, tensor in zip(input_names, inputs, strict=True)
    ]
    return FloatModel(call, _complete_signature(call, specs, name), model, loader, raw_names)


def _dtype_of(tensor: Any) -> str:  # noqa: ANN401
    return str(tf.as_dtype(tensor.dtype).name)


def _named_outputs(result: Any, known: Sequence[str] | None) -> Tensors:  # noqa: ANN401
    """Give each output tensor one name: a dict's keys, or the model's own output names."""
    if isinstance(result, Mapping):
        keys = list(result)
        return dict(zip(unique_names(map(str, keys), "output"), tf.nest.flatten(
            [result[key] for key in keys]), strict=True))
    flat = tf.nest.flatten(result)
    names = list(known or [])
    if len(names) != len(flat):
        names = ["output"] if len(flat) == 1 else [f"output_{index}" for index in range(len(flat))]
    return dict(zip(unique_names(names, "output"), flat, strict=True))


def _load_saved_model(folder: Path, name: str) -> FloatModel:
    try:
        loaded = _read_saved_model(folder)
    except Exception as error:
        line = (str(error).strip().splitlines() or [""])[0][:160]
        raise ModelFileError(
            f"{name}: expected a complete SavedModel, found one that TensorFlow cannot load "
            f"({type(error).__name__}: {line}); export it again with its variables.",
            str(error),
        ) from error
    keys = [key for key in loaded.signatures if not key.startswith("__")]
    if not keys:
        raise ModelFileError(
            f"{name}: expected at least one serving signature, found none; export the model with "
            "model.export() or pass signatures= to tf.saved_model.save()."
        )
    function = loaded.signatures[SIGNATURE_KEY if SIGNATURE_KEY in keys else sorted(keys)[0]]
    arguments = function.structured_input_signature[1]
    raw_inputs = list(arguments)
    input_names = unique_names(raw_inputs, "input")

    def call(tensors: Tensors) -> Tensors:
        fed = {raw: tensors[key] for raw, key in zip(raw_inputs, input_names, strict=True)}
        return _named_outputs(function(**fed), None)

    specs = [
        TensorSpec(key, _shape_of(arguments[raw].shape), _dtype_of(arguments[raw]))
        for raw, key in zip(raw_inputs, input_names, strict=True)
    ]
    signature = _complete_signature(call, specs, name)
    return FloatModel(call, signature, loaded, "saved_model", raw_inputs)


def _read_saved_model(folder: Path) -> Any:  # noqa: ANN401
    try:
        return tf.saved_model.load(str(folder))
    except AttributeError:
        # Keras 2's optimizer slots need the classes that importing tf_keras registers.
        import tf_keras  # noqa: F401

        return tf.saved_model.load(str(folder))


def _load_frozen_graph(
    path: Path, name: str, feeds: Sequence[str], fetches: Sequence[str]
) -> FloatModel:
    graph_def = tf.compat.v1.GraphDef()
    graph_def.ParseFromString(path.read_bytes())
    try:
        wrapped = tf.compat.v1.wrap_function(
            lambda: tf.import_graph_def(graph_def, name=""), signature=[]
        )
        graph = wrapped.graph
        function = wrapped.prune(
            [graph.get_tensor_by_name(feed) for feed in feeds],
            [graph.get_tensor_by_name(fetch) for fetch in fetches],
        )
        placeholders = [graph.get_tensor_by_name(feed) for feed in feeds]
    except (ValueError, KeyError, TypeError, tf.errors.OpError) as error:
        line = (str(error).strip().splitlines() or [""])[0][:160]
        raise ModelFileError(
            f"{name}: the graph between {', '.join(feeds)} and {', '.join(fetches)} cannot be "
            f"taken out ({line}); choose other --inputs or --outputs."
        ) from error
    input_names = unique_names(feeds, "input")
    output_names = unique_names(fetches, "output")

    def call(tensors: Tensors) -> Tensors:
        results = function(*[tensors[key] for key in input_names])
        return dict(zip(output_names, tf.nest.flatten(results), strict=True))

    specs = [
        TensorSpec(key, _shape_of(tensor.shape), _dtype_of(tensor))
        for key, tensor in zip(input_names, placeholders, strict=True)
    ]
    signature = _complete_signature(call, specs, name)
    return FloatModel(call, signature, wrapped, "frozen_graph", list(feeds))


def _shape_of(shape: tf.TensorShape) -> Shape | None:
    return None if shape.rank is None else tuple(shape.as_list())


def _complete_signature(
    call: Callable[[Tensors], Tensors], inputs: list[TensorSpec], name: str
) -> Signature:
    """Find the outputs' shapes and dtypes by tracing the model with its own input shapes."""
    for spec in inputs:
        if spec.dtype in {"string", "resource", "variant"}:
            raise ModelFileError(
                f"{name}: the input {spec.name!r} takes {spec.dtype} values, which TFLite kernels "
                "do not process; cut the model behind its text preprocessing and save again."
            )
    specs = {s.name: tf.TensorSpec(s.shape, s.dtype, name=s.name) for s in inputs}
    try:
        traced = tf.function(lambda **kw: call(kw), autograph=False).get_concrete_function(**specs)
    except Exception as error:
        line = (str(error).strip().splitlines() or [""])[0][:160]
        raise ModelFileError(
            f"{name}: the model loads but cannot be called with its own inputs "
            f"({type(error).__name__}: {line}); save it again from a working session.",
            str(error),
        ) from error
    outputs = tuple(
        TensorSpec(key, _shape_of(tensor.shape), _dtype_of(tensor))
        for key, tensor in traced.structured_outputs.items()
    )
    # tf.function sorts a dict's keys; the model's own order is what people know.
    order = list(_named_order(call, specs)) or [spec.name for spec in outputs]
    by_name = {spec.name: spec for spec in outputs}
    return Signature(tuple(inputs), tuple(by_name[key] for key in order if key in by_name))


def _named_order(call: Callable[[Tensors], Tensors], specs: dict[str, tf.TensorSpec]) -> list[str]:
    order: list[str] = []

    def record(**tensors: tf.Tensor) -> list[tf.Tensor]:
        result = call(tensors)
        order.extend(result)
        return list(result.values())

    tf.function(record, autograph=False).get_concrete_function(**specs)
    return order


def fix_shapes(
    signature: Signature, data_shapes: Mapping[str, Shape] | None = None
) -> tuple[dict[str, tuple[int, ...]], list[str]]:
    """Choose a size for every open input dimension.

    Args:
        signature: The model's own, with None for open dimensions.
        data_shapes: Shapes of one sample for each input (no batch), where data is given.

    Returns:
        The full input shapes, batch first, and a sentence for each choice other than batch 1.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    notes = []
    batch = next((s.shape[0] for s in signature.inputs if s.shape and s.shape[0]), 1)
    for spec in signature.inputs:
        declared = spec.shape
        sample = (data_shapes or {}).get(spec.name)
        if declared is None:
            declared = (None, *(sample or ()))
        sizes = [batch if index == 0 and size is None else size for index, size in
                 enumerate(declared)]
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
        TensorSpec(name, _shape_of(tensor.shape), _dtype_of(tensor))
        for name, tensor in zip(order, tf.nest.flatten(traced.structured_outputs), strict=True)
    ]
    return outputs, notes


def _frozen_function(
    traced: Any, specs: Mapping[str, tf.TensorSpec], order: Sequence[str]  # noqa: ANN401
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


class ReferenceRunner:
    """Runs the original model on evaluation samples and times it."""

    def __init__(self, model: FloatModel, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Prepare calls at the given full input shapes."""
        self._model = model
        self._shapes = dict(shapes)
        self._batch = next((shape[0] for shape in shapes.values() if shape), 1)
        self._function = tf.function(lambda **kw: model.call(kw), autograph=False)
        self._timed: Callable[[], Any] | None = None

    def run(self, inputs: Mapping[str, np.ndarray], batch: int) -> tuple[dict[str, np.ndarray], int]:
        """Return the outputs for all samples and the batch size that was used.

        Larger batches are tried first; a model that only takes its own batch falls back to it.
        """
        open_batch = all(not s.shape or s.shape[0] is None for s in self._model.signature.inputs)
        if open_batch and batch > self._batch:
            with contextlib.suppress(tf.errors.OpError, ValueError, TypeError):
                outputs = self._in_batches(inputs, batch, open_batch=True)
                if _same_leading_size(outputs, inputs):
                    return outputs, batch
        return self._in_batches(inputs, self._batch, open_batch=False), self._batch

    def _in_batches(
        self, inputs: Mapping[str, np.ndarray], batch: int, *, open_batch: bool
    ) -> dict[str, np.ndarray]:
        specs = {
            spec.name: tf.TensorSpec(
                ((None if open_batch else self._shapes[spec.name][0]), *self._shapes[spec.name][1:])
                if self._shapes[spec.name] else (),
                spec.dtype,
            )
            for spec in self._model.signature.inputs
        }
        function = self._function.get_concrete_function(**specs)
        samples = len(next(iter(inputs.values())))
        parts: dict[str, list[np.ndarray]] = {}
        for start in range(0, samples, batch):
            fed = {name: np.asarray(array[start : start + batch]) for name, array in inputs.items()}
            count = len(next(iter(fed.values())))
            if not open_batch and count < batch:
                fed = {name: _pad(array, batch) for name, array in fed.items()}
            fed = {name: array if specs[name].shape.rank else array[0] for name, array in
                   fed.items()}
            result = function(**{name: tf.constant(array) for name, array in fed.items()})
            for name, tensor in result.items():
                value = _plain(tensor)
                value = value[None] if value.ndim == 0 else value
                parts.setdefault(name, []).append(value[:count])
        return {name: np.concatenate(values) for name, values in parts.items()}

    def prepare_timing(self, inputs: Mapping[str, np.ndarray]) -> float:
        """Trace at the timed shapes and return the first call's milliseconds, tracing included."""
        specs = {
            spec.name: tf.TensorSpec(self._shapes[spec.name], spec.dtype)
            for spec in self._model.signature.inputs
        }
        fed = {}
        for name, array in inputs.items():
            shape = self._shapes[name]
            fed[name] = tf.constant(_pad(array[: shape[0]], shape[0]) if shape else array[0])
        start = time.perf_counter()
        # The tf.function itself is called, as an application would, not its concrete function.
        function = tf.function(
            lambda **kw: self._model.call(kw), autograph=False, input_signature=None
        )
        function.get_concrete_function(**specs)
        self._timed = lambda: function(**fed)
        tf.nest.map_structure(_plain, self._timed())
        return (time.perf_counter() - start) * 1e3

    def time_runs(self, runs: int, seconds: float) -> list[float]:
        """Return milliseconds of each call: at least `runs`, and for at least `seconds`."""
        if self._timed is None:
            raise ValueError("expected prepare_timing() before time_runs()")
        samples: list[float] = []
        clock = time.perf_counter_ns
        end = clock() + int(seconds * 1e9)
        while len(samples) < runs or clock() < end:
            start = clock()
            self._timed()
            samples.append((clock() - start) / 1e6)
        return samples


def _plain(tensor: tf.Tensor) -> np.ndarray:
    array: np.ndarray = tensor.numpy()
    if tensor.dtype == tf.bfloat16:
        return array.astype(np.float32)
    return array


def _pad(array: np.ndarray, count: int) -> np.ndarray:
    """Repeat the last sample until there are `count`: fixed-batch models take no fewer."""
    missing = count - len(array)
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)]) if missing > 0 else array


def _same_leading_size(
    outputs: Mapping[str, np.ndarray], inputs: Mapping[str, np.ndarray]
) -> bool:
    samples = len(next(iter(inputs.values())))
    return all(len(array) == samples for array in outputs.values())
