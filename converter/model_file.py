"""A model file on disk, recognized by its content and described without being executed."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from converter.archive import content_members, open_zip
from converter.audit import count_operators
from converter.errors import ModelFileError
from converter.frozen_graph_file import parse_graph_def, read_frozen_graph
from converter.keras_file import KerasFacts, read_keras_archive, read_keras_h5
from converter.model_options import DEFAULT_OPTIONS, ModelOptions
from converter.saved_model_file import SAVED_MODEL_PB, find_saved_model_prefix, read_saved_model
from converter.signature import TensorSpec
from converter.stored_values import QUANTIZED_INPUTS
from converter.tflite_file import MAGIC as TFLITE_MAGIC
from converter.tflite_file import read_tflite

FORMATS = ("keras", "h5", "saved_model", "frozen_graph", "tflite")
EXPECTED = "a .keras, .h5, .pb or .tflite file, a SavedModel folder or its zip"
_SUFFIXES = {
    "keras": {".keras"},
    "h5": {".h5", ".hdf5"},
    "saved_model": {".zip", ""},
    "frozen_graph": {".pb"},
    "tflite": {".tflite"},
}
_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")


@dataclass
class ModelFile:
    """Facts about a model file; nothing in it was executed to learn them.

    Attributes:
        path: Where it lies.
        name: The file's own name, shown as text.
        format: One of `FORMATS`, by content.
        sha256: Of the file; of the sorted relative paths and contents for a folder.
        size_bytes: On disk, as it was given.
        unpacked_bytes: On disk as TensorFlow reads it; differs for a zipped SavedModel.
        parameters: Number of weights, optimizer state left out.
        parameter_bytes: Their bytes in the dtype in which they are stored.
        optimizer_bytes: Bytes of optimizer state that the file carries for further training.
        inputs: Inputs with batch first; None marks an open dimension.
        outputs: Outputs; their shape is None where only executing the model would tell it.
        details: Facts that only this format has (versions, layers, signature keys).
        notes: Sentences a person should read.
    """

    path: Path
    name: str
    format: str
    sha256: str
    size_bytes: int
    unpacked_bytes: int = 0
    parameters: int = 0
    parameter_bytes: int = 0
    optimizer_bytes: int = 0
    inputs: list[TensorSpec] = field(default_factory=list)
    outputs: list[TensorSpec] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Take the size as it is where nothing needs unpacking."""
        self.unpacked_bytes = self.unpacked_bytes or self.size_bytes

    @property
    def size_without_optimizer_bytes(self) -> int:
        """The unpacked size without the optimizer state: what a variant's size is held against."""
        return self.unpacked_bytes - self.optimizer_bytes

    def to_json(self) -> dict[str, Any]:
        """Return the facts as the command line prints them."""
        return {
            "schema": 1,
            "name": self.name,
            "format": self.format,
            "sha256": self.sha256,
            "size_bytes": self.size_bytes,
            "unpacked_bytes": self.unpacked_bytes,
            "size_without_optimizer_bytes": self.size_without_optimizer_bytes,
            "parameters": self.parameters,
            "parameter_bytes": self.parameter_bytes,
            "optimizer_bytes": self.optimizer_bytes,
            "inputs": [spec.to_json() for spec in self.inputs],
            "outputs": [spec.to_json() for spec in self.outputs],
            "details": self.details,
            "notes": self.notes,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ModelFile:
        """Read the fields by name, as `dataclasses.asdict` gives them with specs as JSON."""
        read = dict(values)
        read["path"] = Path(read["path"])
        for name in ("inputs", "outputs"):
            read[name] = [TensorSpec.from_json(item) for item in read[name]]
        return cls(**read)


def is_tflite(path: Path) -> bool:
    """Whether a file begins like a `.tflite`; reads 8 bytes, and says nothing of the rest."""
    try:
        with path.open("rb") as stream:
            return stream.read(8)[4:8] == TFLITE_MAGIC
    except OSError:
        return False


def detect_format(path: Path) -> str:
    """Return which of `FORMATS` a path holds, by its content.

    Raises:
        ModelFileError: When it is missing, empty or none of them.
    """
    if path.is_dir():
        if (path / SAVED_MODEL_PB).is_file():
            return "saved_model"
        raise ModelFileError(
            f"{path.name}: expected a SavedModel folder with a saved_model.pb, found none in it; "
            "give the folder that tf.saved_model.save or model.export wrote."
        )
    if not path.is_file():
        raise ModelFileError(
            f"{path.name}: expected {EXPECTED}, found no such file; check the path."
        )
    try:
        with path.open("rb") as stream:
            head = stream.read(16)
    except OSError as broken:
        raise ModelFileError(
            f"{path.name}: the file cannot be read ({broken.strerror}); check its permissions."
        ) from broken
    if not head:
        raise ModelFileError(
            f"{path.name}: expected {EXPECTED}, found an empty file (0 bytes); save it again."
        )
    return _format_of_head(path, head)


def _format_of_head(path: Path, head: bytes) -> str:
    if head.startswith(_HDF5_MAGIC):
        return "h5"
    if head[4:8] == TFLITE_MAGIC:
        return "tflite"
    if head.startswith(_ZIP_MAGICS):
        return _format_of_zip(path)
    if parse_graph_def(path) is not None:
        return "frozen_graph"
    if path.name == SAVED_MODEL_PB:
        raise ModelFileError(
            f"{path.name}: expected the whole SavedModel folder or its zip, found its graph file "
            "alone; give the folder, with its variables."
        )
    raise ModelFileError(
        f"{path.name}: expected {EXPECTED}, found content of no known model format; check that "
        "this is the model file and that it was copied completely."
    )


def _format_of_zip(path: Path) -> str:
    with open_zip(path, ModelFileError) as archive:
        names = set(archive.namelist())
        files = len(content_members(archive))
    if "config.json" in names and "metadata.json" in names:
        return "keras"
    if find_saved_model_prefix(path) is not None:
        return "saved_model"
    if "config.json" in names:
        return "keras"
    raise ModelFileError(
        f"{path.name}: expected a .keras archive or a zipped SavedModel, found a zip of {files} "
        "other files; zip the SavedModel folder with its saved_model.pb."
    )


def inspect_model(path: Path, options: ModelOptions = DEFAULT_OPTIONS) -> ModelFile:
    """Describe a model file without executing anything in it.

    Args:
        path: A file or a SavedModel folder.
        options: Which signature or tensors of it are meant.

    Raises:
        ModelFileError: When it is not a usable model file.
    """
    found = detect_format(path)
    model = ModelFile(path, path.name, found, file_sha256(path), path_size(path))
    if path.is_file() and path.suffix.lower() not in _SUFFIXES[found]:
        model.notes.append(
            f"The name ends in {path.suffix or 'nothing'!r}, but the content is "
            f"{describe_format(found)}; the content counts."
        )
    if found == "keras":
        _describe_keras(model, read_keras_archive(path))
    elif found == "h5":
        _describe_keras(model, read_keras_h5(path))
    elif found == "saved_model":
        _describe_saved_model(model, options.signature)
    elif found == "frozen_graph":
        _describe_frozen_graph(model, options)
    else:
        _describe_tflite(model, options.signature)
    return model


def describe_format(name: str) -> str:
    """Return a format's name as a person reads it."""
    return {
        "keras": "a Keras archive (.keras)",
        "h5": "a Keras HDF5 file (.h5)",
        "saved_model": "a SavedModel",
        "frozen_graph": "a frozen TensorFlow graph (.pb)",
        "tflite": "a TFLite flatbuffer (.tflite)",
    }[name]


def _describe_keras(model: ModelFile, facts: KerasFacts) -> None:
    model.parameters = facts.parameters
    model.parameter_bytes = facts.parameter_bytes
    model.optimizer_bytes = facts.optimizer_bytes
    model.inputs, model.outputs = facts.inputs, facts.outputs
    model.details = {"keras_version": facts.keras_version, "layers": facts.layers}


def _describe_saved_model(model: ModelFile, signature: str | None) -> None:
    facts = read_saved_model(model.path, signature)
    model.unpacked_bytes = facts.unpacked_bytes
    model.parameters = facts.parameters
    model.parameter_bytes = facts.parameter_bytes
    model.optimizer_bytes = facts.optimizer_bytes
    model.inputs, model.outputs = facts.inputs, facts.outputs
    model.details = {
        "tensorflow_version": facts.tensorflow_version,
        "signature": facts.signature_key,
        "signatures": facts.signature_keys,
        "signature_tensors": facts.signature_tensors,
        "operators": facts.operators,
    }
    model.notes += _signature_notes(facts.signature_keys, facts.signature_key)


def _signature_notes(keys: list[str], used: str | None) -> list[str]:
    if len(keys) < 2:
        return []
    others = [key[:60] for key in keys if key != used]
    listed = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
    return [f"The file offers {len(keys)} signatures; {used!r} is used (others: {listed})."]


def _describe_frozen_graph(model: ModelFile, options: ModelOptions) -> None:
    facts = read_frozen_graph(model.path, options.input_tensors, options.output_tensors)
    missing = "inputs" if not facts.input_tensors else "outputs"
    if not (facts.input_tensors and facts.output_tensors):
        model.notes.append(
            f"The graph does not tell its {missing}: it can run once tensors are chosen for them "
            f"(--{missing}, or on the Model page)."
        )
    model.parameters, model.parameter_bytes = facts.parameters, facts.parameter_bytes
    model.inputs, model.outputs = facts.inputs, facts.outputs
    model.details = {
        "input_tensors": facts.input_tensors,
        "output_tensors": facts.output_tensors,
        "candidate_outputs": facts.candidate_outputs,
        "operators": facts.operators,
    }


def _describe_tflite(model: ModelFile, signature: str | None) -> None:
    file = read_tflite(model.path, signature)
    model.parameters, model.parameter_bytes = file.parameters, file.parameter_bytes
    model.inputs, model.outputs = list(file.inputs), list(file.outputs)
    audit = count_operators(file.operators)
    model.details = {
        "operators": sorted({operator.name for operator in file.operators}),
        "operator_count": len(file.operators),
        "signature": file.signature,
        "signatures": list(file.signature_tensors),
        "signature_tensors": file.signature_tensors,
        "stored_types": list(file.stored_types),
        "missing_kernels": file.missing_kernels,
        "is_stateful": audit.is_stateful,
        QUANTIZED_INPUTS: {name: list(how) for name, how in file.quantized_inputs.items()},
    }
    model.notes += _signature_notes(list(file.signature_tensors), file.signature)
    if file.missing_kernels:
        model.notes.append(
            f"The file can be inspected and not run: it holds {', '.join(file.missing_kernels)}, "
            "for which LiteRT as pip installs it has no kernel."
        )
    elif file.stored_types:
        model.notes.append(
            f"The file is quantized already ({', '.join(file.stored_types)}): it is measured as it "
            "is; to make other variants, bring the float file or the original model."
        )


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(item for item in path.rglob("*") if item.is_file())
    else:
        yield path


def path_size(path: Path) -> int:
    """Return the bytes of a file or of all files in a folder; 0 where there is none."""
    return sum(file.stat().st_size for file in _files(path) if file.is_file())


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's sorted relative paths and contents."""
    digest = hashlib.sha256()
    for file in _files(path):
        if path.is_dir():
            digest.update(file.relative_to(path).as_posix().encode() + b"\0")
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def gzip_size(path: Path) -> int:
    """Return the bytes of a file (or of a folder's files, each alone) after gzip level 6.

    This is what a download usually costs; level 6 is the default of gzip itself and of most
    servers.
    """
    return sum(len(gzip.compress(file.read_bytes(), 6, mtime=0)) for file in _files(path))
