"""Full input shapes for a run: the model's own, the person's, the data's, or a default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from converter.model_options import default_size
from converter.signature import Shape, TensorSpec, format_shape


def fix_shapes(
    inputs: Sequence[TensorSpec], data_shapes: Mapping[str, Shape] | None = None
) -> tuple[dict[str, tuple[int, ...]], list[str]]:
    """Choose a size for every open input dimension.

    Args:
        inputs: The model's own, with None for open dimensions.
        data_shapes: Shapes of one sample for each input (no batch), where data is given.

    Returns:
        The full input shapes, batch first, and a sentence for each choice other than batch 1.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    notes = []
    batch = next((s.shape[0] for s in inputs if s.shape and s.shape[0]), 1)
    for spec in inputs:
        declared = spec.shape
        sample = (data_shapes or {}).get(spec.name)
        if declared is None:
            declared = (None, *(sample or ()))
            if sample:
                notes.append(
                    f"The rank of input {spec.name} is open in the model; its shape is fixed to "
                    f"{format_shape((batch, *sample))} by the data."
                )
        sizes = [
            batch if index == 0 and size is None else size for index, size in enumerate(declared)
        ]
        for index, size in enumerate(sizes):
            if size is None:
                known = sample[index - 1] if sample and len(sample) >= index else None
                sizes[index] = known or default_size(len(declared))
                source = "the data" if known else "a default"
                notes.append(
                    f"Dimension {index} of input {spec.name} is open in the model; it is fixed to "
                    f"{sizes[index]} by {source}."
                )
        shapes[spec.name] = tuple(int(size or 1) for size in sizes)
    return shapes, notes
