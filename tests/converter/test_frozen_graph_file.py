"""Frozen graphs: their ends, their constants, and names that are not in them."""

from __future__ import annotations

import pytest

from converter.errors import ModelFileError
from converter.frozen_graph_file import parse_graph_def, read_frozen_graph
from converter.signature import TensorSpec
from tests.converter.read_or_refused import read_or_refused


def write_graph(path, build):
    """Write a GraphDef whose nodes a function adds."""
    from tensorflow.core.framework.graph_pb2 import GraphDef

    graph = GraphDef()
    build(graph)
    path.write_bytes(graph.SerializeToString())
    return path


def add(graph, name, op, inputs=(), **attributes):
    node = graph.node.add(name=name, op=op)
    node.input.extend(inputs)
    for key, value in attributes.items():
        if key == "dtype":
            node.attr[key].type = value
        else:
            for size in value:
                node.attr[key].shape.dim.add().size = size
    return node


def refuse(path, message, **names):
    with pytest.raises(ModelFileError, match=message) as refused:
        read_frozen_graph(path, **names)
    assert str(refused.value).startswith(f"{path.name}: ")


class TestEnds:
    def test_are_found(self, frozen_graph_file):
        facts = read_frozen_graph(frozen_graph_file)
        assert facts.inputs == [TensorSpec("features", (None, 4), "float32")]
        assert facts.input_tensors == ["features:0"]
        assert facts.output_tensors == ["Identity:0", "Identity_1:0"]
        assert facts.candidate_outputs == ["Identity", "Identity_1"]
        assert facts.parameters == 15
        assert facts.parameter_bytes == 60
        assert {"MatMul", "Softmax", "Sum"} <= set(facts.operators)

    @pytest.mark.parametrize("name", ["scores", "scores:0"])
    def test_can_be_chosen_by_node_or_tensor(self, frozen_graph_file, name):
        facts = read_frozen_graph(frozen_graph_file, ["features"], [name])
        assert facts.output_tensors == ["scores:0"]
        assert [spec.name for spec in facts.outputs] == ["scores"]

    @pytest.mark.parametrize(
        ("names", "message"),
        [
            ({"inputs": ["nowhere"]}, "--inputs expects names of nodes.*found 'nowhere'"),
            ({"outputs": ["nowhere:0"]}, "--outputs expects names of nodes.*found 'nowhere:0'"),
        ],
        ids=["input", "output"],
    )
    def test_that_are_not_in_the_graph_are_refused(self, frozen_graph_file, names, message):
        refuse(frozen_graph_file, message, **names)

    def test_a_graph_without_inputs_is_refused(self, tmp_path):
        path = write_graph(tmp_path / "g.pb", lambda g: add(g, "c", "Const"))
        refuse(path, "--inputs expects names of nodes in the graph, found 'none'")

    def test_control_inputs_consume_too(self, tmp_path):
        def build(graph):
            add(graph, "x", "Placeholder", dtype=1, shape=[2])
            add(graph, "check", "Identity", ["x"])
            add(graph, "out", "Identity", ["x", "^check"])

        facts = read_frozen_graph(write_graph(tmp_path / "g.pb", build))
        assert facts.candidate_outputs == ["out"]

    @pytest.mark.parametrize(
        ("dtype", "shape", "expected"),
        [
            (3, [-1, 5], TensorSpec("x", (None, 5), "int32")),
            (7, [], TensorSpec("x", (), "string")),
            (1, [3], TensorSpec("x", (3,), "float32")),
        ],
        ids=["open", "scalar text", "fixed"],
    )
    def test_inputs_have_their_dtype_and_shape(self, tmp_path, dtype, shape, expected):
        def build(graph):
            node = add(graph, "x", "Placeholder", dtype=dtype, shape=shape)
            node.attr["shape"].shape.SetInParent()
            add(graph, "y", "Identity", ["x"])

        assert read_frozen_graph(write_graph(tmp_path / "g.pb", build)).inputs == [expected]

    def test_an_input_of_unknown_rank(self, tmp_path):
        def build(graph):
            node = add(graph, "x", "Placeholder", dtype=1)
            node.attr["shape"].shape.unknown_rank = True
            add(graph, "y", "Identity", ["x"])

        facts = read_frozen_graph(write_graph(tmp_path / "g.pb", build))
        assert facts.inputs == [TensorSpec("x", None, "float32")]


class TestRefused:
    @pytest.mark.parametrize("op", ["VarHandleOp", "VariableV2"])
    def test_a_graph_with_variables(self, tmp_path, op):
        path = write_graph(tmp_path / "g.pb", lambda g: add(g, "weights", op))
        refuse(path, "expected a frozen graph, found the variable 'weights'")

    @pytest.mark.parametrize("content", [b"", b"junk", b"\x0a\x00"], ids=["empty", "text", "bare"])
    def test_bytes_that_are_no_graph(self, tmp_path, content):
        path = tmp_path / "g.pb"
        path.write_bytes(content)
        assert parse_graph_def(path) is None
        refuse(path, "expected a TensorFlow GraphDef protobuf")

    @pytest.mark.parametrize("shape", [[-1], [-(2**40), 3], [2**40, 2**40]], ids=str)
    @pytest.mark.parametrize("dtype", [1, 999], ids=["float", "unknown dtype"])
    def test_any_constant_and_any_dtype_is_read_or_refused(self, tmp_path, shape, dtype):
        def build(graph):
            add(graph, "x", "Placeholder", dtype=dtype, shape=[2])
            constant = add(graph, "c", "Const", dtype=dtype)
            constant.attr["value"].tensor.dtype = dtype
            for size in shape:
                constant.attr["value"].tensor.tensor_shape.dim.add().size = size
            add(graph, "y", "Add", ["x", "c"])

        path = write_graph(tmp_path / "g.pb", build)
        facts = read_or_refused(lambda: read_frozen_graph(path), "g.pb: ")
        assert facts is None or min(facts.parameters, facts.parameter_bytes) >= 0
