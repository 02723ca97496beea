"""Worker: parses the model file and the data file, which come from strangers."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from converter.model_file import gzip_size, inspect_model
from converter.request import DataOptions
from converter.sample_arrays import save_arrays
from converter.samples import load_samples
from converter.signature import TensorSpec
from converter.workers.protocol import serve


def inspect(path: str, inputs: list[str], outputs: list[str]) -> dict[str, Any]:
    """Describe the model file; nothing in it is executed."""
    model = inspect_model(Path(path), inputs, outputs)
    facts = asdict(model)
    facts["path"] = path
    facts["inputs"] = [spec.to_json() for spec in model.inputs]
    facts["outputs"] = [spec.to_json() for spec in model.outputs]
    return {"model": facts, "gzip_bytes": gzip_size(Path(path))}


def read_samples(
    path: str,
    name: str,
    inputs: list[dict[str, Any]],
    options: dict[str, Any],
    rescales: bool,
    target: str,
) -> dict[str, Any]:
    """Read the data file, fit it to the inputs and leave the arrays in a folder."""
    specs = [TensorSpec.from_json(item) for item in inputs]
    samples = load_samples(Path(path), name, specs, DataOptions(**options), rescales=rescales)
    save_arrays(Path(target) / "inputs", samples.inputs)
    save_arrays(Path(target) / "labels", samples.labels)
    return {"notes": list(samples.notes)}


if __name__ == "__main__":
    serve({"inspect": inspect, "read_samples": read_samples})
