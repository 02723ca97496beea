"""Cuts a `.tflite` into models of one operator each; the one module that does.

A one-operator model is fed with any activations: timed, it tells what the operator costs; fed with
the float model's activations, it tells which error is born in it.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np

from converter.errors import ModelFileError
from converter.tflite_file import operator_name, parse_model, signature_subgraph, tensor_type

Array = np.ndarray
_RUNS_OTHER_GRAPHS = {
    *("IF", "WHILE", "CALL", "CALL_ONCE"),
    *("STABLEHLO_COMPOSITE", "STABLEHLO_WHILE", "STABLEHLO_CASE"),
}
_UNFEEDABLE = {"resource", "variant", "string"}
_BITS = {"bool": 8, "int4": 4, "int2": 2, "float16": 16, "bfloat16": 16, "complex64": 64,
         "complex128": 128}  # fmt: skip
_SAMPLE_TYPES = {"int8": np.int8, "uint8": np.uint8, "int16": np.int16}
COMPUTES_A_CONSTANT = "it works on constants alone; counted with the operators that use its result"


@dataclass(frozen=True)
class GraphTensor:
    """One tensor of the main graph.

    Attributes:
        index: Its place in the subgraph.
        name: The converter's name.
        dtype: TFLite's type in NumPy's spelling.
        shape: As the file has it.
        scales: One for each channel, or one, or none.
        zero_points: The same.
        channel_axis: Along which `scales` runs where there are several.
        is_constant: Whether the file holds its values.
    """

    index: int
    name: str
    dtype: str
    shape: tuple[int, ...]
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    channel_axis: int
    is_constant: bool

    @property
    def stored_type(self) -> type[Any] | None:
        """The NumPy integer type of its activations where it has one scale; None for others."""
        return _SAMPLE_TYPES.get(self.dtype) if len(self.scales) == 1 else None


@dataclass(frozen=True)
class CutOperator:
    """One operator of the main graph.

    Attributes:
        number: Its place in the order of execution.
        name: Its builtin name, or its custom code.
        inputs: Indices of the activations to feed, each once, in order.
        outputs: Indices of what it gives.
        constants: Indices of the stored tensors that it reads, in the order of its inputs.
        folded: Numbers of operators that compute constants for it; they are cut out with it.
        reason: Why it cannot be cut out; None where it can.
    """

    number: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    constants: tuple[int, ...]
    folded: tuple[int, ...] = ()
    reason: str | None = None


def tensor_bytes(tensor: GraphTensor) -> int:
    """Return the bytes of a tensor's values; an open size counts as 1."""
    elements = math.prod(max(1, size) for size in tensor.shape)
    digits = "".join(c for c in tensor.dtype if c.isdigit())
    bits = _BITS.get(tensor.dtype, int(digits) if digits else 0)
    return (elements * bits + 7) // 8


class OperatorGraph:
    """The operators of a file's main graph, each ready to be cut out.

    Args:
        path: The `.tflite` file.
        signature: Whose graph is meant; the default when left out.

    Raises:
        ModelFileError: When it is no TFLite flatbuffer or is damaged.
    """

    def __init__(self, path: Path, signature: str | None = None) -> None:
        self._model = parse_model(path)
        self._graph = self._model.subgraphs[signature_subgraph(self._model, path.name, signature)]
        try:
            self.tensors = [self._tensor(i) for i in range(len(self._graph.tensors))]
            self.outputs = tuple(int(i) for i in _ints(self._graph.outputs))
            self.inputs = tuple(int(i) for i in _ints(self._graph.inputs))
            self.operators = self._operators()
        except (IndexError, TypeError, AttributeError) as broken:
            raise ModelFileError(
                f"{path.name}: expected a complete TFLite flatbuffer, found operators whose "
                "tensors are missing; convert or upload it again.",
                f"{type(broken).__name__}: {broken}",
            ) from broken

    def reads(self, number: int) -> tuple[int, ...]:
        """Return the indices of all tensors that an operator reads, in the order of its inputs."""
        return tuple(int(i) for i in _ints(self._graph.operators[number].inputs) if i >= 0)

    @property
    def variables(self) -> list[int]:
        """Indices of the tensors that keep their values between inferences."""
        return [i for i, table in enumerate(self._graph.tensors) if table.isVariable]

    def cut(self, operator: CutOperator, shapes: Mapping[int, Sequence[int]]) -> bytes:
        """Return a model that holds one operator, with those that compute constants for it.

        Its inputs and outputs are `operator.inputs` and `operator.outputs`, in order.

        Args:
            operator: One of `operators` without a reason against it.
            shapes: Current shape of each activation by index; the file's own where it is left out.
        """
        if operator.reason is not None:
            raise ValueError(f"operator {operator.number} cannot be cut: {operator.reason}")
        return _Cutting(self._model, self._graph, shapes).build(operator)

    def options(self, operator: CutOperator) -> str:
        """Return an operator's options and those of what is cut out with it, as one text."""
        tables = [self._graph.operators[n] for n in (*operator.folded, operator.number)]
        return repr([
            (
                sorted(vars(t.builtinOptions).items()) if t.builtinOptions is not None else [],
                sorted(vars(t.builtinOptions2).items()) if t.builtinOptions2 is not None else [],
                None if t.customOptions is None else bytes(bytearray(t.customOptions)),
            )
            for t in tables
        ])  # fmt: skip

    def constant(self, index: int) -> Array | None:
        """Return the real values of a stored tensor; None where their form is not one we read.

        Args:
            index: Of the tensor.

        Returns:
            Float64 in the tensor's shape; scaled integers multiplied out.
        """
        tensor, table = self.tensors[index], self._graph.tensors[index]
        data = self._model.buffers[table.buffer].data
        if not tensor.is_constant or data is None or table.sparsity is not None:
            return None
        stored = _stored_values(np.asarray(data, np.uint8), tensor)
        if stored is None:
            return None
        if not tensor.scales:
            return stored if tensor.dtype.startswith("float") else None
        return _real_values(stored, tensor)

    def _tensor(self, index: int) -> GraphTensor:
        table = self._graph.tensors[index]
        how = table.quantization
        scales = () if how is None else tuple(float(s) for s in _ints(how.scale))
        points = () if how is None else tuple(int(z) for z in _ints(how.zeroPoint))
        buffer = self._model.buffers[table.buffer]
        name = table.name
        return GraphTensor(
            index=index,
            name=name.decode("utf-8", "replace") if isinstance(name, bytes) else name or "",
            dtype=tensor_type(table.type),
            shape=tuple(int(size) for size in _ints(table.shape)),
            scales=scales,
            zero_points=points or (0,) * len(scales),
            channel_axis=0 if how is None else int(how.quantizedDimension),
            is_constant=bool(buffer.data is not None and len(buffer.data)) or buffer.offset > 0,
        )

    def _operators(self) -> list[CutOperator]:
        makers: dict[int, int] = {}  # operators that compute constants, by what they give
        found: list[CutOperator] = []
        for number, table in enumerate(self._graph.operators or []):
            operator = self._operator(number, table, makers, found)
            computes_constant = (
                operator.reason is None
                and not operator.inputs
                and not set(operator.outputs) & set(self.outputs)
                and (operator.constants or operator.folded)
            )
            if computes_constant:
                makers.update(dict.fromkeys(operator.outputs, number))
                operator = _with_reason(operator, COMPUTES_A_CONSTANT)
            found.append(operator)
        return found

    def _operator(
        self,
        number: int,
        table: Any,  # noqa: ANN401
        makers: Mapping[int, int],
        found: Sequence[CutOperator],
    ) -> CutOperator:
        name, is_custom = operator_name(self._model.operatorCodes[table.opcodeIndex])
        touched = [int(i) for i in _ints(table.inputs) if i >= 0]
        outputs = tuple(int(i) for i in _ints(table.outputs) if i >= 0)
        constants = tuple(i for i in touched if self.tensors[i].is_constant)
        folded: list[int] = []
        for maker in (makers[i] for i in touched if i in makers):
            folded += [*found[maker].folded, maker]
        # Variables are the operator's own state, which LiteRT clears when it allocates them.
        fed = [
            i
            for i in dict.fromkeys(touched)
            if not self.tensors[i].is_constant
            and i not in makers
            and not self._graph.tensors[i].isVariable
        ]
        return CutOperator(
            number=number,
            name=name,
            inputs=tuple(fed),
            outputs=outputs,
            constants=constants,
            folded=tuple(dict.fromkeys(folded)),
            reason=self._reason(name, is_custom, (*touched, *outputs)),
        )

    def _reason(self, name: str, is_custom: bool, touched: Iterable[int]) -> str | None:
        if is_custom:
            kind = "TensorFlow" if name.startswith("Flex") else "custom"
            return f"it is a {kind} operator, whose kernel is not LiteRT's own"
        if name in _RUNS_OTHER_GRAPHS:
            return "it runs another graph of the file"
        for index in touched:
            dtype = self.tensors[index].dtype
            if dtype in _UNFEEDABLE:
                return f"it works on a {dtype}, which cannot be fed apart from the whole"
            if self._model.buffers[self._graph.tensors[index].buffer].offset > 1:
                return "its constants lie outside of the flatbuffer"
        return None


class _Cutting:
    """The flatbuffer of one cut while it is put together."""

    def __init__(self, model: Any, graph: Any, shapes: Mapping[int, Sequence[int]]) -> None:  # noqa: ANN401
        self._model = model
        self._graph = graph
        self._shapes = shapes
        self._new = type(model)()
        self._new.version = 3
        self._new.operatorCodes = []
        self._new.buffers = [type(model.buffers[0])()]
        self._table = type(graph)()
        self._table.tensors, self._table.operators = [], []
        self._places: dict[int, int] = {}

    def build(self, operator: CutOperator) -> bytes:
        for number in (*operator.folded, operator.number):
            self._add(self._graph.operators[number])
        self._table.inputs = [self._places[i] for i in operator.inputs]
        self._table.outputs = [self._places[i] for i in operator.outputs]
        self._new.subgraphs = [self._table]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self._new.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _add(self, operator: Any) -> None:  # noqa: ANN401
        moved = copy.copy(operator)
        self._new.operatorCodes.append(self._model.operatorCodes[operator.opcodeIndex])
        moved.opcodeIndex = len(self._new.operatorCodes) - 1
        for ends in ("inputs", "outputs", "intermediates"):
            indices = getattr(operator, ends)
            if indices is not None:
                setattr(moved, ends, [self._place(int(i)) for i in indices])
        self._table.operators.append(moved)

    def _place(self, index: int) -> int:
        if index < 0:  # an optional input that is left out
            return -1
        if index in self._places:
            return self._places[index]
        tensor = copy.copy(self._graph.tensors[index])
        buffer = self._model.buffers[tensor.buffer]
        if buffer.data is not None and len(buffer.data):
            self._new.buffers.append(buffer)
            tensor.buffer = len(self._new.buffers) - 1
        else:
            tensor.buffer = 0
            tensor.shape = list(self._shapes.get(index, _ints(tensor.shape)))
            tensor.shapeSignature = None
        self._table.tensors.append(tensor)
        place = self._places[index] = len(self._table.tensors) - 1
        tensor.quantization = self._with_moved_scales(tensor.quantization)
        return place

    def _with_moved_scales(self, how: Any) -> Any:  # noqa: ANN401
        """Return quantization whose scales of blocks, a tensor of their own, are cut out too."""
        details = None if how is None else how.details
        if details is None or not hasattr(details, "blockSize"):
            return how
        how, details = copy.copy(how), copy.copy(details)
        details.scales = self._place(int(details.scales))
        details.zeroPoints = self._place(int(details.zeroPoints))
        how.details = details
        return how


def _with_reason(operator: CutOperator, reason: str) -> CutOperator:
    return CutOperator(**{**vars(operator), "reason": reason})


def _ints(values: Any) -> Any:  # noqa: ANN401 - a list, an array or None
    return [] if values is None else values


def _stored_values(data: Array, tensor: GraphTensor) -> Array | None:
    """Return a constant's stored numbers as float64, in its shape."""
    count = int(np.prod(tensor.shape, dtype=np.int64))
    if tensor.dtype == "int4":
        low = (data & 15).astype(np.int8)
        pairs = np.stack([low, (data >> 4).astype(np.int8)], axis=1).reshape(-1)[:count]
        stored = np.where(pairs > 7, pairs - 16, pairs)
    else:
        try:
            stored = data.view(np.dtype(tensor.dtype))
        except (TypeError, ValueError):
            return None
    if stored.size != count:
        return None
    return stored.astype(np.float64).reshape(tensor.shape)


def _real_values(stored: Array, tensor: GraphTensor) -> Array | None:
    scales, points = np.array(tensor.scales), np.array(tensor.zero_points, np.float64)
    if len(scales) == 1:
        return (stored - points[0]) * scales[0]
    axis = tensor.channel_axis
    if axis >= stored.ndim or stored.shape[axis] != len(scales) or len(points) != len(scales):
        return None  # scaled in blocks, whose form is the kernel's own
    along = [1] * stored.ndim
    along[axis] = len(scales)
    return (stored - points.reshape(along)) * scales.reshape(along)
