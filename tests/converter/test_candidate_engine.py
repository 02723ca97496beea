"""Candidates of mixed precision: what is offered is what the file then holds."""

from __future__ import annotations

import re

import numpy as np
import pytest

from converter.candidate_engine import CandidateEngine, Split
from converter.candidate_layers import list_layers, mixed_rules, resolve
from converter.evaluation import evaluate
from converter.op_cut import OperatorGraph
from converter.precision import PRECISIONS
from converter.signature import Signature, TensorSpec
from converter.tensor_binding import Binding, shapes_of
from converter.tflite_file import read_tflite
from tests.converter.example_tflites import features, write_classifier


@pytest.fixture
def engine(tmp_path):
    path = write_classifier(tmp_path / "float.tflite")
    file = read_tflite(path)
    signature = Signature(
        tuple(TensorSpec(s.name, (1, *s.shape[1:]), s.dtype) for s in file.inputs),
        tuple(TensorSpec(s.name, (1, *s.shape[1:]), s.dtype) for s in file.outputs),
    )
    name = signature.inputs[0].name
    binding = Binding(label="float", signature=file.signature, shapes=shapes_of(signature))
    made = CandidateEngine(path, signature, binding, {name: features(20)}, tmp_path)
    inputs = {name: features(64, seed=5)}
    outputs, _, _ = evaluate(path, inputs, 1, stateful=False, binding=binding)
    made.add_split("search", Split(inputs, outputs))
    made.path, made.folder = path, tmp_path
    return made


def weighted(engine):
    return [layer.number for layer in engine.layers if layer.has_weights]


def test_nothing_chosen_is_the_float_file_itself(engine):
    assert engine.build({}) == engine.path.read_bytes()
    found = engine.judge({}, "search")
    assert found.size_bytes == engine.path.stat().st_size
    assert found.drift.sqnr_db == np.inf
    assert found.samples == 64


@pytest.mark.parametrize("precision", ["dynamic_int8", "int8", "int16x8", "float16",
                                       "weight_only_int8", "dynamic_int8_tensor",
                                       "dynamic_int4_tensor_octav"])  # fmt: skip
def test_a_precision_changes_the_operator_that_it_was_chosen_for_and_no_other(engine, precision):
    first, _ = weighted(engine)
    assert precision in engine.layers[first].offered
    (engine.folder / "one.tflite").write_bytes(engine.build({first: precision}))
    graph = OperatorGraph(engine.folder / "one.tflite")
    stored = [
        {graph.tensors[i].dtype for n in (op.number, *op.folded)
         for i in graph.operators[n].constants if len(graph.tensors[i].shape) == 2}
        for op in graph.operators
        if op.name == "FULLY_CONNECTED"
    ]  # fmt: skip
    bits = PRECISIONS[precision].weight_bits
    assert stored[0] == {"float16" if bits == 16 else f"int{bits}"}
    assert stored[1] == {"float32"}
    assert engine.judge({first: precision}, "search").drift.sqnr_db < np.inf


def test_one_scale_for_the_tensor_stores_one_and_saves_those_of_the_other_channels(engine):
    first, _ = weighted(engine)
    layer = engine.layers[first]
    (engine.folder / "one.tflite").write_bytes(engine.build({first: "dynamic_int8_tensor"}))
    graph = OperatorGraph(engine.folder / "one.tflite")
    (weights,) = [t for t in graph.tensors if t.dtype == "int8" and t.is_constant]
    assert len(weights.scales) == len(weights.zero_points) == 1
    units = weights.shape[0]
    saved = layer.bytes_of["dynamic_int8"] - layer.bytes_of["dynamic_int8_tensor"]
    assert saved == 12 * (units - 1) > 0


def test_in_a_bounded_time_the_first_samples_take_part(engine):
    first, _ = weighted(engine)
    choices = {first: "int8"}
    some = engine.judge(choices, "search", seconds=0.0)
    assert some.samples == 10
    assert some.drift == engine.judge(choices, "search", samples=10).drift
    every = engine.judge(choices, "search", seconds=60.0)
    assert every.samples == 64
    assert every.drift == engine.judge(choices, "search").drift
    assert engine.judge(choices, "search", samples=5, seconds=0.0).samples == 5


def test_the_same_choices_give_the_same_bytes_whatever_came_before(engine):
    first, second = weighted(engine)
    before = engine.build({first: "int8", second: "dynamic_int8"})
    engine.build({first: "float16"})
    engine.build({second: "int16x8"})
    assert engine.build({first: "int8", second: "dynamic_int8"}) == before


def test_what_litert_quantizer_does_not_do_is_not_offered(engine):
    for layer in engine.layers:
        for name in layer.offered:
            if name != "float32":
                assert engine.build({layer.number: name}) != engine.path.read_bytes(), name


def test_without_calibration_samples_nothing_that_needs_ranges_is_offered(engine, tmp_path):
    bare = CandidateEngine(engine.path, engine._requantizer._signature, engine._binding, {},
                           tmp_path)  # fmt: skip
    offered = {name for layer in bare.layers for name in layer.offered}
    assert "dynamic_int8" in offered
    assert not {name for name in offered if PRECISIONS[name].needs_calibration}


def test_operators_without_weights_follow_those_that_feed_them(engine):
    _, second = weighted(engine)
    softmax = engine.layers[-1]
    assert (softmax.operator, softmax.has_weights) == ("SOFTMAX", False)
    assert resolve(engine.layers, {second: "int8"})[softmax.number] == "int8"
    assert resolve(engine.layers, {second: "dynamic_int8"})[softmax.number] == "float32"
    assert resolve(engine.layers, {second: "int8", softmax.number: "float32"})[
        softmax.number
    ] == "float32"


def test_rules_match_their_own_operator_though_names_hold_signs_of_a_pattern(tmp_path):
    path = write_classifier(tmp_path / "a.tflite")
    layers = list_layers(OperatorGraph(path))
    rules = mixed_rules(layers, dict.fromkeys((layer.number for layer in layers), "int8"))
    for rule in rules:
        assert sum(bool(re.search(rule["regex"], layer.scope)) for layer in layers) == 1


def test_a_message_about_a_candidate_does_not_name_the_file_it_is_made_of(engine, monkeypatch):
    monkeypatch.setattr(engine, "build", lambda _: b"no flatbuffer")
    found = engine.judge({}, "search")
    assert found.problem.startswith("this candidate: LiteRT cannot prepare")
