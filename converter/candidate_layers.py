"""The operators of a float `.tflite` as the places where a precision can be chosen."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from converter.op_cut import CutOperator, OperatorGraph
from converter.precision import FLOAT32, PRECISIONS, Precision
from converter.quantizer_recipe import Rule

Choices = Mapping[int, str]
"""A precision's name by the operator's number; an operator without one follows its inputs."""


@dataclass(frozen=True, kw_only=True)
class CandidateLayer:
    """One operator.

    Attributes:
        number: Its place in the order of execution.
        operator: Its name (`CONV_2D`).
        name: What it gives, as the Layers page names it.
        scope: The names of what it gives as litert-quantizer joins them, which its rules match.
        weights: Elements of its stored tensors of more than one dimension; 0 where it has none.
        sources: Numbers of the operators whose results it takes.
        from_input: Whether it takes an input of the model.
        bytes_of: Bytes that its stored tensors take with their scales, by precision; what is not
            in it does not change the operator (litert-quantizer skips it silently).
    """

    number: int
    operator: str
    name: str
    scope: str
    weights: int
    sources: tuple[int, ...]
    from_input: bool
    bytes_of: dict[str, int]

    @property
    def has_weights(self) -> bool:
        """Whether a precision changes what the file stores for it."""
        return self.weights > 0

    def stored_bytes(self, precision: str) -> int:
        """Return what it stores in a precision; what does not change it stores float32."""
        return self.bytes_of.get(precision, self.bytes_of.get(FLOAT32.name, 0))

    @property
    def offered(self) -> list[str]:
        """The precisions that change it, and float32."""
        return [FLOAT32.name, *(name for name in self.bytes_of if name != FLOAT32.name)]

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read `to_json`'s form."""
        return cls(**{**values, "sources": tuple(values["sources"])})


def list_layers(graph: OperatorGraph) -> list[CandidateLayer]:
    """Return the operators of a graph that a rule can name, without what precisions they take."""
    makers = {index: op.number for op in graph.operators for index in op.outputs}
    return [
        CandidateLayer(
            number=op.number,
            operator=op.name,
            name=graph.tensors[op.outputs[0]].name if op.outputs else "",
            scope=_scope(graph, op),
            weights=sum(_elements(graph, index) for index in op.constants),
            sources=tuple(dict.fromkeys(makers[i] for i in op.inputs if i in makers)),
            from_input=any(i in graph.inputs for i in op.inputs),
            bytes_of={},
        )
        for op in graph.operators
        if op.outputs
    ]


def _elements(graph: OperatorGraph, index: int) -> int:
    tensor = graph.tensors[index]
    if not tensor.dtype.startswith("float") or len(tensor.shape) < 2:  # noqa: PLR2004 - no bias
        return 0
    count = 1
    for size in tensor.shape:
        count *= size
    return count


def _scope(graph: OperatorGraph, operator: CutOperator) -> str:
    # Only what litert-quantizer itself joins, with its semicolon at the end.
    names = [graph.tensors[index].name for index in operator.outputs]
    return "".join(f"{name};" for name in names if name)


def resolve(layers: Sequence[CandidateLayer], choices: Choices) -> dict[int, str]:
    """Return the precision of every operator.

    An operator without weights for which none is chosen computes as those that feed it: in
    integers where all of them do alike, else in float. So a chain of chosen layers stays in
    integers without a pair of QUANTIZE and DEQUANTIZE around each pooling.

    Args:
        layers: All operators, in order of execution.
        choices: What a person or a search chose.
    """
    found: dict[int, str] = {}
    for layer in layers:
        found[layer.number] = choices.get(layer.number) or unchosen(layer, found)
    return found


def unchosen(layer: CandidateLayer, found: Mapping[int, str]) -> str:
    """Return the precision of an operator for which none is chosen.

    Args:
        layer: The operator.
        found: Precisions of those before it.
    """
    if layer.has_weights or not layer.sources or layer.from_input:
        return FLOAT32.name
    before = {found.get(source, FLOAT32.name) for source in layer.sources}
    static = _static_of({PRECISIONS[each].activation_bits for each in before})
    return static if static is not None and static in layer.bytes_of else FLOAT32.name


def _static_of(bits: set[int | None]) -> str | None:
    if bits == {8}:
        return "int8"
    return "int16x8" if bits == {16} else None


def mixed_rules(layers: Sequence[CandidateLayer], precisions: Mapping[int, str]) -> list[Rule]:
    """Return litert-quantizer's rules for one precision an operator, float32 left out.

    Args:
        layers: All operators.
        precisions: Of `resolve`.
    """
    rules = []
    for layer in layers:
        precision = PRECISIONS[precisions[layer.number]]
        if precision.algorithm is not None and layer.scope:
            rules.append(rule_for(layer, precision))
    return rules


def rule_for(layer: CandidateLayer, precision: Precision) -> Rule:
    """Return the rule that gives one operator a precision."""
    return {
        "regex": f"^{re.escape(layer.scope)}$",
        "operation": "*",
        "algorithm_key": precision.algorithm,
        "op_config": dict(precision.op_config),
    }


def uniform_choices(layers: Sequence[CandidateLayer], precision: str) -> dict[int, str]:
    """Return choices that give every operator with weights one precision, where it takes it."""
    return {
        layer.number: precision
        for layer in layers
        if layer.has_weights and precision in layer.offered and precision != FLOAT32.name
    }


def plain_name(name: str) -> str:
    """Return a tensor's name without the endings that litert-quantizer adds to what it changes."""
    for ending in ("_quantized", "_dequant", "_requant"):
        name = name.removesuffix(ending)
    return name
