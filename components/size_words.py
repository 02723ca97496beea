"""A variant's bytes in words: what each step and kind is called, and why it is not smaller."""

from __future__ import annotations

from components.format import format_bytes
from converter.comparison import ModelFacts
from converter.size_anatomy import (
    BIASES,
    GRAPH,
    LEFT_FLOAT,
    METADATA,
    OTHER_LAYERS,
    PADDING,
    PARAMETERS,
    SCALES,
    UNKNOWN,
    WEIGHTS,
    WHOLE_FILE,
    SizeAnatomy,
)
from converter.size_steps import (
    CONTAINER,
    CONVERSION,
    FLOAT32,
    OPTIMIZER,
    ORIGINAL,
    PARAMETER_LEVEL,
    SAVED,
    SET_ASIDE,
    STORED,
    UNPACKED,
    UNPACKED_WITHOUT_OPTIMIZER,
    VARIANT,
    SizeStep,
)

KIND_NAMES = {
    WEIGHTS: "Weights", BIASES: "Biases", LEFT_FLOAT: "Left in float", SCALES: "Scales",
    GRAPH: "Graph and names", METADATA: "Metadata", PADDING: "Padding", UNKNOWN: "Unknown",
}
KIND_MEANINGS = {
    WEIGHTS: "values that layers multiply with, in the type in which they are stored",
    BIASES: "values that layers add; 32 bits beside 8-bit weights, 64 beside 16-bit activations",
    LEFT_FLOAT: "too small to be worth quantizing for the converter, or without a smaller kernel",
    SCALES: "scales, zero points and ranges, for a tensor or for each of its channels",
    GRAPH: "operators and their options, tables, shapes, names, and the numbers that steer them",
    METADATA: "what the converter notes of itself",
    PADDING: "zeros that align values",
    UNKNOWN: "bytes that no part of the file leads to",
}
_STEP_NAMES = {
    ORIGINAL: ("Original file", "as it was given"),
    UNPACKED: ("Unpacked", "the zip was smaller than what it holds"),
    UNPACKED_WITHOUT_OPTIMIZER: ("Unpacked", "from the zip, and without optimizer state"),
    OPTIMIZER: ("Optimizer state", "only further training needs it"),
    CONTAINER: ("Container", "the original's archive, graph, configuration and names"),
    PARAMETER_LEVEL: ("Its parameters", "as the original stores them"),
    CONVERSION: ("Changed by conversion", "parameters folded into others, stored once for several "
                 "layers, added, or stored in another float type"),
    SET_ASIDE: ("Biases, left in float", "set aside; they are added again below, as stored"),
    FLOAT32: ("Weights in float32", "of the variant, four bytes each"),
    STORED: ("Weights as stored", "in the variant"),
    VARIANT: ("The variant's file", "all of it"),
}
_IN_SENTENCE = {
    BIASES: "biases", LEFT_FLOAT: "tensors left in float", GRAPH: "graph and names",
    METADATA: "metadata", PADDING: "padding", UNKNOWN: "unknown bytes",
}
_LEAST_SHARE = 0.01
"""Of a file, for an amount to be worth a word."""
_SAME = 1.03
_MOST_AMOUNTS = 3


def step_name(step: SizeStep) -> str:
    """Return what a step is called; a layer's own name is a stranger's text."""
    if step.role == SAVED:
        if step.what != OTHER_LAYERS:
            return step.what
        return f"{step.layers} other layers" if step.layers else "All other layers"
    return _STEP_NAMES[step.what][0] if step.what in _STEP_NAMES else KIND_NAMES[step.what]


def step_meaning(step: SizeStep) -> str:
    """Return in a few words what a step is about."""
    if step.role == SAVED:
        return "saved by a smaller type" if step.change_bytes <= 0 else "more than in float32"
    return _STEP_NAMES[step.what][1] if step.what in _STEP_NAMES else KIND_MEANINGS[step.what]


def layer_name(layer: str) -> str:
    """Return a layer's name as a person reads it."""
    return {WHOLE_FILE: "The file as a whole", OTHER_LAYERS: "All other layers"}.get(layer, layer)


def size_question(model: ModelFacts, size_bytes: int, bytes_per_value: float | None) -> str:
    """Return what a person asks of a variant's size."""
    question = "Where did the bytes go"
    times = {2.0: "two", 1.0: "four", 0.5: "eight"}.get(bytes_per_value or 0.0)
    if times is None or not bytes_per_value:
        return f"{question}?"
    if model.size_without_optimizer_bytes >= size_bytes * 4 / bytes_per_value:
        return f"{question}?"
    return f"{question}, and why not {times} times smaller?"


def explain_size(model: ModelFacts, anatomy: SizeAnatomy, original: str = "the original") -> str:
    """Return one sentence that says why a variant is as large as it is.

    Args:
        model: The original, whose size counts without optimizer state.
        anatomy: The variant's bytes.
        original: What the sentence calls the original.
    """
    clauses = [f"The file is {_against(model, anatomy, original)}", _weights_clause(anatomy)]
    rest = [_on_top(anatomy), _unshrunk(anatomy)]
    if any(rest):
        clauses[-1] += ", but " + ", and ".join(filter(None, rest))
    clauses.append(_left_behind(model, anatomy, original))
    return "; ".join(filter(None, clauses)) + "."


def explain_itself(anatomy: SizeAnatomy) -> str:
    """Return one sentence about a file that was not converted here: what takes its bytes."""
    amounts = _amounts({kind: anatomy.kind_bytes(kind) for kind in KIND_NAMES}, anatomy,
                       {**_IN_SENTENCE, WEIGHTS: "weights", SCALES: "scales"})
    return f"The file is the given one, unchanged: it holds {amounts or 'nothing'}."


def _against(model: ModelFacts, anatomy: SizeAnatomy, original: str) -> str:
    ratio = model.size_without_optimizer_bytes / max(anatomy.size_bytes, 1)
    name = f"{original} without optimizer state" if model.optimizer_bytes else original
    if model.size_bytes < model.size_without_optimizer_bytes:
        name = f"{name}, unpacked"
    if 1 / _SAME <= ratio <= _SAME:
        return f"about as large as {name}"
    if ratio > 1:
        return f"{_times(ratio)} times smaller than {name}"
    return f"{_times(1 / max(ratio, 1e-9))} times larger than {name}"


def _weights_clause(anatomy: SizeAnatomy) -> str:
    before, after = anatomy.float32_bytes(WEIGHTS), anatomy.kind_bytes(WEIGHTS)
    if not anatomy.float32_bytes(*PARAMETERS):
        return "it holds no weights, so there was nothing to make smaller"
    if not before or before == after:
        return "its weights are stored in float32, as large as before"
    change = f"{format_bytes(before)} → {format_bytes(after)}"
    if before > after:
        return f"its weights became {_times(before / max(after, 1))} times smaller ({change})"
    return f"its weights became {_times(after / before)} times larger ({change})"


def _on_top(anatomy: SizeAnatomy) -> str:
    scales = anatomy.kind_bytes(SCALES)
    if scales < _LEAST_SHARE * anatomy.size_bytes:
        return ""
    return f"{format_bytes(scales)} of scales came on top"


def _unshrunk(anatomy: SizeAnatomy) -> str:
    kinds = {kind: anatomy.kind_bytes(kind) for kind in _IN_SENTENCE}
    if kinds[BIASES] < anatomy.float32_bytes(BIASES):
        del kinds[BIASES]
    amounts = _amounts(kinds, anatomy, _IN_SENTENCE)
    return f"{amounts} did not shrink" if amounts else ""


def _amounts(kinds: dict[str, int], anatomy: SizeAnatomy, names: dict[str, str]) -> str:
    worth = [(size, kind) for kind, size in kinds.items()
             if size and size >= _LEAST_SHARE * anatomy.size_bytes]
    worth.sort(key=lambda item: -item[0])
    words = [f"{format_bytes(size)} of {names[kind]}" for size, kind in worth[:_MOST_AMOUNTS]]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words \
        else ""


def _left_behind(model: ModelFacts, anatomy: SizeAnatomy, original: str) -> str:
    """Say what of the original did not come along: it made the file smaller, too."""
    container = model.size_without_optimizer_bytes - model.parameter_bytes
    changed = model.parameter_bytes - anatomy.float32_bytes(*PARAMETERS)
    least = _LEAST_SHARE * model.size_without_optimizer_bytes
    told = [
        f"{format_bytes(size)} of {words}"
        for size, words in ((container, f"{original}'s own container"),
                            (changed, "parameters that conversion folded or stored once"))
        if size >= max(least, 1)
    ]
    return f"{' and '.join(told)} did not come along" if told else ""


def _times(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 100 else f"{ratio:.3g}"
