"""The formulas of what a model's file holds, before anything was converted."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.format import format_bytes
from components.formulas.formula import Formula, term


def model_formulas(facts: Mapping[str, Any]) -> list[Formula]:
    """Return the formulas of a model's figures.

    Args:
        facts: `inspect_model_file`'s answer.
    """
    size = facts["size_bytes"]
    found = [
        Formula(key="parameters", worked=term(facts["parameters"]),
                note=f"{format_bytes(facts['parameter_bytes'])} as stored"),
        Formula(key="size_bytes", worked=format_bytes(size), note=f"{term(size)} bytes, exact"),
    ]
    if facts["format"] == "tflite":
        count = facts["details"].get("operator_count")
        return [*found, Formula(key="operator_count", worked="" if count is None else term(count))]
    compared, optimizer = facts["size_without_optimizer_bytes"], facts.get("optimizer_bytes") or 0
    return [*found, Formula(
        key="compared_bytes",
        worked=f"{term(compared + optimizer)} − {term(optimizer)} = {format_bytes(compared)}",
    )]  # fmt: skip
