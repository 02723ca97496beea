"""What is in a converted file, against what the recipe asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from converter.comparison import Audit, Variant
from converter.float_reasons import LEAST_ELEMENTS, explain_float_operators
from converter.recipe import (
    BUILTINS_INT8,
    GIVEN,
    INT16X8,
    LITERT_QUANTIZER,
    SELECT_TF,
    TFLITE_CONVERTER,
    Recipe,
)
from converter.tflite_file import Operator, Tensor, TfliteFile

_INTEGER_ACTIVATIONS = {"int8", "uint8", "int16"}
_STORED_INTEGERS = {"int8", "uint8", "int4", "int2", "uint4"}
_STATEFUL = {"ASSIGN_VARIABLE", "VAR_HANDLE", "READ_VARIABLE", "CALL_ONCE"}
_BORDERS = {"QUANTIZE", "DEQUANTIZE"}
YES, PARTLY, NO, IGNORED = "yes", "partly", "no", "ignored"
"""`no`: the model has nothing for the flag to change. `ignored`: it has, and the converter left
all of it as it was."""
_OUTCOMES = {NO: "had no effect", IGNORED: "was ignored", PARTLY: "took effect only partly"}


def audit_file(file: TfliteFile, recipe: Recipe, engine: str = TFLITE_CONVERTER) -> Audit:
    """Count the operators of a file and judge each flag of the recipe by them.

    Args:
        file: The converted file.
        recipe: What was asked.
        engine: What carried it out.

    Returns:
        Counts, the flags' effects, and a note for each flag without full effect.
    """
    audit = count_operators(file.operators)
    for flag, asked, check in _CHECKS:
        if asked(recipe):
            effect, found = check(file, audit, recipe)
            if engine == LITERT_QUANTIZER:
                flag = flag.replace("Optimize.DEFAULT (weights)", "Quantized weights")
                if effect == NO and check is _check_weights and _weights(file):
                    effect = IGNORED  # it passes nothing over because of its size
            elif effect in {NO, IGNORED} and check is _check_weights:
                found += _why_weights_stay_float(file, recipe)
            audit.flags.append({"flag": flag, "effect": effect, "found": found})
            if effect != YES:
                audit.notes.append(f"{flag} {_OUTCOMES[effect]}: {found}.")
    audit.float_reasons = explain_float_operators(file.operators, recipe, engine)
    return audit


def count_operators(operators: Iterable[Operator]) -> Audit:
    """Sort operators by what they compute on; each counts once."""
    audit = Audit()
    float_names: Counter[str] = Counter()
    for operator in operators:
        audit.total_ops += 1
        audit.is_stateful |= operator.name in _STATEFUL
        if operator.is_flex:
            audit.flex_ops += 1
        elif operator.is_custom:
            audit.custom_ops += 1
        elif _is_border(operator):
            audit.border_ops += 1
        elif _computes_on(operator, {"float32", "float16", "bfloat16", "float64"}):
            audit.float_ops += 1
            audit.hybrid_ops += _has_integer_weights(operator)
            float_names[operator.name] += 1
        elif _computes_on(operator, _INTEGER_ACTIVATIONS):
            audit.integer_ops += 1
        if not operator.has_kernel and operator.name not in audit.missing_kernels:
            audit.missing_kernels.append(operator.name)
    audit.float_op_names = dict(float_names.most_common())
    return audit


def _activations(operator: Operator) -> list[Tensor]:
    return [t for t in (*operator.inputs, *operator.outputs) if not t.is_constant]


def _is_border(operator: Operator) -> bool:
    dtypes = {tensor.dtype.startswith("float") for tensor in (*operator.inputs, *operator.outputs)}
    return operator.name in _BORDERS and len(dtypes) == 2


def _computes_on(operator: Operator, dtypes: set[str]) -> bool:
    return any(tensor.dtype in dtypes for tensor in _activations(operator))


def _has_integer_weights(operator: Operator) -> bool:
    return any(
        t.is_constant and t.is_quantized and t.dtype in _STORED_INTEGERS for t in operator.inputs
    )


def _weights(file: TfliteFile) -> list[Tensor]:
    return [
        t
        for t in file.constants
        if t.dtype.startswith(("float", "bfloat")) or t.dtype in _STORED_INTEGERS
    ]


def _share_of_bytes(tensors: list[Tensor], wanted: Callable[[Tensor], bool]) -> float:
    elements = sum(tensor.elements for tensor in tensors)
    return sum(t.elements for t in tensors if wanted(t)) / elements if elements else 0.0


def _graded(share: float, found: str) -> tuple[str, str]:
    return (NO if share == 0 else YES if share > 0.999 else PARTLY), found


def _check_activations(file: TfliteFile, audit: Audit, _: Recipe) -> tuple[str, str]:
    computing = audit.integer_ops + audit.float_ops + audit.flex_ops + audit.custom_ops
    left = ", ".join(f"{count} {name}" for name, count in audit.float_op_names.items())
    tail = f"; left in float: {left}" if left else ""
    found = f"{audit.integer_ops} of {computing} operators compute on integers{tail}"
    if computing and not audit.integer_ops:
        return IGNORED, found
    return _graded(audit.integer_ops / computing if computing else 0.0, found)


def _check_weights(file: TfliteFile, _: Audit, recipe: Recipe) -> tuple[str, str]:
    kind, dtypes = "8-bit integers", _STORED_INTEGERS
    if "float16" in recipe.supported_types:
        kind, dtypes = "float16", {"float16"}
    elif recipe.weight_bits == 4:
        kind, dtypes = "4-bit integers", {"int4", "uint4"}
    weights = _weights(file)
    share = _share_of_bytes(weights, lambda t: t.dtype in dtypes)
    found = f"{share:.1%} of {sum(t.elements for t in weights)} weights are stored as {kind}"
    effect, _found = _graded(share, found)
    if not share and any(t.elements >= LEAST_ELEMENTS for t in weights):
        effect = IGNORED
    # Biases stay in higher precision by design: nearly all weights is all that can be had.
    return (YES if share > 0.9 else effect), found


def _why_weights_stay_float(file: TfliteFile, recipe: Recipe) -> str:
    """TFLiteConverter's dynamic range passes small tensors over; litert-quantizer does not."""
    if not _weights(file) or "float16" in recipe.supported_types:
        return ""
    return " (tensors of fewer than 1,024 weights stay float)"


def _check_weight_only(_: TfliteFile, audit: Audit, __: Recipe) -> tuple[str, str]:
    found = f"{audit.float_ops} operators compute in float, {audit.integer_ops} on integers"
    if not audit.float_ops and not audit.integer_ops:
        return NO, found
    return (YES if not audit.integer_ops else PARTLY if audit.float_ops else IGNORED), found


def _check_per_tensor(file: TfliteFile, _: Audit, recipe: Recipe) -> tuple[str, str]:
    names = None if not recipe.per_channel else {"FULLY_CONNECTED"}
    weights = [
        tensor
        for operator in file.operators
        if names is None or operator.name in names
        for tensor in operator.inputs
        if tensor.is_constant and tensor.dtype in _STORED_INTEGERS and tensor.is_quantized
    ]
    several = sum(tensor.scales > 1 for tensor in weights)
    found = f"{len(weights) - several} of {len(weights)} integer weight tensors have one scale"
    if weights and several == len(weights):
        return IGNORED, found
    return _graded((len(weights) - several) / len(weights) if weights else 0.0, found)


def _check_io(file: TfliteFile, _: Audit, recipe: Recipe) -> tuple[str, str]:
    ends = [
        (spec, asked)
        for specs, asked in (
            (file.inputs, recipe.inference_input_type),
            (file.outputs, recipe.inference_output_type),
        )
        for spec in specs
        if asked != "float32"
    ]
    wrong = [f"{spec.name} is {spec.dtype}" for spec, asked in ends if spec.dtype != asked]
    if not wrong:
        return YES, "inputs and outputs have the types asked"
    return (IGNORED if len(wrong) == len(ends) else PARTLY), ", ".join(wrong)


def _check_int8_type(_: TfliteFile, __: Audit, ___: Recipe) -> tuple[str, str]:
    # TFLiteConverter reads it only to choose between float16 and what calibration asks for.
    return NO, "calibration samples ask for 8-bit integers already"


def _check_flex(file: TfliteFile, audit: Audit, _: Recipe) -> tuple[str, str]:
    found = f"{audit.flex_ops} operators need the Flex delegate"
    if not audit.flex_ops:
        return NO, f"{found}; every operator has a builtin one"
    builtin = _listed(operator.name for operator in file.operators if not operator.is_flex)
    beside = f"; beside them are {builtin}" if builtin else ""
    return YES, f"{found}: {_listed(o.name for o in file.operators if o.is_flex)}{beside}"


def _listed(names: Iterable[str]) -> str:
    """Return names with their counts, the commonest first."""
    return ", ".join(f"{count} {name[:60]}" for name, count in Counter(names).most_common())


def _check_custom(_: TfliteFile, audit: Audit, __: Recipe) -> tuple[str, str]:
    found = f"{audit.custom_ops} custom operators"
    return (YES, found) if audit.custom_ops else (NO, f"{found}; every operator is known")


def _check_sparsity(file: TfliteFile, _: Audit, __: Recipe) -> tuple[str, str]:
    sparse = sum(tensor.is_sparse for tensor in file.constants)
    found = f"{sparse} weight tensors are stored sparsely"
    return (YES, found) if sparse else (NO, f"{found}; the model was not pruned in blocks")


_CHECKS: tuple[
    tuple[str, Callable[[Recipe], bool], Callable[[TfliteFile, Audit, Recipe], tuple[str, str]]],
    ...,
] = (
    ("Optimize.DEFAULT (weights)", lambda r: "DEFAULT" in r.optimizations, _check_weights),
    ("Weights only", lambda r: r.weight_only, _check_weight_only),
    ("Calibration (activations)", lambda r: r.quantizes_activations, _check_activations),
    (
        "Integer operators only",
        lambda r: bool({BUILTINS_INT8, INT16X8} & set(r.supported_ops)) and r.strict_integer,
        _check_activations,
    ),
    (
        "Input and output types",
        lambda r: {r.inference_input_type, r.inference_output_type} != {"float32"},
        _check_io,
    ),
    ("supported_types int8", lambda r: "int8" in r.supported_types, _check_int8_type),
    ("Per-channel off", lambda r: not (r.per_channel and r.per_channel_dense), _check_per_tensor),
    ("SELECT_TF_OPS", lambda r: SELECT_TF in r.supported_ops, _check_flex),
    ("Custom ops allowed", lambda r: r.allow_custom_ops, _check_custom),
    (
        "EXPERIMENTAL_SPARSITY",
        lambda r: "EXPERIMENTAL_SPARSITY" in r.optimizations,
        _check_sparsity,
    ),
)


def note_identical_files(variants: Iterable[Variant]) -> None:
    """Say of every file that computes what an earlier one does that its flags changed nothing."""
    first: dict[str, Variant] = {}
    for variant in variants:
        if variant.content_sha256 is None:
            continue
        earlier = first.setdefault(variant.content_sha256, variant)
        if earlier is variant:
            continue
        same = f"The file holds the same as {earlier.recipe} but for the converter's own metadata"
        if GIVEN not in (variant.engine, earlier.engine):
            same += ": what differs between the two recipes changed nothing"
        variant.audit.notes.append(f"{same}.")
