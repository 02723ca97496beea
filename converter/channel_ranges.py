"""The range of an operator's weights for each output channel, in a variant and the float file."""

from __future__ import annotations

import numpy as np

from converter.layer_analysis import ChannelRanges
from converter.op_cut import CutOperator, GraphTensor, OperatorGraph

Array = np.ndarray
MOST_CHANNELS = 256
_CHANNEL_AXES = {
    "CONV_2D": 0,
    "CONV_3D": 4,
    "FULLY_CONNECTED": 0,
    "TRANSPOSE_CONV": 0,
    "DEPTHWISE_CONV_2D": 3,
}
"""Where each kernel's weights have their output channels, by the schema of the operators."""


def channel_ranges(
    variant: OperatorGraph, operator: CutOperator, reference: OperatorGraph, partner: int
) -> list[ChannelRanges]:
    """Return the ranges of every weight tensor of an operator.

    Args:
        variant: The file that the operator stands in.
        operator: Whose weights are meant.
        reference: The float file.
        partner: Its tensor that the operator's result is paired with; its maker's weights are the
            ones to hold these against, where they have the same shape.
    """
    maker = next((op for op in reference.operators if partner in op.outputs), None)
    found = []
    for index in _weights(variant, operator):
        values = variant.constant(index)
        if values is None or values.ndim == 0:
            continue
        axis = _channel_axis(operator.name, variant.tensors[index], values)
        other = _same_weights(reference, maker, operator, values)
        found.append(_ranges(variant.tensors[index], values, other, axis))
    return found


def _weights(graph: OperatorGraph, operator: CutOperator) -> list[int]:
    """Return the stored tensors of two or more dimensions, those behind a DEQUANTIZE too."""
    held = [*operator.constants]
    for number in operator.folded:
        held += graph.operators[number].constants
    return [i for i in dict.fromkeys(held) if len(graph.tensors[i].shape) >= 2]


def _channel_axis(name: str, tensor: GraphTensor, values: Array) -> int:
    axis = tensor.channel_axis if len(tensor.scales) > 1 else _CHANNEL_AXES.get(name, 0)
    return axis if axis < values.ndim else 0


def _same_weights(
    graph: OperatorGraph, maker: CutOperator | None, operator: CutOperator, values: Array
) -> Array | None:
    if maker is None or maker.name != operator.name:
        return None
    for index in _weights(graph, maker):
        other = graph.constant(index)
        if other is not None and other.shape == values.shape:
            return other
    return None


def _ranges(tensor: GraphTensor, values: Array, other: Array | None, axis: int) -> ChannelRanges:
    channels = values.shape[axis]
    numbers = np.unique(np.linspace(0, channels - 1, min(channels, MOST_CHANNELS)).astype(int))
    low, high = _ends(values, axis)
    reference = None if other is None else _ends(other, axis)
    per_channel = len(tensor.scales) == channels and channels > 1
    return ChannelRanges(
        tensor=tensor.name,
        dtype=tensor.dtype,
        channels=channels,
        numbers=numbers.tolist(),
        low=low[numbers].tolist(),
        high=high[numbers].tolist(),
        reference_low=[] if reference is None else reference[0][numbers].tolist(),
        reference_high=[] if reference is None else reference[1][numbers].tolist(),
        steps=[tensor.scales[i] for i in numbers] if per_channel else list(tensor.scales[:1]),
    )


def _ends(values: Array, axis: int) -> tuple[Array, Array]:
    rows = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
    return rows.min(axis=1, initial=np.inf), rows.max(axis=1, initial=-np.inf)
