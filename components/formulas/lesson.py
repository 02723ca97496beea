"""The formulas of the lesson's grids and sums, with the tensor that is shown put in."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

import numpy as np

from components.format import format_percent
from components.formulas.formula import Formula, ratio, sqnr, term
from converter.lesson.accumulation import FLOAT16, INTEGERS, Accumulation
from converter.lesson.model import EVALUATION
from converter.lesson.outcome import Outcome


def outcome_formulas(outcome: Outcome) -> list[Formula]:
    """Return the formulas of a grid and of what it does to its tensor and to the model."""
    grid, levels = outcome.grid, outcome.grid.levels()
    least, greatest = float(levels[0]), float(levels[-1])
    scale = float(np.ravel(grid.scales)[0])
    zero = int(np.ravel(grid.zero_points)[0])
    before = outcome.before.astype(np.float64)
    error = outcome.after.astype(np.float64) - before
    worked, note = sqnr(float(np.sum(before**2)), float(np.sum(error**2)), outcome.sqnr_db)
    right = outcome.accuracy[1]
    channel = "channel 1" if grid.scales.size > 1 else ""
    return [
        Formula(
            key="grid_scale", owner=channel,
            worked=f"({term(greatest)} − ({term(least)})) / ({len(levels)} − 1) = {scale:.4g}",
        ),
        Formula(key="grid_zero", owner=channel,
                worked=f"{term(grid.low)} − ({term(least)}) / {term(scale)} = {term(zero)}"),
        Formula(key="grid_numbers",
                worked=f"{term(grid.high)} − ({term(grid.low)}) + 1 = {len(levels):,}"),
        Formula(key="tensor_sqnr_db", worked=worked, note=note or f"over {before.size:,} values"),
        Formula(key="grid_clipped", worked=ratio(
            round(outcome.clipped * before.size), before.size, format_percent(outcome.clipped))),
        Formula(key="top1", note="held-back digits", worked=ratio(
            round(right * EVALUATION), EVALUATION, format_percent(right))),
    ]  # fmt: skip


def sum_formulas(found: Accumulation) -> list[Formula]:
    """Return the formula of where each accumulator ends."""
    return [
        Formula(key="running_sum", owner=name,
                worked=f"{term(int(found.sums[name][-1]))} · {term(found.scale)} = "
                       f"{float(found.real(name)[-1]):.3f}".replace("-", "−"))
        for name in INTEGERS
    ] + [
        Formula(
            key="float16_sum", owner="float16", note=f"{len(found.products):,} products",
            worked=f"{term(float(found.exact[-1]))} + ({term(float(found.rounding[-1]))}) = "
                   f"{float(found.real(FLOAT16)[-1]):.3f}".replace("-", "−"),
        )
    ]  # fmt: skip
