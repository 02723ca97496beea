"""Latencies measured on request beside the default ones: threads, kernels, calls of TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from converter.baselines import BASELINES
from converter.errors import DataError
from converter.json_figures import known_fields
from converter.kernels import KERNELS
from converter.latency import LatencyStats

THREADS, KERNEL_SETS, CALLS = "threads", "kernels", "baselines"
KINDS = (THREADS, KERNEL_SETS, CALLS)


@dataclass(frozen=True, kw_only=True)
class FurtherRequest:
    """What is to be measured beside the default; empty fields ask for nothing.

    Attributes:
        threads: Thread counts with which every variant is timed.
        kernels: Sets of kernels (`kernels.KERNELS`) with which every variant is timed.
        baselines: Calls of the TensorFlow model (`baselines.BASELINES`) that are timed.
    """

    threads: tuple[int, ...] = ()
    kernels: tuple[str, ...] = ()
    baselines: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be measured.

        Raises:
            DataError: When a name is unknown, something is asked twice or a count is below 1.
        """
        for count in self.threads:
            if count < 1:
                raise DataError(f"thread sweep: counts must be at least 1, found {count}.")
        for name, chosen, known in (
            ("kernels", self.kernels, KERNELS),
            ("baselines", self.baselines, BASELINES),
        ):
            for value in chosen:
                if value not in known:
                    raise DataError(
                        f"{name}: expected some of {', '.join(known)}, found {value[:40]!r}."
                    )
        asked: tuple[tuple[object, ...], ...] = (self.threads, self.kernels, self.baselines)
        for values in asked:
            if len(set(values)) != len(values):
                raise DataError(
                    f"further latencies: expected each setting once, found "
                    f"{', '.join(map(str, values))}."
                )

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked."""
        return not (self.threads or self.kernels or self.baselines)

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name, as lists."""
        return {name: list(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Sequence[Any]]) -> FurtherRequest:
        """Read `to_json`'s form."""
        return cls(**{name: tuple(value) for name, value in known_fields(cls, values).items()})


@dataclass(kw_only=True)
class FurtherLatency:
    """One of those measurements.

    Attributes:
        kind: One of `KINDS`.
        candidate: The recipe, or `original`.
        setting: The thread count, the set of kernels or the call.
        latency: What was measured; None where it could not be.
        error: Why not.
        notes: Sentences a person should read.
    """

    kind: str
    candidate: str
    setting: str
    latency: LatencyStats | None = None
    error: str | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def samples_key(self) -> str:
        """Its key among the raw latency samples: no recipe's name holds a bar."""
        return f"{self.candidate}|{self.kind}={self.setting}"

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> FurtherLatency:
        """Read the form that `asdict` gives."""
        read = known_fields(cls, values)
        if read.get("latency") is not None:
            read["latency"] = LatencyStats.from_json(read["latency"])
        return cls(**read)


NOTHING_FURTHER = FurtherRequest()


def stage_labels(request: FurtherRequest, names: Sequence[str]) -> list[str]:
    """Return the labels of the stages in which the variants `names` are measured further."""
    kinds = [*([THREADS] if request.threads else []), *([KERNEL_SETS] if request.kernels else [])]
    labels = [stage_label(kind, name) for kind in kinds for name in names]
    return labels + ([stage_label(CALLS, "the original")] if request.baselines else [])


def stage_label(kind: str, name: str) -> str:
    """Return the label of one stage."""
    what = {THREADS: "threads", KERNEL_SETS: "kernels", CALLS: "calls"}[kind]
    return f"measure further {what} of {name}"
