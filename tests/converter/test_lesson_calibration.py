"""Step 2: ranges, clipping and predictions, recomputed by a forward pass of plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from converter.lesson.calibration import (
    COUNTS,
    MOST_FIRST,
    calibrate,
    calibrate_activations,
    right_by_count,
)
from converter.lesson.model import EVALUATION, load_digits, load_layers
from converter.lesson.outcome import INPUT, float_scores


def slow_layer(layer, x):
    """Compute a layer in float64, one output place after another, by the definition of `SAME`."""
    if layer.kind == "dense":
        return x.mean(axis=(1, 2)) @ layer.weights.T.astype(float) + layer.bias
    height, width = x.shape[1:3]
    size, stride = layer.weights.shape[1], layer.stride
    rows = math.ceil(height / stride) if layer.is_padded else (height - size) // stride + 1
    top = max((rows - 1) * stride + size - height, 0) // 2 if layer.is_padded else 0
    y = np.zeros((len(x), rows, rows, len(layer.bias)))
    for r in range(rows):
        for c in range(rows):
            for i in range(size):
                for j in range(size):
                    row, column = r * stride + i - top, c * stride + j - top
                    if not (0 <= row < height and 0 <= column < width):
                        continue
                    seen = x[:, row, column]
                    if layer.kind == "depthwise":
                        y[:, r, c] += seen * layer.weights[0, i, j]
                    else:
                        y[:, r, c] += seen @ layer.weights[:, i, j].T.astype(float)
    return np.minimum(np.maximum(y + layer.bias, 0), 6)


def slow_range(ink, first, samples, bits):
    """Return the scale and zero point of the input and of each layer."""
    x = load_digits()[0][400 + first : 400 + first + samples].astype(float) * ink
    least, most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    found = []
    for layer in (None, *load_layers()):
        x = x if layer is None else slow_layer(layer, x)
        low, high = min(float(x.min()), 0.0), max(float(x.max()), 0.0)
        scale = (high - low) / (most - least)
        found.append((scale, min(max(round(least - low / scale), least), most)))
    return found


def slow_quantize(x, scale, zero, bits):
    stored = np.rint(x / scale) + zero
    least, most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    beyond = float(((stored < least) | (stored > most)).mean())
    return (np.minimum(np.maximum(stored, least), most) - zero) * scale, beyond


CASES = [(1, 8, 1.0, 0), (100, 8, 1.0, 0), (1, 8, 0.4, 0), (100, 8, 0.4, 0), (10, 8, 0.3, 7),
         (5, 4, 1.0, MOST_FIRST)]  # fmt: skip


@pytest.mark.parametrize(("samples", "bits", "ink", "first"), CASES)
def test_the_whole_model_with_quantized_activations(samples, bits, ink, first):
    found = calibrate_activations(9, samples, bits, 3, ink=ink, first=first, whole=True)
    ranges = slow_range(ink, first, samples, bits)
    for (scale, zero), grid in zip(ranges, calibrate(samples, bits, ink=ink, first=first).values(),
                                   strict=True):  # fmt: skip
        assert float(grid.scales) == pytest.approx(scale, rel=1e-5)
        assert int(grid.zero_points) == zero
    images, digits = load_digits()
    x, plain = images[:EVALUATION].astype(float), images[:EVALUATION].astype(float)
    x, _ = slow_quantize(x, *ranges[0], bits)
    for layer, (scale, zero) in zip(load_layers(), ranges[1:], strict=True):
        plain = slow_layer(layer, plain)
        x, _ = slow_quantize(slow_layer(layer, x), scale, zero, bits)
    # A value between two numbers of a grid may fall to either side in float32.
    right = [int(np.argmax(row)) == digit for row, digit in zip(x, digits, strict=False)]
    assert found.accuracy[1] == pytest.approx(sum(right) / EVALUATION, abs=0.5 / EVALUATION)
    odds = [math.exp(v - max(x[3])) for v in x[3]]
    assert found.scores[1] == pytest.approx([v / sum(odds) for v in odds], abs=0.02)
    back, beyond = slow_quantize(plain, *ranges[-1], bits)
    assert found.clipped == pytest.approx(beyond, abs=1e-3)
    power = float((plain**2).sum() / ((back - plain) ** 2).sum())
    assert found.sqnr_db == pytest.approx(10 * math.log10(power), abs=0.05)


def test_one_layer_alone_leaves_the_others_in_floats():
    found = calibrate_activations(9, 1, 3, 3)
    scale, zero = slow_range(1.0, 0, 1, 3)[-1]
    x = load_digits()[0][:EVALUATION].astype(float)
    for layer in load_layers():
        x = slow_layer(layer, x)
    x, _ = slow_quantize(x, scale, zero, 3)
    right = np.mean(x.argmax(axis=1) == load_digits()[1][:EVALUATION])
    assert found.accuracy[1] == pytest.approx(right)


def test_the_line_holds_the_figure_of_every_number_of_samples():
    for ink, bits in ((0.4, 8), (1.0, 4)):
        right = right_by_count(9, bits, ink=ink, whole=True)
        assert list(right) == list(COUNTS)
        for count, share in right.items():
            alone = calibrate_activations(9, count, bits, 5, ink=ink, whole=True)
            assert alone.accuracy[1] == share
    moved = right_by_count(9, 8, ink=0.4, whole=True)
    assert moved[1] < moved[100] < np.mean(
        float_scores().argmax(axis=1) == load_digits()[1][:EVALUATION]
    )


def test_no_calibration_sample_is_evaluated_and_there_are_enough():
    images, _ = load_digits()
    assert len(images) >= 400 + MOST_FIRST + max(COUNTS)
    assert EVALUATION <= 400
    # The last sample that a calibration may see is the last one there is: its range counts.
    grid = calibrate(max(COUNTS), 8, first=MOST_FIRST)[INPUT]
    seen = images[400 + MOST_FIRST : 400 + MOST_FIRST + max(COUNTS)]
    assert float(grid.scales) == pytest.approx(float(seen.max()) / 255)
