"""Worker: parses the model file and the data file, which come from strangers."""

from __future__ import annotations

from converter.workers.protocol import enter_walls, serve

enter_walls()

from dataclasses import asdict  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from converter.errors import ModelFileError  # noqa: E402
from converter.keras_file import gzipped_optimizer_bytes  # noqa: E402
from converter.model_file import gzip_size, inspect_model  # noqa: E402
from converter.model_options import ModelOptions  # noqa: E402
from converter.request import DataOptions  # noqa: E402
from converter.sample_arrays import save_arrays  # noqa: E402
from converter.samples import Samples, describe_samples, load_samples  # noqa: E402
from converter.screening import screen_model  # noqa: E402
from converter.signature import TensorSpec  # noqa: E402


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


def measure_gzip(path: str, model_format: str, optimizer_bytes: int) -> dict[str, Any]:
    """Return the gzip size of the model file, as it is and without its optimizer state."""
    packed = gzip_size(Path(path))
    state = gzipped_optimizer_bytes(Path(path), model_format) if optimizer_bytes else 0
    return {"gzip_bytes": packed, "gzip_without_optimizer_bytes": packed - state}


def describe_data(**request: Any) -> dict[str, Any]:  # noqa: ANN401
    """Say how the data file reads for a model's inputs."""
    return describe_samples(_samples(**request))


def read_samples(target: str, **request: Any) -> dict[str, Any]:  # noqa: ANN401
    """Read the data file, fit it to the inputs and leave the arrays in a folder."""
    samples = _samples(**request)
    save_arrays(Path(target) / "inputs", samples.inputs)
    save_arrays(Path(target) / "labels", samples.labels)
    return {"notes": list(samples.notes)}


def _samples(
    path: str, name: str, inputs: list[dict[str, Any]], options: dict[str, Any], rescales: bool
) -> Samples:
    specs = [TensorSpec.from_json(item) for item in inputs]
    return load_samples(Path(path), name, specs, DataOptions(**options), rescales=rescales)


if __name__ == "__main__":
    serve(
        {
            "inspect": inspect,
            "describe_model": describe_model,
            "measure_gzip": measure_gzip,
            "describe_data": describe_data,
            "read_samples": read_samples,
        }
    )
