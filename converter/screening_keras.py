"""Screens Keras configurations: they may name Keras's own classes and functions, nothing else.

Keras 3 looks names up in its own packages, but `tf_keras`, which reads the files of Keras 2,
imports whatever module a configuration names and calls whatever TensorFlow symbol it names.
"""

from __future__ import annotations

import builtins
import io
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from converter.archive import open_zip, read_member
from converter.errors import ModelFileError
from converter.keras_file import MAX_CONFIG_BYTES
from converter.limits import current_limits
from converter.refused_operators import operator_reaches
from converter.screening_graphs import short
from converter.screening_hdf5 import screen_hdf5
from converter.screening_sizes import DeclaredSizes

# Classes that hold code, run another file, or load one by its path.
_CODE_CLASSES = {"Lambda", "__lambda__", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
_FILE_CLASSES = {"TFSMLayer"}
_DATA_CLASSES = {
    "__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__",
    "__tuple__", "TensorShape",
}  # fmt: skip
_KERAS_ROOT = re.compile(r"^(?:keras|tf_keras|tensorflow\.keras|tensorflow\.python\.keras)(?=\.|$)")
_CLASS_PACKAGES = {
    "activations", "backend", "constraints", "dtype_policies", "engine", "feature_column",
    "initializers", "layers", "legacy_tf_layers", "losses", "metrics", "mixed_precision", "models",
    "ops", "optimizers", "premade_models", "quantizers", "random", "regularizers", "trainers",
}  # fmt: skip
_FUNCTION_PACKAGES = {
    "activations", "constraints", "initializers", "losses", "metrics", "ops", "optimizers",
    "regularizers",
}  # fmt: skip
# Keras's own classes that lie in packages which also hold downloaders and dataset loaders.
_SINGLE_CLASSES = {"FeatureSpace", "CustomScaleLayer", "StochasticDepth", "LayerScale"}
# Keras 2 writes functions as of "builtins" by their bare name, `tf.abs` as "abs".
_PURE_BUILTINS = {"abs", "max", "min", "pow", "round", "sum"}
_TENSORFLOW_INITIALIZERS = {"tensorflow.python.ops.init_ops", "tensorflow.python.ops.init_ops_v2"}
_TYPE_SPEC = re.compile(r"^tensorflow\.python\.(?:framework|ops)\.[\w.]+$")
_IDENTIFIER = re.compile(r"^[A-Za-z_]\w*$")
_URL = re.compile(r"^[A-Za-z][\w+.-]{1,15}://")

_OP_LAYERS = {"TFOpLambda": "function", "SlicingOpLambda": "function", "ClassMethod": "cls_symbol"}
_ATTRIBUTE_LAYERS = {"InstanceMethod", "InstanceProperty"}
_SYMBOL_PACKAGES = {
    "__operators__", "audio", "bitwise", "debugging", "dtypes", "experimental.numpy", "image",
    "linalg", "math", "nn", "quantization", "ragged", "random", "sets", "signal", "sparse",
    "strings",
}  # fmt: skip
_SYMBOL_CLASSES = {"RaggedTensor", "SparseTensor", "RowPartition", "IndexedSlices"}
_PURE_IO = re.compile(r"^io\.(?:decode|encode|parse|serialize|deserialize)_\w+$")
_REFUSED_SYMBOLS = re.compile(
    r"[Pp]rint|py_func|numpy_function|load_|read_file|write_file|matching_files|import_|_dump|"
    r"disable_|enable_|Reader|Dataset|Session|Server"
)


def screen_keras_archive(path: Path, name: str) -> None:
    """Refuse a `.keras` file that names code or files outside it.

    Args:
        path: The archive.
        name: The file's name, for messages.

    Raises:
        ModelFileError: When its configuration or its weights lead outside the file.
    """
    with open_zip(path, ModelFileError) as archive:
        _screen_config(name, read_member(archive, "config.json", ModelFileError, MAX_CONFIG_BYTES))
        for member in archive.namelist():
            if member.lower().endswith((".h5", ".hdf5")):
                limit = int(current_limits().unpacked_bytes)
                content = read_member(archive, member, ModelFileError, limit)
                screen_hdf5(io.BytesIO(content), name)


def screen_keras_h5(path: Path, name: str) -> None:
    """Refuse an `.h5` model that names code or files outside it.

    Args:
        path: The HDF5 file.
        name: The file's name, for messages.

    Raises:
        ModelFileError: When its configuration or its datasets lead outside the file.
    """
    config = screen_hdf5(path, name)
    if isinstance(config, bytes | str):
        _screen_config(name, config)


def custom_object_message(name: str, kind: str, found: str, layer: str = "") -> str:
    """Return the sentence for a class or function that only the model's author has.

    Args:
        name: The file's name.
        kind: `class` or `function`.
        found: The name of the class or function.
        layer: The layer that uses it, where the file tells.

    Example:
        >>> custom_object_message("a.keras", "class", "Mine")[:49]
        "a.keras: the model uses the custom class 'Mine', "
    """
    user = f"the layer {short(layer)}" if layer else "the model"
    return (
        f"{name}: {user} uses the custom {kind} {short(found)}, whose code is not in the file; "
        "export it as a SavedModel with model.export() and give that."
    )


def _screen_config(name: str, raw: bytes | str) -> None:
    try:
        config = json.loads(raw)
    except (ValueError, RecursionError) as broken:
        raise ModelFileError(
            f"{name}: expected JSON in the model's configuration, found text that is none "
            f"({str(broken)[:80]}); save the model again."
        ) from broken
    if isinstance(config, dict):
        # Losses, metrics and optimizer of the whole model are not loaded (`compile=False`).
        config = {key: value for key, value in config.items() if key != "compile_config"}
    sizes = DeclaredSizes(name)
    for layer, key, node in _walk(config):
        _check_strings(name, layer, node)
        if isinstance(node.get("class_name"), str) and "config" in node:
            _check_object(name, layer, key, node)
            sizes.add_keras_layer(node, f"the layer {short(layer or 'unnamed')}")


def _walk(config: object) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield every object of a configuration with the layer and the key that hold it."""
    stack: list[tuple[str, str, object]] = [("", "", config)]
    while stack:
        layer, key, value = stack.pop()
        if isinstance(value, list):
            stack.extend((layer, key, item) for item in value if isinstance(item, dict | list))
        elif isinstance(value, dict):
            if key in {"layers", "layer"}:
                layer = _layer_name(value) or layer
            yield layer, key, value
            stack.extend((layer, k, v) for k, v in value.items() if isinstance(v, dict | list))


def _layer_name(node: Mapping[str, Any]) -> str:
    config = node.get("config")
    name = config.get("name") if isinstance(config, dict) else None
    return str(name or node.get("name") or "")


def _check_strings(name: str, layer: str, node: Mapping[str, Any]) -> None:
    where = f"the layer {short(layer)}" if layer else "the model"
    for key, value in node.items():
        if isinstance(value, str) and (_URL.match(value) or (key == "vocabulary" and value)):
            raise ModelFileError(
                f"{name}: expected everything that {where} needs in the file, found {short(value)} "
                f"as its {short(key)}; give a vocabulary as a list, or export the model as a "
                "SavedModel with model.export()."
            )


def _check_object(name: str, layer: str, key: str, node: Mapping[str, Any]) -> None:
    class_name, config = node["class_name"], node["config"]
    if class_name == "__typespec__":
        _check_type_spec(name, layer, node)
        return
    if class_name in _DATA_CLASSES:
        return
    is_function = class_name == "function"
    found = str(config) if is_function else class_name
    _check_code_and_files(name, layer, found)
    _check_origin(name, layer, key, node, found)
    if isinstance(config, dict):
        _check_op_layer(name, layer, class_name.rsplit(">", 1)[-1], config)


def _check_code_and_files(name: str, layer: str, found: str) -> None:
    last = re.split(r"[.>]", found)[-1]
    if last in _CODE_CLASSES:
        raise ModelFileError(
            f"{name}: the {last.strip('_')} layer {short(layer or 'unnamed')} holds Python code, "
            "which LiteDrift does not run; replace it by a Keras layer or keras.ops and save again."
        )
    if last in _FILE_CLASSES:
        raise ModelFileError(
            f"{name}: the {last} layer {short(layer or 'unnamed')} loads a SavedModel from another "
            "path; give that SavedModel itself."
        )


def _check_origin(name: str, layer: str, key: str, node: Mapping[str, Any], found: str) -> None:
    """Refuse what is not Keras's own, by its module, its registered name and its own name."""
    is_function = node["class_name"] == "function"
    kind = "function" if is_function else "class"
    module, registered = node.get("module"), node.get("registered_name")
    custom = custom_object_message(name, kind, found, layer)
    for label in (registered, found):
        if isinstance(label, str) and ">" in label:
            package, _, own = label.rpartition(">")
            # Keras 2 registers some layers and optimizers of its own as "Custom>...".
            if package != "Custom" or own not in keras_class_names():
                raise ModelFileError(custom)
    bare = found.rpartition(">")[2]
    if module is None:
        is_layer = key in {"layers", "layer", ""} and not is_function
        # Keras 2 also knows "LSTMV2" or "BatchNormalizationV1", of TensorFlow's own two versions.
        if is_layer and not {bare, re.sub(r"V[12]$", "", bare)} & keras_class_names():
            raise ModelFileError(custom)
        return
    if module == "builtins" and is_function:
        is_pythons = hasattr(builtins, bare) and bare not in _PURE_BUILTINS
        if is_pythons or not _IDENTIFIER.match(bare):
            raise ModelFileError(_outside_keras(name, layer, f"builtins.{bare}"))
        return
    if str(module) in _TENSORFLOW_INITIALIZERS and not is_function:
        return
    root = _KERAS_ROOT.match(module) if isinstance(module, str) else None
    if root is None:
        raise ModelFileError(custom)
    if not _is_for_models(module[root.end() :].split(".")[1:], bare, is_function):
        raise ModelFileError(_outside_keras(name, layer, f"{module}.{bare}"))


def _is_for_models(packages: list[str], found: str, is_function: bool) -> bool:
    """Return whether a name below Keras is a building block, not a loader, downloader or import."""
    if not _IDENTIFIER.match(found):
        return False
    if packages and packages[0] in {"src", "api"}:
        packages = packages[1:]
    if is_function:
        return bool(packages) and packages[0] in _FUNCTION_PACKAGES
    if found in _SINGLE_CLASSES:
        return True
    return found[0].isupper() and (not packages or packages[0] in _CLASS_PACKAGES)


def _outside_keras(name: str, layer: str, symbol: str) -> str:
    where = f" in the layer {short(layer)}" if layer else ""
    return (
        f"{name}: expected only Keras's layers, activations and other building blocks, found "
        f"{short(symbol)}{where}, which no model needs to call; save the model without it."
    )


def _check_type_spec(name: str, layer: str, node: Mapping[str, Any]) -> None:
    module, spec = str(node.get("module")), str(node.get("spec_name"))
    if not _TYPE_SPEC.match(module) or not re.fullmatch(r"\w+Spec", spec):
        raise ModelFileError(_outside_keras(name, layer, f"{module}.{spec}"))


def _check_op_layer(name: str, layer: str, class_name: str, config: Mapping[str, Any]) -> None:
    """Check what the layers of Keras 2 call that stand for a TensorFlow function in the model."""
    if class_name in _OP_LAYERS:
        symbol = str(config.get(_OP_LAYERS[class_name]))
        if not _is_pure_symbol(symbol, class_name):
            raise ModelFileError(_outside_keras(name, layer, f"tf.{symbol}"))
    method = config.get("fn_name", config.get("attr_name"))
    if class_name in {*_ATTRIBUTE_LAYERS, "ClassMethod"} and str(method).startswith("_"):
        raise ModelFileError(_outside_keras(name, layer, str(method)))
    if class_name == "TensorFlowOpLayer":
        text = json.dumps(config.get("node_def"))
        operators = re.findall(r"\w+", text)
        refused = next((word for word in operators if operator_reaches(word)), None)
        if refused:
            raise ModelFileError(_outside_keras(name, layer, f"tf.raw_ops.{refused}"))


def _is_pure_symbol(symbol: str, class_name: str) -> bool:
    symbol = symbol.removeprefix("compat.v1.").removeprefix("compat.v2.")
    package, _, last = symbol.rpartition(".")
    if class_name == "ClassMethod":
        return last in _SYMBOL_CLASSES
    if package == "raw_ops":
        return operator_reaches(last) is None
    if _PURE_IO.match(symbol):
        return True
    if package.startswith("keras."):
        return package.split(".")[1] in _FUNCTION_PACKAGES | {"backend"}
    is_known = any(package == item or package.startswith(f"{item}.") for item in _SYMBOL_PACKAGES)
    return (not package or is_known) and not _REFUSED_SYMBOLS.search(last)


@cache
def keras_class_names() -> frozenset[str]:
    """Return the names of all classes in the installed Keras 3 and Keras 2, without importing them.

    Files of Keras 2 name a layer's class without its module.
    """
    names: set[str] = set()
    for package in ("keras", "tf_keras"):
        spec = find_spec(package)
        for folder in (spec and spec.submodule_search_locations) or []:
            for file in (Path(folder) / "src").rglob("*.py"):
                if file.name.endswith("_test.py"):
                    continue  # tests define classes that people's own may share names with
                text = file.read_text("utf-8", errors="replace")
                names.update(re.findall(r"^class (\w+)", text, re.MULTILINE))
            exported = Path(folder) / "layers" / "__init__.py"
            if exported.is_file():
                names.update(re.findall(r"\bas (\w+)", exported.read_text("utf-8")))
    return frozenset(names)
