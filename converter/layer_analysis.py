"""What a deep analysis of one variant found (layers, ledger, cost), as pages and files hold it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from converter.comparison import write_whole
from converter.errors import GateError
from converter.json_figures import encode_figures, known_fields
from converter.ledger import Ledger
from converter.operator_costs import OperatorCosts
from converter.streamed_error import TensorError

SCHEMA = 1


def analysis_file(recipe: str) -> str:
    """Return the name of the file beside a run that holds a variant's analysis."""
    return f"layers_{recipe}.json"


@dataclass(frozen=True, kw_only=True)
class Saturation:
    """How often a tensor of scaled integers was at its ends during evaluation, shares of 1.

    Attributes:
        at_low: Stored values at the least integer.
        at_high: Stored values at the greatest.
        low_is_zero: Whether the least integer stands for 0, as after a ReLU: then values there are
            no sign of a range too small.
        clipped_low: Values of the float model more than half a step below what can be stored.
        clipped_high: The same above.
    """

    at_low: float
    at_high: float
    low_is_zero: bool
    clipped_low: float
    clipped_high: float


@dataclass(frozen=True, kw_only=True)
class ChannelRanges:
    """The least and greatest weight of each output channel, in real numbers.

    Attributes:
        tensor: The stored tensor's name.
        dtype: As it is stored.
        channels: How many there are; the lists hold at most `MOST_CHANNELS`, drawn evenly.
        numbers: Which channels the lists hold.
        low: The variant's.
        high: The variant's.
        reference_low: The float file's; empty where it has no such tensor.
        reference_high: The same.
        steps: Scale of each; one for all where it is quantized per tensor; empty for floats.
    """

    tensor: str
    dtype: str
    channels: int
    numbers: list[int]
    low: list[float]
    high: list[float]
    reference_low: list[float]
    reference_high: list[float]
    steps: list[float]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One tensor that an operator of the variant gives, beside the float model's.

    Attributes:
        number: The operator's place in the order of execution; -1 for an input of the model.
        operator: Its name (`CONV_2D`), or `INPUT`.
        tensor: The tensor's name.
        reference: The name of the float file's tensor that it was compared with.
        shape: Of one run.
        dtype: As it is stored.
        scale: Of its quantization; None for a float tensor.
        zero_point: The same.
        accumulated: Error from the model's input on: both whole files run, compared here.
        born: Error of this operator alone: fed with the float model's activations.
        born_absence: Why there is no `born`.
        saturation: None for a float tensor.
        histogram: `{"edges", "reference", "variant"}` of the values in the two whole files.
        weights: Of the operator's stored weights.
    """

    number: int
    operator: str
    tensor: str
    reference: str
    shape: list[int]
    dtype: str
    scale: float | None
    zero_point: int | None
    accumulated: TensorError
    born: TensorError | None
    born_absence: str | None
    saturation: Saturation | None
    histogram: dict[str, list[Any]] | None
    weights: list[ChannelRanges]

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Layer:
        """Read the form that `encode_figures` writes."""
        fields = known_fields(cls, values)
        fields["accumulated"] = TensorError.from_json(values["accumulated"])
        fields["born"] = values["born"] and TensorError.from_json(values["born"])
        fields["saturation"] = values["saturation"] and Saturation(**values["saturation"])
        fields["weights"] = [ChannelRanges(**item) for item in values["weights"]]
        return cls(**fields)


@dataclass(frozen=True, kw_only=True)
class UnpairedTensor:
    """A tensor that was compared with nothing.

    Attributes:
        name: Its name.
        file: `float32` or `variant`.
        operator: What gives it.
        reason: Why.
    """

    name: str
    file: str
    operator: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class LayerDrift:
    """The layers of a variant in graph order.

    Attributes:
        layers: Those that were compared.
        unpaired: Those that were not, of both files.
        samples: On how many evaluation samples.
        samples_given: How many there were; fewer were used where the time was up.
    """

    layers: list[Layer]
    unpaired: list[UnpairedTensor]
    samples: int
    samples_given: int

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> LayerDrift:
        """Read the form that `encode_figures` writes."""
        fields = known_fields(cls, values)
        fields["layers"] = [Layer.from_json(item) for item in values["layers"]]
        fields["unpaired"] = [UnpairedTensor(**item) for item in values["unpaired"]]
        return cls(**fields)


@dataclass(kw_only=True)
class LayerAnalysis:
    """The deep analysis of one variant.

    Attributes:
        recipe: The variant.
        sha256: Of the variant's file.
        reference_sha256: Of the float file that it is held against.
        drift: By layer; None with its reason in `notes`.
        ledger: By leg; None with its reason in `notes`.
        costs: Of the variant, by operator; None with its reason in `notes`.
        reference_costs: Of the float file, timed in the same minutes.
        environment: Of the machine.
        notes: Sentences a person should read.
        created: When, ISO 8601.
        seconds: How long it took.
    """

    recipe: str
    sha256: str
    reference_sha256: str
    drift: LayerDrift | None = None
    ledger: Ledger | None = None
    costs: OperatorCosts | None = None
    reference_costs: OperatorCosts | None = None
    environment: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    created: str = ""
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return strict JSON: infinities as strings, NaN as null."""
        encoded: dict[str, Any] = encode_figures({"schema": SCHEMA, **asdict(self)})
        return encoded

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> LayerAnalysis:
        """Read `to_json`'s form."""
        if values["schema"] != SCHEMA:
            raise TypeError(f"schema {values['schema']}")
        fields = known_fields(cls, values)
        for name, kind in (
            ("drift", LayerDrift),
            ("ledger", Ledger),
            ("costs", OperatorCosts),
            ("reference_costs", OperatorCosts),
        ):
            fields[name] = None if values[name] is None else kind.from_json(values[name])
        return cls(**fields)

    def save(self, folder: Path) -> Path:
        """Write it beside a run, whole or not at all, and return its path."""
        path = folder / analysis_file(self.recipe)
        write_whole(path, json.dumps(self.to_json(), indent=1, allow_nan=False).encode())
        return path

    @classmethod
    def load(cls, path: Path) -> LayerAnalysis:
        """Read what `save` wrote.

        Raises:
            GateError: When the file is missing or has another form.
        """
        try:
            return cls.from_json(json.loads(path.read_text()))
        except OSError as broken:
            raise GateError(
                f"{path.name}: expected a deep analysis, found no readable file "
                f"({broken.strerror}); analyse the variant first."
            ) from broken
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as broken:
            raise GateError(
                f"{path.name}: expected a deep analysis (schema {SCHEMA}), found other content "
                f"({type(broken).__name__}: {str(broken)[:80]}); analyse the variant again."
            ) from broken
