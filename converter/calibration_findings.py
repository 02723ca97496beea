"""What a study of a variant's calibration found, and the file in which it is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from converter.comparison import write_whole
from converter.errors import DataError
from converter.json_figures import encode_figures, known_fields
from converter.layer_analysis import LayerDrift

MOST_TENSORS = 20
_FIXED_RANGES = {"SOFTMAX", "LOG_SOFTMAX", "LOGISTIC", "TANH", "L2_NORMALIZATION"}
"""Operators whose quantized output has one range by TFLite's 8-bit quantization specification."""


@dataclass(frozen=True, kw_only=True)
class StudyPoint:
    """A variant calibrated on some samples.

    Attributes:
        samples: How many.
        draw: Number of the draw of so many, from 0.
        sqnr_db: Of the worst output against the original's, on the evaluation samples.
        agreement: Top-1 agreement; None without classes.
        problem: Why there are no figures; None where there are.
    """

    samples: int
    draw: int
    sqnr_db: float | None = None
    agreement: float | None = None
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class TensorScales:
    """The scale of one tensor in two variants; `ratio` is the larger over the smaller."""

    name: str
    first: float
    second: float
    ratio: float


@dataclass(frozen=True, kw_only=True)
class Halves:
    """Two variants calibrated on disjoint halves of the samples.

    Attributes:
        samples: In each half.
        first: Its figures against the original.
        second: Likewise.
        between_db: SQNR of the second's outputs against the first's.
        tensors: Activations by how far their two scales differ, the farthest first.
        compared: Activations whose scales were compared.
    """

    samples: int
    first: StudyPoint
    second: StudyPoint
    between_db: float | None
    tensors: list[TensorScales]
    compared: int


@dataclass(frozen=True, kw_only=True)
class ClippedTensor:
    """What of an activation does not fit the range that calibration gave it.

    Attributes:
        name: Of the tensor.
        operator: That gives it.
        clipped_low: Share of the float32 file's values more than half a step below the range.
        clipped_high: The same above it.
        has_fixed_range: Whether the operator sets the range and calibration does not: a softmax
            stops at 255/256 whatever the samples.
    """

    name: str
    operator: str
    clipped_low: float
    clipped_high: float
    has_fixed_range: bool = False

    @property
    def clipped(self) -> float:
        """Share of values on either side."""
        return self.clipped_low + self.clipped_high


@dataclass(frozen=True, kw_only=True)
class Clipping:
    """What evaluation samples exceed of the ranges of the run's own variant.

    Attributes:
        samples: Evaluation samples that were run.
        compared: Activations with a range.
        clipped: Of those, how many clip anything.
        tensors: The ones that clip, most first.
    """

    samples: int
    compared: int
    clipped: int
    tensors: list[ClippedTensor]


@dataclass(frozen=True, kw_only=True)
class CalibrationStudy:
    """A study of one recipe of a run.

    Attributes:
        recipe: Its name.
        points: By number of samples and draw.
        halves: None where there are fewer than two samples.
        calibration_samples: That were there to draw from.
        evaluation_samples: On which all figures are taken.
        seed: Of the draws.
        created: When, UTC.
        engine: What quantized; the one that made the variant.
        is_variant: Whether the file from all samples holds what the run's variant holds; None where
            the run calibrated with more samples than the study takes.
        clipping: Saturation of the run's variant at evaluation; None with its reason in `notes`.
        notes: Sentences a person should read.
    """

    recipe: str
    points: list[StudyPoint]
    halves: Halves | None
    calibration_samples: int
    evaluation_samples: int
    seed: int
    created: str
    engine: str = ""
    is_variant: bool | None = None
    clipping: Clipping | None = None
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return strict JSON: infinities as strings, NaN as null."""
        encoded: dict[str, Any] = encode_figures(asdict(self))
        return encoded

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read `to_json`'s form."""
        fields = known_fields(cls, values)
        fields["points"] = [_point(each) for each in values["points"]]
        if values["halves"] is not None:
            halves = dict(values["halves"])
            halves["first"], halves["second"] = _point(halves["first"]), _point(halves["second"])
            halves["tensors"] = [TensorScales(**each) for each in halves["tensors"]]
            halves["between_db"] = figure_of(halves["between_db"])
            fields["halves"] = Halves(**halves)
        if values.get("clipping") is not None:
            clipping = dict(values["clipping"])
            clipping["tensors"] = [ClippedTensor(**each) for each in clipping["tensors"]]
            fields["clipping"] = Clipping(**clipping)
        return cls(**fields)

    def save(self, folder: Path) -> Path:
        """Write it beside a run, whole or not at all, and return its path."""
        path = folder / study_file(self.recipe)
        write_whole(path, json.dumps(self.to_json(), indent=1, allow_nan=False).encode())
        return path


def study_file(recipe: str) -> str:
    """Return the name of a study's file."""
    return f"calibration_{recipe}.json"


def load_study(path: Path) -> CalibrationStudy:
    """Read what `save` wrote.

    Raises:
        DataError: When it is missing or damaged.
    """
    try:
        return CalibrationStudy.from_json(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as broken:
        raise DataError(
            f"{path.name}: expected a study of the calibration, found no readable one "
            f"({type(broken).__name__}); make it again."
        ) from broken


def figure_of(value: Any) -> float | None:  # noqa: ANN401
    """Return a figure of `encode_figures` as a float; None for none."""
    return None if value is None else float(value)


def _point(values: Mapping[str, Any]) -> StudyPoint:
    return StudyPoint(**{**values, "sqnr_db": figure_of(values["sqnr_db"])})


def find_clipping(drift: LayerDrift) -> Clipping:
    """Return the activations that clip most, out of a comparison of layers."""
    ranged = [layer for layer in drift.layers if layer.saturation is not None]
    found = [
        ClippedTensor(
            name=layer.tensor,
            operator=layer.operator,
            clipped_low=layer.saturation.clipped_low,
            clipped_high=layer.saturation.clipped_high,
            has_fixed_range=layer.operator in _FIXED_RANGES,
        )
        for layer in ranged
        if layer.saturation is not None
    ]
    clipping = sorted((t for t in found if t.clipped > 0), key=lambda t: -t.clipped)
    return Clipping(
        samples=drift.samples,
        compared=len(ranged),
        clipped=len(clipping),
        tensors=clipping[:MOST_TENSORS],
    )
