"""Why operators of a quantized file still compute in float, as far as the file itself tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from converter.recipe import TFLITE_CONVERTER, Recipe
from converter.tflite_file import Operator, Tensor

LEAST_ELEMENTS = 1024
"""TFLiteConverter's dynamic range passes smaller weight tensors over (a test holds it)."""
_STORED_INTEGERS = {"int8", "uint8", "int4", "int2", "uint4"}
_BORDERS = {"QUANTIZE", "DEQUANTIZE"}
_NOT_KNOWN = "why is not known from the file"


def explain_float_operators(
    operators: Sequence[Operator], recipe: Recipe, engine: str = TFLITE_CONVERTER
) -> list[dict[str, str | int]]:
    """Return why operators that compute in float do so.

    Args:
        operators: Of the file.
        recipe: What was asked.
        engine: What carried it out.

    Returns:
        `{"operator", "count", "reason"}` for each kind and reason, the commonest first; empty for
        a recipe that quantizes nothing.
    """
    if "DEFAULT" not in recipe.optimizations:
        return []
    left = [o for o in operators if _computes_in_float(o) and not _has_integer_weights(o)]
    if "float16" in recipe.supported_types or recipe.weight_only:
        count = sum(_computes_in_float(o) for o in operators)
        reason = "the recipe changes how weights are stored, not how operators compute"
        return [{"operator": "all", "count": count, "reason": reason}] if count else []
    integer_kinds = {o.name for o in operators if _computes_on_integers(o)}
    borders = _border_tensors(operators)
    found = Counter(
        (
            operator.name,
            _static(operator, integer_kinds, borders)
            if recipe.calibrate
            else _dynamic(operator, engine),
        )
        for operator in left
    )
    return [
        {"operator": name, "count": count, "reason": reason}
        for (name, reason), count in found.most_common()
    ]


def _dynamic(operator: Operator, engine: str) -> str:
    weights = [t for t in operator.inputs if t.is_constant and _is_float(t) and len(t.shape) > 1]
    if not weights:
        return "it has no weights, and without calibration activations stay float"
    largest = max(tensor.elements for tensor in weights)
    if engine == TFLITE_CONVERTER and largest < LEAST_ELEMENTS:
        return (
            f"its weights have {largest:,} elements, and fewer than {LEAST_ELEMENTS:,} are "
            "passed over"
        )
    return f"no form of it with integer weights was made; {_NOT_KNOWN}"


def _static(operator: Operator, integer_kinds: set[str], borders: set[str]) -> str:
    if not integer_kinds:
        return "nothing was quantized: calibration gave no ranges that can be used"
    others = sorted({t.dtype for t in _activations(operator) if not _is_float(t)})
    if others:
        return f"it turns {', '.join(others)} into float or back, which no scale describes"
    if operator.name in integer_kinds:
        return f"others of its kind compute on integers in this file; {_NOT_KNOWN}"
    if any(t.name in borders for t in _activations(operator)):
        return "the quantizer went around it: it made no integer form of this kind"
    return f"it lies among operators left in float; {_NOT_KNOWN}"


def _border_tensors(operators: Iterable[Operator]) -> set[str]:
    """Return the float tensors between a QUANTIZE or DEQUANTIZE and its neighbour."""
    return {
        tensor.name
        for operator in operators
        if operator.name in _BORDERS
        for tensor in (*operator.inputs, *operator.outputs)
        if _is_float(tensor) and not tensor.is_constant
    }


def _activations(operator: Operator) -> list[Tensor]:
    return [t for t in (*operator.inputs, *operator.outputs) if not t.is_constant]


def _computes_in_float(operator: Operator) -> bool:
    if operator.is_custom or operator.name in _BORDERS:
        return False
    return any(_is_float(tensor) for tensor in _activations(operator))


def _computes_on_integers(operator: Operator) -> bool:
    if operator.is_custom or operator.name in _BORDERS:
        return False
    found = _activations(operator)
    return not any(map(_is_float, found)) and any(t.is_quantized for t in found)


def _has_integer_weights(operator: Operator) -> bool:
    return any(t.is_constant and t.is_quantized and t.dtype in _STORED_INTEGERS
               for t in operator.inputs)  # fmt: skip


def _is_float(tensor: Tensor) -> bool:
    return tensor.dtype.startswith(("float", "bfloat"))
