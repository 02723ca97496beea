"""Figures in JSON, which knows neither infinity nor NaN: the strings `inf`, `-inf`, and null."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

_INFINITIES = {"inf": math.inf, "-inf": -math.inf}


def encode_figures(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value in which every float is fit for strict JSON, tuples turned into lists."""
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return ("inf" if value > 0 else "-inf") if math.isinf(value) else value
    if isinstance(value, dict):
        return {key: encode_figures(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode_figures(item) for item in value]
    return value


def read_figures(kind: Any, values: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """Return the fields of a dataclass of figures, infinities as floats.

    Only figures are read this way, so that a model or an output named `inf` keeps its name.
    """
    return {
        field.name: _INFINITIES.get(values[field.name], values[field.name])
        if isinstance(values.get(field.name), str)
        else values.get(field.name)
        for field in fields(kind)
    }


def known_fields(kind: Any, values: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """Return those of the values that a dataclass knows: later versions may add fields."""
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in values.items() if name in names}
