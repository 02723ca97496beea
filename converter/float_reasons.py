"""Why operators of a converted file compute in float, as far as the file and the recipe tell.

What a converter has no integer form of was found by converting models of one operator each with
TensorFlow 2.21; a test converts them anew, side by side. An operator whose form depends on its
neighbours (ARG_MAX) is in no table. Where nothing tells the reason it is `NOT_KNOWN`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence

from converter.recipe import INT16X8, LITERT_QUANTIZER, Recipe
from converter.tflite_file import Operator, Tensor

LEAST_WEIGHTS = 1024
"""Elements below which TFLiteConverter's dynamic range leaves a weight tensor in float."""
NO_INT8_FORM = frozenset(
    {
        "ATAN2",
        "CEIL",
        "COMPLEX_ABS",
        "CONV_3D",
        "COS",
        "CUMSUM",
        "ELU",
        "FLOOR",
        "FLOOR_DIV",
        "FLOOR_MOD",
        "LOCAL_RESPONSE_NORMALIZATION",
        "NEG",
        "POW",
        "RFFT2D",
        "ROUND",
        "SEGMENT_SUM",
        "SIGN",
        "SIN",
        "SQUARE",
    }
)
"""Operators that TFLiteConverter leaves in float where activations become 8-bit integers."""
NO_INT16_FORM = NO_INT8_FORM | {
    "DEPTH_TO_SPACE",
    "DIV",
    "HARD_SWISH",
    "L2_NORMALIZATION",
    "LOG_SOFTMAX",
    "ONE_HOT",
    "SPACE_TO_DEPTH",
    "SQRT",
    "TOPK_V2",
}
"""The same for 16-bit activations."""
_DYNAMIC_RANGE = frozenset(
    {
        "BATCH_MATMUL",
        "BIDIRECTIONAL_SEQUENCE_LSTM",
        "BIDIRECTIONAL_SEQUENCE_RNN",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "EMBEDDING_LOOKUP",
        "FULLY_CONNECTED",
        "GATHER",
        "LSTM",
        "RNN",
        "SVDF",
        "TRANSPOSE_CONV",
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        "UNIDIRECTIONAL_SEQUENCE_RNN",
    }
)
"""Operators whose weights TFLiteConverter's dynamic range turns into integers."""
NOT_KNOWN = "why is not known from the file"
WIDENS = "it widens stored weights to float32 before they are used"
ALL = "all"
"""In place of an operator's name: every operator of the file that computes in float."""
Reasons = list[dict[str, str | int]]


def float_reasons(
    operators: Sequence[Operator],
    recipe: Recipe,
    engine: str,
    quantizable: Collection[str] | None = None,
) -> Reasons:
    """Return why operators compute in float that a recipe would have had otherwise.

    Args:
        operators: All of a file.
        recipe: What was asked.
        engine: What carried it out.
        quantizable: Operators that the engine has a rule for with this recipe; None where that is
            not known.

    Returns:
        `operator`, `count` and `reason` for each kind and reason, the commonest first; none where
        the recipe quantizes nothing, one row `ALL` where it changes only how weights are stored.
    """
    if "DEFAULT" not in recipe.optimizations:
        return []
    in_float = [operator for operator in operators if operator.computes_in_float]
    if "float16" in recipe.supported_types or recipe.weight_only:
        computing = sum(not _widens(operator) for operator in in_float)
        reason = "the recipe changes how weights are stored, not how operators compute"
        return [{"operator": ALL, "count": computing, "reason": reason}] if computing else []
    integer_kinds = {operator.name for operator in operators if operator.computes_on_integers}
    at_borders = {
        id(tensor)
        for operator in operators
        if operator.is_border
        for tensor in operator.activations
        if tensor.is_float
    }

    def why(operator: Operator) -> str:
        if _widens(operator):
            return WIDENS
        if not recipe.quantizes_activations:
            return _why_weights_stay(operator, engine, quantizable)
        told = _why_no_integer_form(operator, recipe, engine, quantizable)
        if told is not None:
            return told
        if not integer_kinds:
            return f"nothing in the file was quantized; {NOT_KNOWN}"
        if operator.name in integer_kinds:
            return f"others of its kind compute on integers in this file; {NOT_KNOWN}"
        if any(id(tensor) in at_borders for tensor in operator.activations):
            return "the quantizer went around it: it made no integer form of this kind"
        return f"it lies among operators left in float; {NOT_KNOWN}"

    return _counted([o for o in in_float if not o.has_integer_weights], why)


def border_reasons(operators: Sequence[Operator], recipe: Recipe) -> Reasons:
    """Return why a file converts between float and integer, in the form of `float_reasons`.

    Args:
        operators: All of a file.
        recipe: What was asked; of a file that was given, the defaults.
    """
    borders = [operator for operator in operators if operator.is_border]
    if not borders:
        return []
    makers = {id(tensor): operator for operator in operators for tensor in operator.outputs}
    takers: dict[int, str] = {}
    for operator in operators:
        for tensor in operator.inputs:
            takers.setdefault(id(tensor), operator.name)

    def why(border: Operator) -> str:
        if _widens(border):
            return WIDENS
        if border.name == "QUANTIZE":
            maker = makers.get(id(border.inputs[0])) if border.inputs else None
            if maker is None:
                return _at_an_end("input", recipe.inference_input_type)
            return f"after {maker.name[:60]}, which gives float"
        taker = takers.get(id(border.outputs[0])) if border.outputs else None
        if taker is None:
            return _at_an_end("output", recipe.inference_output_type)
        return f"before {taker[:60]}, which takes float"

    return _counted(borders, why)


def _at_an_end(end: str, asked: str) -> str:
    word = ", as asked" if asked == "float32" else f", though {asked} was asked"
    return f"at an {end} that is float32{word}"


def _counted(operators: Sequence[Operator], why: Callable[[Operator], str]) -> Reasons:
    found = Counter((operator.name, why(operator)) for operator in operators)
    return [
        {"operator": name, "count": count, "reason": reason}
        for (name, reason), count in found.most_common()
    ]


def _widens(operator: Operator) -> bool:
    return operator.name == "DEQUANTIZE" and any(t.is_constant for t in operator.inputs)


def _why_no_integer_form(
    operator: Operator, recipe: Recipe, engine: str, quantizable: Collection[str] | None
) -> str | None:
    bits = 16 if INT16X8 in recipe.supported_ops and "int8" not in recipe.supported_types else 8
    if engine == LITERT_QUANTIZER:
        if quantizable is not None and operator.name not in quantizable:
            return f"litert-quantizer has no rule for it with {bits}-bit activations"
    elif operator.name in (NO_INT16_FORM if bits == 16 else NO_INT8_FORM):
        return f"TFLiteConverter has no int{bits} form of it"
    others = sorted({t.dtype for t in operator.activations if not t.is_float})
    if others:
        return f"it turns {', '.join(others)} into float or back, which no scale describes"
    return None


def _why_weights_stay(operator: Operator, engine: str, quantizable: Collection[str] | None) -> str:
    constants = [t for t in operator.inputs if t.is_constant and t.is_float]
    if not constants:
        return "it has no weights, and without calibration activations stay float"
    if engine == LITERT_QUANTIZER:
        if quantizable is not None and operator.name not in quantizable:
            return "litert-quantizer has no rule for its weights"
        return f"no form of it with integer weights was made; {NOT_KNOWN}"
    if operator.name not in _DYNAMIC_RANGE:
        return "dynamic range does not turn constants of this operator into integers"
    if max(_elements_of_weights(constants)) < LEAST_WEIGHTS:
        return f"its weights have fewer than {LEAST_WEIGHTS:,} elements, which are passed over"
    return f"no form of it with integer weights was made; {NOT_KNOWN}"


def _elements_of_weights(constants: Sequence[Tensor]) -> list[int]:
    """Return the sizes of weight tensors; a vector beside a matrix is its bias."""
    matrices = [tensor.elements for tensor in constants if len(tensor.shape) > 1]
    return matrices or [tensor.elements for tensor in constants]
