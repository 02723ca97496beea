"""The original model in TensorFlow: loaded, run as the reference, frozen once. Workers only.

The one module that touches Keras and TensorFlow's loaders.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tensorflow as tf

from converter.errors import ModelFileError
from converter.keras_file import read_keras_archive, read_keras_h5
from converter.keras_rebuild import NOTES, needed_changes, rebuild
from converter.model_options import DEFAULT_OPTIONS, ModelOptions
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
        changes: What `keras_rebuild` changed so that TFLite can take the model.
        notes: Sentences a person should read.
        predict: Keras's `model.predict` on all inputs as one batch; None where there is no Keras
            model.
    """

    call: Callable[[Tensors], Tensors]
    signature: Signature
    trackable: Any
    loader: str
    raw_inputs: list[str]
    changes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    predict: Callable[[Tensors], Any] | None = None


def load_float_model(
    path: Path,
    name: str,
    model_format: str,
    work_folder: Path,
    options: ModelOptions = DEFAULT_OPTIONS,
) -> FloatModel:
    """Load a model file of any format that TensorFlow runs.

    Args:
        path: The file or SavedModel folder.
        name: The name a person knows it by, for messages.
        model_format: One of `model_file.FORMATS`.
        work_folder: Where archives may be unpacked.
        options: How to read it; for a frozen graph, the tensors must be named.

    Raises:
        ModelFileError: When it cannot be loaded, or has no fixed signature.
    """
    if model_format in {"keras", "h5"}:
        return _load_keras(path, name, model_format, work_folder, unroll=options.unroll)
    if model_format == "saved_model":
        folder = path
        if not path.is_dir():
            folder = extract_saved_model(path, work_folder / "saved_model")
        return _load_saved_model(folder, name, options.signature)
    if model_format == "frozen_graph":
        return _load_frozen_graph(path, name, options.input_tensors, options.output_tensors)
    raise ModelFileError(
        f"{name}: expected a TensorFlow model to convert, found a .tflite file, which is converted "
        "already; give the original model."
    )


def _load_keras(
    path: Path, name: str, model_format: str, work_folder: Path, *, unroll: bool
) -> FloatModel:
    import keras

    # Keras chooses its reader by the suffix, we by the content.
    suffix = ".keras" if model_format == "keras" else ".h5"
    readable = path
    if path.suffix != suffix:
        readable = work_folder / f"model{suffix}"
        shutil.copyfile(path, readable)
    _refuse_code(readable, name, model_format)
    try:
        model = keras.models.load_model(readable, compile=False, safe_mode=True)
        loader = "keras"
    except Exception as first:  # noqa: BLE001 - Keras raises any kind on a file it cannot read
        model = _load_with_keras_2(readable, name, first)
        loader = "tf_keras"
    model, changes = _adapted(model, name, unroll=unroll)
    loaded = _from_keras(model, name, loader)
    loaded.changes = changes
    loaded.notes += [NOTES[change] for change in changes]
    return loaded


def _refuse_code(path: Path, name: str, model_format: str) -> None:
    """Look for code before any loader sees the file: Keras 2 runs a Lambda from HDF5."""
    read = read_keras_archive if model_format == "keras" else read_keras_h5
    try:
        read(path)
    except ModelFileError as refused:
        reason = str(refused).removeprefix(f"{path.name}: ")
        raise ModelFileError(
            f"{name}: expected a model that Keras can load: {reason}", refused.details
        ) from refused


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


def _adapted(model: Any, name: str, *, unroll: bool) -> tuple[Any, list[str]]:  # noqa: ANN401
    """Rebuild a Keras model where TFLite could not take it as it is."""
    try:
        changes = needed_changes(model.get_config(), unroll=unroll)
    except (NotImplementedError, TypeError, ValueError):
        return model, []  # a subclassed model has no configuration to rebuild it from
    try:
        return rebuild(model, changes), changes
    except Exception as error:
        line = (str(error).strip().splitlines() or [""])[0][:160]
        raise ModelFileError(
            f"{name}: expected a model that can be rebuilt ({', '.join(changes)}), found one that "
            f"cannot ({type(error).__name__}: {line}); export it as a SavedModel that TFLite can "
            "take.",
            str(error),
        ) from error


def _from_keras(model: Any, name: str, loader: str) -> FloatModel:  # noqa: ANN401 - Keras 2 or 3
    inputs = list(getattr(model, "inputs", None) or [])
    if not inputs:
        raise ModelFileError(
            f"{name}: expected a model with declared inputs, found one that was never built; add "
            "a keras.Input as its first layer and save again."
        )
    raw_names = list(getattr(model, "input_names", None) or [tensor.name for tensor in inputs])
    input_names = unique_names(raw_names, "input")
    # Keras 3 and Keras 2 keep the form of the inputs (a dict, a list) under different names.
    structures = (getattr(model, "_inputs_struct", None), getattr(model, "_nested_inputs", None))
    structure = next((s for s in structures if isinstance(s, dict | list | tuple)), None)
    output_names = getattr(model, "output_names", None)
    if not output_names and type(model).__name__ == "Sequential":
        output_names = [model.layers[-1].name]

    def packed(tensors: Tensors) -> Any:  # noqa: ANN401
        flat = [tensors[key] for key in input_names]
        if structure is not None:
            return tf.nest.pack_sequence_as(structure, flat)
        return flat[0] if len(flat) == 1 else flat

    def call(tensors: Tensors) -> Tensors:
        return _named_outputs(model(packed(tensors), training=False), output_names)

    def predict(tensors: Tensors) -> Any:  # noqa: ANN401
        batch = next((int(tensor.shape[0]) for tensor in tensors.values()), 1)
        return model.predict(packed(tensors), batch_size=batch, verbose=0)

    specs = [
        TensorSpec(key, tuple(tensor.shape), dtype_of(tensor))
        for key, tensor in zip(input_names, inputs, strict=True)
    ]
    signature = _complete_signature(call, specs, name)
    return FloatModel(call, signature, model, loader, raw_names, predict=predict)


def dtype_of(tensor: Any) -> str:  # noqa: ANN401
    """Return a tensor's or a spec's dtype as a name such as `float32`."""
    return str(tf.as_dtype(tensor.dtype).name)


def _named_outputs(result: Any, known: Sequence[str] | None) -> Tensors:  # noqa: ANN401
    """Give each output tensor one name: a dict's keys, or the model's own output names."""
    if isinstance(result, Mapping):
        keys = list(result)
        return dict(
            zip(
                unique_names(map(str, keys), "output"),
                tf.nest.flatten([result[key] for key in keys]),
                strict=True,
            )
        )
    flat = tf.nest.flatten(result)
    names = list(known or [])
    if len(names) != len(flat):
        names = ["output"] if len(flat) == 1 else [f"output_{index}" for index in range(len(flat))]
    return dict(zip(unique_names(names, "output"), flat, strict=True))


def _load_saved_model(folder: Path, name: str, chosen: str | None) -> FloatModel:
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
    default = SIGNATURE_KEY if SIGNATURE_KEY in keys else sorted(keys)[0]
    if chosen is not None and chosen not in keys:
        raise ModelFileError(
            f"{name}: expected one of the signatures {', '.join(sorted(keys))}, found "
            f"{chosen[:60]!r} asked for; choose one of them."
        )
    function = loaded.signatures[chosen or default]
    arguments = function.structured_input_signature[1]
    raw_inputs = list(arguments)
    input_names = unique_names(raw_inputs, "input")

    def call(tensors: Tensors) -> Tensors:
        fed = {raw: tensors[key] for raw, key in zip(raw_inputs, input_names, strict=True)}
        return _named_outputs(function(**fed), None)

    specs = [
        TensorSpec(key, shape_of(arguments[raw].shape), dtype_of(arguments[raw]))
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
    if not (feeds and fetches):
        missing = "outputs" if feeds else "inputs"
        raise ModelFileError(
            f"{name}: the graph does not tell its {missing}; choose tensors for them with "
            f"--{missing} or on the Model page."
        )
    graph_def = tf.compat.v1.GraphDef()
    try:
        graph_def.ParseFromString(path.read_bytes())
        wrapped = tf.compat.v1.wrap_function(
            lambda: tf.import_graph_def(graph_def, name=""), signature=[]
        )
        graph = wrapped.graph
        function = wrapped.prune(
            [graph.get_tensor_by_name(feed) for feed in feeds],
            [graph.get_tensor_by_name(fetch) for fetch in fetches],
        )
        placeholders = [graph.get_tensor_by_name(feed) for feed in feeds]
    except Exception as error:
        line = (str(error).strip().splitlines() or [""])[0][:160]
        raise ModelFileError(
            f"{name}: the graph between {', '.join(feeds)} and {', '.join(fetches)} cannot be "
            f"taken out ({line}); choose other --inputs or --outputs.",
            str(error),
        ) from error
    input_names = unique_names(feeds, "input")
    output_names = unique_names(fetches, "output")

    def call(tensors: Tensors) -> Tensors:
        results = function(*[tensors[key] for key in input_names])
        return dict(zip(output_names, tf.nest.flatten(results), strict=True))

    specs = [
        TensorSpec(key, shape_of(tensor.shape), dtype_of(tensor))
        for key, tensor in zip(input_names, placeholders, strict=True)
    ]
    signature = _complete_signature(call, specs, name)
    return FloatModel(call, signature, wrapped, "frozen_graph", list(feeds))


def shape_of(shape: tf.TensorShape) -> Shape | None:
    """Return a shape as a tuple; None where the rank is unknown."""
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
    order: list[str] = []

    def call_in_order(**tensors: tf.Tensor) -> list[tf.Tensor]:
        # tf.function sorts a dict's keys; the model's own order is what people know.
        results = call(tensors)
        order[:] = results
        return list(results.values())

    try:
        traced = tf.function(call_in_order, autograph=False).get_concrete_function(**specs)
    except Exception as error:
        line = (str(error).strip().splitlines() or [""])[0][:160]
        raise ModelFileError(
            f"{name}: the model loads but cannot be called with its own inputs "
            f"({type(error).__name__}: {line}); save it again from a working session.",
            str(error),
        ) from error
    outputs = tuple(
        TensorSpec(key, shape_of(tensor.shape), dtype_of(tensor))
        for key, tensor in zip(order, traced.structured_outputs, strict=True)
    )
    return Signature(tuple(inputs), outputs)
