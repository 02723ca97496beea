"""What a frozen graph offers, which ends it takes by itself, and ends that lead nowhere."""

from __future__ import annotations

import pytest

from converter.errors import ModelFileError
from converter.frozen_graph_file import list_tensors, read_frozen_graph
from converter.graph_tensors import MOST_OFFERED, GraphTensor, GraphTensors

FLOAT, INT, TEXT, RESOURCE = 1, 3, 7, 20


def graph_of(*nodes):
    """Return a GraphDef of `(name, operator, inputs, dtype)`."""
    from tensorflow.core.framework.graph_pb2 import GraphDef

    graph = GraphDef()
    for name, operator, inputs, dtype in nodes:
        node = graph.node.add(name=name, op=operator)
        node.input.extend(inputs)
        if dtype:
            node.attr["dtype" if "Placeholder" in operator else "T"].type = dtype
    return graph


# Two inputs, a switch with a default, two branches, an assertion, and constants of their own.
NODES = (
    ("x", "Placeholder", (), FLOAT),
    ("keep", "Placeholder", (), FLOAT),
    ("idle", "Placeholder", (), FLOAT),
    ("mode", "PlaceholderWithDefault", ("w",), FLOAT),
    ("w", "Const", (), None),
    ("w/read", "Identity", ("w",), FLOAT),
    ("hidden", "MatMul", ("x", "w/read"), FLOAT),
    ("parts", "Split", ("w", "hidden"), FLOAT),
    ("dropped", "Mul", ("hidden", "keep"), FLOAT),
    ("probabilities", "Softmax", ("dropped",), FLOAT),
    ("class", "ArgMax", ("probabilities", "w"), FLOAT),
    ("raw", "Relu", ("parts:1",), FLOAT),
    ("check", "Greater", ("x", "w"), FLOAT),
    ("assert", "Assert", ("check", "x"), None),
    ("checked", "Identity", ("raw", "^assert"), FLOAT),
    ("name", "AsString", ("class",), INT),
    ("table", "HashTableV2", (), None),
    ("loose", "Identity", ("w",), FLOAT),
    ("init", "NoOp", ("^probabilities", "^loose"), None),
)


@pytest.fixture
def graph():
    return GraphTensors(graph_of(*NODES))


def names(tensors):
    return [tensor["tensor"] for tensor in tensors]


class TestOffer:
    def test_placeholders_come_first_then_what_is_computed_from_them(self, graph):
        found = names(graph.offer()["inputs"])
        assert found[:4] == ["x", "keep", "idle", "mode"]
        assert {"hidden", "parts", "class"} <= set(found)
        assert not {"w", "w/read", "loose", "assert", "init", "table", "name"} & set(found)

    def test_outputs_begin_with_the_ends_then_floats_from_the_last(self, graph):
        found = names(graph.offer()["outputs"])
        assert found[0] == "checked"
        assert found[1:] == ["raw", "probabilities", "dropped", "parts", "hidden"]

    def test_each_says_what_the_graph_tells(self, graph):
        offered = {tensor["tensor"]: tensor for tensor in graph.offer()["inputs"]}
        assert offered["hidden"] == {
            "tensor": "hidden", "operator": "MatMul", "dtype": "float32", "shape": None
        }  # fmt: skip
        assert offered["check"]["dtype"] == "bool"

    def test_a_graph_without_placeholders_offers_what_it_computes(self):
        bare = GraphTensors(
            graph_of(
                ("jpeg", "Const", (), None),
                ("decoded", "DecodeJpeg", ("jpeg",), None),
                ("image", "Cast", ("decoded",), FLOAT),
                ("score", "Mean", ("image",), FLOAT),
            )
        )
        assert names(bare.offer()["inputs"]) == ["decoded", "image", "score"]
        assert names(bare.offer()["outputs"]) == ["score", "image"]

    def test_a_huge_graph_is_offered_in_part(self):
        chain = [("n0", "Placeholder", (), FLOAT)]
        chain += [(f"n{i}", "Relu", (f"n{i - 1}",), FLOAT) for i in range(1, 20_000)]
        offer = GraphTensors(graph_of(*chain)).offer()
        assert len(offer["inputs"]) == len(offer["outputs"]) == MOST_OFFERED
        assert offer["left_out"] == {"inputs": 19_500, "outputs": 19_499}
        assert offer["inputs"][0]["tensor"] == "n0"
        assert offer["outputs"][0]["tensor"] == "n19999"

    def test_a_loop_of_nodes_ends(self):
        loop = GraphTensors(
            graph_of(
                ("x", "Placeholder", (), FLOAT),
                ("enter", "Merge", ("x", "next"), FLOAT),
                ("next", "NextIteration", ("enter",), FLOAT),
                ("self", "Identity", ("self", "enter"), FLOAT),
                ("dangling", "Identity", ("nowhere", "enter"), FLOAT),
            )
        )
        assert loop.ends == ["dangling"]
        assert "self" in names(loop.offer()["outputs"])
        loop.check(["x"], ["dangling"], "g.pb")

    def test_nothing_is_offered_of_an_empty_graph(self):
        empty = {"inputs": 0, "outputs": 0}
        assert GraphTensors(graph_of()).offer() == {"inputs": [], "outputs": [], "left_out": empty}


class TestDefaults:
    def test_ends_are_what_is_computed_and_not_consumed(self, graph):
        # `probabilities` is consumed; the NoOp that waits for it takes nothing. `name` is text.
        assert graph.ends == ["checked"]

    def test_only_the_placeholders_that_outputs_need_are_fed(self, graph):
        assert graph.default_inputs(["checked"]) == ["x"]
        assert graph.default_inputs(["class"]) == ["x", "keep"]
        assert graph.default_inputs(["loose"]) == ["x", "keep", "idle"]

    def test_only_the_ends_that_inputs_suffice_for_are_fetched(self):
        two = GraphTensors(
            graph_of(
                ("a", "Placeholder", (), FLOAT),
                ("b", "Placeholder", (), FLOAT),
                ("one", "Relu", ("a",), FLOAT),
                ("both", "Add", ("a", "b"), FLOAT),
            )
        )
        assert two.default_outputs([]) == ["one", "both"]
        assert two.default_outputs(["a:0"]) == ["one"]
        assert two.default_outputs(["a", "b"]) == ["one", "both"]

    def test_a_graph_that_gives_text_alone_keeps_it(self):
        text = GraphTensors(
            graph_of(("x", "Placeholder", (), INT), ("name", "AsString", ("x",), INT))
        )
        assert text.ends == ["name"]

    def test_without_placeholders_nothing_is_fed(self):
        bare = graph_of(("c", "Const", (), None), ("y", "Relu", ("c",), FLOAT))
        assert GraphTensors(bare).default_inputs(["y"]) == []


class TestCheck:
    @pytest.mark.parametrize(
        ("inputs", "outputs"),
        [
            (["x"], ["checked"]),
            (["x:0", "keep:0"], ["class:0", "hidden:0"]),
            (["hidden"], ["raw"]),
            (["dropped"], ["probabilities"]),
            (["parts:1"], ["raw"]),
        ],
    )
    def test_ends_with_a_way_between_them_pass(self, graph, inputs, outputs):
        graph.check(inputs, outputs, "g.pb")

    @pytest.mark.parametrize(
        ("inputs", "outputs", "message"),
        [
            (["x"], ["class"], "'class' cannot be an output: it also needs the placeholder 'keep'"),
            (["hidden"], ["checked"], "it also needs the placeholder 'x'"),
            (["x"], ["loose"], "no way leads to it from the chosen inputs"),
            (["dropped"], ["raw"], "it also needs the placeholder 'x'"),
            (["x"], ["x"], "it is an input as well"),
            (["x"], ["assert"], "its operator has no result"),
            (["x", "idle"], ["raw"], "'idle' cannot be an input: no chosen output depends on it"),
            (["x", "hidden"], ["raw"], "'x' cannot be an input"),
        ],
    )
    def test_ends_without_are_one_sentence(self, graph, inputs, outputs, message):
        with pytest.raises(ModelFileError, match=message) as refused:
            graph.check(inputs, outputs, "g.pb")
        sentence = str(refused.value)
        assert sentence.startswith("g.pb: ")
        assert sentence.endswith(".")
        assert len(sentence) < 300


class TestDescribe:
    def test_shapes_that_graphs_keep(self):
        graph = graph_of(("x", "Placeholder", (), FLOAT), ("y", "Split", ("x",), FLOAT))
        shape = graph.node[0].attr["shape"].shape
        shape.dim.add().size = -1
        shape.dim.add().size = 4
        kept = graph.node[1].attr["_output_shapes"].list.shape
        kept.add().dim.add().size = 2
        kept.add().unknown_rank = True
        tensors = GraphTensors(graph)
        assert tensors.describe("x:0") == GraphTensor("x", "Placeholder", "float32", (None, 4))
        assert tensors.describe("y") == GraphTensor("y", "Split", "float32", (2,))
        assert tensors.describe("y:1") == GraphTensor("y:1", "Split", None, None)
        assert tensors.describe("y:7").shape is None


def test_a_real_graph_offers_its_ends_and_layers(frozen_graph_file):
    offer = list_tensors(frozen_graph_file)
    assert names(offer["inputs"])[0] == "features"
    assert offer["inputs"][0]["shape"] == [None, 4]
    assert names(offer["outputs"])[:2] == ["Identity", "Identity_1"]
    assert {"scores", "total"} <= set(names(offer["outputs"]))
    for end in names(offer["outputs"]):
        assert read_frozen_graph(frozen_graph_file, outputs=[end]).output_tensors == [f"{end}:0"]


def test_what_is_no_graph_is_refused(tmp_path):
    path = tmp_path / "g.pb"
    path.write_bytes(b"junk")
    with pytest.raises(ModelFileError, match=r"g\.pb: expected a TensorFlow GraphDef"):
        list_tensors(path)
