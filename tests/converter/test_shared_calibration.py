"""Calibrating once for all integer recipes changes no byte of any file."""

from __future__ import annotations

import pytest

from converter.errors import ConversionError
from converter.recipe import PRESETS
from converter.shared_calibration import CalibrationMemory, sharing_calibration
from converter.tflite_converter import apply_recipe, convert
from tests.converter.example_models import images

INTEGER = ("int8", "int8_full", "int16x8")
SAMPLES = images(12, seed=3)


@pytest.fixture(scope="module")
def plain(frozen_cnn):
    """The bytes of TFLiteConverter alone, by recipe, and how often it asked for each sample."""
    import tensorflow as tf

    found, asked = {}, {}
    for name in INTEGER:
        converter = tf.lite.TFLiteConverter.from_saved_model(str(frozen_cnn))
        apply_recipe(converter, PRESETS[name])
        asked[name] = 0

        def samples(name=name):
            for sample in SAMPLES:
                asked[name] += 1
                yield {"image": sample[None]}

        converter.representative_dataset = samples
        found[name] = converter.convert()
    return found, asked


@pytest.mark.parametrize("order", [INTEGER, INTEGER[::-1]], ids=["int8 first", "int16x8 first"])
def test_bytes_equal_those_of_plain_conversions(frozen_cnn, plain, order):
    memory = CalibrationMemory()
    shared = {
        name: convert(frozen_cnn, PRESETS[name], {"image": SAMPLES}, 1, memory) for name in order
    }
    assert {name: shared[name] == plain[0][name] for name in order} == dict.fromkeys(order, True)
    assert memory.feeds == 1


def test_plain_conversions_feed_the_samples_each_time(plain):
    # Otherwise there would be nothing to share.
    assert all(count >= len(SAMPLES) for count in plain[1].values())


def test_another_set_of_samples_needs_another_memory(frozen_cnn, plain):
    other = convert(frozen_cnn, PRESETS["int8"], {"image": SAMPLES * 3}, 1, CalibrationMemory())
    assert other != plain[0]["int8"]


def test_tensorflow_is_left_as_it_was():
    from tensorflow.lite.python.optimize import calibrator

    before = calibrator.Calibrator
    with sharing_calibration(CalibrationMemory()):
        assert calibrator.Calibrator is not before
    assert calibrator.Calibrator is before
    with pytest.raises(RuntimeError, match="inside"), sharing_calibration(CalibrationMemory()):
        raise RuntimeError("inside")
    assert calibrator.Calibrator is before


def test_a_calibration_that_fails_is_not_remembered(frozen_cnn, plain):
    memory = CalibrationMemory()
    with pytest.raises(ConversionError, match="int8"):
        convert(frozen_cnn, PRESETS["int8"], {"wrong": SAMPLES}, 1, memory)
    assert memory.feeds == 0
    found = convert(frozen_cnn, PRESETS["int8"], {"image": SAMPLES}, 1, memory)
    assert found == plain[0]["int8"]
