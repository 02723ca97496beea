"""The field's words, each in one plain sentence."""

from __future__ import annotations

from converter.metrics import METRICS

_WORDS: dict[str, str] = {
    "activation": "What an operator gives: it is computed anew for every input.",
    "arena": "The one block of memory in which LiteRT keeps all activations of an inference.",
    "asymmetric quantization": "A grid whose zero point is not 0, so that a range such as 0 to 6 "
    "uses all its integers.",
    "builtin operator": "An operator that TensorFlow Lite itself knows and has a kernel for.",
    "calibration": "Running samples through the float model to see which values activations reach.",
    "custom operator": "An operator that is not TensorFlow Lite's own: its kernel must be brought.",
    "delegate": "A library that runs a part of the graph with its own kernels, such as XNNPACK.",
    "dequantize": "Turning stored integers back into real numbers: (q - zero point) * scale.",
    "drift": "How far a variant's outputs are from the original's on the same inputs.",
    "dynamic range quantization": "Weights are stored as 8-bit integers; activations stay float "
    "and are quantized inside the operators as they come.",
    "flatbuffer": "The format of a .tflite: it is used in place, without unpacking.",
    "Flex delegate": "What runs TensorFlow's own operators inside TensorFlow Lite; no pip runtime "
    "has it.",
    "float16 quantization": "Weights are stored as 16-bit floats and widened before computing.",
    "folding": "Computing at conversion what depends on constants alone, such as a normalization.",
    "full integer quantization": "Weights and activations are integers, from input to output.",
    "fusing": "Making one operator of several, such as a convolution with its bias and activation.",
    "inference": "One run of a model on one input.",
    "int16x8": "16-bit activations with 8-bit weights.",
    "interpreter": "The program that runs a .tflite operator by operator; LiteRT's is the newer.",
    "kernel": "The code that computes an operator on one kind of processor.",
    "latency": "The time of one inference; its median is told with a 95 % interval.",
    "LSB": "One step of a quantized output: its scale.",
    "operator": "One step of a graph, such as CONV_2D.",
    "outlier": "A value far beyond the others, which widens the range that a grid must cover.",
    "Pareto frontier": "The variants that no other beats in size, speed and closeness at once.",
    "per-channel quantization": "A scale for each output channel in place of one for the tensor.",
    "post-training quantization": "Quantizing a model that is trained already.",
    "quantization": "Storing numbers as small integers with a scale and a zero point.",
    "recipe": "What is asked of a converter: its flags.",
    "reference": "The original model, which every variant is compared with.",
    "representative dataset": "TensorFlow's name for the calibration samples.",
    "saturation": "Values that lie beyond a grid and are stored as its end.",
    "scale": "The distance between two neighbouring numbers of a grid.",
    "Select TF ops": "A flag that keeps TensorFlow's own operators where TensorFlow Lite has none.",
    "signature": "A model's inputs and outputs by name.",
    "symmetric quantization": "A grid whose zero point is 0, as weights have it.",
    "variant": "What came out of a recipe: one .tflite file.",
    "warm-up": "Runs before timing, until the times are steady.",
    "weight": "A number that training found and the file stores.",
    "XNNPACK": "LiteRT's default delegate for processors.",
    "zero point": "The integer that stands for the real number 0.",
}


def _terms() -> dict[str, str]:
    """Put words and figures together: what a figure's name opens stands here as well."""
    figures = {each.label: f"{each.meaning} Formula: {each.formula}." for each in METRICS.values()}
    found = {**_WORDS, **figures}
    return {term: found[term] for term in sorted(found, key=str.casefold)}


GLOSSARY: dict[str, str] = _terms()
"""Term to sentence, in alphabetical order: the field's words, and every figure by its label."""


_OTHER_NAMES = {each.label: " ".join(each.names) for each in METRICS.values()}


def find_terms(words: str) -> dict[str, str]:
    """Return the terms in which, or in whose sentence or other names, all the words occur."""
    wanted = words.casefold().split()
    return {
        term: text
        for term, text in GLOSSARY.items()
        if all(word in f"{term} {_OTHER_NAMES.get(term, '')} {text}".casefold() for word in wanted)
    }
