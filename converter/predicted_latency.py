"""The latency of a file that was not timed, told from what its operators took elsewhere."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class PredictedLatency:
    """The sum of an operator table's figures for one file.

    Attributes:
        predicted_ms: Milliseconds of one inference: what each operator takes beyond an empty call,
            and one call. None where an operator cannot be timed alone: without it the sum would
            promise too much.
        operators: Milliseconds beyond an empty call, by the operator's place in the file.
        names: The first output's name of each operator in `operators`.
        untimed: Why an operator cannot be timed, by its place.
    """

    predicted_ms: float | None
    operators: dict[int, float]
    names: dict[int, str]
    untimed: dict[int, str]

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name; places become texts."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read `to_json`'s form after it was JSON."""
        return cls(
            predicted_ms=values["predicted_ms"],
            operators={int(k): float(v) for k, v in values["operators"].items()},
            names={int(k): str(v) for k, v in values["names"].items()},
            untimed={int(k): str(v) for k, v in values["untimed"].items()},
        )


@dataclass(frozen=True, kw_only=True)
class TableCheck:
    """One whole file, timed and predicted.

    Attributes:
        label: What it is.
        predicted_ms: By the table.
        measured_ms: Median of its own runs, in the same process.
    """

    label: str
    predicted_ms: float
    measured_ms: float

    @property
    def error(self) -> float:
        """`predicted / measured - 1`: negative where the table promises too much."""
        return self.predicted_ms / self.measured_ms - 1 if self.measured_ms > 0 else 0.0


def table_error(checks: Iterable[TableCheck]) -> float | None:
    """Return the median of |predicted / measured - 1|; None without a check."""
    errors = [abs(check.error) for check in checks]
    return statistics.median(errors) if errors else None
