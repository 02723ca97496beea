"""litert-quantizer behind recipes: what is in the files it writes, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from converter.audit import audit_file
from converter.drift import sqnr_db
from converter.errors import ConversionError
from converter.evaluation import evaluate
from converter.recipe import (
    AS_GIVEN,
    INT16X8,
    LITERT_QUANTIZER,
    PRESETS,
    TFLITE_PRESETS,
    Recipe,
)
from converter.requantizer import Requantizer
from converter.signature import Signature
from converter.tflite_file import read_tflite
from tests.converter.example_tflites import (
    CLASSES,
    FEATURES,
    features,
    write_classifier,
    write_lookup,
    write_two_by_two,
    write_two_signatures,
)

SAMPLES = {"features": features(40)}
FAITHFUL = {
    "dynamic_range": 30, "float16": 60, "int8": 25, "int8_full": 25, "int16x8": 45,
    "int8_weight_only": 35, "int4_weight_only": 15, "int4_dynamic_range": 15, "int8x4": 15,
}  # fmt: skip
"""Least SQNR in dB of each preset on a healthy model."""


def requantizer(path, signature=None):
    file = read_tflite(path, signature)
    inputs = tuple(
        type(s)(s.name, tuple(size or 1 for size in s.shape), s.dtype) for s in file.inputs
    )
    ends = Signature(inputs, file.outputs)
    return Requantizer(path, ends, file.signature, len(file.signature_tensors) or 1)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return write_classifier(tmp_path_factory.mktemp("requantizer") / "classifier.tflite")


@pytest.fixture(scope="module")
def quantize(classifier):
    """Return a function from a recipe to its bytes, calibrated once for all."""
    worker = requantizer(classifier)
    return lambda recipe: worker.quantize(recipe, SAMPLES)


def outputs(path, samples=SAMPLES):
    return evaluate(path, samples, 1, stateful=False)[0]


@pytest.mark.parametrize("name", TFLITE_PRESETS)
def test_every_preset_stays_near_the_file_and_is_smaller(name, quantize, classifier, tmp_path):
    path = tmp_path / "variant.tflite"
    path.write_bytes(quantize(TFLITE_PRESETS[name]))
    found = outputs(path)["scores"]
    expected = outputs(classifier)["scores"]
    assert sqnr_db(expected, found) > FAITHFUL[name]
    file = read_tflite(path)
    assert file.signature == "serving_default"
    audit = audit_file(file, TFLITE_PRESETS[name], LITERT_QUANTIZER)
    assert {flag["effect"] for flag in audit.flags} == {"yes"}, audit.flags


@pytest.mark.parametrize(
    ("name", "ends", "weights"),
    [
        ("dynamic_range", "float32", "int8"),
        ("float16", "float32", "float16"),
        ("int8", "float32", "int8"),
        ("int8_full", "int8", "int8"),
        ("int16x8", "float32", "int8"),
        ("int4_weight_only", "float32", "int4"),
        ("int8x4", "float32", "int4"),
    ],
)
def test_types_of_ends_and_weights(name, ends, weights, quantize, tmp_path):
    path = tmp_path / "variant.tflite"
    path.write_bytes(quantize(TFLITE_PRESETS[name]))
    file = read_tflite(path)
    assert {spec.dtype for spec in (*file.inputs, *file.outputs)} == {ends}
    assert weights in {tensor.dtype for tensor in file.constants}


@pytest.mark.parametrize(("dtype", "ops"), [("uint8", None), ("int16", (INT16X8,))])
def test_custom_ends(dtype, ops, quantize, tmp_path):
    flags = {"supported_ops": ops} if ops else {}
    recipe = Recipe(
        name="mine", optimizations=("DEFAULT",), calibrate=True, inference_input_type=dtype,
        inference_output_type=dtype, **flags,
    )  # fmt: skip
    path = tmp_path / "variant.tflite"
    path.write_bytes(quantize(recipe))
    file = read_tflite(path)
    assert {spec.dtype for spec in (*file.inputs, *file.outputs)} == {dtype}


@pytest.mark.parametrize("recipe", [PRESETS["float32"], AS_GIVEN], ids=lambda r: r.name)
def test_a_recipe_that_quantizes_nothing_gives_the_same_bytes(recipe, quantize, classifier):
    assert quantize(recipe) == classifier.read_bytes()


def test_ranges_shared_between_recipes_change_no_byte(classifier, quantize):
    for name in ("int8_full", "int16x8", "int8"):
        alone = requantizer(classifier).quantize(PRESETS[name], SAMPLES)
        assert alone == quantize(PRESETS[name])


def test_a_rare_large_value_widens_the_range(classifier, tmp_path):
    """The library's own moving average would cut it off: 1 sample in 40 is far from the others."""
    samples = features(40)
    samples[17] *= 30
    path = tmp_path / "variant.tflite"
    path.write_bytes(requantizer(classifier).quantize(PRESETS["int8_full"], {"features": samples}))
    scale, zero_point = read_tflite(path).quantized_inputs["features"]
    low, high = (-128 - zero_point) * scale, (127 - zero_point) * scale
    assert low <= samples.min() + scale
    assert high >= samples.max() - scale


def test_nothing_is_printed(quantize, capfd):
    quantize(PRESETS["int8"])
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "it/s" not in captured.err


def test_a_file_without_signature_gets_one(tmp_path):
    source = write_classifier(tmp_path / "source.tflite", key=None)
    path = tmp_path / "variant.tflite"
    path.write_bytes(
        requantizer(source).quantize(PRESETS["int8"], {"serving_default_features": features(20)})
    )
    file = read_tflite(path)
    assert file.signature == "serving_default"
    assert [spec.name for spec in file.inputs] == ["serving_default_features"]
    assert [spec.name for spec in file.outputs] == ["PartitionedCall"]


def test_an_open_batch_stays_open(tmp_path):
    source = write_classifier(tmp_path / "source.tflite", batch=None)
    path = tmp_path / "variant.tflite"
    path.write_bytes(requantizer(source).quantize(PRESETS["int8"], SAMPLES))
    assert read_tflite(path).inputs[0].shape == (None, FEATURES)
    assert outputs(path)["scores"].shape == (40, CLASSES)


def test_a_fixed_batch_is_calibrated_in_its_own_size(tmp_path):
    source = write_classifier(tmp_path / "source.tflite", batch=4)
    path = tmp_path / "variant.tflite"
    path.write_bytes(requantizer(source).quantize(PRESETS["int8_full"], SAMPLES))
    expected = outputs(source)["scores"]
    assert sqnr_db(expected, outputs(path)["scores"]) > 25


def test_two_inputs_are_calibrated_each_with_its_own(tmp_path):
    source = write_two_by_two(tmp_path / "source.tflite")
    random = np.random.default_rng(2)
    samples = {
        "zebra": (100 * random.normal(size=(30, 3))).astype(np.float32),
        "apple": random.normal(size=(30, 2)).astype(np.float32),
    }
    path = tmp_path / "variant.tflite"
    path.write_bytes(requantizer(source).quantize(PRESETS["int8_full"], samples))
    scales = {name: scale for name, (scale, _) in read_tflite(path).quantized_inputs.items()}
    assert scales["zebra"] > 20 * scales["apple"]


def test_integer_inputs_stay_integers(tmp_path):
    source = write_lookup(tmp_path / "source.tflite")
    samples = {"ids": np.random.default_rng(0).integers(0, 10, (20, 5)).astype(np.int32)}
    path = tmp_path / "variant.tflite"
    path.write_bytes(requantizer(source).quantize(PRESETS["int8"], samples))
    assert read_tflite(path).inputs[0].dtype == "int32"


class TestRefusals:
    def test_no_samples(self, classifier):
        with pytest.raises(ConversionError, match="at least one sample"):
            requantizer(classifier).quantize(PRESETS["int8"], {"features": features(0)})

    def test_nan_and_infinity(self, classifier):
        broken = features(4)
        broken[2, 3] = np.inf
        with pytest.raises(ConversionError, match="NaN or infinity"):
            requantizer(classifier).quantize(PRESETS["int8"], {"features": broken})

    def test_calibration_for_one_signature_of_two(self, tmp_path):
        source = write_two_signatures(tmp_path / "two.tflite")
        worker = requantizer(source, "second")
        with pytest.raises(ConversionError, match="2 signatures and the samples are for 'second'"):
            worker.quantize(PRESETS["int8"], SAMPLES)
        assert len(worker.quantize(PRESETS["dynamic_range"], {})) < source.stat().st_size

    def test_what_the_library_cannot_do_is_one_sentence(self, tmp_path):
        source = tmp_path / "broken.tflite"
        source.write_bytes(b"\x1c\0\0\0TFL3" + b"\xff" * 200)
        spec = Signature((), ())
        with pytest.raises(ConversionError) as refused:
            Requantizer(source, spec, "serving_default").quantize(PRESETS["dynamic_range"], {})
        sentence = str(refused.value)
        assert sentence.startswith("dynamic_range: litert-quantizer refused the file (")
        assert sentence.count("\n") == 0
