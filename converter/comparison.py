"""The one object that pages, command line and report read: a model, its variants, their figures."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from converter.accuracy import Accuracy
from converter.arena_memory import ArenaMemory
from converter.delegation import Delegation
from converter.drift import Drift
from converter.errors import GateError
from converter.further_latency import FurtherLatency
from converter.json_figures import encode_figures, known_fields
from converter.latency import LatencyStats
from converter.recipe import GIVEN, TFLITE_CONVERTER
from converter.sample_arrays import ArraysOnDisk, save_npz
from converter.signature import TensorSpec

SCHEMA = 1
COMPARISON_FILE = "comparison.json"
SAMPLES_FILE = "latency_samples.npz"
CALIBRATION_FILE = "calibration.npz"
TFLITE_FORMAT = "tflite"
REFERENCE = "original"
"""The key of the original among the latency samples and in charts: the TensorFlow model, or the
`.tflite` that a run starts from."""


@dataclass(kw_only=True)
class ModelFacts:
    """The original model: what its file says, completed by what loading it told.

    `size_without_optimizer_bytes` is what a variant's size is held against: the file without the
    state that only further training needs, and unpacked where it came as a zipped SavedModel.
    `gzip_without_optimizer_bytes` is None where the two cannot be told apart, `optimizer_bytes` in
    a comparison of an earlier version.
    """

    name: str
    format: str
    sha256: str
    size_bytes: int
    size_without_optimizer_bytes: int
    gzip_bytes: int
    parameters: int
    parameter_bytes: int
    inputs: list[TensorSpec]
    outputs: list[TensorSpec]
    notes: list[str] = field(default_factory=list)
    gzip_without_optimizer_bytes: int | None = None
    optimizer_bytes: int | None = None

    @property
    def baseline_gzip_bytes(self) -> int | None:
        """The gzip size that a variant's is held against; None where it would count more."""
        if self.gzip_without_optimizer_bytes is not None:
            return self.gzip_without_optimizer_bytes
        return self.gzip_bytes if self.size_bytes <= self.size_without_optimizer_bytes else None


@dataclass(kw_only=True)
class DataFacts:
    """Which samples took part, and in which role.

    Attributes:
        source: `file`, or `random` for seeded random samples.
        name: The data file's name; None for random samples.
        sha256: Of the data file; None for random samples.
        calibration_samples: Samples shown to the quantizer.
        evaluation_samples: Samples on which drift and accuracy are measured; none of the former.
        labelled: Whether labels were given.
        seed: Of the split, and of random samples.
        notes: Sentences a person should read.
    """

    source: str
    name: str | None
    sha256: str | None
    calibration_samples: int
    evaluation_samples: int
    labelled: bool
    seed: int
    notes: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Audit:
    """What is in a converted file, against what was asked.

    Attributes:
        total_ops: Operators of all subgraphs.
        integer_ops: Operators that compute on integer activations.
        float_ops: Operators that compute on float activations.
        flex_ops: TensorFlow operators that need the Flex delegate.
        custom_ops: Other custom operators.
        border_ops: QUANTIZE and DEQUANTIZE between float and integer.
        hybrid_ops: Those of `float_ops` whose weights are stored as integers.
        is_stateful: Whether it keeps variables between inferences.
        float_op_names: Count of each kind of float operator.
        missing_kernels: Operators for which this runtime has no kernel; with any the file cannot be
            run here.
        flex_op_names: Count of each kind of Flex operator.
        tensor_types: Under `activations` the tensors of each dtype, under `weights` and `biases`
            the elements of each; a bias in float counts as a weight.
        float_reasons: For a file whose recipe quantizes: the `reason` why a `count` of operators of
            one kind (`operator`) compute in float.
        border_reasons: The same of QUANTIZE and DEQUANTIZE between float and integer.
        same_as: Recipes of the run whose files hold the same but for the converter's metadata.
        flags: For each flag asked: `toggle` (its place in the recipe), `flag` (its label), what was
            `found`, and its `effect`: `yes`, `partly`, `no` (nothing was there to change) or
            `ignored` (there was, and nothing changed).
        notes: Sentences a person should read; the reason for each figure that is null.
    """

    total_ops: int = 0
    integer_ops: int = 0
    float_ops: int = 0
    flex_ops: int = 0
    custom_ops: int = 0
    border_ops: int = 0
    hybrid_ops: int = 0
    is_stateful: bool = False
    float_op_names: dict[str, int] = field(default_factory=dict)
    missing_kernels: list[str] = field(default_factory=list)
    flex_op_names: dict[str, int] = field(default_factory=dict)
    tensor_types: dict[str, dict[str, int]] = field(default_factory=dict)
    float_reasons: list[dict[str, str | int]] = field(default_factory=list)
    border_reasons: list[dict[str, str | int]] = field(default_factory=list)
    same_as: list[str] = field(default_factory=list)
    flags: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Variant:
    """What came out of one recipe.

    Attributes:
        recipe: The recipe's name.
        flags: The recipe's flags (`Recipe.to_json`); empty for a file that was given.
        engine: What converted it: `tflite_converter` or `litert_quantizer`; `given` for a `.tflite`
            that a person brought, as it is.
        given_name: The name of the file that was given; None for one that the run made.
        status: `ok` or `failed`.
        error: The reason in one sentence when it failed.
        error_details: The converter's own full text, where there is one.
        runnable: Whether the file runs in this runtime.
        content_sha256: Of what the file computes: without the converter's metadata.
        file: Name of the `.tflite` beside the comparison.
        evaluation_batch: Samples per inference during evaluation.
        peak_memory_bytes: Peak resident memory of a fresh process that loads and runs it once.
        runtime_memory_bytes: Resident memory of that process before it loads the file.
        arena: What LiteRT takes from the allocator to hold it.
        delegation: What the runtime's delegate took over, read off the timed process.
        output_drift: Drift of each output by name; `drift` is the worst, figure by figure.
        output_accuracy: Accuracy of each labelled output; `accuracy` is the first one's.
    """

    recipe: str
    flags: dict[str, Any]
    engine: str = TFLITE_CONVERTER
    given_name: str | None = None
    status: str = "ok"
    error: str | None = None
    error_details: str | None = None
    runnable: bool = False
    file: str | None = None
    sha256: str | None = None
    content_sha256: str | None = None
    size_bytes: int | None = None
    gzip_bytes: int | None = None
    peak_memory_bytes: int | None = None
    runtime_memory_bytes: int | None = None
    arena: ArenaMemory | None = None
    convert_seconds: float | None = None
    evaluation_batch: int | None = None
    latency: LatencyStats | None = None
    delegation: Delegation | None = None
    drift: Drift | None = None
    output_drift: dict[str, Drift] = field(default_factory=dict)
    accuracy: Accuracy | None = None
    output_accuracy: dict[str, Accuracy] = field(default_factory=dict)
    audit: Audit = field(default_factory=Audit)

    @property
    def is_original(self) -> bool:
        """Whether it is the `.tflite` itself that the run starts from."""
        return self.engine == GIVEN and self.given_name is None

    def fail(self, reason: str, details: str = "") -> None:
        """Mark it as failed with its reason in one sentence."""
        self.status = "failed"
        self.error = reason
        self.error_details = details or None
        self.audit.notes.append(f"Not measured: {reason}")


@dataclass(kw_only=True)
class Reference:
    """The original: the TensorFlow model, run with `training=False`, or the `.tflite` given alone.

    Attributes:
        latency: Of a warmed `tf.function` at the variants' batch size and thread count; of a
            `.tflite`, of LiteRT's `invoke`, measured like a variant's.
        accuracy: Of the first output that has labels; None where there are none.
        output_accuracy: Of each output that has labels.
        peak_memory_bytes: As for a variant; None for a TensorFlow model.
        runtime_memory_bytes: As for a variant; None for a TensorFlow model.
        warnings: Sentences that put the figures in doubt, such as a likely mistake in the data.
    """

    latency: LatencyStats | None = None
    accuracy: Accuracy | None = None
    output_accuracy: dict[str, Accuracy] = field(default_factory=dict)
    peak_memory_bytes: int | None = None
    runtime_memory_bytes: int | None = None
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Comparison:
    """Everything that one run found."""

    model: ModelFacts
    data: DataFacts
    environment: dict[str, Any]
    settings: dict[str, Any]
    reference: Reference
    variants: list[Variant]
    created: str
    seconds: float
    further_latency: list[FurtherLatency] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the contract's JSON object: infinities as strings, NaN as null."""
        values = asdict(self)
        values["model"]["inputs"] = [spec.to_json() for spec in self.model.inputs]
        values["model"]["outputs"] = [spec.to_json() for spec in self.model.outputs]
        encoded: dict[str, Any] = encode_figures({"schema": SCHEMA, **values})
        return encoded

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Comparison:
        """Read `to_json`'s form.

        Raises:
            KeyError: When a field of the contract is missing.
            TypeError: When one has another form.
        """
        if values["schema"] != SCHEMA:
            raise TypeError(f"schema {values['schema']}")
        data = values
        model = known_fields(ModelFacts, data["model"])
        model["inputs"] = [TensorSpec.from_json(item) for item in model["inputs"]]
        model["outputs"] = [TensorSpec.from_json(item) for item in model["outputs"]]
        reference = dict(data["reference"])
        return cls(
            model=ModelFacts(**model),
            data=DataFacts(**known_fields(DataFacts, data["data"])),
            environment=data["environment"],
            settings=data["settings"],
            reference=Reference(
                latency=_optional(LatencyStats, reference["latency"]),
                accuracy=_optional(Accuracy, reference["accuracy"]),
                output_accuracy=_each(Accuracy, reference["output_accuracy"]),
                peak_memory_bytes=reference.get("peak_memory_bytes"),
                runtime_memory_bytes=reference.get("runtime_memory_bytes"),
                warnings=reference.get("warnings", []),
                notes=reference["notes"],
            ),
            variants=[variant_from_json(item) for item in data["variants"]],
            created=data["created"],
            seconds=data["seconds"],
            further_latency=[
                FurtherLatency.from_json(item) for item in data.get("further_latency", [])
            ],
        )

    def save(self, folder: Path) -> Path:
        """Write `comparison.json` into a folder, whole or not at all, and return its path."""
        path = folder / COMPARISON_FILE
        text = json.dumps(self.to_json(), indent=1, allow_nan=False)
        write_whole(path, text.encode())
        return path

    @classmethod
    def load(cls, path: Path) -> Comparison:
        """Read a `comparison.json`.

        Raises:
            GateError: When the file is missing or does not follow the contract.
        """
        try:
            return cls.from_json(json.loads(path.read_text()))
        except OSError as broken:
            raise GateError(
                f"{path.name}: expected a comparison written by `run`, found no readable file "
                f"({broken.strerror}); check the path."
            ) from broken
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as broken:
            raise GateError(
                f"{path.name}: expected a comparison written by `run` (schema {SCHEMA}), found "
                f"other content ({type(broken).__name__}: {str(broken)[:80]}); run it again."
            ) from broken

    def variant(self, recipe: str) -> Variant:
        """Return the variant of a recipe.

        Raises:
            GateError: When the comparison has none of that name.
        """
        for variant in self.variants:
            if variant.recipe == recipe:
                return variant
        known = ", ".join(variant.recipe for variant in self.variants)
        raise GateError(
            f"The comparison has the recipes {known}; found no {recipe!r}; run it first."
        )

    @property
    def starts_from_tflite(self) -> bool:
        """Whether the original is a `.tflite`, so that its TensorFlow model is not known."""
        return self.model.format == TFLITE_FORMAT

    @property
    def original(self) -> str:
        """What sentences call the original."""
        return "the given file" if self.starts_from_tflite else "the original"

    @property
    def usable(self) -> list[Variant]:
        """The variants that were converted and run."""
        return [v for v in self.variants if v.status == "ok" and v.runnable]


def variant_to_json(variant: Variant) -> dict[str, Any]:
    """Return a variant as it stands in a comparison."""
    encoded: dict[str, Any] = encode_figures(asdict(variant))
    return encoded


def variant_from_json(values: Mapping[str, Any]) -> Variant:
    """Read `variant_to_json`'s form."""
    fields = known_fields(Variant, values)
    fields["latency"] = _optional(LatencyStats, fields["latency"])
    fields["arena"] = _optional(ArenaMemory, fields.get("arena"))
    fields["delegation"] = _optional(Delegation, fields.get("delegation"))
    fields["drift"] = _optional(Drift, fields["drift"])
    fields["output_drift"] = _each(Drift, fields["output_drift"])
    fields["accuracy"] = _optional(Accuracy, fields["accuracy"])
    fields["output_accuracy"] = _each(Accuracy, fields["output_accuracy"])
    fields["audit"] = Audit(**known_fields(Audit, fields["audit"]))
    return Variant(**fields)


def _optional(kind: Any, values: Mapping[str, Any] | None) -> Any:  # noqa: ANN401
    return None if values is None else kind.from_json(values)


def _each(kind: Any, values: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    return {name: kind.from_json(item) for name, item in values.items()}


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    Raises:
        OSError: When the disk is full or the folder cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.partial")
    try:
        with partial.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except OSError as broken:
        broken.filename = str(path)  # the partial file is nobody's
        raise
    finally:
        partial.unlink(missing_ok=True)


def save_latency_samples(folder: Path, samples_ms: Mapping[str, np.ndarray]) -> None:
    """Keep the raw latency samples, milliseconds, one float64 array for each candidate."""
    save_npz(folder / SAMPLES_FILE, {k: np.asarray(v) for k, v in samples_ms.items()})


def load_latency_samples(files: Mapping[str, Path]) -> Mapping[str, np.ndarray]:
    """Return the raw latency samples by candidate; empty where none were taken.

    A model of a microsecond has megabytes of them for each candidate, so they stay on disk, and
    each candidate's are read when they are asked for.

    Args:
        files: A run's files by name.
    """
    path = files.get(SAMPLES_FILE)
    return {} if path is None else ArraysOnDisk(path)
