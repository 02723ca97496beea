"""What a person should know about the data: a sentence, and how much it matters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One sentence about the data, with what to do.

    Attributes:
        text: The sentence.
        serious: Whether figures on these data would mislead; else it is worth knowing.
    """

    text: str
    serious: bool = True


def shorten_names(names: list[str], most: int = 5) -> str:
    """Return names for a sentence: `a, b and 3 more`."""
    listed = ", ".join(name[:80] for name in names[:most])
    return f"{listed} and {len(names) - most} more" if len(names) > most else listed
