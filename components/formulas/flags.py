"""The formulas of what flags do, with the pairs and squares of variants put in."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

import math
from collections.abc import Sequence

from components.formulas.formula import Formula, term
from converter.flag_effects import DRIFT, MEASURES, Effect
from converter.flag_study import FlagStudy

_MOST_PARTS = 6


def effect_formulas(study: FlagStudy, shown: Sequence[tuple[int, ...]]) -> list[Formula]:
    """Return the formula of each effect that is shown, on each measure that it was told on.

    Args:
        study: The run's.
        shown: Factors of each effect.
    """
    return [
        Formula(
            key="flag_effect" if len(which) == 1 else "flag_interaction",
            owner=f"{' with '.join(study.factors[i].label for i in which)}, {measure}",
            worked=_worked(effect),
        )
        for which in shown
        for measure in MEASURES
        if (effect := study.effect(measure, *which)).estimate is not None
    ]  # fmt: skip


def _worked(effect: Effect) -> str:
    changes = [part.change for part in effect.parts]
    if not 0 < len(changes) <= _MOST_PARTS:
        mean = term(float(effect.estimate or 0.0))
    else:
        mean = f"({' + '.join(f'({term(change)})' for change in changes)}) / {len(changes)}"
    value = float(effect.estimate or 0.0)
    if effect.measure == DRIFT:
        return f"{mean} = {value:.3g} dB".replace("-", "−")
    return f"exp({mean}) = {math.exp(value):.3g}×"
