"""How large a variant would be if its file held nothing but the original's parameters.

predicted = parameters * bytes for a value, of the type in which the recipe stores weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from converter.comparison import Comparison, Variant


@dataclass(frozen=True)
class SizePrediction:
    """A variant's size as its recipe promises it, and as it is.

    Attributes:
        recipe: The variant's name.
        bytes_per_value: Of the recipe's weights: 4 (float32), 2 (float16), 1 (8 bits) or 0.5.
        predicted_bytes: The original's parameters times `bytes_per_value`.
        actual_bytes: The file.
        gzip_bytes: The file after gzip level 6.
    """

    recipe: str
    bytes_per_value: float
    predicted_bytes: int
    actual_bytes: int
    gzip_bytes: int | None

    @property
    def error(self) -> float | None:
        """Actual / predicted - 1; None where nothing was predicted."""
        if not self.predicted_bytes:
            return None
        return (self.actual_bytes - self.predicted_bytes) / self.predicted_bytes


def bytes_per_value(flags: Mapping[str, Any]) -> float | None:
    """Return how many bytes a recipe stores a weight in; None where nothing was asked.

    Args:
        flags: `Recipe.to_json`'s form, empty for a file that was given.
    """
    if not flags:
        return None
    if "DEFAULT" not in flags.get("optimizations", ()):
        return 4.0
    if "float16" in flags.get("supported_types", ()):
        return 2.0
    return float(flags.get("weight_bits", 8)) / 8


def predict_size(comparison: Comparison, variant: Variant) -> SizePrediction | None:
    """Return a variant's predicted and actual size; None where there is no file or no recipe."""
    each = None if variant.is_original else bytes_per_value(variant.flags)
    if each is None or variant.status != "ok" or not variant.size_bytes:
        return None
    return SizePrediction(
        recipe=variant.recipe,
        bytes_per_value=each,
        predicted_bytes=round(comparison.model.parameters * each),
        actual_bytes=variant.size_bytes,
        gzip_bytes=variant.gzip_bytes,
    )
