"""Worker: parses the model file and the data file, which come from strangers."""

from __future__ import annotations

from converter.workers.protocol import enter_walls, serve

enter_walls()

from dataclasses import asdict  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from converter.bundle_archive import unpack_bundle  # noqa: E402
from converter.data_description import ReadData, read_data  # noqa: E402
from converter.data_description import describe_data as describe  # noqa: E402
from converter.errors import ModelFileError  # noqa: E402
from converter.frozen_graph_file import list_tensors  # noqa: E402
from converter.json_figures import encode_figures  # noqa: E402
from converter.keras_file import gzipped_optimizer_bytes  # noqa: E402
from converter.model_file import gzip_size, inspect_model  # noqa: E402
from converter.model_options import ModelOptions  # noqa: E402
from converter.model_traits import ModelTraits  # noqa: E402
from converter.op_cut import OperatorGraph  # noqa: E402
from converter.original_anatomy import read_original_anatomy  # noqa: E402
from converter.request import DataOptions  # noqa: E402
from converter.sample_arrays import save_arrays  # noqa: E402
from converter.screening import screen_model  # noqa: E402
from converter.signature import TensorSpec  # noqa: E402
from converter.tensor_lifetimes import find_lifetimes as lifetimes_of  # noqa: E402
from converter.tflite_anatomy import read_tflite_anatomy  # noqa: E402
from converter.tflite_size_anatomy import read_size_anatomy  # noqa: E402


def inspect(path: str, name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Describe the model file and refuse it where it would reach for files, network or code."""
    model = inspect_model(Path(path), ModelOptions.from_json(options))
    screen_model(model.path, model.format, name)
    facts = asdict(model)
    facts["path"] = path
    facts["inputs"] = [spec.to_json() for spec in model.inputs]
    facts["outputs"] = [spec.to_json() for spec in model.outputs]
    return facts


def describe_model(path: str, options: dict[str, Any]) -> dict[str, Any]:
    """Describe the model file as the command line prints it; why it cannot be run is a note."""
    model = inspect_model(Path(path), ModelOptions.from_json(options))
    try:
        screen_model(model.path, model.format)
    except ModelFileError as refusal:
        model.notes.append(f"This model will not be run: {refusal}")
    return model.to_json()


def list_graph_tensors(path: str) -> dict[str, Any]:
    """List what a frozen graph offers as inputs and outputs."""
    return list_tensors(Path(path))


def measure_gzip(path: str, model_format: str, optimizer_bytes: int) -> dict[str, Any]:
    """Return the gzip size of the model file, as it is and without its optimizer state."""
    packed = gzip_size(Path(path))
    state = gzipped_optimizer_bytes(Path(path), model_format) if optimizer_bytes else 0
    return {"gzip_bytes": packed, "gzip_without_optimizer_bytes": packed - state}


def sort_bytes(path: str) -> dict[str, Any]:
    """Say to which layer and kind each byte of a `.tflite` belongs."""
    return read_size_anatomy(Path(path)).to_json()


def describe_data(**request: Any) -> dict[str, Any]:  # noqa: ANN401
    """Say how the data file reads for a model, and what looks wrong with it."""
    return encode_figures(describe(_read(**request, for_page=True)))


def read_samples(target: str, **request: Any) -> dict[str, Any]:  # noqa: ANN401
    """Read the data file, fit it to the inputs and leave the arrays in a folder."""
    read = _read(**request, for_page=False)
    save_arrays(Path(target) / "inputs", read.samples.inputs)
    save_arrays(Path(target) / "labels", read.samples.labels)
    return {"notes": [*read.samples.notes, *(finding.text for finding in read.findings)]}


def find_lifetimes(path: str, signature: str | None) -> dict[str, Any]:
    """Say how long each activation of a `.tflite` lives."""
    return lifetimes_of(OperatorGraph(Path(path), signature)).to_json()


def take_apart(path: str, name: str, original: bool) -> dict[str, Any]:
    """Return the tree of a file's parts."""
    read = read_original_anatomy if original else read_tflite_anatomy
    return read(Path(path), name).to_json()


def unpack(path: str, target: str) -> dict[str, Any]:
    """Unpack a bundle into a folder and return its manifest."""
    return unpack_bundle(Path(path), Path(target))


def _read(
    path: str,
    name: str,
    inputs: list[dict[str, Any]],
    options: dict[str, Any],
    rescales: bool = False,
    traits: dict[str, Any] | None = None,
    *,
    for_page: bool,
) -> ReadData:
    """Read data for inputs in the dtypes that they are fitted to; `traits` is `ModelTraits`'s."""
    specs = [TensorSpec.from_json(item) for item in inputs]
    known = ModelTraits(layers=("Rescaling",) if rescales else None)
    if traits is not None:
        known = ModelTraits.from_json(traits)
    return read_data(Path(path), name, specs, DataOptions(**options), known, for_page=for_page)


if __name__ == "__main__":
    serve(
        {
            "inspect": inspect,
            "describe_model": describe_model,
            "list_graph_tensors": list_graph_tensors,
            "measure_gzip": measure_gzip,
            "sort_bytes": sort_bytes,
            "describe_data": describe_data,
            "read_samples": read_samples,
            "find_lifetimes": find_lifetimes,
            "take_apart": take_apart,
            "unpack": unpack,
        }
    )
