"""What converting a model for a target has shown: by a run's variant, or by a probe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from converter.comparison import Variant
from converter.converter_refusals import Refusal, find_refusals
from converter.litert_words import CANNOT_PREPARE
from converter.operator_trace import FileOperator
from converter.recipe import PRESETS, SELECT_TF_PRESET, TFLITE_CONVERTER, Recipe

RUN, PROBE = "run", "probe"
_MOST_REASON = 400


@dataclass(frozen=True)
class Target:
    """What a model is converted for.

    Attributes:
        label: What tables call it.
        recipe: The recipe that converts for it.
        wants_integers: Whether an operator that computes on floats misses its aim.
        with_select_tf: Whether TensorFlow's own operators are allowed.
    """

    label: str
    recipe: Recipe
    wants_integers: bool = False
    with_select_tf: bool = False

    @property
    def name(self) -> str:
        """The recipe's name."""
        return self.recipe.name


TARGETS = (
    Target("Builtins, float32", PRESETS["float32"]),
    Target("int8, float fallback", PRESETS["int8"], wants_integers=True),
    Target("int8 only", PRESETS["int8_full"], wants_integers=True),
    Target("int16x8", PRESETS["int16x8"], wants_integers=True),
    Target("With Select TF", SELECT_TF_PRESET, with_select_tf=True),
)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What one conversion has shown.

    Attributes:
        target: The recipe's name.
        source: `RUN` or `PROBE`.
        converts: Whether a file came out.
        allocates: Whether LiteRT could prepare it; None where that was not told.
        runs: Whether it could run; None where it was not tried.
        reason: Why not, in one sentence.
        refusals: The operations that the converter refused.
        operators: Of the file; None where it was not read.
        advice: What may help where the converter crashed; may be empty.
    """

    target: str
    source: str
    converts: bool
    allocates: bool | None = None
    runs: bool | None = None
    reason: str = ""
    refusals: tuple[Refusal, ...] = ()
    operators: tuple[FileOperator, ...] | None = None
    advice: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Evidence:
        """Read `to_json`'s form.

        Raises:
            KeyError: When a field is missing.
            TypeError: When one has another form.
        """
        fields = dict(values)
        fields["refusals"] = tuple(Refusal(**item) for item in fields["refusals"])
        operators = fields["operators"]
        fields["operators"] = None if operators is None else read_operators(operators)
        return cls(**fields)


def read_operators(items: Iterable[Mapping[str, Any]]) -> tuple[FileOperator, ...]:
    """Read the operators of a file as the worker answers them."""
    return tuple(FileOperator.from_json(item) for item in items)


def target_of(variant: Variant) -> Target | None:
    """Return the target that a variant was converted for; None where its flags are others."""
    if variant.engine != TFLITE_CONVERTER:
        return None
    try:
        flags = Recipe.from_json({**variant.flags, "name": "same"}).to_json()
    except (ValueError, TypeError):
        return None
    return next((t for t in TARGETS if {**t.recipe.to_json(), "name": "same"} == flags), None)


def evidence_of(
    variant: Variant, target: Target, operators: tuple[FileOperator, ...] | None
) -> Evidence:
    """Return what a run's variant has shown.

    Args:
        variant: Finished.
        target: Of `target_of`.
        operators: Of its file; None where there is none.
    """
    reason = (variant.error or "")[:_MOST_REASON]
    converts = variant.file is not None
    allocates: bool | None = variant.runnable or None
    runs: bool | None = variant.runnable
    if variant.audit.missing_kernels:
        reason = f"This runtime has no kernel for {', '.join(variant.audit.missing_kernels[:5])}."
        allocates = False
    elif not converts:
        allocates = runs = None
    elif variant.status != "ok" and CANNOT_PREPARE in reason:
        allocates = False
    return Evidence(
        target=target.name,
        source=RUN,
        converts=converts,
        allocates=allocates,
        runs=runs,
        reason=reason,
        refusals=() if converts else tuple(find_refusals(variant.error_details or "")),
        operators=operators,
    )
