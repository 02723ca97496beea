"""Results of earlier steps, found again by key: what is known is not computed twice.

`result_keys` makes the keys; `run_store` keeps the results of the dashboard's runs. The command
line computes everything anew (`NoShelf`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a step gave earlier.

    Attributes:
        value: JSON-ready.
        files: By the name that the step knows them by; to be read only.
        created: When, as Unix time.
    """

    value: Mapping[str, Any]
    files: Mapping[str, Path] = field(default_factory=dict)
    created: float = 0.0


@dataclass(frozen=True, kw_only=True)
class FoundLatency:
    """An earlier measurement of exactly these candidates under exactly these conditions.

    Attributes:
        figures: `LatencyStats.to_json` and notes by candidate.
        samples: The raw samples, as `save_latency_samples` writes them.
        conditions: With which they were kept.
    """

    figures: Mapping[str, Any]
    samples: Path
    conditions: Mapping[str, Any]


class Shelf(Protocol):
    """Where one run finds and leaves results."""

    def knows_model(self, sha256: str) -> bool:
        """Whether there may be results of this model."""

    def find(self, key: str) -> Found | None:
        """Return what a step gave earlier."""

    def keep(
        self, key: str, kind: str, value: Mapping[str, Any], files: Mapping[str, Path]
    ) -> None:
        """Keep what a step gave, at once: a run that is killed afterwards has lost nothing.

        Raises:
            StoreError: When it cannot be kept.
        """

    def find_latency(self, key: str) -> FoundLatency | None:
        """Return the newest measurement of these candidates under these conditions."""

    def keep_latency(
        self, key: str, conditions: Mapping[str, Any], figures: Mapping[str, Any], samples: Path
    ) -> None:
        """Keep a measurement beside all earlier ones."""


class NoShelf:
    """A shelf that stays empty."""

    def knows_model(self, sha256: str) -> bool:  # noqa: ARG002
        """See `Shelf`."""
        return False

    def find(self, key: str) -> Found | None:  # noqa: ARG002
        """See `Shelf`."""
        return None

    def keep(
        self, key: str, kind: str, value: Mapping[str, Any], files: Mapping[str, Path]
    ) -> None:
        """See `Shelf`."""

    def find_latency(self, key: str) -> FoundLatency | None:  # noqa: ARG002
        """See `Shelf`."""
        return None

    def keep_latency(
        self, key: str, conditions: Mapping[str, Any], figures: Mapping[str, Any], samples: Path
    ) -> None:
        """See `Shelf`."""
