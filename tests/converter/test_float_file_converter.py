"""Quantizing TFLiteConverter's float file gives what converting the whole model gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from converter.errors import ConversionError
from converter.float_file_converter import FloatFileConverter
from converter.recipe import PRESETS
from converter.shared_calibration import CalibrationMemory
from converter.tflite_converter import convert
from converter.tflite_file import content_sha256
from tests.converter.example_models import images

RECIPES = (
    PRESETS["int8"],
    PRESETS["int8_full"],
    PRESETS["int16x8"],
    replace(PRESETS["int8"], name="per_tensor", per_channel=False),
    replace(PRESETS["int8"], name="dense_per_tensor", per_channel_dense=False),
    replace(PRESETS["int8"], name="unsigned", inference_input_type="uint8"),
)


@pytest.fixture(scope="module")
def float_file(frozen_cnn, tmp_path_factory):
    path = tmp_path_factory.mktemp("float") / "float32.tflite"
    path.write_bytes(convert(frozen_cnn, PRESETS["float32"], {}, 1, CalibrationMemory()))
    return path


@pytest.fixture(scope="module")
def memory():
    return CalibrationMemory()


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_the_content_is_that_of_the_whole_conversion(
    recipe, float_file, frozen_cnn, memory, tmp_path
):
    samples = {"image": images(8)}
    for name, content in (
        ("whole", convert(frozen_cnn, recipe, samples, 1, memory)),
        ("file", FloatFileConverter(float_file, 1).quantize(recipe, samples)),
    ):
        (tmp_path / name).write_bytes(content)
    assert content_sha256(tmp_path / "file") == content_sha256(tmp_path / "whole")


def test_other_samples_give_another_file_and_earlier_ones_leave_no_trace(float_file):
    converter = FloatFileConverter(float_file, 1)
    few, many = {"image": images(1)}, {"image": images(8) * 3}
    first = converter.quantize(PRESETS["int8"], few)
    assert converter.quantize(PRESETS["int8"], many) != first
    assert converter.quantize(PRESETS["int8"], few) == first


@pytest.mark.parametrize("samples", [{}, {"image": np.full((1, 12, 12, 3), np.nan, np.float32)}])
def test_samples_that_are_no_good_are_refused(samples, float_file):
    with pytest.raises(ConversionError, match="calibration"):
        FloatFileConverter(float_file, 1).quantize(PRESETS["int8"], samples)


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "x.tflite").write_bytes(b"no flatbuffer")
    with pytest.raises(ConversionError, match="refused to quantize"):
        FloatFileConverter(tmp_path / "x.tflite", 1).quantize(PRESETS["int8"], {"image": images(1)})
