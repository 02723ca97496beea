"""`.tflite` files read without being run, held against LiteRT's own interpreter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from converter.errors import ModelFileError
from converter.recipe import BUILTINS, PRESETS, SELECT_TF, SELECT_TF_PRESET
from converter.shared_calibration import CalibrationMemory
from converter.tflite_converter import convert
from converter.tflite_file import choose_signature, content_sha256, read_tflite
from tests.converter.example_models import images
from tests.converter.example_tflites import (
    as_int8,
    write_classifier,
    write_custom,
    write_two_signatures,
)


@pytest.fixture(scope="module")
def converted(frozen_cnn, tmp_path_factory):
    """Return a function from a recipe to its file of the classifier."""
    folder = tmp_path_factory.mktemp("converted")
    memory = CalibrationMemory()

    def build(recipe) -> Path:
        path = folder / f"{recipe.name}.tflite"
        if not path.exists():
            path.write_bytes(convert(frozen_cnn, recipe, {"image": images(8)}, 1, memory))
        return path

    return build


@pytest.fixture(scope="module", params=PRESETS)
def preset_file(request, converted):
    return converted(PRESETS[request.param])


def interpreter_of(path):
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(model_path=str(path), experimental_preserve_all_tensors=True)


def test_the_ends_are_those_of_the_signature(preset_file):
    runner = interpreter_of(preset_file).get_signature_runner("serving_default")
    file = read_tflite(preset_file)
    for found, details in (
        (file.inputs, runner.get_input_details()),
        (file.outputs, runner.get_output_details()),
    ):
        assert {spec.name: (spec.shape, spec.dtype) for spec in found} == {
            name: (tuple(int(s) for s in d["shape_signature"]), np.dtype(d["dtype"]).name)
            for name, d in details.items()
        }


def test_operators_are_those_that_the_interpreter_lists(preset_file):
    expected = [
        operator["op_name"]
        for operator in interpreter_of(preset_file)._get_ops_details()
        if operator["op_name"] != "DELEGATE"
    ]
    assert sorted(operator.name for operator in read_tflite(preset_file).operators) == sorted(
        expected
    )


def test_constants_have_the_dtypes_and_scales_of_the_interpreter(preset_file):
    details = {d["name"]: d for d in interpreter_of(preset_file).get_tensor_details() if d["name"]}
    constants = [tensor for tensor in read_tflite(preset_file).constants if tensor.name in details]
    assert constants
    for tensor in constants:
        detail = details[tensor.name]
        if tensor.dtype != "int4":
            assert np.dtype(detail["dtype"]).name == tensor.dtype
        assert tensor.scales == len(detail["quantization_parameters"]["scales"])
        assert tensor.elements == int(np.prod(detail["shape"]))
        assert tensor.size_bytes == tensor.elements * np.dtype(detail["dtype"]).itemsize


@pytest.mark.parametrize(
    ("recipe", "share"),
    [("float32", 4.0), ("float16", 2.0), ("int8", 1.1), ("int16x8", 1.05)],
    ids=lambda value: str(value),
)
def test_parameter_bytes_follow_the_precision(converted, recipe, share):
    file = read_tflite(converted(PRESETS[recipe]))
    assert 3000 < file.parameters < 3600
    assert file.parameter_bytes / file.parameters == pytest.approx(share, rel=0.1)


def test_weights_of_convolutions_have_a_scale_for_each_channel(converted):
    file = read_tflite(converted(PRESETS["int8"]))
    (conv,) = [op for op in file.operators if op.name == "CONV_2D"]
    weights = [t for t in conv.inputs if t.is_constant and t.dtype == "int8"]
    assert [tensor.scales for tensor in weights] == [16]


def test_an_open_batch_is_open(tflite_file):
    assert read_tflite(tflite_file).inputs[0].shape == (None, 8, 8, 1)


def test_flex_operators_are_told(tmp_path):
    import tensorflow as tf

    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((2, 2), tf.float32, name="x")])
        def serve(self, x):
            return {"y": tf.linalg.det(x) * tf.ones(3)}

    module = Module()
    folder = tmp_path / "m"
    tf.saved_model.save(module, str(folder), signatures=module.serve)
    path = tmp_path / "m.tflite"
    path.write_bytes(convert(folder, SELECT_TF_PRESET, {}, 1, CalibrationMemory()))
    flex = [operator for operator in read_tflite(path).operators if operator.is_flex]
    assert [operator.name for operator in flex] == ["FlexMatrixDeterminant"]
    assert flex[0].is_custom


class TestRefused:
    @pytest.mark.parametrize(
        "content", [b"", b"TFL3", b"\0" * 8, b"abcdefgh" * 10], ids=["empty", "short", "0", "text"]
    )
    def test_other_bytes(self, tmp_path, content):
        path = tmp_path / "a.tflite"
        path.write_bytes(content)
        with pytest.raises(ModelFileError, match=r"^a\.tflite: expected a TFLite flatbuffer"):
            read_tflite(path)

    @pytest.mark.parametrize("offset", [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x08\0\0\0"], ids=str)
    def test_a_root_that_lies(self, tflite_file, tmp_path, offset):
        path = tmp_path / "a.tflite"
        path.write_bytes(offset + tflite_file.read_bytes()[4:])
        with pytest.raises(ModelFileError, match="whose parts lie outside of it"):
            read_tflite(path)

    def test_lists_that_unpack_to_millions_of_objects(self, tflite_file, tmp_path, monkeypatch):
        file = read_tflite(tflite_file)
        monkeypatch.setattr("converter.tflite_file.MOST_OBJECTS", len(file.operators) + 10)
        with pytest.raises(ModelFileError, match="operators, tensors and buffers, found more"):
            read_tflite(tflite_file)
        monkeypatch.setattr("converter.tflite_file.MOST_OBJECTS", 100)
        assert read_tflite(tflite_file) == file


class TestContentHash:
    def test_is_the_same_where_the_flags_changed_nothing(self, converted):
        vain = replace(PRESETS["float32"], name="vain", supported_ops=(BUILTINS, SELECT_TF))
        files = converted(PRESETS["float32"]), converted(vain)
        assert len({content_sha256(path) for path in files}) == 1

    def test_differs_between_what_computes_differently(self, converted):
        assert len({content_sha256(converted(recipe)) for recipe in PRESETS.values()}) == 6

    def test_differs_where_one_weight_differs(self, tflite_file, tmp_path):
        (weights,) = [
            interpreter_of(tflite_file).get_tensor(detail["index"])
            for detail in interpreter_of(tflite_file).get_tensor_details()
            if tuple(detail["shape"]) == (3, 1024)
        ]
        content = bytearray(tflite_file.read_bytes())
        content[content.index(weights.tobytes())] ^= 1
        path = tmp_path / "changed.tflite"
        path.write_bytes(content)
        assert content_sha256(path) != content_sha256(tflite_file)


class TestEndsOfAGivenFile:
    def test_the_signature_that_is_asked_or_the_usual_or_the_first(self, tmp_path):
        path = write_two_signatures(tmp_path / "a.tflite")
        assert read_tflite(path).signature == "first"
        assert read_tflite(path, "second").signature == "second"
        assert choose_signature(["a", "serving_default"], None, "x") == "serving_default"
        assert choose_signature([], None, "x") is None
        with pytest.raises(ModelFileError, match="'third' was asked for, and the file has first"):
            read_tflite(path, "third")

    def test_a_file_without_signature_has_its_tensors_names(self, tmp_path):
        file = read_tflite(write_classifier(tmp_path / "a.tflite", key=None))
        assert (file.signature, file.signature_tensors) == (None, {})
        assert [spec.name for spec in file.inputs] == ["serving_default_features"]

    def test_stored_types_tell_a_quantized_file(self, tmp_path):
        source = write_classifier(tmp_path / "a.tflite")
        assert read_tflite(source).stored_types == ()
        file = read_tflite(as_int8(source, tmp_path / "b.tflite"))
        assert file.stored_types == ("int8",)
        assert set(file.quantized_inputs) == {"features"}
        assert file.quantized_outputs["scores"] == (pytest.approx(1 / 256), -128)

    def test_float16_weights_are_quantized_too(self, converted):
        assert read_tflite(converted(PRESETS["float16"])).stored_types == ("float16",)
        assert read_tflite(converted(PRESETS["float32"])).stored_types == ()

    def test_operators_without_kernel_are_named(self, tmp_path):
        assert read_tflite(write_custom(tmp_path / "a.tflite")).missing_kernels == ["Sparkle"]
