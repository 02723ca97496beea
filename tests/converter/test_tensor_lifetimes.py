"""When activations live, and where most bytes are needed: against graphs worked out by hand."""

from __future__ import annotations

import numpy as np

from converter.inspection import find_lifetimes as ask
from converter.op_cut import OperatorGraph
from converter.tensor_lifetimes import Lifetimes, find_lifetimes
from tests.converter.example_tflites import (
    CLASSES,
    FEATURES,
    write_classifier,
    write_lookup,
    write_two_by_two,
)


def test_a_chain_holds_what_an_operator_takes_and_gives(tmp_path):
    graph = OperatorGraph(write_classifier(tmp_path / "net.tflite"))
    found = find_lifetimes(graph)
    hidden = next(t for t in found.tensors if t.first == 0).size_bytes
    assert found.operators == ["FULLY_CONNECTED", "FULLY_CONNECTED", "SOFTMAX"]
    # Features, hidden layer, scores, probabilities; each lives until the next is made.
    assert found.live_bytes == [4 * FEATURES + hidden, hidden + 4 * CLASSES, 8 * CLASSES]
    assert found.peak_bytes == max(found.live_bytes)
    assert found.peak_operator == found.live_bytes.index(found.peak_bytes)


def test_inputs_begin_before_the_first_operator_and_outputs_live_to_the_end(tmp_path):
    found = find_lifetimes(OperatorGraph(write_two_by_two(tmp_path / "net.tflite")))
    last = len(found.operators) - 1
    assert sum(t.first == -1 for t in found.tensors) == 2
    assert sum(t.last == last for t in found.tensors) >= 2
    for number, live in enumerate(found.live_bytes):
        assert live == sum(t.size_bytes for t in found.alive_at(number))


def test_constants_are_no_activations(tmp_path):
    graph = OperatorGraph(write_lookup(tmp_path / "net.tflite", rows=5000))
    stored = {t.name for t in graph.tensors if t.is_constant}
    assert not stored & {t.name for t in find_lifetimes(graph).tensors}


def test_the_sandboxed_child_gives_the_same(tmp_path):
    path = write_classifier(tmp_path / "net.tflite")
    here = find_lifetimes(OperatorGraph(path))
    assert ask(path, "net.tflite") == here
    assert Lifetimes.from_json(here.to_json()) == here


def test_bytes_follow_the_dtype(tmp_path):
    graph = OperatorGraph(write_lookup(tmp_path / "net.tflite"))
    sizes = {"float32": 4, "int32": 4, "int64": 8, "int8": 1, "bool": 1}
    for tensor in find_lifetimes(graph).tensors:
        assert tensor.size_bytes == np.prod(tensor.shape) * sizes[tensor.dtype]
