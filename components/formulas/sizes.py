"""The formulas of the Model size page: predicted size, overhead, steps, and gzip."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from components.format import format_bytes, format_percent
from components.formulas.formula import Formula, ratio, signed, term
from converter.comparison import Comparison, Variant
from converter.size_anatomy import PARAMETERS, WEIGHTS, SizeAnatomy
from converter.size_prediction import predict_size
from converter.size_steps import LEVEL, SizeStep


def prediction_formulas(comparison: Comparison, variant: Variant) -> list[Formula]:
    """Return the formulas of predicted, actual and gzipped size."""
    size, gzip = variant.size_bytes or 0, variant.gzip_bytes
    predicted = predict_size(comparison, variant)
    found = [Formula(key="predicted_bytes"), Formula(key="prediction_error")]
    if predicted is not None and predicted.error is not None:
        parameters, each = comparison.model.parameters, predicted.bytes_per_value
        found = [
            Formula(key="predicted_bytes", worked=f"{term(parameters)} · {term(each)} = "
                    f"{format_bytes(predicted.predicted_bytes)}"),
            Formula(
                key="prediction_error",
                worked=f"{term(size)} / {term(predicted.predicted_bytes)} − 1 = "
                       f"{100 * predicted.error:+.1f} %",
            ),
        ]
    return [
        *found,
        Formula(key="size_bytes", worked=format_bytes(size), note=f"{term(size)} bytes, exact"),
        Formula(key="gzip_bytes",
                worked="" if gzip is None else ratio(gzip, size, format_percent(gzip / size)),
                note="" if gzip is None else f"{format_bytes(gzip)} gzipped"),
        Formula(
            key="gzip_saving",
            worked="" if gzip is None else
            f"1 − {term(gzip)} / {term(size)} = {format_percent(1 - gzip / size)}",
        ),
    ]  # fmt: skip


def step_formulas(steps: Sequence[SizeStep]) -> list[Formula]:
    """Return the formula of a step, with the largest one put in; none without a step."""
    changes = [(before, after) for before, after in pairwise(steps)
               if after.role != LEVEL]
    if not changes:
        return []
    before, after = max(changes, key=lambda pair: abs(pair[1].change_bytes))
    change = signed(format_bytes(after.change_bytes))
    return [Formula(
        key="step_bytes", owner="the largest step",
        worked=f"{term(after.level_bytes)} − {term(before.level_bytes)} = {change}",
    )]  # fmt: skip


def area_formulas(anatomy: SizeAnatomy) -> list[Formula]:
    """Return the formulas of what the file holds beside parameters, and of its largest weights."""
    stored = sum(anatomy.kind_bytes(kind) for kind in PARAMETERS)
    overhead = anatomy.size_bytes - stored
    found = [Formula(
        key="overhead_bytes", note=f"{format_percent(overhead / anatomy.size_bytes)} of the file",
        worked=f"{term(anatomy.size_bytes)} − {term(stored)} = {format_bytes(overhead)}",
    )]  # fmt: skip
    weights = [part for part in anatomy.parts if part.kind == WEIGHTS and part.float32_bytes]
    if weights:
        largest = max(weights, key=lambda part: part.size_bytes)
        found.append(Formula(
            key="float32_bytes", owner=largest.layer[-48:],
            worked=f"{term(largest.float32_bytes // 4)} · 4 = "
                   f"{format_bytes(largest.float32_bytes)}",
        ))  # fmt: skip
    return found
