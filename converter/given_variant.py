"""A `.tflite` that a person brings beside a model: which file, and what its row is called."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from converter.recipe import (
    AS_GIVEN,
    FURTHER_PRESETS,
    PRESETS,
    SELECT_TF_PRESET,
    TFLITE_PRESETS,
)

_ORIGINAL = "original"
_MOST_CHARACTERS = 40
_RESERVED = {
    _ORIGINAL, AS_GIVEN.name, SELECT_TF_PRESET.name, *PRESETS, *TFLITE_PRESETS, *FURTHER_PRESETS,
}  # fmt: skip
"""Names that stand for something else wherever a run is shown."""


@dataclass(frozen=True, kw_only=True)
class GivenVariant:
    """A file on disk.

    Attributes:
        path: Where it lies.
        name: The name that it came with; shown as text, never a path.
        sha256: Of its content when it was chosen.
    """

    path: Path
    name: str
    sha256: str

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return {"path": str(self.path), "name": self.name, "sha256": self.sha256}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read `to_json`'s form."""
        return cls(path=Path(values["path"]), name=values["name"], sha256=values["sha256"])


def variant_names(given: Sequence[GivenVariant], taken: Collection[str] = ()) -> list[str]:
    """Return a recipe name for each file: its own, as a safe file name that nothing else has.

    Args:
        given: The files, in order.
        taken: Names of the run's recipes.

    Example:
        >>> file = GivenVariant(path=Path("x"), name="My Model (v2).tflite", sha256="")
        >>> variant_names([file])
        ['my_model_v2']
    """
    others = {*_RESERVED, *taken}
    used = set(others)
    names = []
    for file in given:
        base = _safe_stem(file.name)
        if base in others:
            base = f"given_{base}"[:_MOST_CHARACTERS]
        name, number = base, 1
        while name in used:
            number += 1
            name = f"{base}_{number}"
        used.add(name)
        names.append(name)
    return names


def _safe_stem(name: str) -> str:
    last = re.split(r"[/\\]", name)[-1]
    stem = re.sub(r"\.tflite$", "", last, flags=re.IGNORECASE)
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    safe = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:_MOST_CHARACTERS].strip("_")
    return safe or "given"
