"""What flags did, in sentences: each flag, how two work together, and what cannot be told.

A latency of 0.5 times is said as `2x faster`, one of 0.99 times as `1.0 % faster`: by how much
less time, not by how much more speed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from components.format import TIMES, format_ratio
from converter.flag_effects import DRIFT, LATENCY, SIZE, Effect
from converter.flag_study import FlagStudy

_NAMES = {SIZE: "the file", LATENCY: "inference", DRIFT: "SQNR"}
_WORDS = {SIZE: ("smaller", "larger"), LATENCY: ("faster", "slower")}


def change_words(measure: str, change: float) -> str:
    """Return an effect as a person says it, such as `3.9x smaller` or `2.1 dB lower`.

    Args:
        measure: Of `flag_effects.MEASURES`.
        change: A difference of logarithms, or of dB.
    """
    if measure == DRIFT:
        if abs(change) < 0.05:
            return "the same"
        return f"{abs(change):.1f} dB {'lower' if change < 0 else 'higher'}"
    less, more = _WORDS[measure]
    if change == 0:
        return "the same"
    return f"{_times(change)} {less if change < 0 else more}"


def _times(change: float) -> str:
    """Return a factor; a small one as per cent of what it was."""
    if abs(change) >= math.log(1.5):
        return format_ratio(math.exp(abs(change)))
    percent = 100 * abs(math.expm1(change))
    if percent < 0.1:
        return "under 0.1 %"
    return f"{percent:.1f} %" if percent < 10 else f"{percent:.0f} %"


def interval_words(effect: Effect) -> str:
    """Return the 95 % interval of a latency effect; what it means where it holds no change."""
    if effect.measure != LATENCY or effect.estimate is None:
        return ""
    if effect.interval is None:
        return "no interval"
    low, high = (f"{math.exp(end):.3g}{TIMES}" for end in effect.interval)
    told = f"95 %: {low} to {high} the time"
    return told if effect.is_distinct else f"{told}, not to be told from no change"


def main_sentence(study: FlagStudy, factor: int) -> str:
    """Return what one flag did on each measure."""
    parts = []
    for measure, what in _NAMES.items():
        effect = study.effect(measure, factor)
        if effect.estimate is None:
            continue
        change, interval = change_words(measure, effect.estimate), interval_words(effect)
        verb = f"left {what}" if change == "the same" else f"made {what}"
        parts.append(f"{verb} {change}" + (f" ({interval})" if interval else ""))
    if not parts:
        return "cannot be told from these variants"
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def evidence(effect: Effect) -> str:
    """Return which variants an effect rests on."""
    count, kind = len(effect.parts), "pair" if len(effect.factors) == 1 else "square"
    if not count:
        return ""
    if count == 1:
        with_it, *_, without = effect.parts[0].names
        told = f"from one {kind}, {with_it} against {without}"
        return told if kind == "pair" else f"from one {kind} of four variants"
    told = f"mean of {count} {kind}s"
    if count < effect.settings:  # the whole factorial often cannot be asked
        told += f" (a whole factorial has {effect.settings})"
    low, high = (end(part.change for part in effect.parts) for end in (min, max))
    if kind == "square" or low == high:
        return told
    size = "size" if effect.measure == SIZE else effect.measure
    return f"{told}, {size} from {change_words(effect.measure, low)} to " + change_words(
        effect.measure, high)


def together_sentence(study: FlagStudy, first: int, second: int) -> str:
    """Return how the effect of one flag depends on another: with it, against without."""
    parts = []
    for measure, what in _NAMES.items():
        effect = study.effect(measure, first, second)
        if effect.alone is None or effect.together is None:
            continue
        doubt = ""
        if measure == LATENCY and not effect.is_distinct:
            doubt = ", no interval" if effect.interval is None else ", not to be told apart"
        alone, together = (change_words(measure, c) for c in (effect.alone, effect.together))
        again = "as without" if alone == together else f"against {alone} without"
        parts.append(f"{what} {together} ({again}{doubt})")
    return ", ".join(parts)


def label_of(study: FlagStudy, factors: Sequence[int]) -> str:
    """Return the name of an effect."""
    return " \N{MULTIPLICATION SIGN} ".join(study.factors[index].label for index in factors)


def untold(study: FlagStudy) -> list[tuple[str, str]]:
    """Return each effect of which at least one measure cannot be estimated, with the reason."""
    rows: dict[tuple[str, str], list[str]] = {}
    for effect in study.effects:
        if effect.problem is not None:
            rows.setdefault((label_of(study, effect.factors), effect.problem), []).append(
                effect.measure)
    return [
        (label if len(measures) == 3 else f"{label} on {' and '.join(measures)}", problem)
        for (label, problem), measures in rows.items()
    ]

