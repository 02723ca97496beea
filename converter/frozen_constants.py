"""What TensorFlow's own freezing leaves: integer lookup tables and reference variables of TF 1.

TFLite has no kernel for either, but neither changes in inference: both become constants. Workers
only.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

_HANDLE_STEPS = {"Identity"}
_LARGEST_TABLE = 100_000
_NUMBERS = {tf.int32, tf.int64, tf.float32, tf.float64, tf.bool, tf.uint8, tf.int8}
TABLES_NOTE = (
    "The model looks numbers up in tables, which TFLite has kernels for only from text to numbers "
    "and back; they were turned into comparisons with constants that give the same numbers."
)


def fold_constants(traced: Any, frozen: Any) -> tuple[Any, list[str]]:  # noqa: ANN401
    """Turn lookup tables and reference variables of a frozen function into constants.

    Args:
        traced: The concrete function as it was traced: its captures are the tables.
        frozen: What `convert_variables_to_constants_v2` made of it.

    Returns:
        The function without them, or the same where it had none that can be folded; and notes.
    """
    graph_def = frozen.graph.as_graph_def()
    handles = {
        inner.name.split(":")[0]: outer
        for inner, outer in zip(
            traced.graph.internal_captures, traced.graph.external_captures, strict=True
        )
        if outer.dtype == tf.resource
    }
    tables = {
        node.name: handles[node.name]
        for node in graph_def.node
        if node.op == "Placeholder" and node.name in handles
    }
    folded_tables = bool(tables) and _fold_tables(graph_def, tables)
    folded_variables = _fold_reference_variables(graph_def)
    if not (folded_tables or folded_variables):
        return frozen, []
    gone = set(tables) if folded_tables else set()
    inputs = [t.name for t in frozen.inputs if t.name.split(":")[0] not in gone]
    outputs = [tensor.name for tensor in frozen.outputs]
    function = tf.compat.v1.wrap_function(
        lambda: tf.import_graph_def(graph_def, name=""), signature=[]
    )
    named = function.graph.get_tensor_by_name
    pruned = function.prune([named(name) for name in inputs], [named(name) for name in outputs])
    return pruned, [TABLES_NOTE] if folded_tables else []


def _fold_tables(graph_def: Any, tables: dict[str, Any]) -> bool:  # noqa: ANN401
    """Replace each lookup by a call of a function that compares; all of them or none.

    Returns:
        Whether the graph has changed.
    """
    nodes = {node.name: node for node in graph_def.node}
    origins = {name: _origin(name, nodes, set(tables)) for name in nodes}
    users = [node for node in graph_def.node if _data_origins(node, origins)]
    lookups = [node for node in users if node.op == "LookupTableFindV2"]
    if any(node.op not in _HANDLE_STEPS | {"LookupTableFindV2"} for node in users):
        return False  # something else is done with a table: it may be written to
    contents = {}
    for node in lookups:
        table = _data_origins(node, origins)[0]
        if not {tf.as_dtype(node.attr[k].type) for k in ("Tin", "Tout")} <= _NUMBERS:
            return False
        contents[table] = _contents(tables[table], node)
        if not 0 < len(contents[table][0]) <= _LARGEST_TABLE:
            return False
    for node in lookups:
        _call_comparison(graph_def, node, *contents[_data_origins(node, origins)[0]])
    gone = {name for name, origin in origins.items() if origin is not None}
    _remove_nodes(graph_def, gone)
    return True


def _origin(name: str, nodes: dict[str, Any], tables: set[str]) -> str | None:
    """Return the table whose handle a node passes on; None for any other node."""
    while name in nodes and nodes[name].op in _HANDLE_STEPS and name not in tables:
        data = [each for each in nodes[name].input if not each.startswith("^")]
        name = data[0].split(":")[0]
    return name if name in tables else None


def _data_origins(node: Any, origins: dict[str, str | None]) -> list[str]:  # noqa: ANN401
    found = (origins.get(each.split(":")[0]) for each in node.input if not each.startswith("^"))
    return [table for table in found if table is not None]


def _contents(handle: Any, node: Any) -> tuple[Any, Any]:  # noqa: ANN401
    keys, values = tf.raw_ops.LookupTableExportV2(
        table_handle=handle,
        Tkeys=tf.as_dtype(node.attr["Tin"].type),
        Tvalues=tf.as_dtype(node.attr["Tout"].type),
    )
    return keys.numpy(), values.numpy()


def _call_comparison(graph_def: Any, node: Any, keys: Any, values: Any) -> None:  # noqa: ANN401
    """Turn a lookup into a call of a function of the looked-up numbers and the default."""

    def look_up(numbers: tf.Tensor, default: tf.Tensor) -> tf.Tensor:
        same = tf.equal(tf.expand_dims(numbers, -1), tf.constant(keys))
        # Each key is in a table once at most, so that the largest is the only one.
        found = tf.cast(same, tf.float32)
        value = tf.gather(tf.constant(values), tf.argmax(found, -1, tf.int32))
        return tf.where(tf.reduce_max(found, -1) > 0.5, value, default)

    kinds = [tf.as_dtype(node.attr[name].type) for name in ("Tin", "Tout")]
    specs = [tf.TensorSpec(None, kind) for kind in kinds]
    concrete = tf.function(look_up, autograph=False).get_concrete_function(*specs)
    definition = concrete.graph.as_graph_def().library
    graph_def.library.MergeFrom(definition)
    graph_def.library.function.append(concrete.function_def)
    call = type(node)(name=node.name, op="PartitionedCall", input=list(node.input)[1:])
    call.attr["f"].func.name = concrete.function_def.signature.name
    call.attr["Tin"].list.type.extend(kind.as_datatype_enum for kind in kinds)
    call.attr["Tout"].list.type.append(kinds[1].as_datatype_enum)
    node.CopyFrom(call)


def _remove_nodes(graph_def: Any, gone: set[str]) -> None:  # noqa: ANN401
    kept = [node for node in graph_def.node if node.name not in gone]
    for node in kept:
        inputs = [each for each in node.input if each.removeprefix("^").split(":")[0] not in gone]
        del node.input[:]
        node.input.extend(inputs)
    del graph_def.node[:]
    graph_def.node.extend(kept)


def _fold_reference_variables(graph_def: Any) -> bool:  # noqa: ANN401
    """Replace TensorFlow 1's variables, which are operators with a state, by their values."""
    changed = _replace_variables(graph_def.node)
    for function in graph_def.library.function:
        names = _replace_variables(function.node_def)
        if names:
            # Of an operator inside a function, an output goes by the name of its argument.
            renamed = {f"{name}:ref:0": f"{name}:output:0" for name in names}
            for node in function.node_def:
                for index, name in enumerate(node.input):
                    node.input[index] = renamed.get(name, name)
            for key, name in function.ret.items():
                function.ret[key] = renamed.get(name, name)
            _rename_function(graph_def, function)
            changed |= names
    return bool(changed)


def _replace_variables(nodes: Any) -> set[str]:  # noqa: ANN401
    variables = {node.name: node for node in nodes if node.op in {"VariableV2", "Variable"}}
    if any(_writes(node, set(variables)) for node in nodes):
        return set()
    for name, node in variables.items():
        value = _value_of(node)
        node.Clear()
        node.name, node.op = name, "Const"
        node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    return set(variables)


def _rename_function(graph_def: Any, function: Any) -> None:  # noqa: ANN401
    """Give a changed function a name of its own: the runtime knows the old one already."""
    old = function.signature.name
    function.signature.name = f"{old}_constant"
    bodies = [graph_def.node, *(each.node_def for each in graph_def.library.function)]
    for node in (node for body in bodies for node in body):
        for attribute in node.attr.values():
            for reference in (attribute.func, *attribute.list.func):
                if reference.name == old:
                    reference.name = function.signature.name


def _writes(node: Any, variables: set[str]) -> bool:  # noqa: ANN401
    uses = {name.removeprefix("^").split(":")[0] for name in node.input}
    return node.op.startswith(("Assign", "Scatter")) and bool(uses & variables)


def _value_of(node: Any) -> Any:  # noqa: ANN401
    """Read a variable out of the runtime, where loading the model has put it."""
    alone = tf.compat.v1.GraphDef()
    alone.node.append(node)

    def read() -> tf.Tensor:
        (tensor,) = tf.import_graph_def(alone, return_elements=[f"{node.name}:0"], name="")
        return tf.identity(tensor)

    return tf.compat.v1.wrap_function(read, signature=[])().numpy()
