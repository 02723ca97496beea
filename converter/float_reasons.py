"""Why operators of a converted file compute in float, as far as the file and the recipe tell.

What a converter has no integer form of was found by converting models of one operator each with
TensorFlow 2.21; a test converts them anew, side by side. An operator whose form depends on its
neighbours (ARG_MAX) is in no table. Where nothing tells the reason it is `NOT_KNOWN`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

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
_STORED_INTEGERS = {"int8", "uint8", "int4", "int2", "uint4"}
NOT_KNOWN = "Not known: the file does not tell why."
WIDENS = "Widens stored weights to float32 before they are used."
Reasons = list[dict[str, Any]]


def float_reasons(
    operators: Sequence[Operator],
    recipe: Recipe,
    engine: str,
    quantizable: Collection[str] | None = None,
) -> Reasons:
    """Return why operators compute in float, those with one reason together.

    Args:
        operators: Those of a file that compute in float.
        recipe: What was asked.
        engine: What carried it out.
        quantizable: Operators that the engine has a rule for with this recipe; None where that is
            not known.

    Returns:
        For each reason its sentence (`why`) and the count of each operator's name (`operators`);
        the largest group first, none where the recipe asked for float.
    """
    if "DEFAULT" not in recipe.optimizations:
        return []

    def why(operator: Operator) -> str:
        return _why_float(operator, recipe, engine, quantizable)

    return _grouped(operators, why)


def border_reasons(
    borders: Sequence[Operator], operators: Sequence[Operator], recipe: Recipe
) -> Reasons:
    """Return why a file has conversions between float and integer, in the form of `float_reasons`.

    Args:
        borders: Its QUANTIZE and DEQUANTIZE between float and integer.
        operators: All of its operators.
        recipe: What was asked; of a file that was given, the defaults.
    """
    if not borders:
        return []
    makers = {id(tensor): operator for operator in operators for tensor in operator.outputs}
    takers: dict[int, list[str]] = {}
    for operator in operators:
        for tensor in operator.inputs:
            takers.setdefault(id(tensor), []).append(operator.name)

    def why(border: Operator) -> str:
        if border.name == "QUANTIZE":
            maker = makers.get(id(border.inputs[0])) if border.inputs else None
            if maker is None:
                return _at_an_end("input", recipe.inference_input_type)
            return f"After {maker.name[:60]}, which gives float."
        if border.inputs and border.inputs[0].is_constant:
            return WIDENS
        found = takers.get(id(border.outputs[0])) if border.outputs else None
        if not found:
            return _at_an_end("output", recipe.inference_output_type)
        return f"Before {found[0][:60]}, which takes float."

    return _grouped(borders, why)


def _at_an_end(end: str, asked: str) -> str:
    word = ", as asked" if asked == "float32" else f", though {asked} was asked"
    return f"At an {end} that is float32{word}."


def _grouped(operators: Sequence[Operator], why: Callable[[Operator], str]) -> Reasons:
    groups: dict[str, Counter[str]] = {}
    for operator in operators:
        groups.setdefault(why(operator), Counter())[operator.name] += 1
    by_size = sorted(groups.items(), key=lambda group: -group[1].total())
    return [{"why": reason, "operators": dict(names.most_common())} for reason, names in by_size]


def _why_float(
    operator: Operator, recipe: Recipe, engine: str, quantizable: Collection[str] | None
) -> str:
    if operator.name == "DEQUANTIZE" and any(t.is_constant for t in operator.inputs):
        return WIDENS
    if "float16" in recipe.supported_types:
        return "float16 was asked, which changes how weights are stored and not the computing."
    if recipe.weight_only:
        return "Weights only was asked: computing stays in float."
    if recipe.quantizes_activations:
        return _why_not_integer(operator, recipe, engine, quantizable)
    return _why_weights_stay(operator, engine, quantizable)


def _why_not_integer(
    operator: Operator, recipe: Recipe, engine: str, quantizable: Collection[str] | None
) -> str:
    bits = 16 if INT16X8 in recipe.supported_ops and "int8" not in recipe.supported_types else 8
    if engine == LITERT_QUANTIZER:
        if quantizable is not None and operator.name not in quantizable:
            return f"litert-quantizer has no rule for it with {bits}-bit activations."
    elif operator.name in (NO_INT16_FORM if bits == 16 else NO_INT8_FORM):
        return f"TFLiteConverter has no int{bits} form of it."
    if not any(t.dtype.startswith("float") for t in operator.inputs) and operator.inputs:
        return "It makes float out of whole numbers, which have no scale."
    return NOT_KNOWN


def _why_weights_stay(operator: Operator, engine: str, quantizable: Collection[str] | None) -> str:
    constants = [tensor for tensor in operator.inputs if tensor.is_constant]
    if any(t.is_quantized and t.dtype in _STORED_INTEGERS for t in constants):
        return "Its weights are integers; activations stay float because nothing was calibrated."
    floats = [tensor for tensor in constants if tensor.dtype.startswith("float")]
    if not floats:
        return "It has no weights that could be stored as integers."
    if engine == LITERT_QUANTIZER:
        if quantizable is not None and operator.name not in quantizable:
            return "litert-quantizer has no rule for its weights."
        return NOT_KNOWN
    if operator.name not in _DYNAMIC_RANGE:
        return "Dynamic range does not turn constants of this operator into integers."
    if max(_elements_of_weights(floats)) < LEAST_WEIGHTS:
        return f"Its weights have fewer than {LEAST_WEIGHTS:,} elements: dynamic range leaves such."
    return NOT_KNOWN


def _elements_of_weights(constants: Sequence[Tensor]) -> list[int]:
    """Return the sizes of weight tensors; a vector beside a matrix is its bias."""
    matrices = [tensor.elements for tensor in constants if len(tensor.shape) > 1]
    return matrices or [tensor.elements for tensor in constants]
