"""Frozen graphs: their ends, their constants, and names that are not in them."""

from __future__ import annotations

import pytest

from converter.errors import ModelFileError
from converter.float_model import load_float_model
from converter.frozen_graph_file import parse_graph_def, read_frozen_graph
from converter.model_file import inspect_model
from converter.model_options import ModelOptions
from converter.pipeline import run_comparison
from converter.recipe import PRESETS
from converter.request import RunRequest
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
        if key in {"dtype", "T"}:
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
            (
                {"inputs": ["nowhere"]},
                r"expected inputs \(--inputs\) that are nodes.*found 'nowhere'",
            ),
            (
                {"outputs": ["nowhere:0"]},
                r"expected outputs \(--outputs\) that are nodes.*found 'nowhere:0'",
            ),
            (
                {"outputs": ["scores:x"]},
                r"expected outputs \(--outputs\) that are nodes.*found 'scores:x'",
            ),
            (
                {"outputs": ["scores:0:0"]},
                r"expected outputs \(--outputs\) that are nodes.*found 'scores:0:0'",
            ),
            (
                {"inputs": ["^features"]},
                r"expected inputs \(--inputs\) that are nodes.*found '\^features'",
            ),
            ({"inputs": [":"]}, r"expected inputs \(--inputs\) that are nodes.*found ':'"),
        ],
        ids=["input", "output", "port", "two ports", "control", "bare"],
    )
    def test_that_are_not_in_the_graph_are_refused(self, frozen_graph_file, names, message):
        refuse(frozen_graph_file, message, **names)

    def test_a_graph_that_does_not_tell_its_inputs_leaves_them_to_the_person(self, tmp_path):
        def build(graph):
            add(graph, "c", "Const")
            add(graph, "x", "Identity", ["c"], T=1)
            add(graph, "y", "Relu", ["x"], T=1)

        path = write_graph(tmp_path / "g.pb", build)
        assert read_frozen_graph(path).input_tensors == []
        (note,) = inspect_model(path).notes
        assert "does not tell its inputs" in note
        chosen = read_frozen_graph(path, ["x"])
        assert chosen.inputs == [TensorSpec("x", None, "float32")]
        assert chosen.output_tensors == ["y:0"]

    def test_a_run_between_no_ends_is_refused(self, frozen_graph_file):
        with pytest.raises(ModelFileError, match=r"g\.pb: the graph does not tell its inputs"):
            load_float_model(frozen_graph_file, "g.pb", "frozen_graph", frozen_graph_file.parent)

    def test_the_same_tensor_twice_is_one(self, frozen_graph_file):
        facts = read_frozen_graph(frozen_graph_file, ["features"], ["scores", "scores:0"])
        assert facts.output_tensors == ["scores:0"]

    def test_ends_without_a_way_between_them_are_refused(self, frozen_graph_file):
        refuse(frozen_graph_file, "'features:0' cannot be an output: it is an input as well",
               inputs=["features"], outputs=["features"])  # fmt: skip

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


def test_a_run_goes_between_the_chosen_ends(frozen_graph_file, tmp_path):
    """A whole run: what the Model page passes on decides what is converted."""
    request = RunRequest(
        model_path=frozen_graph_file,
        model_name="net.pb",
        model_options=ModelOptions(output_tensors=("scores",), dimensions=(("features", (1, 4)),)),
        recipes=(PRESETS["float32"],),
        samples=8,
        calibration_samples=0,
        runs=2,
    )
    comparison = run_comparison(request, tmp_path, lambda progress: None)
    assert comparison.model.outputs == [TensorSpec("scores", (1, 3), "float32")]
    assert comparison.variants[0].status == "ok"
    assert list(comparison.variants[0].output_drift) == ["scores"]
    assert comparison.variants[0].drift.sqnr_db > 100


class TestRefused:
    @pytest.mark.parametrize("op", ["VarHandleOp", "VariableV2"])
    def test_a_graph_with_variables(self, tmp_path, op):
        path = write_graph(tmp_path / "g.pb", lambda g: add(g, "weights", op))
        refuse(path, "expected a frozen graph, found the variable 'weights'")

    @pytest.mark.parametrize("name", ["a:0", ":", "^a", "<b>:tada:"])
    def test_a_graph_of_names_that_mean_something_else(self, tmp_path, name):
        path = write_graph(tmp_path / "g.pb", lambda g: add(g, name, "Placeholder", dtype=1))
        refuse(path, "expected nodes with names that TensorFlow takes")

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
