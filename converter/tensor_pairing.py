"""Which tensor of a float file a variant's tensor stands for: by name, across borders, or by none.

Names survive conversion and quantization. What a quantizer adds are QUANTIZE and DEQUANTIZE: what
they give stands for what they take, so a tensor without a partner of its own has its neighbour's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass

from converter.layer_analysis import UnpairedTensor
from converter.op_cut import CutOperator, OperatorGraph
from converter.tensor_names import name_stem, pair_by_stem

_BORDERS = {"QUANTIZE", "DEQUANTIZE"}
FLOAT_FILE, VARIANT_FILE = "float32", "variant"


@dataclass(frozen=True)
class Pairing:
    """What was found.

    Attributes:
        partners: Index of the float file's tensor, by index of the variant's.
        unpaired: What has no partner, of both files.
    """

    partners: dict[int, int]
    unpaired: list[UnpairedTensor]


def pair_tensors(reference: OperatorGraph, variant: OperatorGraph) -> Pairing:
    """Pair the activations of two files, whatever order their operators stand in.

    Args:
        reference: The float file.
        variant: The file that was made from it.
    """
    known, repeated = _names(reference), _repeated(reference) | _repeated(variant)
    partners = {}
    for index in _activations(variant):
        name = variant.tensors[index].name
        if name and name not in repeated and name in known:
            partners[index] = known[name]
    _by_stem(reference, variant, partners)
    # By position: a quantizer may rename the ends of the file, never their order.
    for own, other in ((variant.inputs, reference.inputs), (variant.outputs, reference.outputs)):
        if len(own) == len(other):
            for index, partner in zip(own, other, strict=True):
                partners.setdefault(index, partner)
    _across_borders(variant.operators, partners)
    return Pairing(partners, _unpaired(reference, variant, partners, repeated))


def _by_stem(reference: OperatorGraph, variant: OperatorGraph, partners: dict[int, int]) -> None:
    """Pair what has the same name but for the number at its end, the same operator and shape."""
    sides = []
    kinds: dict[tuple[str, int], Hashable] = {}
    for file, graph, taken in (
        (VARIANT_FILE, variant, set(partners)),
        (FLOAT_FILE, reference, set(partners.values())),
    ):
        free = [(i, operator) for i, operator in _results(graph) if i not in taken]
        sides.append([(file, i) for i, _ in free])
        for i, operator in free:
            tensor = graph.tensors[i]
            kinds[file, i] = (name_stem(tensor.name), operator, tensor.shape)
    for (_, index), (_, partner) in pair_by_stem(sides[0], sides[1], kinds).items():
        if variant.tensors[index].name:
            partners[index] = partner


def _across_borders(operators: list[CutOperator], partners: dict[int, int]) -> None:
    borders = [
        (op.inputs[0], op.outputs[0])
        for op in operators
        if op.name in _BORDERS and len(op.inputs) == 1 and len(op.outputs) == 1
    ]
    changed = True
    while changed:
        changed = False
        for one, other in (*borders, *((b, a) for a, b in borders)):
            if other not in partners and one in partners:
                partners[other] = partners[one]
                changed = True


def _unpaired(
    reference: OperatorGraph,
    variant: OperatorGraph,
    partners: dict[int, int],
    repeated: set[str],
) -> list[UnpairedTensor]:
    def entry(graph: OperatorGraph, file: str, index: int, operator: str) -> UnpairedTensor:
        name = graph.tensors[index].name
        other = VARIANT_FILE if file == FLOAT_FILE else FLOAT_FILE
        reason = f"the {other} file has no tensor of this name"
        if not name:
            reason = "it has no name"
        elif name in repeated:
            reason = "several tensors have this name"
        return UnpairedTensor(name=name, file=file, operator=operator, reason=reason)

    found = set(partners.values())
    return [
        *(
            entry(variant, VARIANT_FILE, index, operator)
            for index, operator in _results(variant)
            if index not in partners
        ),
        *(
            entry(reference, FLOAT_FILE, index, operator)
            for index, operator in _results(reference)
            if index not in found
        ),
    ]


def _results(graph: OperatorGraph) -> list[tuple[int, str]]:
    """Return what each operator gives, but for constants that are worked out when it is loaded."""
    folded = {number for operator in graph.operators for number in operator.folded}
    return [
        (index, operator.name)
        for operator in graph.operators
        if operator.number not in folded
        for index in operator.outputs
    ]


def _activations(graph: OperatorGraph) -> list[int]:
    return [*graph.inputs, *(index for index, _ in _results(graph))]


def _names(graph: OperatorGraph) -> dict[str, int]:
    return {graph.tensors[index].name: index for index in _activations(graph)}


def _repeated(graph: OperatorGraph) -> set[str]:
    counts = Counter(graph.tensors[index].name for index in dict.fromkeys(_activations(graph)))
    return {name for name, count in counts.items() if count > 1}
