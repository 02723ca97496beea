"""Data of an input that holds scaled integers: real numbers, or the stored ones told by range."""

from __future__ import annotations

import numpy as np
import pytest

from converter.litert_model import Quantization, quantize
from converter.samples import Samples
from converter.signature import TensorSpec
from converter.stored_values import QUANTIZED_INPUTS, fed_inputs, real_samples

PIXELS = TensorSpec("image", (1, 2), "uint8")
DETAILS = {QUANTIZED_INPUTS: {"image": [1 / 128, 128]}}  # -1..1, as the classic MobileNet


def real(values, spec=PIXELS, details=DETAILS):
    samples = Samples({spec.name: np.array(values, np.float32)})
    found = real_samples(samples, [spec], details)
    return found.inputs[spec.name], found.notes


def test_inputs_of_scaled_integers_are_fed_real_numbers():
    ids = TensorSpec("ids", (1, 2), "int32")
    assert [s.dtype for s in fed_inputs([PIXELS, ids], DETAILS)] == ["float32", "int32"]
    assert fed_inputs([PIXELS], {}) == [PIXELS]


def test_pixels_for_an_input_of_small_numbers_are_taken_for_stored_ones():
    found, notes = real([[0, 128], [255, 64]])
    np.testing.assert_allclose(found, [[-1, 0], [127 / 128, -0.5]])
    assert "stored uint8 values" in notes[0]
    stored = quantize(found, Quantization(1 / 128, 128), np.dtype("uint8"))
    assert stored.tolist() == [[0, 128], [255, 64]]


@pytest.mark.parametrize(
    "values",
    [[[-1.0, 1.0]], [[0.5, 0.25]], [[0.0, 1.0]], [[0.0, 3.5]], [[0.0, 300.0]], [[-3.0, 4.0]]],
    ids=["whole range", "inside", "whole and inside", "fractions outside", "too large", "negative"],
)
def test_all_else_is_real(values):
    found, notes = real(values)
    np.testing.assert_array_equal(found, np.array(values, np.float32))
    assert notes == ()


@pytest.mark.parametrize("values", [[[np.nan, 128.0]], [[np.inf, 128.0]], np.empty((0, 2))])
def test_nan_infinity_and_nothing_are_left_alone(values):
    found, notes = real(values)
    np.testing.assert_array_equal(found, np.asarray(values, np.float32))
    assert notes == ()


def test_a_range_that_calibration_cut_by_a_step_is_no_reason():
    spec, details = TensorSpec("x", (1, 2), "int8"), {QUANTIZED_INPUTS: {"x": [16 / 255, -128]}}
    found, _ = real([[0.0, 16.0]], spec, details)
    assert found.tolist() == [[0.0, 16.0]]
