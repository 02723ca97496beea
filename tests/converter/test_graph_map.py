"""What became of each operation: by hand on a small graph, and on real conversions."""

from __future__ import annotations

import pytest

from converter.graph_blocks import cut_into_blocks
from converter.graph_layers import find_layers
from converter.graph_map import (
    ADDED,
    FATES,
    FOLDED,
    FUSED,
    INSIDE,
    KEPT,
    NOT_TRACED,
    REMOVED,
    GraphMap,
    MappedNode,
    MappedOperator,
    map_files,
    map_graph,
)
from converter.graph_nodes import GRAPH_FILE, GraphNode, load_nodes
from converter.operator_trace import FileOperator
from converter.tflite_file import read_tflite
from tests.converter.example_models import images

BN = "net/bn/batchnorm"
FUSED_NAME = f"net/act/Relu;{BN}/add_1;net/conv/Conv2D;{BN}/sub1"


def node(name, op, *inputs):
    return GraphNode(name, op, inputs)


NODES = [
    node("x", "Placeholder"),
    node("net/conv/kernel", "Const"),
    node("net/bn/gamma", "Const"),
    node("net/bn/beta", "Const"),
    node("net/conv/kernel/read", "Identity", "net/conv/kernel"),
    node("net/conv/Conv2D", "Conv2D", "x", "net/conv/kernel/read"),
    node(f"{BN}/Rsqrt", "Rsqrt", "net/bn/gamma"),
    node(f"{BN}/sub", "Sub", "net/bn/beta", f"{BN}/Rsqrt"),
    node(f"{BN}/mul_1", "Mul", "net/conv/Conv2D", f"{BN}/Rsqrt"),
    node(f"{BN}/add_1", "AddV2", f"{BN}/mul_1", f"{BN}/sub"),
    node("net/act/Relu", "Relu", f"{BN}/add_1"),
    node("net/pool/MaxPool", "MaxPool", "net/act/Relu"),
    node("net/odd/Odd", "Odd", "net/pool/MaxPool"),
    node("net/odd/Odder", "Odder", "net/odd/Odd"),
    node("net/stop/StopGradient", "StopGradient", "net/odd/Odder"),
    node("net/out/Softmax", "Softmax", "net/stop/StopGradient"),
]
OPERATORS = [
    FileOperator("QUANTIZE", ("x",), ("q",), input_types=("float32",), output_types=("int8",)),
    FileOperator("CONV_2D", ("q",), (FUSED_NAME,)),
    FileOperator("MAX_POOL_2D", (FUSED_NAME,), ("net/pool/MaxPool",)),
    FileOperator("STRANGE", ("net/pool/MaxPool",), ("tfl.strange",)),
    FileOperator("SOFTMAX", ("tfl.strange",), ("net/out/Softmax",)),
    FileOperator("DEQUANTIZE", ("net/out/Softmax",), ("y",), input_types=("int8",),
                 output_types=("float32",)),
]  # fmt: skip


def test_what_became_of_each_operation_by_hand():
    found = map_graph(NODES, OPERATORS)
    assert {each.name: (each.fate, each.operators) for each in found.nodes} == {
        "net/conv/Conv2D": (FUSED, (1,)),
        f"{BN}/Rsqrt": (FOLDED, ()),
        # The operator is named after it as well, because it takes its value.
        f"{BN}/sub": (FOLDED, (1,)),
        f"{BN}/mul_1": (INSIDE, (1,)),
        f"{BN}/add_1": (FUSED, (1,)),
        "net/act/Relu": (FUSED, (1,)),
        "net/pool/MaxPool": (KEPT, (2,)),
        "net/odd/Odd": (NOT_TRACED, ()),
        "net/odd/Odder": (NOT_TRACED, ()),
        "net/stop/StopGradient": (REMOVED, ()),
        "net/out/Softmax": (KEPT, (4,)),
    }
    assert [each.fate for each in found.operators] == [
        ADDED, FUSED, KEPT, NOT_TRACED, KEPT, ADDED,
    ]  # fmt: skip
    assert [each.detail for each in found.operators if each.fate == ADDED] == [
        "float32 → int8", "int8 → float32",
    ]  # fmt: skip
    assert set(found.operators[1].stands_for) == {
        "net/conv/Conv2D", f"{BN}/add_1", "net/act/Relu",
    }  # fmt: skip
    counts = found.counts()
    assert sum(counts[fate] for fate in FATES) == len(found.nodes)
    assert counts[ADDED] == 2


def test_blocks_hold_a_layer_with_all_that_share_its_operator():
    blocks = cut_into_blocks(map_graph(NODES, OPERATORS))
    assert [block.layers for block in blocks] == [
        (), ("conv", "bn", "act"), ("pool",), ("odd",), ("stop",), (), ("out",), (),
    ]  # fmt: skip
    assert [[o.name for o in block.operators] for block in blocks] == [
        ["QUANTIZE"], ["CONV_2D"], ["MAX_POOL_2D"], [], [], ["STRANGE"], ["SOFTMAX"],
        ["DEQUANTIZE"],
    ]  # fmt: skip


def test_every_node_and_operator_is_in_one_block_and_equal_additions_are_one():
    operators = [MappedOperator(i, "DEQUANTIZE", (), ADDED, "float16 → float32") for i in range(4)]
    operators.append(MappedOperator(4, "ADD", ("a/add",), KEPT))
    nodes = [MappedNode("a/add", "AddV2", KEPT, (4,), "a"), MappedNode("c", "Neg", NOT_TRACED)]
    blocks = cut_into_blocks(GraphMap(nodes, operators))
    assert [len(block.operators) for block in blocks] == [4, 1, 0]
    assert sorted(o.number for block in blocks for o in block.operators) == list(range(5))
    assert [n.name for block in blocks for n in block.nodes] == ["a/add", "c"]
    assert cut_into_blocks(GraphMap([], [])) == []


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["m/conv/Conv2D", "m/bn/batchnorm/mul", "m/bn/batchnorm/add"], ["conv", "bn", "bn"]),
        (["m/block/a/MatMul", "m/block/b/MatMul", "m/head/MatMul"], ["block/a", "block/b", "head"]),
        (["StatefulPartitionedCall/m/a/Add", "PartitionedCall/m/b/Add", "Softmax"],
         ["a", "b", ""]),
        (["m/only/MatMul", "m/only/BiasAdd"], ["only", "only"]),
        (["MatMul", "Add"], ["", ""]),
        ([], []),
    ],
)  # fmt: skip
def test_layers_are_told_from_scopes(names, wanted):
    assert find_layers(names, [True] * len(names)) == wanted


def test_scopes_of_constants_make_no_layers():
    names = ["m/bn/batchnorm/mul", "m/bn/cast/Cast", "m/conv/Conv2D"]
    assert find_layers(names, [True, False, True]) == ["bn", "bn", "conv"]


def test_a_quantized_tflite_is_mapped_by_its_tensors():
    before = [FileOperator("CONV_2D", ("x",), ("a;b",)), FileOperator("SOFTMAX", ("a;b",), ("y",)),
              FileOperator("ADD", ("y",), ("gone",))]  # fmt: skip
    after = [
        FileOperator("QUANTIZE", ("x",), ("x_quantized",), input_types=("float32",),
                     output_types=("int8",)),
        FileOperator("CONV_2D", ("x_quantized",), ("a;b",)),
        FileOperator("SOFTMAX", ("a;b",), ("y_quantized",)),
        FileOperator("DEQUANTIZE", ("y_quantized",), ("y",), input_types=("int8",),
                     output_types=("float32",)),
    ]  # fmt: skip
    found = map_files(before, after)
    assert [(n.fate, n.operators) for n in found.nodes] == [
        (KEPT, (1,)), (KEPT, (2,)), (NOT_TRACED, ()),
    ]  # fmt: skip
    assert [o.fate for o in found.operators] == [ADDED, KEPT, KEPT, ADDED]
    same = map_files(after, after)
    assert {n.fate for n in same.nodes} == {KEPT}
    assert {o.fate for o in same.operators} == {KEPT}


@pytest.fixture(scope="module")
def maps(frozen_cnn, tmp_path_factory):
    """The map of real conversions of the classifier, by recipe."""
    from converter.recipe import PRESETS
    from converter.shared_calibration import CalibrationMemory
    from converter.tflite_converter import convert

    nodes, found = load_nodes(frozen_cnn / GRAPH_FILE), {}
    folder, memory = tmp_path_factory.mktemp("maps"), CalibrationMemory()
    for name in ("float32", "int8", "float16"):
        path = folder / f"{name}.tflite"
        path.write_bytes(convert(frozen_cnn, PRESETS[name], {"image": images(4)}, 1, memory))
        found[name] = map_graph(nodes, [FileOperator.of(o) for o in read_tflite(path).operators])
    return found


def test_a_real_convolution_takes_its_normalization_and_activation_in(maps):
    found = maps["float32"]
    counts = found.counts()
    assert counts[ADDED] == 0
    assert counts[FUSED] > 0
    (conv,) = [n for n in found.nodes if n.op == "Conv2D"]
    assert conv.fate == FUSED
    operator = found.operators[conv.operators[0]]
    assert operator.name == "CONV_2D"
    assert conv.name in operator.stands_for
    assert all(n.fate in {FOLDED, KEPT} for n in found.nodes if n.op == "Rsqrt")


def test_int8_adds_a_border_at_each_end_and_changes_nothing_else(maps):
    plain, integer = maps["float32"], maps["int8"]
    added = [o for o in integer.operators if o.fate == ADDED]
    assert [(o.name, o.detail) for o in added] == [
        ("QUANTIZE", "float32 → int8"), ("DEQUANTIZE", "int8 → float32"),
    ]  # fmt: skip
    assert [n.fate for n in integer.nodes] == [n.fate for n in plain.nodes]


def test_float16_adds_what_unpacks_the_weights(maps):
    added = [o for o in maps["float16"].operators if o.fate == ADDED]
    assert added
    assert {o.detail for o in added} == {"float16 → float32, a stored value"}
