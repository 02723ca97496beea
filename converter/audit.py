"""What is in a converted file, against what the recipe asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from converter.comparison import Audit, Variant
from converter.float_reasons import border_reasons, float_reasons
from converter.recipe import GIVEN, TFLITE_CONVERTER, Recipe
from converter.tflite_file import Operator, TfliteFile
from converter.toggles import (
    IGNORED,
    NO,
    effect_note,
    judge_toggles,
    toggles_asked,
)

_STATEFUL = {"ASSIGN_VARIABLE", "VAR_HANDLE", "READ_VARIABLE", "CALL_ONCE"}
_AS_GIVEN = Recipe(name="given")


def audit_file(
    file: TfliteFile,
    recipe: Recipe,
    engine: str = TFLITE_CONVERTER,
    quantizable: Collection[str] | None = None,
) -> Audit:
    """Count the operators of a file, judge each flag of the recipe, and say what stayed in float.

    Args:
        file: The converted file.
        recipe: What was asked.
        engine: What carried it out.
        quantizable: Operators that the engine has a rule for with this recipe; None where that is
            not known.

    Returns:
        Counts, types, reasons, the flags' effects, and a note for each flag without full effect.
    """
    audit = describe_file(file, recipe)
    audit.float_reasons = float_reasons(file.operators, recipe, engine, quantizable)
    audit.flags = judge_toggles(file, audit, recipe, engine)
    audit.notes = [note for row in audit.flags if (note := effect_note(row))]
    return audit


def describe_file(file: TfliteFile, recipe: Recipe = _AS_GIVEN) -> Audit:
    """Return what is in a file that nobody asked a converter for: counts, types and borders.

    Args:
        file: The file.
        recipe: What its ends were asked to be; float32 where nothing was asked.
    """
    audit = count_operators(file.operators)
    audit.tensor_types = _tensor_types(file)
    audit.border_reasons = border_reasons(file.operators, recipe)
    return audit


def count_operators(operators: Iterable[Operator]) -> Audit:
    """Sort operators by what they compute on; each counts once."""
    audit = Audit()
    float_names: Counter[str] = Counter()
    flex_names: Counter[str] = Counter()
    for operator in operators:
        audit.total_ops += 1
        audit.is_stateful |= operator.name in _STATEFUL
        if operator.is_flex:
            flex_names[operator.name] += 1
        elif operator.is_custom:
            audit.custom_ops += 1
        elif operator.is_border:
            audit.border_ops += 1
        elif operator.computes_in_float:
            audit.float_ops += 1
            audit.hybrid_ops += operator.has_integer_weights
            float_names[operator.name] += 1
        elif operator.computes_on_integers:
            audit.integer_ops += 1
        if not operator.has_kernel and operator.name not in audit.missing_kernels:
            audit.missing_kernels.append(operator.name)
    audit.flex_ops = flex_names.total()
    audit.flex_op_names = dict(flex_names.most_common())
    audit.float_op_names = dict(float_names.most_common())
    return audit


def _tensor_types(file: TfliteFile) -> dict[str, dict[str, int]]:
    touched = {id(t): t for o in file.operators for t in (*o.inputs, *o.outputs)}
    activations = Counter(t.dtype for t in touched.values() if not t.is_constant)
    weights: Counter[str] = Counter()
    biases: Counter[str] = Counter()
    for tensor in file.constants:
        if tensor.is_quantized and tensor.dtype in {"int32", "int64"}:
            biases[tensor.dtype] += tensor.elements
        elif tensor.is_quantized or tensor.is_float:
            weights[tensor.dtype] += tensor.elements
    kinds = {"activations": activations, "weights": weights, "biases": biases}
    return {kind: dict(count.most_common()) for kind, count in kinds.items() if count}


def note_identical_files(variants: Iterable[Variant]) -> None:
    """Say which files compute the same, and that the flags in which they differ did nothing.

    A flag that only one of two recipes sets has no effect where both files hold the same but for
    the converter's metadata.
    """
    groups: dict[str, list[Variant]] = {}
    for variant in variants:
        if variant.content_sha256 is not None:
            groups.setdefault(variant.content_sha256, []).append(variant)
    for group in groups.values():
        for place, variant in enumerate(group):
            others = group[:place] + group[place + 1 :]
            variant.audit.same_as = [other.recipe for other in others]
            for other in others:
                _take_back(variant, other)
            if place:
                variant.audit.notes.append(_same_note(variant, group[0]))


def _same_note(variant: Variant, earlier: Variant) -> str:
    given = GIVEN in (variant.engine, earlier.engine)
    return same_note(earlier.recipe, changed_nothing=not given)


def same_note(earlier: str, *, changed_nothing: bool) -> str:
    """Return the sentence that a variant holds the same as an earlier one of its run.

    Args:
        earlier: The other's recipe.
        changed_nothing: Whether both come from recipes, whose difference then did nothing.
    """
    same = f"The file holds the same as {earlier} but for the converter's own metadata"
    if changed_nothing:
        same += ": what differs between the two recipes changed nothing"
    return f"{same}."


def _take_back(variant: Variant, other: Variant) -> None:
    """Judge anew the flags that a variant's recipe sets and the other's does not."""
    if GIVEN in (variant.engine, other.engine):
        return
    more = toggles_asked(variant.flags) - toggles_asked(other.flags)
    for row in variant.audit.flags:
        if row.get("toggle") not in more or row["effect"] in (NO, IGNORED):
            continue
        before = effect_note(row)
        row["effect"] = NO
        row["found"] += f"; the file is the same as {other.recipe}, which does not ask for it"
        variant.audit.notes = [n for n in variant.audit.notes if n != before]
        variant.audit.notes.append(effect_note(row))
