"""What a `.keras` or `.h5` file says of its model: configuration and weights, never executed."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py

from converter.archive import open_zip, read_member
from converter.errors import ModelFileError
from converter.hdf5_walk import walk_hdf5
from converter.limits import MIB, current_limits
from converter.signature import TensorSpec, unique_names

# What h5py raises on damaged bytes, TypeError for a dtype that NumPy does not know.
H5_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError)
MAX_CONFIG_BYTES = 64 * MIB
# Layers whose output has the shape of their input: enough to tell the outputs of most models.
_SHAPE_KEEPING = {"Activation", "Softmax", "ReLU", "LeakyReLU", "Dropout", "BatchNormalization"}
OPTIMIZER_GROUPS = {"optimizer", "optimizer_weights"}


@dataclass
class KerasFacts:
    """What the file says; see `ModelFile` for the meaning of the fields."""

    config: dict[str, Any]
    inputs: list[TensorSpec] = field(default_factory=list)
    outputs: list[TensorSpec] = field(default_factory=list)
    parameters: int = 0
    parameter_bytes: int = 0
    optimizer_bytes: int = 0
    keras_version: str = "unknown"

    @property
    def layers(self) -> list[str]:
        """Class names of the layers, in the file's order, nested models opened."""
        lists = (
            node["config"].get("layers")
            for node in walk_layers(self.config)
            if isinstance(node["config"], dict)
        )
        found = [layer for layers in lists if isinstance(layers, list) for layer in layers]
        return [str(layer.get("class_name")) for layer in found if isinstance(layer, dict)]


def read_keras_archive(path: Path) -> KerasFacts:
    """Read a `.keras` zip.

    Raises:
        ModelFileError: When a part is missing, damaged or holds code (`Lambda`).
    """
    with open_zip(path, ModelFileError) as archive:
        config = _parse_config(
            path, read_member(archive, "config.json", ModelFileError, MAX_CONFIG_BYTES)
        )
        facts = KerasFacts(config=config)
        if "metadata.json" in archive.namelist():
            metadata = _parse_config(
                path, read_member(archive, "metadata.json", ModelFileError, MAX_CONFIG_BYTES)
            )
            facts.keras_version = str(metadata.get("keras_version", "unknown"))
        _count_archive_weights(path, archive, facts)
    _describe(path, facts)
    return facts


def read_keras_h5(path: Path) -> KerasFacts:
    """Read a legacy HDF5 model file (`.h5`, `.hdf5`), of Keras 2 or 3.

    Raises:
        ModelFileError: When it is damaged, holds weights only, or holds code (`Lambda`).
    """
    try:
        with h5py.File(path, "r") as file:
            raw = file.attrs.get("model_config")
            if raw is None:
                raise ModelFileError(
                    f"{path.name}: expected a whole Keras model, found HDF5 without a model_config "
                    "(weights only); save it with model.save(), not save_weights()."
                )
            facts = KerasFacts(config=_parse_config(path, raw))
            version = file.attrs.get("keras_version", "unknown")
            facts.keras_version = version.decode() if isinstance(version, bytes) else str(version)
            _count_datasets(file, facts, path.name)
    except H5_DAMAGE as broken:
        raise ModelFileError(
            f"{path.name}: expected a readable HDF5 model, found a damaged one "
            f"({str(broken)[:120]}); save or upload it again."
        ) from broken
    _describe(path, facts)
    return facts


def gzipped_optimizer_bytes(path: Path, model_format: str) -> int:
    """Return the bytes that the optimizer's arrays take after gzip level 6, each by itself.

    Args:
        path: A file that `read_keras_archive` or `read_keras_h5` has read without complaint.
        model_format: `keras` or `h5`.
    """
    total = 0

    if model_format == "h5":
        with h5py.File(path, "r") as file:
            return _gzipped_state(file, path.name)
    with open_zip(path, ModelFileError) as archive:
        for name in archive.namelist():
            if name.endswith(".weights.h5"):
                content = read_member(archive, name, ModelFileError)
                with h5py.File(io.BytesIO(content), "r") as file:
                    total += _gzipped_state(file, path.name)
    return total


def _gzipped_state(file: h5py.File, name: str) -> int:
    return sum(
        len(gzip.compress(item[()].tobytes(), 6, mtime=0))
        for place, _, item in walk_hdf5(file, name)
        if isinstance(item, h5py.Dataset) and model_group(place) in OPTIMIZER_GROUPS and item.size
    )


def _parse_config(path: Path, raw: Any) -> dict[str, Any]:  # noqa: ANN401 - any HDF5 attribute
    try:
        config = json.loads(raw)
    except (ValueError, TypeError, RecursionError) as broken:
        raise ModelFileError(
            f"{path.name}: expected JSON in the model's configuration, found text that is none "
            f"({str(broken)[:80]}); save the model again."
        ) from broken
    if not isinstance(config, dict):
        raise ModelFileError(
            f"{path.name}: expected an object in the model's configuration, found "
            f"{type(config).__name__}; save the model again."
        )
    return config


def _count_archive_weights(path: Path, archive: zipfile.ZipFile, facts: KerasFacts) -> None:
    names = [name for name in archive.namelist() if name.endswith(".weights.h5")]
    if not names:
        raise ModelFileError(
            f"{path.name}: expected model.weights.h5 inside the .keras archive, found none; "
            "save the model again."
        )
    for name in names:
        content = read_member(archive, name, ModelFileError, int(current_limits().unpacked_bytes))
        try:
            with h5py.File(io.BytesIO(content), "r") as file:
                _count_datasets(file, facts, path.name)
        except H5_DAMAGE as broken:
            raise ModelFileError(
                f"{path.name}: expected readable HDF5 weights in {name}, found damaged ones; "
                "save or upload it again."
            ) from broken


def _count_datasets(file: h5py.File, facts: KerasFacts, name: str) -> None:
    for place, _, item in walk_hdf5(file, name):
        if not isinstance(item, h5py.Dataset) or item.dtype.kind in "OSU":
            continue
        size = int(item.size or 0)  # an empty dataset has none
        group = model_group(place)
        if group in OPTIMIZER_GROUPS:
            facts.optimizer_bytes += size * item.dtype.itemsize
        elif group != "metrics" and not is_seed_state(place, item):
            facts.parameters += size
            facts.parameter_bytes += size * item.dtype.itemsize


def model_group(name: str) -> str:
    """Return a dataset's group within the model, or the nested model, that it belongs to.

    A `.keras` file keeps a nested model at `layers/<class>`, with an optimizer of its own where it
    was compiled. Groups further in are layers, which may have any name.
    """
    parts = name.split("/")
    while len(parts) > 2 and parts[0] == "layers":
        parts = parts[2:]
    return parts[0]


def is_seed_state(name: str, item: h5py.Dataset) -> bool:
    """Whether this is a random seed and a counter, not the weights of a layer of that name."""
    return "seed_generator" in name and item.dtype.kind in "iu" and item.shape == (2,)


def _describe(path: Path, facts: KerasFacts) -> None:
    for layer in walk_layers(facts.config):
        if layer.get("class_name") == "Lambda":
            name = _layer_config(layer).get("name", "unnamed")
            raise ModelFileError(
                f"{path.name}: the Lambda layer {str(name)[:60]!r} holds Python code, which "
                "LiteDrift does not run; replace it by a Keras layer or keras.ops and save again."
            )
    model = facts.config.get("config")
    if isinstance(model, dict):
        facts.inputs = _input_specs(model)
        facts.outputs = _output_specs(model)


def _layer_config(layer: Mapping[str, Any]) -> dict[str, Any]:
    config = layer.get("config")
    return config if isinstance(config, dict) else {}


def walk_layers(node: object) -> Iterator[dict[str, Any]]:
    """Yield every `{"class_name", "config"}` object of a configuration, however deeply nested."""
    stack = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, dict):
            if "class_name" in current and "config" in current:
                yield current
            stack.extend(reversed(list(current.values())))
        elif isinstance(current, list):
            stack.extend(reversed(current))


def _layers_by_name(model: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    listed = model.get("layers")
    if not isinstance(listed, list):
        return {}
    layers = [layer for layer in listed if isinstance(layer, dict)]
    return {str(_layer_config(layer).get("name") or layer.get("name")): layer for layer in layers}


def _terminal_names(value: object) -> list[str]:
    """Return layer names out of Keras's nested `[["name", 0, 0], ...]` forms, in order."""
    if isinstance(value, dict):
        return [name for key in value for name in _terminal_names(value[key])]
    if not isinstance(value, list):
        return []
    if len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int):
        return [value[0]]
    return [name for item in value for name in _terminal_names(item)]


def _shape_of(config: Mapping[str, Any]) -> tuple[int | None, ...] | None:
    shape = config.get("batch_shape") or config.get("batch_input_shape")
    if not isinstance(shape, list):
        return None
    return tuple(size if isinstance(size, int) else None for size in shape)


def _dtype_of(config: Mapping[str, Any]) -> str:
    dtype = config.get("dtype")
    if isinstance(dtype, dict):
        dtype = _layer_config(dtype).get("name")
    return dtype if isinstance(dtype, str) and not dtype.startswith("mixed") else "float32"


def _input_specs(model: Mapping[str, Any]) -> list[TensorSpec]:
    layers = _layers_by_name(model)
    names = _terminal_names(model.get("input_layers"))
    if not names:
        names = [n for n, layer in layers.items() if _shape_of(_layer_config(layer))][:1]
    configs = [_layer_config(layers[name]) for name in names if name in layers]
    labels = unique_names([str(config.get("name")) for config in configs], "input")
    return [
        TensorSpec(label, _shape_of(config), _dtype_of(config))
        for label, config in zip(labels, configs, strict=True)
    ]


def _output_specs(model: Mapping[str, Any]) -> list[TensorSpec]:
    layers = _layers_by_name(model)
    names = _terminal_names(model.get("output_layers")) or list(layers)[-1:]
    found = [(name, layers[name]) for name in names if name in layers]
    labels = unique_names([name for name, _ in found], "output")
    return [
        TensorSpec(label, _output_shape(layer), "float32")
        for label, (_, layer) in zip(labels, found, strict=True)
    ]


def _output_shape(layer: Mapping[str, Any]) -> tuple[int | None, ...] | None:
    build = layer.get("build_config")
    shape = build.get("input_shape") if isinstance(build, dict) else None
    if not isinstance(shape, list) or not all(s is None or isinstance(s, int) for s in shape):
        return None
    if layer.get("class_name") == "Dense":
        units = _layer_config(layer).get("units")
        return (*shape[:-1], units) if isinstance(units, int) else None
    return tuple(shape) if str(layer.get("class_name")) in _SHAPE_KEEPING else None
