"""What each flag does: main effects and two-way interactions of a two-level factorial.

Box, Hunter and Hunter (2005), Statistics for Experimenters, chapter 5; with y the measure, A and B
flags, and a bar the mean over all settings of the other flags:

- main effect of A = mean over pairs that differ in A alone of (y with A - y without A)
- interaction AB = mean over squares that differ in A and B alone of
  ((y with both - y with B) - (y with A - y with neither)) / 2

On a whole factorial these are its contrasts, and what least squares gives. Where cells are missing
the same means are taken over the pairs and squares that are there, and how many of how many is
said; with none there is no estimate. No cell is ever filled in, no effect assumed to be zero.

Sizes and latencies are taken as natural logarithms, so an effect is a factor; drift is SQNR in dB,
so an effect is a difference. A latency's interval is carried through from those of the medians
(`latency_intervals`): L = e - sqrt(sum (c_i t_i - min(c_i l_i, c_i u_i))^2), and U alike, the
MOVER method (Zou and Donner 2008, Statistics in Medicine 27:1693). It takes the medians as
independent. Sizes are exact, and drift is exact for the samples that took part.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

Levels = tuple[bool, ...]
Interval = tuple[float, float]
SIZE, LATENCY, DRIFT = "size", "latency", "drift"
MEASURES = (SIZE, LATENCY, DRIFT)


@dataclass(frozen=True)
class Reading:
    """One figure of one variant on the scale of effects.

    Attributes:
        value: Finite: log of bytes, log of milliseconds, or dB.
        interval: 95 %, on the same scale; None where there is none.
    """

    value: float
    interval: Interval | None = None


@dataclass(frozen=True)
class Observation:
    """One variant in its cell.

    Attributes:
        name: The variant's name.
        levels: Off or on for each factor.
        readings: By measure; those that it has.
        absences: By measure, why there is none, as an end of a sentence.
    """

    name: str
    levels: Levels
    readings: Mapping[str, Reading]
    absences: Mapping[str, str]


@dataclass(frozen=True)
class Part:
    """One pair or one square that counts towards an effect.

    Attributes:
        names: Variants: with and without; or with both, the first alone, the second alone, neither.
        change: Its own effect.
    """

    names: tuple[str, ...]
    change: float


@dataclass(frozen=True)
class Effect:
    """A main effect (one factor) or an interaction (two) on one measure.

    Attributes:
        factors: Numbers of the factors.
        measure: One of `MEASURES`.
        estimate: The mean of `parts`; None where there is none.
        interval: 95 %, from the measurements' own; None where one has none, or nothing is random.
        parts: Pairs or squares that were there.
        settings: How many there would be in the whole factorial.
        alone: For an interaction: the first factor's effect in these squares with the second off.
        together: The same with the second on.
        problem: Why nothing can be estimated, as a sentence; None where it can.
    """

    factors: tuple[int, ...]
    measure: str
    estimate: float | None
    interval: Interval | None
    parts: tuple[Part, ...]
    settings: int
    alone: float | None = None
    together: float | None = None
    problem: str | None = None

    @property
    def is_distinct(self) -> bool | None:
        """Whether the interval leaves zero out; None without an interval."""
        if self.interval is None:
            return None
        return not self.interval[0] <= 0 <= self.interval[1]


def estimate_effects(observations: Sequence[Observation], factors: int) -> list[Effect]:
    """Return every main effect and two-way interaction on every measure.

    Args:
        observations: Of which several in one cell are repetitions, and their mean counts.
        factors: How many; each observation has so many levels.

    Raises:
        ValueError: When an observation has another number of levels.
    """
    if any(len(observation.levels) != factors for observation in observations):
        raise ValueError(f"expected {factors} levels for each observation, found others")
    chosen = [*((i,) for i in range(factors)), *combinations(range(factors), 2)]
    return [_estimate(observations, which, factors, m) for m in MEASURES for which in chosen]


def _estimate(
    observations: Sequence[Observation], which: tuple[int, ...], factors: int, measure: str
) -> Effect:
    cells: dict[Levels, list[Observation]] = {}
    for observation in observations:
        if measure in observation.readings:
            cells.setdefault(observation.levels, []).append(observation)
    corners = list(product((True, False), repeat=len(which)))
    rest = [index for index in range(factors) if index not in which]
    # By what is there, not by what there could be: twenty factors have a million settings.
    by_others: dict[Levels, dict[Levels, list[Observation]]] = {}
    for levels, found in sorted(cells.items()):
        others = tuple(levels[index] for index in rest)
        by_others.setdefault(others, {})[tuple(levels[index] for index in which)] = found
    groups = [
        [here[corner] for corner in corners]
        for here in by_others.values()
        if len(here) == len(corners)
    ]
    settings = 2 ** len(rest)
    if not groups:
        problem = _why_not(observations, which, measure)
        return Effect(which, measure, None, None, (), settings, problem=problem)
    signs = (1.0, -1.0) if len(which) == 1 else (0.5, -0.5, -0.5, 0.5)
    parts = [Part(tuple(c[0].name for c in group), _combine(group, measure, signs))
             for group in groups]  # fmt: skip
    alone = together = None
    if len(which) == 2:
        # Corners: both, first alone, second alone, neither.
        together = _mean([_combine(group, measure, (1, 0, -1, 0)) for group in groups])
        alone = _mean([_combine(group, measure, (0, 1, 0, -1)) for group in groups])
    return Effect(
        which, measure, _mean([part.change for part in parts]),
        _carry(groups, measure, signs), tuple(parts), settings, alone, together,
    )  # fmt: skip


def _combine(
    group: Sequence[Sequence[Observation]], measure: str, signs: Sequence[float]
) -> float:
    return sum(
        sign * _mean([each.readings[measure].value for each in cell])
        for sign, cell in zip(signs, group, strict=True)
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _carry(
    groups: Sequence[Sequence[Sequence[Observation]]], measure: str, signs: Sequence[float]
) -> Interval | None:
    """Return the interval of the mean over groups; None where a reading has none."""
    below = above = estimate = 0.0
    for group in groups:
        for sign, cell in zip(signs, group, strict=True):
            for observation in cell:
                reading = observation.readings[measure]
                if reading.interval is None:
                    return None
                weight = sign / len(groups) / len(cell)
                ends = sorted(weight * end for end in reading.interval)
                center = weight * reading.value
                estimate += center
                below += max(center - ends[0], 0.0) ** 2
                above += max(ends[1] - center, 0.0) ** 2
    return estimate - math.sqrt(below), estimate + math.sqrt(above)


def _why_not(observations: Sequence[Observation], which: tuple[int, ...], measure: str) -> str:
    """Return why no pair or square has its figure everywhere."""
    need = "two variants that differ in it alone" if len(which) == 1 else (
        "four variants that differ in these two alone"
    )  # fmt: skip
    lacking = [f"{o.name} {o.absences[measure]}" for o in observations if measure in o.absences]
    present = {observation.levels for observation in observations}
    for levels in present:
        places = []
        for corner in product((True, False), repeat=len(which)):
            moved = list(levels)
            for index, level in zip(which, corner, strict=True):
                moved[index] = level
            places.append(tuple(moved))
        if all(place in present for place in places) and lacking:
            return f"it takes {need} and have the figure, but {'; '.join(lacking[:3])}"
    return f"it takes {need}, and there are none"
