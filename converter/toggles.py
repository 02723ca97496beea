"""Each flag of a recipe against what is in the file: took effect, partly, no effect, or ignored.

`ignored` is said where the converter left all that the flag could have changed, or is known to
disregard the flag beside another one and the file bears it out; `no` where there was nothing in the
model for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from converter.comparison import Audit
from converter.float_reasons import LEAST_WEIGHTS
from converter.recipe import (
    BUILTINS,
    BUILTINS_INT8,
    INT16X8,
    LITERT_QUANTIZER,
    SELECT_TF,
    Recipe,
)
from converter.tflite_file import STORED_INTEGERS, Tensor, TfliteFile
from converter.weight_algorithms import MIN_MAX, WEIGHT_ALGORITHMS

YES, PARTLY, NO, IGNORED = "yes", "partly", "no", "ignored"
_NEARLY_ALL = 0.9
"""Biases stay in higher precision by design: nearly all weights is all that can be had."""
_REAL = ("float", "bfloat", "int8", "uint8", "int16")
"""Types of activations that hold real numbers; the others count or index."""
Found = tuple[str, str]


@dataclass(frozen=True)
class Toggle:
    """One flag of a recipe.

    Attributes:
        key: Its place in the recipe, such as `supported_ops=SELECT_TF_OPS`.
        label: What it is called in the result.
        asked: Whether a recipe sets it.
        check: What a file holds of it, for one that does.
    """

    key: str
    label: str
    asked: Callable[[Recipe], bool]
    check: Callable[[TfliteFile, Audit, Recipe], Found]


def judge_toggles(
    file: TfliteFile, audit: Audit, recipe: Recipe, engine: str
) -> list[dict[str, str]]:
    """Judge each flag that a recipe sets by what is in the file.

    Args:
        file: The converted file.
        audit: Its operators, counted.
        recipe: What was asked.
        engine: What carried it out.

    Returns:
        For each flag its `toggle`, `flag` (the label), `effect` and what was `found`.
    """
    rows = []
    for toggle in _TOGGLES:
        if not toggle.asked(recipe):
            continue
        effect, found = toggle.check(file, audit, recipe)
        if (
            engine == LITERT_QUANTIZER
            and toggle.key == _DEFAULT
            and effect == NO
            and _weights(file)
        ):
            effect = IGNORED  # it passes nothing over because of its size
        reason = _reason_to_ignore(toggle.key, recipe, engine)
        if reason is not None and _bears_out(toggle.key, audit):
            effect, found = IGNORED, reason
        label = toggle.label
        if engine == LITERT_QUANTIZER:
            label = label.replace("Optimize.DEFAULT (weights)", "Quantized weights")
        rows.append({"toggle": toggle.key, "flag": label, "effect": effect, "found": found})
    return rows


def toggles_asked(flags: Mapping[str, Any]) -> set[str]:
    """Return the keys of all toggles that a recipe sets; none for a file that was given."""
    if not flags:
        return set()
    recipe = Recipe.from_json(flags)
    return {toggle.key for toggle in _TOGGLES if toggle.asked(recipe)}


def effect_note(row: Mapping[str, str]) -> str:
    """Return the sentence on a flag without full effect; empty for one that took effect."""
    words = {
        PARTLY: "took effect only partly",
        NO: "had no effect",
        IGNORED: "was ignored",
    }
    word = words.get(str(row.get("effect")))
    return f"{row.get('flag')} {word}: {row.get('found')}." if word else ""


def _reason_to_ignore(key: str, recipe: Recipe, engine: str) -> str | None:
    int8_asked = "int8" in recipe.supported_types
    if engine == LITERT_QUANTIZER:
        if key == "supported_types=int8":
            return "litert-quantizer has no such setting: calibration alone makes 8-bit activations"
        if key == _INT8_OPS and not recipe.strict_integer:
            return "float operators are allowed beside it, so that it asks for nothing more"
        return None
    if key in (_INT16, _FLEX) and int8_asked:
        # lite.py, QuantizationMode._validate_int8_required; seen in the files' bytes.
        return "supported_types int8 puts TFLITE_BUILTINS_INT8 in place of the operator sets asked"
    if key == _INT8_OPS and not recipe.strict_integer and not int8_asked:
        # lite.py, QuantizationMode.is_allow_float: the same files, byte for byte, as without it.
        return "TFLiteConverter allows float operators beside it, as if it were not there"
    return None


def _bears_out(key: str, audit: Audit) -> bool:
    if key == _INT16:
        return "int16" not in audit.tensor_types.get("activations", {})
    return not audit.flex_ops if key == _FLEX else True


def _share(tensors: Iterable[Tensor], wanted: Callable[[Tensor], bool]) -> float:
    kept = list(tensors)
    elements = sum(tensor.elements for tensor in kept)
    return sum(t.elements for t in kept if wanted(t)) / elements if elements else 0.0


def _graded(share: float, found: str, none: str = NO) -> Found:
    """Return the effect of a share; `none` where it is 0."""
    return (none if share == 0 else YES if share > 0.999 else PARTLY), found


def _check_activations(_: TfliteFile, audit: Audit, __: Recipe) -> Found:
    computing = audit.integer_ops + audit.float_ops + audit.flex_ops + audit.custom_ops
    left = _listed(audit.float_op_names)
    tail = f"; left in float: {left}" if left else ""
    found = f"{audit.integer_ops} of {computing} operators compute on integers{tail}"
    share = audit.integer_ops / computing if computing else 0.0
    return _graded(share, found, IGNORED if computing else NO)


def _check_width(dtype: str) -> Callable[[TfliteFile, Audit, Recipe], Found]:
    def check(file: TfliteFile, _: Audit, __: Recipe) -> Found:
        touched = [{t.dtype for t in o.activations} for o in file.operators if not o.is_border]
        computing = [types for types in touched if any(t.startswith(_REAL) for t in types)]
        right = sum(
            dtype in types and not any(t.startswith("float") for t in types) for types in computing
        )
        found = f"{right} of {len(computing)} operators compute on {dtype}"
        share = right / len(computing) if computing else 0.0
        return _graded(share, found, IGNORED if computing else NO)

    return check


def _check_weights(file: TfliteFile, _: Audit, recipe: Recipe) -> Found:
    kind, dtypes = "8-bit integers", STORED_INTEGERS
    if "float16" in recipe.supported_types:
        kind, dtypes = "float16", frozenset({"float16"})
    elif recipe.weight_bits != 8:
        kind = "integers"
    return _stored_as(file, kind, dtypes)


def _check_float16(file: TfliteFile, _: Audit, __: Recipe) -> Found:
    return _stored_as(file, "float16", frozenset({"float16"}))


def _check_four_bits(file: TfliteFile, _: Audit, __: Recipe) -> Found:
    return _stored_as(file, "4-bit integers", frozenset({"int4", "uint4"}))


def _check_two_bits(file: TfliteFile, _: Audit, __: Recipe) -> Found:
    return _stored_as(file, "2-bit integers", frozenset({"int2"}))


def _check_algorithm(file: TfliteFile, _: Audit, recipe: Recipe) -> Found:
    algorithm = WEIGHT_ALGORITHMS[recipe.algorithm]
    with_weights = [o for o in file.operators if o.has_integer_weights]
    known = sum(not algorithm.dense_only or o.name == "FULLY_CONNECTED" for o in with_weights)
    found = f"it is for {known} of {len(with_weights)} operators with integer weights"
    rest = "" if known == len(with_weights) else "; the others have min-max"
    return _graded(known / len(with_weights) if with_weights else 0.0, found + rest)


def _check_blocks(file: TfliteFile, _: Audit, recipe: Recipe) -> Found:
    stored = [t for t in file.constants if t.is_quantized and t.dtype in STORED_INTEGERS]
    share = _share(stored, lambda tensor: tensor.block_size == recipe.block_size)
    return _graded(share, f"{share:.1%} of the integer weights have a scale for each "
                   f"{recipe.block_size} of a row", IGNORED if stored else NO)  # fmt: skip


def _weights(file: TfliteFile) -> list[Tensor]:
    return [t for t in file.constants if t.is_float or t.dtype in STORED_INTEGERS]


def _stored_as(file: TfliteFile, kind: str, dtypes: frozenset[str]) -> Found:
    weights = _weights(file)
    share = _share(weights, lambda t: t.dtype in dtypes)
    found = f"{share:.1%} of {sum(t.elements for t in weights)} weights are stored as {kind}"
    if share > _NEARLY_ALL:
        return YES, found
    large = any(tensor.elements >= LEAST_WEIGHTS for tensor in weights)
    return _graded(share, found, IGNORED if large else NO)


def _check_weight_only(_: TfliteFile, audit: Audit, __: Recipe) -> Found:
    found = f"{audit.float_ops} operators compute in float, {audit.integer_ops} on integers"
    if not audit.float_ops and not audit.integer_ops:
        return NO, found
    return (YES if not audit.integer_ops else PARTLY if audit.float_ops else IGNORED), found


def _check_per_tensor(dense: bool) -> Callable[[TfliteFile, Audit, Recipe], Found]:
    def check(file: TfliteFile, _: Audit, recipe: Recipe) -> Found:
        if dense and not recipe.per_channel:
            return NO, "Per-channel off holds for dense layers already"
        weights = [
            tensor
            for operator in file.operators
            if not dense or operator.name == "FULLY_CONNECTED"
            for tensor in operator.inputs
            if tensor.is_constant and tensor.dtype in STORED_INTEGERS and tensor.is_quantized
        ]
        one = sum(tensor.scales == 1 for tensor in weights)
        where = " of dense layers" if dense else ""
        found = f"{one} of {len(weights)} integer weight tensors{where} have one scale"
        share = one / len(weights) if weights else 0.0
        return _graded(share, found, IGNORED if weights else NO)

    return check


def _check_end(end: str) -> Callable[[TfliteFile, Audit, Recipe], Found]:
    def check(file: TfliteFile, _: Audit, recipe: Recipe) -> Found:
        specs = file.inputs if end == "input" else file.outputs
        asked = getattr(recipe, f"inference_{end}_type")
        right = sum(spec.dtype == asked for spec in specs)
        wrong = ", ".join(f"{s.name[:60]} is {s.dtype}" for s in specs if s.dtype != asked)
        found = f"{right} of {len(specs)} {end}s are {asked}" + (f"; {wrong}" if wrong else "")
        return _graded(right / len(specs) if specs else 0.0, found, IGNORED if specs else NO)

    return check


def _check_flex(file: TfliteFile, audit: Audit, _: Recipe) -> Found:
    found = f"{audit.flex_ops} operators need the Flex delegate"
    if not audit.flex_ops:
        return NO, f"{found}; every operator has a builtin one"
    names: dict[str, int] = {}
    for operator in file.operators:
        if not operator.is_flex:
            names[operator.name] = names.get(operator.name, 0) + 1
    builtin = _listed(dict(sorted(names.items(), key=lambda item: -item[1])))
    beside = f"; beside them are {builtin}" if builtin else ""
    return YES, f"{found}: {_listed(audit.flex_op_names)}{beside}"


def _listed(names: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name[:60]}" for name, count in names.items())


def _check_custom(_: TfliteFile, audit: Audit, __: Recipe) -> Found:
    found = f"{audit.custom_ops} custom operators"
    return (YES, found) if audit.custom_ops else (NO, f"{found}; every operator is known")


def _check_sparsity(file: TfliteFile, _: Audit, __: Recipe) -> Found:
    sparse = sum(tensor.is_sparse for tensor in file.constants)
    found = f"{sparse} weight tensors are stored sparsely"
    return (YES, found) if sparse else (NO, f"{found}; the model was not pruned in blocks")


_DEFAULT = "optimizations=DEFAULT"
_INT8_OPS, _INT16, _FLEX = (f"supported_ops={name}" for name in (BUILTINS_INT8, INT16X8, SELECT_TF))
_TOGGLES = (
    Toggle(
        _DEFAULT,
        "Optimize.DEFAULT (weights)",
        lambda r: "DEFAULT" in r.optimizations,
        _check_weights,
    ),
    Toggle(
        "supported_types=float16",
        "supported_types float16",
        lambda r: "float16" in r.supported_types,
        _check_float16,
    ),
    Toggle("weight_bits", "4-bit weights", lambda r: r.weight_bits == 4, _check_four_bits),
    Toggle("weight_bits=2", "2-bit weights", lambda r: r.weight_bits == 2, _check_two_bits),
    Toggle("algorithm", "Way to find scales", lambda r: r.algorithm != MIN_MAX, _check_algorithm),
    Toggle("block_size", "Scales by block", lambda r: r.block_size > 0, _check_blocks),
    Toggle("weight_only", "Weights only", lambda r: r.weight_only, _check_weight_only),
    Toggle(
        "calibrate",
        "Calibration (activations)",
        lambda r: r.quantizes_activations,
        _check_activations,
    ),
    Toggle(
        "supported_types=int8",
        "supported_types int8",
        lambda r: "int8" in r.supported_types,
        _check_width("int8"),
    ),
    Toggle(
        _INT8_OPS,
        "TFLITE_BUILTINS_INT8",
        lambda r: BUILTINS_INT8 in r.supported_ops,
        _check_width("int8"),
    ),
    Toggle(
        _INT16,
        "Activations int16, weights int8",
        lambda r: INT16X8 in r.supported_ops,
        _check_width("int16"),
    ),
    Toggle(
        f"without {BUILTINS}",
        "Integer operators only",
        lambda r: r.strict_integer,
        _check_activations,
    ),
    *(
        Toggle(
            f"inference_{end}_type",
            f"inference_{end}_type",
            lambda r, end=end: getattr(r, f"inference_{end}_type") != "float32",  # type: ignore[misc]
            _check_end(end),
        )
        for end in ("input", "output")
    ),
    Toggle("per_channel", "Per-channel off", lambda r: not r.per_channel, _check_per_tensor(False)),
    Toggle(
        "per_channel_dense",
        "Per-channel off in dense layers",
        lambda r: not r.per_channel_dense,
        _check_per_tensor(True),
    ),
    Toggle(_FLEX, "SELECT_TF_OPS", lambda r: SELECT_TF in r.supported_ops, _check_flex),
    Toggle("allow_custom_ops", "Custom ops allowed", lambda r: r.allow_custom_ops, _check_custom),
    Toggle(
        "optimizations=EXPERIMENTAL_SPARSITY",
        "EXPERIMENTAL_SPARSITY",
        lambda r: "EXPERIMENTAL_SPARSITY" in r.optimizations,
        _check_sparsity,
    ),
)
