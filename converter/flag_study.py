"""What the flags of a finished run did: its variants as a factorial, with what is missing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from converter.comparison import Comparison, Variant
from converter.condition_differences import differing_conditions
from converter.errors import DataError, RecipeError
from converter.flag_effects import (
    DRIFT,
    LATENCY,
    SIZE,
    Effect,
    Observation,
    Reading,
    estimate_effects,
)
from converter.flag_factors import (
    FLAG_FACTORS,
    FoundFactor,
    asked_toggles,
    build_recipe,
    find_factors,
)
from converter.recipe import GIVEN, LITERT_QUANTIZER, TFLITE_CONVERTER

MOST_LISTED = 5
"""Factors of which missing cells are listed one by one: 32 of them."""
_WHEN = ("Latency measured", "Finished")


@dataclass(frozen=True)
class MissingCell:
    """A setting of the factors that no variant has.

    Attributes:
        on: Numbers of the factors that are on.
        reason: Why, as a sentence.
    """

    on: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class FlagStudy:
    """The flags of one run, or of several under the same conditions.

    Attributes:
        factors: What differs between its variants.
        observations: Its variants in their cells.
        effects: Main effects and two-way interactions on each measure.
        missing: Cells without a variant; empty where there are too many factors to list them.
        notes: Sentences a person should read: what was left out, and what the figures rest on.
        runs: How many runs it is made of.
    """

    factors: tuple[FoundFactor, ...]
    observations: tuple[Observation, ...]
    effects: tuple[Effect, ...]
    missing: tuple[MissingCell, ...]
    notes: tuple[str, ...]
    runs: int

    @property
    def cells(self) -> int:
        """How many cells have a variant."""
        return len({observation.levels for observation in self.observations})

    def effect(self, measure: str, *factors: int) -> Effect:
        """Return one effect.

        Raises:
            KeyError: When there is none.
        """
        for effect in self.effects:
            if effect.measure == measure and effect.factors == factors:
                return effect
        raise KeyError((measure, factors))


def study_flags(comparisons: Sequence[Comparison]) -> FlagStudy:
    """Return what the flags did.

    Args:
        comparisons: One run, or several of one model on the same data under the same conditions.

    Raises:
        DataError: When the conditions differ, or no two variants with flags are left.
    """
    if not comparisons:
        raise DataError("flags: expected at least one run, found none; choose a finished one.")
    _check_conditions(comparisons)
    variants = [variant for comparison in comparisons for variant in comparison.variants]
    kept: list[tuple[Variant, frozenset[str]]] = []
    left_out = []
    for variant in variants:
        try:
            if variant.flags:
                kept.append((variant, asked_toggles(variant.flags)))
                continue
        except RecipeError:
            pass  # of another version: its flags are not known here
        left_out.append(variant.recipe)
    factors = find_factors([toggles for _, toggles in kept])
    if len(kept) < 2 or not factors:
        raise DataError(
            f"{comparisons[0].model.name[:80]}: expected at least two variants that differ in "
            f"their flags, found {len(kept)}; run it again with more recipes."
        )
    observations = tuple(_observe(variant, toggles, factors) for variant, toggles in kept)
    return FlagStudy(
        factors=tuple(factors),
        observations=observations,
        effects=tuple(estimate_effects(observations, len(factors))),
        missing=_missing(kept, factors),
        notes=tuple(_notes(factors, observations, left_out, comparisons)),
        runs=len(comparisons),
    )


def same_conditions(comparisons: Sequence[Comparison]) -> str | None:
    """Return the first condition in which runs differ, with its values; None where they agree."""
    differing = [c for c in differing_conditions(comparisons) if c.label not in _WHEN]
    if not differing:
        return None
    first = differing[0]
    return f"{first.label} {' and '.join(dict.fromkeys(v[:40] for v in first.values))}"


def _check_conditions(comparisons: Sequence[Comparison]) -> None:
    found = same_conditions(comparisons)
    if found is not None:
        raise DataError(
            "flags: expected runs of one model on the same data under the same conditions, found "
            f"{found}; choose runs that agree in it."
        )


def _observe(
    variant: Variant, toggles: frozenset[str], factors: Sequence[FoundFactor]
) -> Observation:
    readings: dict[str, Reading] = {}
    absences: dict[str, str] = {}
    for measure, found in (
        (SIZE, _size(variant)),
        (LATENCY, _latency(variant)),
        (DRIFT, _drift(variant)),
    ):
        if isinstance(found, Reading):
            readings[measure] = found
        else:
            absences[measure] = "failed" if variant.status != "ok" else found
    levels = tuple(factor.toggles <= toggles for factor in factors)
    return Observation(variant.recipe, levels, readings, absences)


def _size(variant: Variant) -> Reading | str:
    return Reading(math.log(variant.size_bytes)) if variant.size_bytes else "has no file"


def _latency(variant: Variant) -> Reading | str:
    stats = variant.latency
    if stats is None or not (math.isfinite(stats.p50_ms) and stats.p50_ms > 0):
        return "was not timed"
    interval = stats.p50_ci95_ms
    if interval is None or not (interval[0] > 0 and math.isfinite(interval[1])):
        return Reading(math.log(stats.p50_ms))
    return Reading(math.log(stats.p50_ms), (math.log(interval[0]), math.log(interval[1])))


def _drift(variant: Variant) -> Reading | str:
    if variant.drift is None:
        return "was not run"
    value = variant.drift.sqnr_db
    if variant.drift.non_finite_count or math.isnan(value):
        return "gives NaN or infinite outputs"
    if math.isinf(value):
        return "has no error at all (SQNR is infinite)" if value > 0 else (
            "has an SQNR of minus infinity"
        )  # fmt: skip
    return Reading(value)


def _missing(
    kept: Sequence[tuple[Variant, frozenset[str]]], factors: Sequence[FoundFactor]
) -> tuple[MissingCell, ...]:
    if len(factors) > MOST_LISTED:
        return ()
    present = {tuple(f.toggles <= toggles for f in factors) for _, toggles in kept}
    always = frozenset.intersection(*(toggles for _, toggles in kept))
    held = [f for f in FLAG_FACTORS.values() if f.toggles <= always]
    engines = {variant.engine for variant, _ in kept if variant.engine != GIVEN}
    engine = LITERT_QUANTIZER if engines == {LITERT_QUANTIZER} else TFLITE_CONVERTER
    cells = []
    for levels in product((False, True), repeat=len(factors)):
        if levels in present:
            continue
        on = [factor for factor, level in zip(factors, levels, strict=True) if level]
        problem = None
        if all(factor.known for factor in on):
            flags = [*held, *(flag for factor in on for flag in factor.known)]
            _, problem = build_recipe(flags, engine)
        numbers = tuple(index for index, level in enumerate(levels) if level)
        cells.append(MissingCell(numbers, problem or "no variant of the run has these flags."))
    return tuple(cells)


def _notes(
    factors: Sequence[FoundFactor], observations: Sequence[Observation],
    left_out: Sequence[str], comparisons: Sequence[Comparison],
) -> list[str]:  # fmt: skip
    notes = [
        f"{factor.label}: always on together in these variants, so that their effects cannot be "
        "told apart."
        for factor in factors
        if factor.is_alias
    ]
    if left_out:
        notes.append(
            f"Left out: {', '.join(name[:48] for name in left_out[:6])}, because the flags are not "
            "known."
        )
    for observation in observations:
        absence = observation.absences.get(DRIFT, "")
        if "infin" in absence:
            notes.append(
                f"{observation.name} {absence}: no difference in decibels can be taken with it, so "
                "it counts for no effect on drift."
            )
    if not any(r.interval for o in observations for m, r in o.readings.items() if m == LATENCY):
        notes.append(
            "The latencies have no intervals: they were timed in too few turns for one."
        )
    samples = comparisons[0].data.evaluation_samples
    notes.append(
        "Sizes are exact; intervals of latency are 95 %, carried through from those of the "
        f"medians; drift is SQNR on these {samples:,} samples, and would differ on others."
    )
    if len(comparisons) > 1:
        notes.append(f"{len(comparisons)} runs: latencies of different runs were not interleaved.")
    return notes
