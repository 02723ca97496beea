"""One-operator models compute what the operator does in the whole; what cannot be cut says so."""

from __future__ import annotations

import numpy as np
import pytest

from converter.errors import ModelFileError
from converter.kernels import Kernels
from converter.litert_model import CutModel, LitertModel
from converter.op_cut import COMPUTES_A_CONSTANT, OperatorGraph
from converter.precision import PRECISIONS
from converter.recipe import PRESETS, TFLITE_PRESETS
from converter.requantizer import Requantizer
from converter.signature import Signature
from converter.tflite_file import read_tflite
from tests.converter import example_tflites as examples
from tests.converter.example_tflites import features


def quantized(path, target, recipe):
    file = read_tflite(path)
    worker = Requantizer(path, Signature(file.inputs, file.outputs), file.signature)
    presets = {**PRESETS, **TFLITE_PRESETS}
    target.write_bytes(worker.quantize(presets[recipe], {"features": features(20)}))
    return target


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cuts")


def run_whole(path, inputs):
    model = LitertModel(path, kernels=Kernels.BUILTIN, keep_tensors=True)
    model.set_inputs(inputs)
    model.invoke()
    return model


def cuts(path, inputs):
    """Yield each operator, what its cut gives, and what the whole has in its place."""
    graph, whole = OperatorGraph(path), run_whole(path, inputs)
    for operator in graph.operators:
        if operator.reason is not None:
            continue
        model = CutModel(graph.cut(operator, whole.tensor_shapes()), "cut", 1, Kernels.BUILTIN)
        model.feed([whole.read_tensor(index) for index in operator.inputs])
        model.invoke()
        yield operator, model.outputs(), [whole.read_tensor(index) for index in operator.outputs]


@pytest.mark.parametrize(
    "recipe", ["float32", "dynamic_range", "float16", "int8", "int8_full", "int16x8",
               "int4_weight_only"]
)
def test_every_cut_gives_what_the_operator_gives_in_the_whole(recipe, folder):
    source = examples.write_classifier(folder / "float.tflite")
    path = source if recipe == "float32" else quantized(source, folder / f"{recipe}.tflite", recipe)
    seen = list(cuts(path, {"features": features(1)}))
    assert {"FULLY_CONNECTED", "SOFTMAX"} <= {operator.name for operator, _, _ in seen}
    for _, found, expected in seen:
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_several_inputs_and_outputs_keep_their_order(folder):
    path = examples.write_two_by_two(folder / "two.tflite")
    inputs = {"zebra": np.ones((1, 3), "f4"), "apple": np.full((1, 2), 5, "f4")}
    joined = next(o for o in cuts(path, inputs) if o[0].name == "CONCATENATION")
    assert joined[1][0].tolist() == [[1, 1, 1, 5, 5]]


def test_weights_that_are_unpacked_when_loaded_come_along(folder):
    source = examples.write_classifier(folder / "float.tflite")
    graph = OperatorGraph(quantized(source, folder / "half.tflite", "float16"))
    folded = [o for o in graph.operators if o.reason == COMPUTES_A_CONSTANT]
    assert folded
    assert {o.name for o in folded} == {"DEQUANTIZE"}
    users = {number for o in graph.operators for number in o.folded}
    assert users == {o.number for o in folded}


def test_an_open_size_is_cut_as_it_was_run(folder):
    path = examples.write_lookup(folder / "lookup.tflite")
    model = LitertModel(path, kernels=Kernels.BUILTIN, keep_tensors=True)
    graph = OperatorGraph(path)
    shapes = {**model.tensor_shapes(), graph.operators[0].inputs[0]: (1, 5)}
    cut = CutModel(graph.cut(graph.operators[0], shapes), "cut")
    cut.feed([np.array([[0, 1, 2, 3, 9]], np.int32)])
    cut.invoke()
    assert cut.outputs()[0].shape == (1, 5, 4)


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (examples.write_custom, "custom operator"),
        (lambda path: examples.write_custom(path, b"FlexErf"), "TensorFlow operator"),
        (examples.write_strings, "string"),
        (examples.write_crash_when_run, "another graph"),
    ],
    ids=["custom", "flex", "strings", "control flow"],
)
def test_what_cannot_be_cut_says_why(write, words, tmp_path):
    graph = OperatorGraph(write(tmp_path / "odd.tflite"))
    refused = graph.operators[0]
    assert words in refused.reason
    with pytest.raises(ValueError, match="cannot be cut"):
        graph.cut(refused, {})


@pytest.mark.parametrize("recipe", ["int8", "int4_weight_only"])
def test_stored_weights_are_read_as_real_numbers(recipe, folder):
    source = examples.write_classifier(folder / "float.tflite")
    before = OperatorGraph(source)
    after = OperatorGraph(quantized(source, folder / f"{recipe}.tflite", recipe))

    def weights(graph):
        index = next(t.index for t in graph.tensors if t.name == "hidden/w")
        return graph.tensors[index], graph.constant(index)

    _, expected = weights(before)
    tensor, found = weights(after)
    steps = np.array(tensor.scales).reshape(-1, 1)
    assert tensor.dtype in {"int8", "int4"}
    assert (np.abs(found - expected) <= steps * 0.5001 + 1e-7).all()


def test_no_flatbuffer_and_a_broken_one_are_refused(tmp_path):
    path = tmp_path / "x.tflite"
    path.write_bytes(b"not a model at all")
    with pytest.raises(ModelFileError, match="expected a TFLite flatbuffer"):
        OperatorGraph(path)
    whole = examples.write_classifier(tmp_path / "whole.tflite").read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(ModelFileError):
        OperatorGraph(path)


def test_scales_of_blocks_are_cut_out_with_their_weights(folder):
    """They are a tensor of their own, which the weights name by its number."""
    recipe = "dynamic_int4_block32"
    path = examples.write_classifier(folder / "float.tflite")
    file = read_tflite(path)
    worker = Requantizer(path, Signature(file.inputs, file.outputs), file.signature)
    rule = PRECISIONS[recipe]
    target = folder / "blocks.tflite"
    target.write_bytes(worker.quantize_by(
        [{"regex": "logits", "operation": "*", "algorithm_key": rule.algorithm,
          "op_config": dict(rule.op_config)}], recipe, None,
    ))  # fmt: skip
    x = features(1)
    whole = LitertModel(target)
    whole.set_inputs({"features": x})
    whole.invoke()
    graph = OperatorGraph(target)
    values = {graph.inputs[0]: x}
    for operator in graph.operators:
        model = CutModel(graph.cut(operator, {}), operator.name)
        model.feed([values[index] for index in operator.inputs])
        model.invoke()
        values.update(zip(operator.outputs, model.outputs(), strict=True))
    assert any(t.dtype == "int4" for t in graph.tensors)
    np.testing.assert_allclose(values[graph.outputs[0]], whole.get_outputs()["scores"], atol=1e-6)


def test_constants_behind_the_flatbuffer_are_cut_out_too(folder):
    """litert-quantizer writes files of some megabytes so."""
    plain = examples.write_classifier(folder / "inside.tflite")
    behind = examples.move_constants_behind(plain, folder / "behind.tflite")
    x = {"features": features(1)}
    expected = run_whole(plain, x).get_outputs()["scores"]
    np.testing.assert_array_equal(run_whole(behind, x).get_outputs()["scores"], expected)
    inside, outside = OperatorGraph(plain), OperatorGraph(behind)
    assert outside.operators == inside.operators
    for operator in outside.operators:
        assert operator.reason is None
        assert outside.cut(operator, {}) == inside.cut(operator, {})


def test_constants_that_lie_outside_of_the_file_are_refused(folder):
    behind = examples.move_constants_behind(
        examples.write_classifier(folder / "a.tflite"), folder / "b.tflite"
    )
    behind.write_bytes(behind.read_bytes()[:-8])
    with pytest.raises(ModelFileError, match="parts lie outside of it"):
        OperatorGraph(behind)
