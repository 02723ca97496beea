"""The lesson's figures, each recomputed another way: by hand, by LiteRT, by plain loops."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from converter.child_process import PROJECT_ROOT
from converter.glossary import GLOSSARY, find_terms
from converter.lesson.model import (
    EVALUATION,
    accuracy,
    layer_outputs,
    load_digits,
    load_layers,
    predict,
)
from converter.lesson.quantization import (
    clipped_share,
    error_db,
    grid_between,
    make_grid,
    running_sums,
)
from converter.lesson.steps import (
    accumulate,
    add_outlier,
    calibrate_activations,
    float_scores,
    quantize_weights,
)
from converter.metrics import METRICS

VALUES = arrays.arrays(np.float32, (4, 3), elements=st.floats(-100, 100, width=32))


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """The sample, converted anew by LiteDrift itself."""
    from converter.__main__ import main

    out = tmp_path_factory.mktemp("lesson")
    folder = PROJECT_ROOT / "sample_models" / "digits_mobilenet"
    command = ["run", str(folder / "digits_mobilenet.keras"), "--data", str(folder / "data.npz")]
    assert main([*command, "--recipes", "float32", "--runs", "1", "--out", str(out)]) == 0
    return out / "float32.tflite"


def test_the_model_in_numpy_is_the_model_in_litert(converted):
    from converter.evaluation import evaluate

    images, digits = load_digits()
    outputs, _, _ = evaluate(converted, {"scan": images[:60]}, 1, stateful=False)
    (scores,) = outputs.values()
    np.testing.assert_allclose(predict(images[:60]), scores, atol=2e-6)
    assert accuracy(float_scores(), digits[:EVALUATION]) > 0.95


@given(values=VALUES, bits=st.integers(2, 16), symmetric=st.booleans())
def test_no_value_within_the_range_is_off_by_more_than_half_a_step(values, bits, symmetric):
    grid = make_grid(values, bits, symmetric=symmetric)
    error = np.abs(grid.restore(grid.store(values)) - values)
    # The zero point is rounded to a whole number: at the ends that costs up to half a step more.
    most = (0.5 if symmetric else 1.0) * np.asarray(grid.scales, float)
    assert (error <= most * (1 + 1e-5) + 1e-6).all()
    assert np.all(grid.restore(np.asarray(grid.zero_points, float)) == 0)
    assert grid.high - grid.low + 1 == 2**bits - symmetric


@given(values=VALUES, bits=st.integers(2, 8))
def test_a_scale_for_each_channel_is_that_of_the_channel_alone(values, bits):
    grid = make_grid(values, bits, channel_axis=0)
    for row, scale in zip(values, np.ravel(grid.scales), strict=True):
        alone = make_grid(row, bits)
        assert float(alone.scales) == pytest.approx(float(scale))


def test_known_numbers_by_hand():
    grid = grid_between(np.asarray(0.0), np.asarray(6.0), 8, symmetric=False)
    assert float(grid.scales) == pytest.approx(6 / 255)
    assert (int(grid.zero_points), grid.low, grid.high) == (-128, -128, 127)
    stored = grid.store(np.array([0.0, 3.0, 6.0, 9.0]))
    assert stored.tolist() == [-128, 0, 127, 127]
    assert clipped_share(np.array([0.0, 3.0, 6.0, 9.0]), grid) == 0.25
    weights = grid_between(np.asarray(-2.0), np.asarray(1.0), 4, symmetric=True)
    assert float(weights.scales) == pytest.approx(2 / 7)
    assert weights.levels().tolist() == pytest.approx([i * 2 / 7 for i in range(-7, 8)])
    assert error_db(np.array([3.0, 4.0]), np.array([3.0, 3.5])) == pytest.approx(20.0)


@given(products=st.lists(st.integers(-16_000, 16_000), min_size=1, max_size=50))
def test_sums_saturate_and_do_not_wrap(products):
    values = np.array(products)
    assert running_sums(values, None).tolist() == np.cumsum(values).tolist()
    total = 0
    for product, found in zip(products, running_sums(values, 16).tolist(), strict=True):
        total = max(-32768, min(32767, total + product))
        assert found == total


def test_step_1_scores_are_those_of_the_model_with_those_weights():
    found = quantize_weights(5, 8, 1.0, 7, per_channel=True)
    layer = load_layers()[5]
    scales = np.abs(layer.weights).max(axis=(0, 1, 2)) / 127
    stored = np.clip(np.round(layer.weights / scales), -127, 127)
    np.testing.assert_allclose(found.after, stored * scales, rtol=1e-5, atol=1e-7)
    images, digits = load_digits()
    scores = predict(images[:EVALUATION], weights=lambda n, w: (stored * scales).astype(np.float32)
                     if n == 5 else w)  # fmt: skip
    np.testing.assert_allclose(found.scores[1], scores[7], atol=1e-5)
    assert found.accuracy[1] == pytest.approx(accuracy(scores, digits[:EVALUATION]))
    assert quantize_weights(5, 8, 1.0, 7, per_channel=False).accuracy[1] < 0.5 < found.accuracy[1]


def test_step_2_takes_its_range_from_samples_that_are_not_evaluated():
    images, _ = load_digits()
    seen = layer_outputs(images[400:401], 9)
    found = calibrate_activations(9, 1, 8, 3)
    assert float(found.grid.scales) == pytest.approx((seen.max() - min(seen.min(), 0)) / 255)
    values = layer_outputs(images[:EVALUATION], 9)
    half = float(found.grid.scales) / 2
    ends = found.grid.levels()[[0, -1]]
    beyond = (values < ends[0] - half) | (values > ends[1] + half)
    assert found.clipped == pytest.approx(beyond.mean(), abs=1e-3)
    assert calibrate_activations(9, 100, 8, 3).clipped < found.clipped


def test_step_3_clipping_gives_the_grid_back():
    wild = add_outlier(8, 20.0, 4, 3, clip=100.0)
    tamed = add_outlier(8, 20.0, 4, 3, clip=99.9)
    largest = np.abs(load_layers()[8].weights).max()
    assert float(wild.grid.scales) == pytest.approx(largest * 20 / 7, rel=1e-5)
    assert float(tamed.grid.scales) < float(wild.grid.scales) / 10
    assert tamed.accuracy[1] > 0.9 > wild.accuracy[1]


def test_step_4_the_wide_sum_is_the_float_output_without_its_bias():
    images, _ = load_digits()
    last = load_layers()[-1]
    pooled = layer_outputs(images[3:4], 8).mean(axis=(1, 2))[0]
    found = accumulate(3, 3)
    assert int(found.sums["int32"][-1]) * found.scale == pytest.approx(
        float(pooled @ last.weights[3]), abs=0.3
    )
    assert abs(found.sums["int8"]).max() <= 128
    assert found.sums["int16"][-1] != found.sums["int32"][-1]


def test_the_numbers_of_the_exercises_are_those_that_the_command_prints():
    done = subprocess.run([sys.executable, "-m", "converter.lesson"], cwd=PROJECT_ROOT,
                          capture_output=True, text=True, check=True)  # fmt: skip
    text = (PROJECT_ROOT / "docs" / "teaching.md").read_text()
    exercises = text.split("## Exercises")[1]
    for number in ("25.0", "98.5", "33.9", "46.6", "22.0", "0.90", "0.35", "32.9", "39.7", "1.502",
                   "7.5", "0.05348", "-26,682", "-43,602", "9,216"):  # fmt: skip
        assert number in exercises, number
        assert re.search(rf"(?<![\d.]){re.escape(number)}", done.stdout), number


def test_the_glossary_is_sorted_searchable_and_in_sentences():
    assert list(GLOSSARY) == sorted(GLOSSARY, key=str.casefold)
    assert all(text.endswith(".") for text in GLOSSARY.values())
    assert set(find_terms("zero point")) >= {"zero point", "dequantize"}
    assert find_terms("") == GLOSSARY
    assert find_terms("qwertz") == {}


def test_the_glossary_has_every_figure_by_each_of_its_names():
    for metric in METRICS.values():
        assert metric.formula in GLOSSARY[metric.label]
        assert metric.meaning in GLOSSARY[metric.label]
        for name in (metric.label, *metric.names):
            assert metric.label in find_terms(name), name
