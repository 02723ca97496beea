"""Files made fit for litert-quantizer: what changes, and that nothing changes without need."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from converter.evaluation import evaluate
from converter.quantizable_file import make_quantizable
from converter.tflite_file import read_tflite
from tests.converter.example_tflites import (
    features,
    write_classifier,
    write_two_by_two,
    write_two_signatures,
)


def tensor_names(content):
    model = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
    return [tensor.name for graph in model.subgraphs for tensor in graph.tensors]


def test_a_file_that_is_fit_stays_byte_for_byte(tmp_path):
    content = write_classifier(tmp_path / "a.tflite").read_bytes()
    assert make_quantizable(content, ["never"], ["used"]) is content


def test_a_signature_is_added_under_the_names_given(tmp_path):
    source = write_classifier(tmp_path / "a.tflite", key=None)
    path = tmp_path / "b.tflite"
    path.write_bytes(make_quantizable(source.read_bytes(), ["x"], ["y"]))
    file = read_tflite(path)
    assert file.signature_tensors == {"serving_default": {"inputs": ["x"], "outputs": ["y"]}}
    samples = features(5)
    expected = evaluate(source, {"serving_default_features": samples}, 1, stateful=False)[0]
    found = evaluate(path, {"x": samples}, 1, stateful=False)[0]
    np.testing.assert_array_equal(found["y"], expected["PartitionedCall"])


def test_tensors_of_one_name_are_told_apart(tmp_path):
    source = write_two_signatures(tmp_path / "a.tflite")
    before = tensor_names(source.read_bytes())
    assert len(set(before)) == len(before) / 2
    path = tmp_path / "b.tflite"
    path.write_bytes(make_quantizable(source.read_bytes(), [], []))
    after = tensor_names(path.read_bytes())
    assert len(set(after)) == len(after)
    assert after[: len(before) // 2] == before[: len(before) // 2]
    assert read_tflite(path).signature_tensors == read_tflite(source).signature_tensors


def test_tensors_without_a_name_get_one(tmp_path):
    source = write_two_by_two(tmp_path / "a.tflite")
    model = schema.ModelT.InitFromPackedBuf(bytearray(source.read_bytes()), 0)
    for tensor in model.subgraphs[0].tensors[-3:]:
        tensor.name = None
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    after = tensor_names(make_quantizable(bytes(builder.Output()), [], []))
    assert None not in after
    assert len(set(after)) == len(after)
