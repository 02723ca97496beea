"""What a frozen `GraphDef` (`.pb`) offers: its inputs, its ends and its constants."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from converter.errors import ModelFileError
from converter.saved_model_file import dtype_name
from converter.signature import TensorSpec, unique_names
from converter.tensorflow_protos import import_proto


@dataclass
class FrozenGraphFacts:
    """What the graph says; see `ModelFile` for the meaning of the fields."""

    inputs: list[TensorSpec] = field(default_factory=list)
    outputs: list[TensorSpec] = field(default_factory=list)
    input_tensors: list[str] = field(default_factory=list)
    output_tensors: list[str] = field(default_factory=list)
    candidate_outputs: list[str] = field(default_factory=list)
    parameters: int = 0
    parameter_bytes: int = 0
    operators: list[str] = field(default_factory=list)


def parse_graph_def(path: Path) -> Any | None:  # noqa: ANN401 - a generated protobuf class
    """Return the `GraphDef` in a file, or None where its bytes are none."""
    graph_def = import_proto("core.framework.graph_pb2").GraphDef()
    try:
        graph_def.ParseFromString(path.read_bytes())
    except Exception:  # noqa: BLE001 - protobuf's DecodeError differs by backend
        return None
    named = [node for node in graph_def.node if node.name and node.op]
    return graph_def if named and len(named) == len(graph_def.node) else None


def read_frozen_graph(
    path: Path, inputs: Sequence[str] = (), outputs: Sequence[str] = ()
) -> FrozenGraphFacts:
    """Read a frozen graph; names left out are taken from the graph's own ends.

    Args:
        path: The `.pb` file.
        inputs: Tensor or node names to feed (`"x"`, `"x:0"`); all placeholders when empty.
        outputs: Tensor or node names to fetch; all nodes that nothing consumes when empty.

    Raises:
        ModelFileError: When it is no frozen graph, or a name is not in it.
    """
    graph_def = parse_graph_def(path)
    if graph_def is None:
        raise ModelFileError(
            f"{path.name}: expected a TensorFlow GraphDef protobuf, found bytes that are none; "
            "freeze and save the graph again."
        )
    nodes = {node.name: node for node in graph_def.node}
    variables = [n.name for n in graph_def.node if n.op in {"VarHandleOp", "VariableV2"}]
    if variables:
        raise ModelFileError(
            f"{path.name}: expected a frozen graph, found the variable {variables[0]!r}; freeze "
            "the graph or give the SavedModel."
        )
    facts = FrozenGraphFacts()
    consumed = {name.split(":")[0].lstrip("^") for node in graph_def.node for name in node.input}
    placeholders = [node.name for node in graph_def.node if node.op == "Placeholder"]
    facts.candidate_outputs = [
        node.name
        for node in graph_def.node
        if node.name not in consumed and node.op not in {"Placeholder", "Const", "NoOp"}
    ]
    facts.input_tensors = _tensor_names(path, "--inputs", inputs or placeholders, nodes)
    facts.output_tensors = _tensor_names(
        path, "--outputs", outputs or facts.candidate_outputs, nodes
    )
    facts.inputs = _input_specs(facts.input_tensors, nodes)
    facts.outputs = [
        TensorSpec(name, None, None) for name in unique_names(facts.output_tensors, "output")
    ]
    _count_constants(graph_def, facts)
    facts.operators = sorted({node.op for node in graph_def.node})
    return facts


def _tensor_names(path: Path, flag: str, names: Sequence[str], nodes: dict[str, Any]) -> list[str]:
    missing = [name for name in names if name.split(":")[0] not in nodes]
    if missing or not names:
        raise ModelFileError(
            f"{path.name}: {flag} expects names of nodes in the graph, found "
            f"{missing[0] if missing else 'none'!r}; run inspect to list them."
        )
    return [name if ":" in name else f"{name}:0" for name in names]


def _input_specs(tensors: list[str], nodes: dict[str, Any]) -> list[TensorSpec]:
    specs = []
    for tensor, name in zip(tensors, unique_names(tensors, "input"), strict=True):
        node = nodes[tensor.split(":")[0]]
        shape: tuple[int | None, ...] | None = None
        if "shape" in node.attr and not node.attr["shape"].shape.unknown_rank:
            sizes = [dim.size for dim in node.attr["shape"].shape.dim]
            shape = tuple(size if size >= 0 else None for size in sizes)
        dtype = dtype_name(node.attr["dtype"].type) if "dtype" in node.attr else "float32"
        specs.append(TensorSpec(name, shape, dtype))
    return specs


def _count_constants(graph_def: Any, facts: FrozenGraphFacts) -> None:  # noqa: ANN401
    for node in graph_def.node:
        if node.op != "Const":
            continue
        tensor = node.attr["value"].tensor
        sizes = [dim.size for dim in tensor.tensor_shape.dim]
        if not sizes or min(sizes) < 0:  # a scalar is no weight, a negative size is damage
            continue
        name = dtype_name(tensor.dtype)
        if name in {"float32", "float64", "float16", "bfloat16"}:
            size = math.prod(sizes)
            facts.parameters += size
            facts.parameter_bytes += size * (2 if "16" in name else 8 if "64" in name else 4)
