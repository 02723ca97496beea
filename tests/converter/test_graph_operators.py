"""What the tables say of TensorFlow's operators, held against TensorFlow's own registry."""

from __future__ import annotations

import pytest

from converter.graph_operators import has_result, result_dtype
from converter.saved_model_file import dtype_name

# Of training, input pipelines, accelerators and TensorFlow's own tests: not in a frozen graph.
NOT_HELD = (
    *("TPU", "Xla", "Dataset", "Boosted", "Experimental", "Iterator", "Queue", "Reader", "Sdca"),
    *("Collective", "Barrier", "Rpc", "Accumulator", "Csr", "CSR", "Coo", "Generator", "Risc"),
    *("Debug", "Retrieve", "Load", "Map", "Stage", "Minibatch", "Summary", "Ragged", "Sparse"),
    *("TensorArray", "Table", "Session", "NextAfter", "Dtype", "Prelinearize", "Requantization"),
    *("Cudnn",),
)  # fmt: skip


@pytest.fixture(scope="module")
def registry():
    """The definitions of TensorFlow's operators, by name."""
    from tensorflow.core.framework.op_def_pb2 import OpList
    from tensorflow.python.client import pywrap_tf_session

    definitions = OpList()
    definitions.ParseFromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    return {definition.name: definition for definition in definitions.op}


def node_of(definition):
    """Return a node of an operator whose type attributes each have another type."""
    from tensorflow.core.framework.node_def_pb2 import NodeDef

    node = NodeDef(name="n", op=definition.name)
    for number, attribute in enumerate(definition.attr, 1):
        if attribute.type == "type":
            node.attr[attribute.name].type = number
        elif attribute.type == "list(type)":
            node.attr[attribute.name].list.type.append(number)
    return node


def is_held(name):
    return not name.startswith("_") and not any(word in name for word in NOT_HELD)


def test_operators_without_result_are_told(registry):
    known = {
        name for name, definition in registry.items() if is_held(name) and definition.output_arg
    }
    silent = {
        name for name, definition in registry.items() if is_held(name) and not definition.output_arg
    }
    for name in known:
        assert has_result(node_of(registry[name])), name
    # Those of TensorFlow's own tests ("Attr", "TwoInts") are in the registry as well.
    for name in ("NoOp", "Assert", "PrintV2", "SaveV2", "AssignVariableOp", "WriteFile", "Abort",
                 "ResourceApplyAdam", "MergeV2Checkpoints", "Send", "StackCloseV2"):  # fmt: skip
        assert name in silent
        assert not has_result(node_of(registry[name])), name


def test_a_result_s_dtype_is_the_registry_s_or_unknown(registry):
    wrong, told = {}, 0
    for name, definition in registry.items():
        if not is_held(name) or not definition.output_arg:
            continue
        node, result = node_of(definition), definition.output_arg[0]
        if result.type_attr:
            expected = node.attr[result.type_attr].type
        elif result.type_list_attr:
            expected = node.attr[result.type_list_attr].list.type[0]
        else:
            expected = result.type
        found = result_dtype(node)
        told += found is not None
        if found not in {dtype_name(expected), None}:
            wrong[name] = (found, dtype_name(expected))
    assert wrong == {}
    assert told > 600


@pytest.mark.parametrize(
    ("operator", "types", "expected"),
    [
        ("Cast", {"SrcT": 4, "DstT": 1}, "float32"),
        ("ArgMax", {"T": 1, "Tidx": 3, "output_type": 9}, "int64"),
        ("ArgMax", {"T": 1, "Tidx": 3}, "int64"),
        ("Shape", {"T": 1}, "int32"),
        ("GatherV2", {"Tparams": 1, "Tindices": 3, "Taxis": 3}, "float32"),
        ("Range", {"Tidx": 3}, "int32"),
        ("OneHot", {"T": 1, "TI": 9}, "float32"),
        ("ResizeBilinear", {"T": 4}, "float32"),
        ("MadeUp", {}, None),
        ("MadeUp", {"T": 9999}, "unknown_9999"),
    ],
)
def test_of_several_types_the_result_s_is_told(operator, types, expected):
    from tensorflow.core.framework.node_def_pb2 import NodeDef

    node = NodeDef(name="n", op=operator)
    for name, number in types.items():
        node.attr[name].type = number
    assert result_dtype(node) == expected


def test_a_call_gives_what_its_list_says():
    from tensorflow.core.framework.node_def_pb2 import NodeDef

    node = NodeDef(name="n", op="PartitionedCall")
    node.attr["Tout"].list.type.extend([2, 3])
    assert result_dtype(node) == "float64"
