"""A frozen graph's operations: what is named, what is descended into, what is refused."""

from __future__ import annotations

import json

import pytest

from converter import graph_nodes
from converter.errors import ModelFileError
from converter.graph_nodes import GRAPH_FILE, GraphNode, list_nodes, load_nodes, save_nodes


def graph_of(function, *specs):
    import tensorflow as tf

    return tf.function(function).get_concrete_function(*specs).graph.as_graph_def()


def test_a_frozen_model_comes_with_its_operations(frozen_cnn):
    nodes = load_nodes(frozen_cnn / GRAPH_FILE)
    kinds = [node.op for node in nodes]
    assert {"Conv2D", "MatMul", "Softmax"} <= set(kinds)
    assert "PartitionedCall" not in kinds
    by_name = {node.name: node for node in nodes}
    assert len(by_name) == len(nodes)
    conv = next(node for node in nodes if node.op == "Conv2D")
    assert all(name in by_name for name in conv.inputs)
    kernel = by_name[conv.inputs[1]]  # was the variable, read by an Identity
    assert (kernel.op, by_name[kernel.inputs[0]].op) == ("Identity", "Const")


def test_bodies_of_loops_are_listed_under_their_function():
    import tensorflow as tf

    def count(x):
        return tf.while_loop(lambda a: tf.reduce_sum(a) < 9.0, lambda a: (tf.exp(a),), (x,))

    nodes = list_nodes(graph_of(count, tf.TensorSpec((3,))), lambda _: False)
    loops = [node for node in nodes if node.op in {"While", "StatelessWhile"}]
    assert len(loops) == 1
    exp = next(node for node in nodes if node.op == "Exp")
    assert exp.function is not None
    assert "body" in exp.function
    assert loops[0].function is None


def test_called_functions_are_put_in_their_place_once():
    import tensorflow as tf

    inner = tf.function(lambda x: tf.exp(x), autograph=False)
    graph = graph_of(lambda x: inner(x) + inner(x), tf.TensorSpec((3,)))
    nodes = list_nodes(graph, lambda _: False)
    assert [node.op for node in nodes].count("Exp") == 1
    assert {node.function for node in nodes} == {None}


def test_statefulness_is_told_and_survives_the_file(tmp_path):
    nodes = [
        GraphNode("a", "RandomUniform", ("shape",), is_stateful=True),
        GraphNode("b", "Abs", ("a",), function="body"),
    ]
    save_nodes(nodes, tmp_path / GRAPH_FILE)
    assert load_nodes(tmp_path / GRAPH_FILE) == nodes
    plain = json.loads((tmp_path / GRAPH_FILE).read_text())
    assert {"name", "op", "inputs"} <= set(plain[0])


def test_a_graph_of_too_many_operations_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(graph_nodes, "MOST_NODES", 1)
    save_nodes([GraphNode("a", "Abs"), GraphNode("b", "Abs")], tmp_path / GRAPH_FILE)
    assert not (tmp_path / GRAPH_FILE).exists()


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '[{"name": "a"}]', '[{"name":"a","op":"b","inputs":3}]']
)
def test_another_file_is_refused_by_name(tmp_path, text):
    path = tmp_path / GRAPH_FILE
    path.write_text(text)
    with pytest.raises(ModelFileError, match=GRAPH_FILE):
        load_nodes(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ModelFileError, match="run it again"):
        load_nodes(tmp_path / GRAPH_FILE)
