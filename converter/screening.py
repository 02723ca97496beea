"""Screening before loading: a hostile model is told from a usual one by reading it alone.

It exists for clear messages; what holds a model that deceives it is the sandbox around the loader.
"""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

from converter.archive import content_members, open_zip, read_member
from converter.errors import ModelFileError
from converter.frozen_graph_file import parse_graph_def
from converter.saved_model_file import (
    MAX_GRAPH_BYTES,
    SAVED_MODEL_PB,
    find_saved_model_prefix,
    parse_saved_model,
)
from converter.screening_graphs import screen_graph_def, screen_meta_graph, short
from converter.screening_keras import screen_keras_archive, screen_keras_h5
from converter.screening_sizes import DeclaredSizes
from converter.tensorflow_protos import import_proto
from converter.tflite_file import read_tflite

_OTHER_GRAPH_FILES = ("saved_model.pbtxt", "saved_model.cpb")
_ASSETS = "assets/"
_TFLITE_BYTES = {"int8": 1, "uint8": 1, "bool": 1, "int4": 1, "int16": 2, "float16": 2, "int64": 8}


def screen_model(path: Path, model_format: str, name: str | None = None) -> None:
    """Refuse a model file that would touch more than its own weights when it is loaded or run.

    Parses protobuf, JSON and HDF5's table of contents; executes nothing, imports no TensorFlow.

    Args:
        path: The file or SavedModel folder, as `inspect_model` accepted it.
        model_format: What `inspect_model` found, one of `model_file.FORMATS`.
        name: The name a person knows the file by; that of the path when left out.

    Raises:
        ModelFileError: When it holds code, names classes or functions outside Keras, runs an
            operator that touches files, the network, processes or Python, links to other files, or
            declares tensors past the limit.
    """
    name = name or path.name
    if model_format == "keras":
        screen_keras_archive(path, name)
    elif model_format == "h5":
        screen_keras_h5(path, name)
    elif model_format == "saved_model":
        _screen_saved_model(path, name)
    elif model_format == "frozen_graph":
        graph_def = parse_graph_def(path)
        if graph_def is not None:
            screen_graph_def(name, graph_def)
    elif model_format == "tflite":
        _screen_tflite(path, name)


def _screen_tflite(path: Path, name: str) -> None:
    sizes = DeclaredSizes(name)
    for operator in read_tflite(path).operators:
        for tensor in (*operator.inputs, *operator.outputs):
            item_bytes = _TFLITE_BYTES.get(tensor.dtype, 4)
            sizes.check_result(tensor.elements, item_bytes, f"the tensor {short(tensor.name)}")


def _screen_saved_model(path: Path, name: str) -> None:
    if path.is_dir():
        members = {item.relative_to(path).as_posix() for item in path.rglob("*") if item.is_file()}
        content = (path / SAVED_MODEL_PB).read_bytes()
    else:
        prefix = find_saved_model_prefix(path) or ""
        with open_zip(path, ModelFileError) as archive:
            members = _members_below(archive, prefix)
            content = read_member(archive, prefix + SAVED_MODEL_PB, ModelFileError, MAX_GRAPH_BYTES)
    for other in _OTHER_GRAPH_FILES:
        if other in members:
            raise ModelFileError(
                f"{name}: expected the graph in {SAVED_MODEL_PB} alone, found {other} beside it, "
                "which another loader may read in its place; export the model again."
            )
    saved_model = parse_saved_model(name, content)
    for meta_graph in saved_model.meta_graphs:
        assets = _asset_files(name, meta_graph)
        _check_assets(name, assets, members)
        screen_meta_graph(name, meta_graph, [asset.tensor_info.name for asset in assets])


def _members_below(archive: zipfile.ZipFile, prefix: str) -> set[str]:
    return {
        member.filename[len(prefix) :]
        for member in content_members(archive)
        if member.filename.startswith(prefix)
    }


def _asset_files(name: str, meta_graph: Any) -> list[Any]:  # noqa: ANN401 - protobuf classes
    """Return the `AssetFileDef`s, of which TF 1 keeps its own in a collection."""
    assets = list(meta_graph.asset_file_def)
    if "saved_model_assets" not in meta_graph.collection_def:
        return assets
    asset_file_def = import_proto("core.protobuf.meta_graph_pb2").AssetFileDef
    for packed in meta_graph.collection_def["saved_model_assets"].any_list.value:
        asset = asset_file_def()
        if not packed.Unpack(asset):
            raise ModelFileError(
                f"{name}: expected asset entries in the collection 'saved_model_assets', found "
                f"{short(packed.type_url)}; export the model again."
            )
        assets.append(asset)
    return assets


def _check_assets(name: str, assets: list[Any], members: set[str]) -> None:
    for asset in assets:
        file = PurePosixPath(asset.filename.replace("\\", "/"))
        if file.is_absolute() or ".." in file.parts or "://" in asset.filename:
            raise ModelFileError(
                f"{name}: expected asset files inside the SavedModel, found the name "
                f"{short(asset.filename)}, which leads outside; export the model again."
            )
        if _ASSETS + file.as_posix() not in members:
            raise ModelFileError(
                f"{name}: expected the asset {short(file)} in the SavedModel's assets folder, "
                "found no such file; export the model again or pack the whole folder."
            )
