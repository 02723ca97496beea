"""What a SavedModel says of itself: signatures and variables, read from its protobuf alone."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from converter.archive import content_members, extract_below, open_zip, read_member
from converter.errors import ModelFileError
from converter.limits import MIB
from converter.signature import TensorSpec, unique_names
from converter.tensorflow_protos import import_proto

SAVED_MODEL_PB = "saved_model.pb"
MAX_GRAPH_BYTES = 2048 * MIB  # protobuf's own bound for one message
_OPTIMIZER_EDGES = {"optimizer", "_optimizer"}
_BOOKKEEPING_EDGES = {"keras_api", "_metrics", "metrics"}
# Bytes of one value; a variable of any other dtype holds no weights.
_ITEM_BYTES = {
    **dict.fromkeys(("bool", "int8", "uint8", "qint8", "quint8", "int4", "uint4"), 1),
    **dict.fromkeys(("float8_e5m2", "float8_e4m3fn"), 1),
    **dict.fromkeys(("int16", "uint16", "qint16", "quint16", "float16", "bfloat16"), 2),
    **dict.fromkeys(("int32", "uint32", "qint32", "float32"), 4),
    **dict.fromkeys(("int64", "uint64", "float64", "complex64"), 8),
    "complex128": 16,
}
VARIABLES = {"VarHandleOp", "VariableV2", "Variable"}


@dataclass
class SavedModelFacts:
    """What the protobuf says; see `ModelFile` for the meaning of the fields."""

    signature_key: str = ""
    signature_keys: list[str] = field(default_factory=list)
    signature_tensors: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    input_keys: list[str] = field(default_factory=list)
    inputs: list[TensorSpec] = field(default_factory=list)
    outputs: list[TensorSpec] = field(default_factory=list)
    parameters: int = 0
    parameter_bytes: int = 0
    optimizer_bytes: int = 0
    unpacked_bytes: int = 0
    tensorflow_version: str = "unknown"
    operators: list[str] = field(default_factory=list)


def find_saved_model_prefix(path: Path) -> str | None:
    """Return where in a zip the SavedModel lies (`""` or `"folder/"`), None where there is none.

    Raises:
        ModelFileError: When the zip is unsafe or damaged, or holds more than one SavedModel.
    """
    with open_zip(path, ModelFileError) as archive:
        found = [
            member.filename[: -len(SAVED_MODEL_PB)]
            for member in content_members(archive)
            if PurePosixPath(member.filename).name == SAVED_MODEL_PB
        ]
    if len(found) > 1:
        raise ModelFileError(
            f"{path.name}: expected one SavedModel in the archive, found {len(found)} "
            f"({', '.join(repr(prefix[:60] + SAVED_MODEL_PB) for prefix in found[:3])}); pack one "
            "alone."
        )
    return found[0] if found else None


def extract_saved_model(path: Path, target: Path) -> Path:
    """Unpack the SavedModel of a zip into `target` and return its folder.

    Raises:
        ModelFileError: When the zip is unsafe or damaged, or holds no SavedModel.
    """
    prefix = find_saved_model_prefix(path)
    if prefix is None:
        raise ModelFileError(
            f"{path.name}: expected a saved_model.pb in the archive, found none; zip the "
            "SavedModel folder itself."
        )
    with open_zip(path, ModelFileError) as archive:
        extract_below(archive, prefix, target, ModelFileError)
    return target


def read_saved_model(path: Path, signature: str | None = None) -> SavedModelFacts:
    """Read a SavedModel folder, or the zip of one.

    Args:
        path: Where it lies.
        signature: Key of the signature to describe; None for `serving_default`, or the first.

    Raises:
        ModelFileError: When it is damaged, offers no signature to run or none of that key.
    """
    facts = SavedModelFacts()
    if path.is_dir():
        content = (path / SAVED_MODEL_PB).read_bytes()
        facts.unpacked_bytes = sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
    else:
        prefix = find_saved_model_prefix(path) or ""
        with open_zip(path, ModelFileError) as archive:
            facts.unpacked_bytes = sum(m.file_size for m in content_members(archive))
            content = read_member(archive, prefix + SAVED_MODEL_PB, ModelFileError, MAX_GRAPH_BYTES)
    saved_model = parse_saved_model(path.name, content)
    meta_graph = _serving_graph(path, saved_model)
    facts.tensorflow_version = meta_graph.meta_info_def.tensorflow_version or "unknown"
    _read_signature(path, meta_graph, facts, signature)
    _count_variables(meta_graph, facts)
    facts.operators = _operators(meta_graph.graph_def)
    return facts


def parse_saved_model(name: str, content: bytes) -> Any:  # noqa: ANN401 - a generated class
    """Return the `SavedModel` message in the bytes of a `saved_model.pb`.

    Args:
        name: The model's name, for the message.
        content: The bytes.

    Raises:
        ModelFileError: When they are none.
    """
    saved_model = import_proto("core.protobuf.saved_model_pb2").SavedModel()
    try:
        saved_model.ParseFromString(content)
    except Exception as broken:  # noqa: BLE001 - protobuf's DecodeError differs by backend
        raise ModelFileError(
            f"{name}: expected a SavedModel protobuf in {SAVED_MODEL_PB}, found bytes that are "
            "none; export the model again."
        ) from broken
    return saved_model


def _serving_graph(path: Path, saved_model: Any) -> Any:  # noqa: ANN401
    for meta_graph in saved_model.meta_graphs:
        if "serve" in meta_graph.meta_info_def.tags:
            return meta_graph
    tags = sorted({tag for graph in saved_model.meta_graphs for tag in graph.meta_info_def.tags})
    raise ModelFileError(
        f"{path.name}: expected a SavedModel with the tag 'serve', found "
        f"{', '.join(tags) or 'no tags'}; export it for serving."
    )


def _read_signature(
    path: Path,
    meta_graph: Any,  # noqa: ANN401
    facts: SavedModelFacts,
    chosen: str | None,
) -> None:
    usable = {
        key: definition
        for key, definition in meta_graph.signature_def.items()
        if not key.startswith("__saved_model_") and definition.inputs and definition.outputs
    }
    if not usable:
        raise ModelFileError(
            f"{path.name}: expected at least one serving signature, found none with inputs and "
            "outputs; export the model with model.export() or pass signatures= to "
            "tf.saved_model.save()."
        )
    facts.signature_keys = sorted(usable)
    facts.signature_tensors = {
        key: {"inputs": sorted(usable[key].inputs), "outputs": sorted(usable[key].outputs)}
        for key in facts.signature_keys
    }
    if chosen is not None and chosen not in usable:
        raise ModelFileError(
            f"{path.name}: expected one of the signatures {', '.join(facts.signature_keys)}, found "
            f"{chosen[:60]!r} asked for; choose one of them."
        )
    default = "serving_default" if "serving_default" in usable else facts.signature_keys[0]
    facts.signature_key = chosen or default
    definition = usable[facts.signature_key]
    facts.input_keys = sorted(definition.inputs)
    facts.inputs = _specs(definition.inputs, "input")
    facts.outputs = _specs(definition.outputs, "output")


def _specs(tensors: Any, prefix: str) -> list[TensorSpec]:  # noqa: ANN401
    keys = sorted(tensors)
    return [
        TensorSpec(name, _shape(tensors[key].tensor_shape), dtype_name(tensors[key].dtype))
        for key, name in zip(keys, unique_names(keys, prefix), strict=True)
    ]


def _shape(proto: Any) -> tuple[int | None, ...] | None:  # noqa: ANN401
    if proto.unknown_rank:
        return None
    return tuple(dim.size if dim.size >= 0 else None for dim in proto.dim)


def dtype_name(number: int) -> str:
    """Return TensorFlow's dtype enumeration value as a name such as `float32`."""
    try:
        name = import_proto("core.framework.types_pb2").DataType.Name(number)
    except ValueError:  # damaged, or of a later TensorFlow
        return f"unknown_{number}"
    names = {"DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_HALF": "float16"}
    return names.get(name, str(name).removeprefix("DT_").lower())


def _count_variables(meta_graph: Any, facts: SavedModelFacts) -> None:  # noqa: ANN401
    nodes = meta_graph.object_graph_def.nodes
    if len(nodes):
        parameters, optimizer = _split_object_graph(nodes)
    else:
        parameters, optimizer = _graph_variables(meta_graph.graph_def.node), []
    for number, shape in parameters:
        facts.parameters += math.prod(shape)
        facts.parameter_bytes += math.prod(shape) * _ITEM_BYTES[dtype_name(number)]
    for number, shape in optimizer:
        facts.optimizer_bytes += math.prod(shape) * _ITEM_BYTES[dtype_name(number)]


Variables = list[tuple[int, tuple[int, ...]]]


def _split_object_graph(nodes: Any) -> tuple[Variables, Variables]:  # noqa: ANN401
    """Separate the model's variables from the optimizer's by the edges that lead to them."""
    barred = _OPTIMIZER_EDGES | _BOOKKEEPING_EDGES
    if "variables" in {child.local_name for child in nodes[0].children}:
        # Keras 3's export tracks every weight a second time, as a variable node of its own.
        barred |= {"_all_variables"}
    own = _reachable(nodes, [0], barred)
    optimizer_roots = [
        child.node_id
        for index in own
        for child in nodes[index].children
        if child.local_name in _OPTIMIZER_EDGES
    ]
    slots = {
        slot.slot_variable_node_id
        for node in nodes
        for slot in node.slot_variables
        if 0 <= slot.slot_variable_node_id < len(nodes)
    }
    state = (_reachable(nodes, optimizer_roots, _BOOKKEEPING_EDGES) - own) | slots
    return _variables(nodes, own - slots), _variables(nodes, state)


def _reachable(nodes: Any, roots: list[int], barred: set[str]) -> set[int]:  # noqa: ANN401
    seen: set[int] = set()
    waiting = [index for index in roots if 0 <= index < len(nodes)]
    while waiting:
        index = waiting.pop()
        if index in seen:
            continue
        seen.add(index)
        waiting.extend(
            child.node_id
            for child in nodes[index].children
            if child.local_name not in barred and 0 <= child.node_id < len(nodes)
        )
    return seen


def _variables(nodes: Any, indices: Iterable[int]) -> Variables:  # noqa: ANN401
    found = []
    for index in indices:
        node = nodes[index]
        if node.WhichOneof("kind") != "variable" or "seed_generator" in node.variable.name:
            continue
        shape = _shape(node.variable.shape)
        if shape is not None and None not in shape and _is_number(node.variable.dtype):
            found.append((node.variable.dtype, tuple(int(size or 0) for size in shape)))
    return found


def _is_number(number: int) -> bool:
    return dtype_name(number) in _ITEM_BYTES


def _graph_variables(graph_nodes: Any) -> Variables:  # noqa: ANN401
    found = []
    for node in graph_nodes:
        if node.op in VARIABLES:
            shape = _shape(node.attr["shape"].shape)
            if shape and None not in shape and _is_number(node.attr["dtype"].type):
                found.append((node.attr["dtype"].type, tuple(int(size or 0) for size in shape)))
    return found


def _operators(graph_def: Any) -> list[str]:  # noqa: ANN401
    names = {node.op for node in graph_def.node}
    names |= {node.op for function in graph_def.library.function for node in function.node_def}
    return sorted(names)
