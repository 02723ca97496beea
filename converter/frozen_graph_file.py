"""What a frozen `GraphDef` (`.pb`) offers: its inputs, its ends and its constants."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from converter.errors import ModelFileError
from converter.graph_tensors import MOST_OFFERED, GraphTensors
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
        inputs: Tensor or node names to feed (`"x"`, `"x:0"`); the placeholders that the outputs
            need when empty.
        outputs: Tensor or node names to fetch; the nodes that nothing consumes when empty.

    Raises:
        ModelFileError: When it is no frozen graph, a name is not in it, or nothing can be
            computed between the names.
    """
    graph_def = _read_graph_def(path)
    nodes = {node.name: node for node in graph_def.node}
    facts = FrozenGraphFacts()
    graph = GraphTensors(graph_def)
    facts.candidate_outputs = graph.ends[:MOST_OFFERED]
    _require_nodes(path, "inputs", inputs, nodes)
    _require_nodes(path, "outputs", outputs, nodes)
    fetched = list(outputs) or graph.default_outputs(inputs)
    fed = list(inputs) or graph.default_inputs(fetched)
    facts.input_tensors, facts.output_tensors = _tensor_names(fed), _tensor_names(fetched)
    if inputs or outputs:
        graph.check(facts.input_tensors, facts.output_tensors, path.name)
    facts.inputs = _specs(graph, facts.input_tensors, "input")
    facts.outputs = _specs(graph, facts.output_tensors, "output")
    _count_constants(graph_def, facts)
    facts.operators = sorted({node.op for node in graph_def.node})
    return facts


def list_tensors(path: Path) -> dict[str, Any]:
    """Return which tensors of a frozen graph a person can choose from: `GraphTensors.offer`.

    Raises:
        ModelFileError: When it is no frozen graph.
    """
    return GraphTensors(_read_graph_def(path)).offer()


def _read_graph_def(path: Path) -> Any:  # noqa: ANN401 - a generated protobuf class
    graph_def = parse_graph_def(path)
    if graph_def is None:
        raise ModelFileError(
            f"{path.name}: expected a TensorFlow GraphDef protobuf, found bytes that are none; "
            "freeze and save the graph again."
        )
    variables = [n.name for n in graph_def.node if n.op in {"VarHandleOp", "VariableV2"}]
    if variables:
        raise ModelFileError(
            f"{path.name}: expected a frozen graph, found the variable {variables[0]!r}; freeze "
            "the graph or give the SavedModel."
        )
    # `:` and `^` mark a node's results and its control inputs, so TensorFlow allows neither.
    illegal = next((n.name for n in graph_def.node if ":" in n.name or n.name[0] == "^"), None)
    if illegal is not None:
        raise ModelFileError(
            f"{path.name}: expected nodes with names that TensorFlow takes, found "
            f"{illegal[:80]!r}; freeze and save the graph again."
        )
    return graph_def


def _require_nodes(path: Path, kind: str, names: Sequence[str], nodes: dict[str, Any]) -> None:
    wrong = [
        name
        for name in names
        if name.split(":")[0] not in nodes or not re.fullmatch(r"[^:]+(:\d{1,4})?", name)
    ]
    if wrong:
        raise ModelFileError(
            f"{path.name}: expected {kind} (--{kind}) that are nodes of the graph, found "
            f"{wrong[0][:80]!r}; inspect and the Model page list them."
        )


def _tensor_names(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(name if ":" in name else f"{name}:0" for name in names))


def _specs(graph: GraphTensors, tensors: list[str], kind: str) -> list[TensorSpec]:
    found = [graph.describe(tensor) for tensor in tensors]
    names = unique_names(tensors, kind)
    return [TensorSpec(n, t.shape, t.dtype) for n, t in zip(names, found, strict=True)]


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
