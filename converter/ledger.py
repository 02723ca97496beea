"""Drift told in legs: from TensorFlow to float32 TFLite to a variant, on two sets of kernels.

Along the way `e = e1 + e2 + e3` holds for every single value, but no figure that squares or takes
absolutes adds up: the residual says by how much the squares do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from converter.drift import Drift, is_class_distribution, measure_drift
from converter.json_figures import known_fields, read_figures

Array = np.ndarray
Outputs = Mapping[str, Array]


@dataclass(frozen=True, kw_only=True)
class Leg:
    """One step of the way.

    Attributes:
        key: `conversion`, `quantization` or `kernels`; `whole` for the way from end to end.
        start: What it is measured from, in words.
        end: What it leads to, in words.
        drift: Of each output; empty where it could not be measured.
        note: What a person must know of this leg, such as why it is missing; may be empty.
    """

    key: str
    start: str
    end: str
    drift: dict[str, Drift] = field(default_factory=dict)
    note: str = ""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Leg:
        """Read the form that `encode_figures` writes."""
        fields = known_fields(cls, values)
        fields["drift"] = {k: Drift.from_json(v) for k, v in values["drift"].items()}
        return cls(**fields)


@dataclass(frozen=True, kw_only=True)
class Residual:
    """By how much the legs of one output do not add up, in squares of the output's unit.

    Attributes:
        whole: `mean((y - r)^2)` from end to end.
        legs: The sum of the same of all legs.
        residual: `whole - legs`; negative where the legs' errors cancel each other.
    """

    whole: float
    legs: float
    residual: float

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Residual:
        """Read the form that `encode_figures` writes."""
        return cls(**read_figures(cls, values))


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """All legs, the whole, and the residual of each output.

    Attributes:
        legs: In order.
        whole: From the first start to the last end.
        residual: By output name.
        samples: Evaluation samples.
    """

    legs: list[Leg]
    whole: Leg
    residual: dict[str, Residual]
    samples: int

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Ledger:
        """Read the form that `encode_figures` writes."""
        return cls(
            legs=[Leg.from_json(item) for item in values["legs"]],
            whole=Leg.from_json(values["whole"]),
            residual={k: Residual.from_json(v) for k, v in values["residual"].items()},
            samples=values["samples"],
        )


@dataclass(frozen=True, kw_only=True)
class Station:
    """Outputs at one point of the way.

    Attributes:
        name: In words.
        outputs: By name, shape `(samples, ...)`, dequantized; empty where it was not reached.
        note: Why not, or how it was reached otherwise than planned; may be empty.
    """

    name: str
    outputs: Outputs
    note: str = ""


def build_ledger(
    stations: Sequence[Station], keys: Sequence[str], steps: Mapping[str, float | None]
) -> Ledger:
    """Measure every leg between neighbouring stations, the whole, and the residual.

    A station without outputs leaves its legs empty, with its note; the whole then starts at the
    first station that has outputs.

    Args:
        stations: At least two, from the original to the variant.
        keys: One for each leg.
        steps: The variant's quantization step of each output; None for a float one.
    """
    reached = [station for station in stations if station.outputs]
    first, last = reached[0], reached[-1]
    classes = {name: is_class_distribution(outputs) for name, outputs in first.outputs.items()}
    legs = [
        _leg(key, start, end, classes, steps)
        for key, start, end in zip(keys, stations, stations[1:], strict=False)
    ]
    whole = _leg("whole", first, last, classes, steps)
    measured = [leg for leg in legs if leg.drift]
    return Ledger(
        legs=legs,
        whole=whole,
        residual={name: _residual(name, whole, measured) for name in whole.drift},
        samples=len(next(iter(first.outputs.values()))),
    )


def _leg(
    key: str,
    start: Station,
    end: Station,
    classes: Mapping[str, bool],
    steps: Mapping[str, float | None],
) -> Leg:
    drift = {}
    if start.outputs and end.outputs:
        for name, reference in start.outputs.items():
            if name not in end.outputs:
                continue
            found = end.outputs[name]
            if found.shape != reference.shape and found.size == reference.size:
                found = found.reshape(reference.shape)
            step = None if key == "conversion" else steps.get(name)
            drift[name] = measure_drift(
                reference, found, classes=classes.get(name, False), step=step
            )
    note = " ".join(station.note for station in (start, end) if station.note)
    return Leg(key=key, start=start.name, end=end.name, drift=drift, note=note)


def _residual(name: str, whole: Leg, legs: Sequence[Leg]) -> Residual:
    total = whole.drift[name].rmse ** 2
    parts = sum(leg.drift[name].rmse ** 2 for leg in legs if name in leg.drift)
    return Residual(whole=total, legs=parts, residual=total - parts)
