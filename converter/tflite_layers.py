"""Which layer each tensor, operator and stored value of a `.tflite` belongs to.

A layer is an operator, and has the name of the tensor that it gives. Values that are stored belong
to the operator that uses them, also where another one unpacks them first (a float16 file's
DEQUANTIZE).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from converter.tflite_file import operator_name, tensor_type

_BIAS_INPUTS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "CONV_3D"), (2,)),
    **dict.fromkeys(("TRANSPOSE_CONV", "CONV_3D_TRANSPOSE", "RNN", "SVDF"), (3,)),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (3,),
    **dict.fromkeys(("LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM"), (12, 13, 14, 15, 17)),
}
_MOST_STEPS = 64
"""From a stored value over operators that unpack it; converters write one or two."""


@dataclass(frozen=True)
class StoredTensor:
    """A tensor whose values lie in the file.

    Attributes:
        layer: Of the operator that uses it.
        dtype: TFLite's type in NumPy's spelling.
        shape: As the file has it.
        is_scaled: Whether it carries a scale.
        is_bias: Whether an operator adds it to its result.
        is_scale: Whether it holds the scales of another tensor (block-wise quantization).
        is_sparse: Whether its zeros are left out.
    """

    layer: str
    dtype: str
    shape: tuple[int, ...]
    is_scaled: bool
    is_bias: bool
    is_scale: bool
    is_sparse: bool


class LayerNames:
    """The layers of a file.

    Args:
        model: Of `tflite_file.parse_model`.

    Attributes:
        stored: The tensor of each buffer that holds one's values, the first of several.
    """

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - generated code without types
        codes = [operator_name(code)[0] for code in model.operatorCodes or []]
        self._graphs = [
            _GraphLayers(graph, place, codes, model.buffers)
            for place, graph in enumerate(model.subgraphs)
        ]
        self.stored: dict[int, StoredTensor] = {}
        for graph in self._graphs:
            for index in graph.constants:
                buffer = int(graph.tensors[index].buffer)
                self.stored.setdefault(buffer, graph.stored_tensor(index))

    def of_tensor(self, graph: int, tensor: int) -> str:
        """Return the layer of a tensor: of what gives it, or uses it where it is stored."""
        return self._graphs[graph].of_tensor(tensor)

    def of_operator(self, graph: int, operator: int) -> str:
        """Return the layer of an operator: its own, or that of what it unpacks values for."""
        return self._graphs[graph].of_operator(operator)


def is_scaled(tensor: Any) -> bool:  # noqa: ANN401
    """Whether a tensor has scales, ranges, or scales that lie elsewhere."""
    found = tensor.quantization
    if found is None:
        return False
    held = (found.scale, found.min, found.max)
    return found.details is not None or any(x is not None and len(x) for x in held)


class _GraphLayers:
    """The layers of one subgraph."""

    def __init__(self, graph: Any, place: int, codes: list[str], buffers: Sequence[Any]) -> None:  # noqa: ANN401
        self.tensors = graph.tensors or []
        self._operators = graph.operators or []
        self._codes = codes
        self._suffix = f" (subgraph {place})" if place else ""
        self.constants = {
            index for index, tensor in enumerate(self.tensors) if _has_data(buffers[tensor.buffer])
        }
        self._maker: dict[int, int] = {}
        self._user: dict[int, tuple[int, int]] = {}
        for number, operator in enumerate(self._operators):
            for index in _indices(operator.outputs):
                self._maker.setdefault(index, number)
            for slot, index in enumerate(_indices(operator.inputs)):
                self._user.setdefault(index, (number, slot))
        self._unpacks = self._find_unpacking()
        self._scales = {
            int(getattr(tensor.quantization.details, "scales", -1))
            for tensor in self.tensors
            if tensor.quantization is not None and tensor.quantization.details is not None
        }

    def _find_unpacking(self) -> set[int]:
        """Return the operators that work on stored values alone, in the order of execution."""
        known, found = set(self.constants), set()
        for number, operator in enumerate(self._operators):
            inputs = [index for index in _indices(operator.inputs) if index >= 0]
            if inputs and known.issuperset(inputs):
                found.add(number)
                known.update(_indices(operator.outputs))
        return found

    def of_tensor(self, index: int) -> str:
        if index in self._maker:
            return self.of_operator(self._maker[index])
        if index in self.constants:
            user = self._final_user(index)
            return "" if user is None else self._own_name(user[0])
        return self._tensor_name(index)  # an input of the graph

    def of_operator(self, number: int) -> str:
        outputs = _indices(self._operators[number].outputs)
        if number in self._unpacks and outputs:
            user = self._final_user(outputs[0])
            if user is not None:
                return self._own_name(user[0])
        return self._own_name(number)

    def stored_tensor(self, index: int) -> StoredTensor:
        tensor = self.tensors[index]
        user = self._final_user(index)
        code = "" if user is None else self._code(user[0])
        return StoredTensor(
            layer=self.of_tensor(index),
            dtype=tensor_type(tensor.type),
            shape=tuple(_indices(tensor.shape)),
            is_scaled=is_scaled(tensor),
            is_bias=user is not None and user[1] in _BIAS_INPUTS.get(code, ()),
            is_scale=index in self._scales,
            is_sparse=tensor.sparsity is not None,
        )

    def _final_user(self, index: int) -> tuple[int, int] | None:
        """Return the operator that computes with a stored tensor, and as its which input."""
        user = self._user.get(index)
        for _ in range(_MOST_STEPS):
            if user is None or user[0] not in self._unpacks:
                return user
            outputs = _indices(self._operators[user[0]].outputs)
            further = self._user.get(outputs[0]) if outputs else None
            if further is None:
                return user
            user = further
        return user

    def _code(self, number: int) -> str:
        return self._codes[self._operators[number].opcodeIndex]

    def _own_name(self, number: int) -> str:
        outputs = _indices(self._operators[number].outputs)
        name = self._tensor_name(outputs[0]) if outputs else ""
        return name or f"operator {number}{self._suffix}"

    def _tensor_name(self, index: int) -> str:
        name = self.tensors[index].name or b""
        text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
        return f"{text}{self._suffix}" if text else ""


def _has_data(buffer: Any) -> bool:  # noqa: ANN401
    return (buffer.data is not None and len(buffer.data) > 0) or buffer.offset > 1


def _indices(values: Any) -> list[int]:  # noqa: ANN401
    return [] if values is None else [int(value) for value in values]
