"""What is told of a figure: its name, its formula, its meaning, and whose formula it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MetricDefinition:
    """One figure.

    Attributes:
        key: Its name in the program, and in `comparison.json` where it stands there.
        label: What the interface calls it; no other figure is called so.
        formula: In symbols. r: the original's values, y: the variant's.
        meaning: In one sentence or two.
        source: Whose formula it is; empty where it is plain arithmetic.
        names: What else tables and figures call it where they have no room.
    """

    key: str
    label: str
    formula: str
    meaning: str
    source: str = ""
    names: tuple[str, ...] = ()
