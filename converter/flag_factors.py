"""The flags of a recipe as factors of a two-level factorial: which can be crossed, and which cells.

A cell is one setting of the chosen flags, off or on each. Flags contradict each other, so some
cells cannot be asked of a converter: they are missing with the reason, and nothing stands in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from converter.errors import RecipeError
from converter.recipe import (
    AS_GIVEN,
    BUILTINS,
    BUILTINS_INT8,
    FURTHER_PRESETS,
    INT16X8,
    LITERT_QUANTIZER,
    PRESETS,
    SELECT_TF,
    TFLITE_PRESETS,
    Recipe,
    engine_problem,
    recipe_problems,
)
from converter.toggles import toggles_asked
from converter.weight_algorithms import MIN_MAX, WEIGHT_ALGORITHMS

LEAST_FACTORS, MOST_FACTORS = 2, 4
Flags = dict[str, Any]


@dataclass(frozen=True)
class FlagFactor:
    """One flag, off or on.

    Attributes:
        key: Short name; recipes of cells are named by it.
        label: What a person reads.
        short: The same for a chart, in up to twelve letters.
        toggles: The keys of `toggles.py` that it sets, all of them at once.
        change: Switches it on among other flags.
        group: Flags of one group exclude each other; empty where it excludes none by itself.
    """

    key: str
    label: str
    short: str
    toggles: frozenset[str]
    change: Callable[[Flags], Flags]
    group: str = ""


def _set(**fields: Any) -> Callable[[Flags], Flags]:  # noqa: ANN401 - fields of several types
    return lambda flags: {**flags, **fields}


def _add(field: str, value: str) -> Callable[[Flags], Flags]:
    return lambda flags: {**flags, field: (*flags[field], value)}


def _only_int8(flags: Flags) -> Flags:
    kept = [name for name in flags["supported_ops"] if name not in (BUILTINS, SELECT_TF)]
    return {**flags, "supported_ops": (BUILTINS_INT8, *kept)}


def _int16(flags: Flags) -> Flags:
    return {**flags, "supported_ops": (INT16X8, *flags["supported_ops"])}


def _integer_ends(flags: Flags) -> Flags:
    dtype = "int16" if INT16X8 in flags["supported_ops"] else "int8"
    return {**flags, "inference_input_type": dtype, "inference_output_type": dtype}


_DEFAULT, _CALIBRATE = "default", "cal"
FLAG_FACTORS: dict[str, FlagFactor] = {
    key: FlagFactor(key, label, short, frozenset(toggles), change)
    for key, label, short, toggles, change in (
        (_DEFAULT, "Optimize.DEFAULT", "DEFAULT", ["optimizations=DEFAULT"],
         _add("optimizations", "DEFAULT")),
        (_CALIBRATE, "representative data", "calibration", ["calibrate"], _set(calibrate=True)),
        ("f16", "float16 weights", "float16", ["supported_types=float16"],
         _add("supported_types", "float16")),
        ("tensor", "per-tensor weights", "per-tensor", ["per_channel"], _set(per_channel=False)),
        ("dense", "per-tensor dense weights", "dense/tensor", ["per_channel_dense"],
         _set(per_channel_dense=False)),
        ("int16x8", "int16x8 operators", "int16x8", [f"supported_ops={INT16X8}"], _int16),
        ("int8ops", "int8-only operators", "int8 only",
         [f"supported_ops={BUILTINS_INT8}", f"without {BUILTINS}"], _only_int8),
        # After the operators: what type the ends can have depends on them.
        ("io", "integer inputs and outputs", "integer I/O",
         ["inference_input_type", "inference_output_type"], _integer_ends),
        ("sparse", "EXPERIMENTAL_SPARSITY", "sparsity",
         ["optimizations=EXPERIMENTAL_SPARSITY"], _add("optimizations", "EXPERIMENTAL_SPARSITY")),
    )
}  # fmt: skip
_QUANTIZER_FACTORS = {
    factor.key: factor
    for factor in (
        FlagFactor("bits", "4-bit weights", "4-bit", frozenset({"weight_bits"}),
                   _set(weight_bits=4), "bits"),
        FlagFactor("bits2", "2-bit weights", "2-bit", frozenset({"weight_bits=2"}),
                   _set(weight_bits=2), "bits"),
        FlagFactor("wonly", "weights only", "weights only", frozenset({"weight_only"}),
                   _set(weight_only=True)),
        FlagFactor("blocks", "blocks of 32", "blocks", frozenset({"block_size=32"}),
                   _set(block_size=32)),
        *(
            FlagFactor(name, f"{way.label} scales", way.label, frozenset({f"algorithm={name}"}),
                       _set(algorithm=name), "algorithm")
            for name, way in WEIGHT_ALGORITHMS.items() if name != MIN_MAX
        ),
    )
}  # fmt: skip
"""Those that litert-quantizer alone knows."""
FLAG_FACTORS.update(_QUANTIZER_FACTORS)
"""All flags that can be crossed, in the order in which they are switched on."""


def offered_factors(engine: str) -> list[FlagFactor]:
    """Return the flags that an engine knows."""
    left_out = ("sparse",) if engine == LITERT_QUANTIZER else tuple(_QUANTIZER_FACTORS)
    return [factor for key, factor in FLAG_FACTORS.items() if key not in left_out]


@dataclass(frozen=True)
class Cell:
    """One setting of the chosen flags.

    Attributes:
        levels: Off or on, in the order of the factors.
        recipe: What is asked; None where it cannot be.
        problem: Why not, as a sentence; None where it can.
    """

    levels: tuple[bool, ...]
    recipe: Recipe | None
    problem: str | None


@dataclass(frozen=True)
class Factorial:
    """All settings of the chosen flags.

    Attributes:
        factors: The chosen flags.
        held: Flags that are on in every cell, because the chosen ones need them.
        cells: All `2 ** len(factors)`, the first flag changing slowest.
    """

    factors: tuple[FlagFactor, ...]
    held: tuple[FlagFactor, ...]
    cells: tuple[Cell, ...]

    @property
    def recipes(self) -> list[Recipe]:
        """Those that can be asked."""
        return [cell.recipe for cell in self.cells if cell.recipe is not None]


def plan_factorial(keys: Sequence[str], engine: str) -> Factorial:
    """Return the factorial of some flags, with as few others held on as allow the most cells.

    Args:
        keys: Two to four keys of `FLAG_FACTORS`.
        engine: `tflite_converter` or `litert_quantizer`.

    Raises:
        RecipeError: When a key is unknown to the engine, or there are too few or too many.
    """
    offered = {factor.key: factor for factor in offered_factors(engine)}
    unknown = [key for key in keys if key not in offered]
    count = len(set(keys))
    if unknown or not LEAST_FACTORS <= count <= MOST_FACTORS:
        found = f"{unknown[0][:40]!r}" if unknown else f"{count}"
        raise RecipeError(
            f"A factorial takes {LEAST_FACTORS} to {MOST_FACTORS} flags out of "
            f"{', '.join(offered)}; found {found}; choose others."
        )
    factors = tuple(factor for key, factor in offered.items() if key in keys)
    free = [offered[key] for key in (_DEFAULT, _CALIBRATE) if key not in keys]
    plans = [
        Factorial(factors, tuple(free[:number]), _cells(factors, free[:number], engine))
        for number in range(len(free) + 1)
    ]
    return max(plans, key=lambda plan: (len(plan.recipes), -len(plan.held)))


def _cells(
    factors: Sequence[FlagFactor], held: Sequence[FlagFactor], engine: str
) -> tuple[Cell, ...]:
    cells = []
    for levels in product((False, True), repeat=len(factors)):
        on = [*held, *(f for f, level in zip(factors, levels, strict=True) if level)]
        cells.append(Cell(levels, *build_recipe(on, engine)))
    return tuple(cells)


def build_recipe(on: Sequence[FlagFactor], engine: str) -> tuple[Recipe | None, str | None]:
    """Return the recipe with just these flags on, or the reason why there is none.

    A preset with the same flags keeps its name, so that earlier results of it count.
    """
    keys = {factor.key for factor in on}
    ordered = [factor for key, factor in FLAG_FACTORS.items() if key in keys]
    groups = [factor.group for factor in ordered if factor.group]
    if len(groups) > len(set(groups)):
        alike = [f.label for f in ordered if groups.count(f.group) > 1]
        return None, f"{' and '.join(alike)} exclude each other; choose one."
    flags: Flags = Recipe(name="_".join(["f", *(f.key for f in ordered)])).to_json()
    for factor in ordered:
        flags = factor.change(flags)
    flags["supported_ops"] = tuple(flags["supported_ops"])
    problems = recipe_problems(flags)
    if problems:
        return None, problems[0]
    recipe = Recipe(**flags)
    problem = engine_problem(recipe, engine)
    if problem is not None:
        return None, problem.removeprefix(f"{recipe.name}: ")
    return _named_like_a_preset(recipe, engine), None


def _named_like_a_preset(recipe: Recipe, engine: str) -> Recipe:
    known = [*PRESETS.values()]
    if engine == LITERT_QUANTIZER:
        known = [AS_GIVEN, *TFLITE_PRESETS.values(), *FURTHER_PRESETS.values()]
    return next((p for p in known if _asked(p) == _asked(recipe)), recipe)


def _asked(recipe: Recipe) -> Flags:
    flags = {name: value for name, value in recipe.to_json().items() if name != "name"}
    return {**flags, "supported_ops": frozenset(flags["supported_ops"])}


@dataclass(frozen=True)
class FoundFactor:
    """What differs between the variants of a run: one flag, or several that go together always.

    Attributes:
        label: What a person reads.
        short: The same for a chart: its parts, to be set below each other.
        toggles: Keys of `toggles.py`.
        known: The flags of `FLAG_FACTORS` that it is made of; empty where another is among them.
    """

    label: str
    short: tuple[str, ...]
    toggles: frozenset[str]
    known: tuple[FlagFactor, ...]

    @property
    def is_alias(self) -> bool:
        """Whether several flags change together, so that none of them has an effect of its own."""
        return len(self.known) > 1 or (not self.known and len(self.toggles) > 1)


def asked_toggles(flags: Mapping[str, Any]) -> frozenset[str]:
    """Return what a variant's flags switch on; of a flag with several values, with which.

    Raises:
        RecipeError: When the flags are no recipe.
    """
    found = set(toggles_asked(flags))
    for end in ("inference_input_type", "inference_output_type"):
        if flags.get(end) == "uint8":
            found.discard(end)
            found.add(f"{end}=uint8")
    for field in ("algorithm", "block_size"):
        if field in found:
            found.discard(field)
            found.add(f"{field}={flags[field]}")
    return frozenset(found)


def find_factors(asked: Sequence[frozenset[str]]) -> list[FoundFactor]:
    """Return the factors among variants: toggles that are on in some and off in others.

    Toggles that are on in the same variants cannot be told apart and are one factor.

    Args:
        asked: `asked_toggles` of each variant.
    """
    columns: dict[tuple[bool, ...], set[str]] = {}
    for toggle in sorted(frozenset().union(*asked)):
        column = tuple(toggle in each for each in asked)
        if not all(column):
            columns.setdefault(column, set()).add(toggle)
    found = [_name_factor(frozenset(toggles)) for toggles in columns.values()]
    return sorted(found, key=_place)


def _name_factor(toggles: frozenset[str]) -> FoundFactor:
    known = tuple(f for f in FLAG_FACTORS.values() if f.toggles <= toggles)
    left = sorted(toggles.difference(*(f.toggles for f in known)))
    label = " + ".join([*(f.label for f in known), *left])
    short = (*(f.short for f in known), *(toggle[-16:] for toggle in left))
    return FoundFactor(label, short, toggles, () if left else known)


def _place(factor: FoundFactor) -> int:
    places = list(FLAG_FACTORS)
    return min((places.index(f.key) for f in factor.known), default=len(places))
