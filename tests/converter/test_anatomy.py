"""Every byte of a file has a place in its tree, whatever the format; the graph map by hand."""

from __future__ import annotations

import zipfile

import pytest

from converter.anatomy import (
    CONTAINER,
    GRAPH,
    MOST_CHILDREN,
    OPTIMIZER,
    WEIGHTS,
    AnatomyNode,
    branch,
    leaf,
)
from converter.errors import ModelFileError
from converter.graph_map import ADDED, FOLDED, FUSED, KEPT, map_graph
from converter.graph_nodes import GraphNode
from converter.inspection import read_anatomy
from converter.model_file import inspect_model, path_size
from converter.operator_trace import FileOperator
from tests.converter.example_tflites import write_classifier, write_lookup, write_two_signatures


def check_sums(node):
    for _, each in node.walk():
        assert each.size_bytes >= 0
        if each.children:
            assert each.size_bytes == sum(child.size_bytes for child in each.children)
    assert sum(node.bytes_by_role().values()) == node.size_bytes


@pytest.mark.parametrize(
    "fixture",
    ["keras_file", "mlp_keras_file", "mlp_h5_file", "keras2_h5_file", "keras2_saved_model",
     "saved_model_folder", "saved_model_zip", "frozen_graph_file", "tflite_file"],
)  # fmt: skip
def test_the_tree_of_every_format_sums_to_the_file(fixture, request):
    path = request.getfixturevalue(fixture)
    found = read_anatomy(path, "model", original=True)
    assert found.size_bytes == path_size(path)
    check_sums(found)
    assert AnatomyNode.from_json(found.to_json()) == found
    facts = inspect_model(path)
    by_role = found.bytes_by_role()
    if facts.format in {"keras", "h5"} and "saved_model" not in fixture:
        assert by_role[WEIGHTS] >= facts.parameter_bytes
        assert by_role.get(OPTIMIZER, 0) >= facts.optimizer_bytes
        assert by_role[GRAPH] > 0


@pytest.mark.parametrize("write", [write_classifier, write_lookup, write_two_signatures])
def test_a_tflite_names_its_parts(write, tmp_path):
    path = write(tmp_path / "net.tflite")
    found = read_anatomy(path, "net.tflite", original=False)
    assert found.size_bytes == path.stat().st_size
    check_sums(found)
    names = [node.name for node in found.children]
    assert {"header", "operator codes", "subgraph 0", "buffers"} <= set(names)


def test_a_compressed_archive_counts_what_lies_in_it(keras_file, tmp_path):
    packed = tmp_path / "packed.keras"
    with zipfile.ZipFile(keras_file) as source, zipfile.ZipFile(
        packed, "w", zipfile.ZIP_DEFLATED
    ) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    found = read_anatomy(packed, "packed.keras", original=True)
    assert found.size_bytes == packed.stat().st_size
    (weights,) = [node for node in found.children if node.name == "model.weights.h5"]
    assert "once unpacked" in weights.detail
    assert weights.role == WEIGHTS


def test_what_is_no_model_is_refused_by_name(tmp_path):
    path = tmp_path / "x.tflite"
    path.write_bytes(b"no model")
    with pytest.raises(ModelFileError, match="mine"):
        read_anatomy(path, "mine", original=False)


def test_many_children_are_shown_as_the_largest_and_the_rest():
    many = [leaf(str(i), WEIGHTS if i % 2 else CONTAINER, i + 1) for i in range(1000)]
    found = branch("root", many)
    check_sums(found)
    assert found.size_bytes == sum(range(1, 1001))
    assert len(found.children) == MOST_CHILDREN + 2


def node(name, op, *inputs):
    return GraphNode(name, op, inputs)


def test_what_became_of_a_convolution_with_its_normalization_and_activation():
    nodes = [
        node("x", "Placeholder"),
        node("net/conv/kernel", "Const"),
        node("net/bn/scale", "Const"),
        node("net/bn/mul", "Mul", "net/conv/kernel", "net/bn/scale"),
        node("net/conv/Conv2D", "Conv2D", "x", "net/bn/mul"),
        node("net/act/Relu", "Relu", "net/conv/Conv2D"),
        node("net/pool/MaxPool", "MaxPool", "net/act/Relu"),
    ]
    operators = [
        FileOperator("QUANTIZE", ("x",), ("q",)),
        FileOperator("CONV_2D", ("q",), ("net/act/Relu;net/conv/Conv2D",)),
        FileOperator("MAX_POOL_2D", ("net/act/Relu;net/conv/Conv2D",), ("net/pool/MaxPool",)),
        FileOperator("DEQUANTIZE", ("net/pool/MaxPool",), ("out",)),
    ]
    found = map_graph(nodes, operators)
    fates = {each.name: each.fate for each in found.nodes}
    assert fates == {"net/bn/mul": FOLDED, "net/conv/Conv2D": FUSED, "net/act/Relu": FUSED,
                     "net/pool/MaxPool": KEPT}  # fmt: skip
    assert [each.fate for each in found.operators] == [ADDED, FUSED, KEPT, ADDED]
    assert set(found.operators[1].stands_for) == {"net/conv/Conv2D", "net/act/Relu"}
    counts = found.counts()
    assert (counts[FOLDED], counts[FUSED], counts[KEPT], counts[ADDED]) == (1, 2, 1, 2)
    assert next(e for e in found.nodes if e.op == "Conv2D").layer == "net/conv"
