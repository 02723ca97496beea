"""Operators whose sizes follow from values: a cut made for one sample would not fit the next."""

from __future__ import annotations

from collections.abc import Mapping

from converter.litert_model import LitertModel
from converter.op_cut import CutOperator


def sizes_reason(
    operator: CutOperator, prepared: Mapping[int, tuple[int, ...]], model: LitertModel
) -> str | None:
    """Return why an operator's sizes forbid cutting it out; None where they were known in advance.

    Args:
        operator: Of the model's file.
        prepared: `LitertModel.tensor_shapes` before anything ran.
        model: After a run, with its tensors kept.
    """
    for index in (*operator.inputs, *operator.outputs):
        values = model.read_tensor(index)
        if values is None:
            return "the runtime keeps no values of its tensors"
        if values.shape != prepared[index]:
            return "its sizes are known only when it runs"
        if values.size == 0:
            return "one of its tensors is empty"
    return None
