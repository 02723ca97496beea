"""How much the output minds each operator's precision: only this one quantized, and all but this.

Where the engine can express weights without activations, what is left of the error is told too.
litert-quantizer refuses integer activations beside float weights ("An op can not be set to have
integer activation but float weights!"), so activations alone are never measured: their share is
what the powers of two measured errors leave between them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from converter.budget import Figures
from converter.budget_solution import figures_from
from converter.candidate_layers import CandidateLayer
from converter.comparison import write_whole
from converter.errors import DataError
from converter.json_figures import encode_figures
from converter.precision import FLOAT32, PRECISIONS

SENSITIVITY_FILE = "sensitivity.json"
ONLY, OTHERS = "only", "others"
"""Only this operator is quantized; all are that take the precision, but this one."""
Judge = Callable[[Mapping[int, str]], tuple[str, Figures]]
WEIGHTS_OF = {"int8": "weight_only_int8", "int16x8": "weight_only_int8",
              "int8_int4": "weight_only_int4", "dynamic_int8": "weight_only_int8",
              "dynamic_int4": "weight_only_int4"}  # fmt: skip
"""The precision that stores the same weights and computes in float."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One operator in one precision.

    Attributes:
        number: Of the operator.
        precision: Its name.
        side: `only` or `others`.
        sha256: Of the candidate's file.
        figures: On the samples of the search.
    """

    number: int
    precision: str
    side: str
    sha256: str
    figures: Figures

    @property
    def sqnr_db(self) -> float:
        """Of the worst output; NaN where the candidate is of no use."""
        return math.nan if self.figures.problem is not None else self.figures.sqnr_db


@dataclass(frozen=True, kw_only=True)
class Parts:
    """An operator's error taken apart.

    Attributes:
        number: Of the operator.
        precision: That stores weights and activations.
        whole_db: SQNR where only this operator has it; measured.
        weights_db: SQNR where its weights alone are stored so; measured.
        activations_db: Of what is left of the error's power, not measured: `inf` where nothing is
            left, NaN where weights alone err more than both together.
    """

    number: int
    precision: str
    whole_db: float
    weights_db: float
    activations_db: float


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """The map, as far as it is known.

    Attributes:
        layers: The operators with weights, in order of execution.
        cells: What was measured, in order.
        distinct: How many different files that were.
        planned: How many cells there are in all.
        samples: On how many samples.
        refused: Precisions that litert-quantizer refuses for this file, with its reason.
        original_sha256: Of the float file, by which one sees that nothing was changed.
    """

    layers: list[CandidateLayer]
    cells: list[Cell]
    distinct: int
    planned: int
    samples: int
    refused: dict[str, str]
    original_sha256: str

    @property
    def is_whole(self) -> bool:
        """Whether all cells were measured."""
        return len(self.cells) >= self.planned

    @property
    def precisions(self) -> list[str]:
        """The precisions that any operator takes, the most exact first."""
        offered = {name for layer in self.layers for name in layer.offered}
        return [name for name in PRECISIONS if name in offered and name != FLOAT32.name]

    def cell(self, number: int, precision: str, side: str) -> Cell | None:
        """Return what was measured of an operator in a precision; None where nothing was."""
        return self._by_place.get((number, precision, side))

    @cached_property
    def _by_place(self) -> dict[tuple[int, str, str], Cell]:
        return {(c.number, c.precision, c.side): c for c in self.cells}

    def parts(self) -> list[Parts]:
        """Return each error that can be taken apart, in order of execution."""
        places = self._by_place
        found = []
        for layer in self.layers:
            for name, weights_name in WEIGHTS_OF.items():
                whole = places.get((layer.number, name, ONLY))
                weights = places.get((layer.number, weights_name, ONLY))
                if whole is None or weights is None:
                    continue
                found.append(Parts(
                    number=layer.number, precision=name, whole_db=whole.sqnr_db,
                    weights_db=weights.sqnr_db,
                    activations_db=rest_db(whole.sqnr_db, weights.sqnr_db),
                ))  # fmt: skip
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name, fit for strict JSON."""
        values: dict[str, Any] = encode_figures(asdict(self))
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read `to_json`'s form."""
        unknown = {each["precision"] for each in values["cells"]} - set(PRECISIONS)
        if unknown:
            raise ValueError(f"unknown precision {min(unknown)!r}")
        return cls(
            layers=[CandidateLayer.from_json(each) for each in values["layers"]],
            cells=[
                Cell(**{**each, "figures": figures_from(each["figures"])})
                for each in values["cells"]
            ],
            distinct=int(values["distinct"]), planned=int(values["planned"]),
            samples=int(values["samples"]), refused=dict(values["refused"]),
            original_sha256=str(values["original_sha256"]),
        )  # fmt: skip

    def save(self, folder: Path) -> Path:
        """Write `SENSITIVITY_FILE` and return its path."""
        path = folder / SENSITIVITY_FILE
        write_whole(path, json.dumps(self.to_json()).encode())
        return path


def load_sensitivity(path: Path) -> Sensitivity:
    """Read what `Sensitivity.save` wrote.

    Raises:
        DataError: When the file is damaged.
    """
    try:
        return Sensitivity.from_json(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as broken:
        raise DataError(
            f"{SENSITIVITY_FILE}: expected the sensitivity of each operator, found a damaged file "
            f"({type(broken).__name__}); measure it again."
        ) from broken


def rest_db(whole_db: float, part_db: float) -> float:
    """Return the SQNR of what is left of an error when a part of it is taken away.

    Errors are taken for independent, so that their powers add:
    `-10 log10(10^(-whole/10) - 10^(-part/10))`.

    Args:
        whole_db: SQNR with the whole error.
        part_db: SQNR with the part alone.

    Returns:
        Decibels; `inf` where both are alike to a thousandth, NaN where the part is the larger.

    Example:
        >>> round(rest_db(20.0, 23.0103), 2)
        23.01
    """
    if math.isnan(whole_db) or math.isnan(part_db):
        return math.nan
    whole, part = 10 ** (-whole_db / 10), 10 ** (-part_db / 10)
    if math.isclose(whole, part, rel_tol=1e-3):
        return math.inf
    return -10 * math.log10(whole - part) if whole > part else math.nan


def plan_cells(layers: Sequence[CandidateLayer]) -> list[tuple[int, str, str]]:
    """Return what to measure: operator, precision and side, what tells most first.

    Only this operator before all but this one; within, one precision after the other, so that a
    map that is stopped early has whole columns.
    """
    takers = [layer for layer in layers if layer.has_weights]
    return [
        (layer.number, name, side)
        for side in (ONLY, OTHERS)
        for name in _by_interest(takers)
        for layer in takers
        if name in layer.bytes_of
    ]


def _by_interest(layers: Iterable[CandidateLayer]) -> list[str]:
    """Return the precisions that any layer takes, those that most layers take first."""
    counts = {
        name: sum(name in layer.bytes_of for layer in layers)
        for name in PRECISIONS if name != FLOAT32.name
    }  # fmt: skip
    return sorted((name for name, count in counts.items() if count), key=lambda n: -counts[n])


def choices_of(
    layers: Sequence[CandidateLayer], number: int, precision: str, side: str
) -> dict[int, str]:
    """Return the choices of one cell."""
    if side == ONLY:
        return {number: precision}
    return {
        layer.number: precision
        for layer in layers
        if layer.has_weights and layer.number != number and precision in layer.bytes_of
    }


def measure_cells(layers: Sequence[CandidateLayer], judge: Judge) -> Iterator[Cell]:
    """Yield each cell as it is measured; may be left at any time.

    Args:
        layers: All operators, with what they are offered.
        judge: Measures choices; returns the file's SHA-256 and its figures.
    """
    for number, name, side in plan_cells(layers):
        sha256, figures = judge(choices_of(layers, number, name, side))
        yield Cell(number=number, precision=name, side=side, sha256=sha256, figures=figures)
