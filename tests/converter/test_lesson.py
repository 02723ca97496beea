"""The lesson's figures, each recomputed another way: by hand, by LiteRT, by plain loops."""

from __future__ import annotations

import math
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from converter.child_process import PROJECT_ROOT
from converter.evaluation import evaluate
from converter.glossary import GLOSSARY, find_terms
from converter.lesson.model import (
    EVALUATION,
    accuracy,
    load_digits,
    load_layers,
    predict,
)
from converter.lesson.outcome import float_scores
from converter.lesson.quantization import (
    clipped_share,
    error_db,
    grid_between,
    make_grid,
    running_sums,
)
from converter.lesson.weights import add_outlier, quantize_weights
from converter.metrics import METRICS
from tests.converter.rewritten_tflites import read, write

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


def scalar_grid(values, bits, low, high, symmetric):
    """Quantize a list of numbers one by one, with Python's own arithmetic."""
    least, most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    low, high = min(low, 0.0), max(high, 0.0)
    if symmetric:
        least, scale, zero = -most, max(-low, high) / most, 0
    else:
        scale = (high - low) / (most - least)
        zero = min(max(round(least - low / scale), least), most)
    restored, cut = [], 0
    for value in values:
        stored = round(value / scale) + zero
        cut += not least <= stored <= most
        restored.append((min(max(stored, least), most) - zero) * scale)
    return restored, cut, scale, zero


def by_channel(layer, bits, parts, *, per_channel, symmetric):
    """Return a layer's weights as they come back, and how many were cut, by `scalar_grid`."""
    weights = layer.weights.astype(float)
    axis = layer.channel_axis % weights.ndim
    rows = np.moveaxis(weights, axis, 0)
    back, cut = np.empty_like(rows), 0
    whole = weights if not per_channel else None
    for place, row in enumerate(rows):
        ends = row if whole is None else whole
        restored, beyond, _, _ = scalar_grid(
            row.ravel().tolist(), bits, float(ends.min()) * parts[0], float(ends.max()) * parts[1],
            symmetric,
        )  # fmt: skip
        back[place], cut = np.reshape(restored, row.shape), cut + beyond
    return np.moveaxis(back, 0, axis), cut


def with_weights(converted, target, number, weights):
    """Write the `.tflite` with other weights in one layer."""
    model = read(converted)
    own = load_layers()[number].weights.astype("<f4").tobytes()
    (place,) = [i for i, b in enumerate(model.buffers)
                if b.data is not None and bytes(bytearray(b.data)) == own]  # fmt: skip
    model.buffers[place].data = np.frombuffer(weights.astype("<f4").tobytes(), np.uint8)
    return write(model, target)


SETTINGS = [
    (5, 8, (1.0, 1.0), False, False), (5, 8, (1.0, 1.0), False, True),
    (5, 8, (0.5, 0.5), False, False), (5, 8, (1.5, 1.5), False, False),
    (5, 4, (0.7, 1.2), True, False), (8, 5, (0.5, 1.0), False, False),
    (9, 3, (1.0, 0.6), True, True), (0, 4, (-0.2, 1.0), False, False),
]


@pytest.mark.parametrize(("number", "bits", "parts", "per_channel", "symmetric"), SETTINGS)
def test_step_1_is_what_litert_makes_of_those_weights(
    converted, tmp_path, number, bits, parts, per_channel, symmetric
):
    found = quantize_weights(number, bits, 7, parts=parts, per_channel=per_channel,
                             symmetric=symmetric)  # fmt: skip
    layer = load_layers()[number]
    back, cut = by_channel(layer, bits, parts, per_channel=per_channel, symmetric=symmetric)
    np.testing.assert_allclose(found.after, back, rtol=1e-5, atol=1e-6)
    assert found.clipped == pytest.approx(cut / back.size)
    errors = [(a - b) ** 2 for a, b in zip(back.ravel(), layer.weights.ravel(), strict=True)]
    power = math.fsum(float(x) ** 2 for x in layer.weights.ravel()) / math.fsum(errors)
    assert found.sqnr_db == pytest.approx(10 * math.log10(power), abs=1e-3)
    images, digits = load_digits()
    file = with_weights(converted, tmp_path / "changed.tflite", number, back)
    outputs, _, _ = evaluate(file, {"scan": images[:EVALUATION]}, 1, stateful=False)
    (scores,) = outputs.values()
    np.testing.assert_allclose(found.scores[1], scores[7], atol=1e-4)
    right = sum(int(np.argmax(row)) == digit for row, digit in zip(scores, digits, strict=False))
    assert found.accuracy[1] == right / EVALUATION


def test_step_1_the_range_that_begins_is_the_tensors_own_and_zero_is_always_in_it():
    layer = load_layers()[5]
    found = quantize_weights(5, 8, 7, per_channel=False, symmetric=False)
    step = float(layer.weights.max() - layer.weights.min()) / 255
    ends = found.grid.levels()[[0, -1]]
    assert ends == pytest.approx([layer.weights.min(), layer.weights.max()], abs=step)
    assert found.clipped == 0
    dragged = quantize_weights(5, 8, 7, parts=(-0.5, 0.5), per_channel=False, symmetric=False)
    assert 0 in dragged.grid.levels()
    assert dragged.grid.levels()[0] == 0


def test_step_3_clipping_gives_the_grid_back():
    wild = add_outlier(8, 20.0, 4, 3, clip=100.0)
    tamed = add_outlier(8, 20.0, 4, 3, clip=99.9)
    largest = np.abs(load_layers()[8].weights).max()
    assert float(wild.grid.scales) == pytest.approx(largest * 20 / 7, rel=1e-5)
    assert float(tamed.grid.scales) < float(wild.grid.scales) / 10
    assert tamed.accuracy[1] > 0.9 > wild.accuracy[1]


def numbers_of(text):
    """Return the numbers of a text that say more than a count: decimals, or three digits and up."""
    found = re.findall(r"(?<![\w.,])-?\d[\d,]*(?:\.\d+)?", text)
    return {n.rstrip(",") for n in found if "." in n or len(n.strip("-,")) > 2}


def test_the_numbers_of_the_exercises_are_those_that_the_command_prints():
    done = subprocess.run([sys.executable, "-m", "converter.lesson"], cwd=PROJECT_ROOT,
                          capture_output=True, text=True, check=True)  # fmt: skip
    text = (PROJECT_ROOT / "docs" / "teaching.md").read_text()
    exercises = text.split("## Exercises")[1]
    answers = re.findall(r"\*(.+?)\*", exercises, re.DOTALL)
    told = set().union(*map(numbers_of, answers))
    assert len(told) > 25
    printed = numbers_of(done.stdout.replace("%", " "))
    # The end of 16 bits and the two counts of samples are no measurement.
    assert told - printed == {"-32,768", "100"} - printed


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
