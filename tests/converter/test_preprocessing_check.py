"""A planted mistake in the data is named, right data raise no alarm: on models that really run."""

from __future__ import annotations

import json

import numpy as np
import pytest

from converter.__main__ import main
from converter.child_process import PROJECT_ROOT
from converter.preprocessing_check import check_preprocessing, usual_preparations

# Its ReLU6 saturates; a network of plain ReLUs may well bear any scale.
DIGITS = PROJECT_ROOT / "sample_models" / "digits_mobilenet"
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random((80, 6, 6, 3)).astype(np.float32)


def model(inputs):
    """Tells the upper half's red from the lower half's green; wrong beyond 0..1."""
    x = ((inputs["x"] > 0.5) & (inputs["x"] <= 1)).astype(float)
    score = x[:, :3, :, 0].mean(axis=(1, 2)) - x[:, 3:, :, 1].mean(axis=(1, 2))
    p = 1 / (1 + np.exp(-50 * score))
    return {"y": np.stack([1 - p, p], axis=1)}


LABELS = np.argmax(model({"x": IMAGES})["y"], axis=1)


def check(fed):
    return check_preprocessing(model, {"x": fed}, "y", model({"x": fed})["y"], LABELS)


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda x: x * 255, "divided by 255"),
        (lambda x: x / 255, "multiplied by 255"),
        (lambda x: 2 * x - 1, "brought from -1..1 to 0..1"),
        (lambda x: x[..., ::-1], "channels in reverse order"),
        (lambda x: np.swapaxes(x, 1, 2), "rows and columns swapped"),
        (lambda x: 1 - x, "bright and dark swapped"),
    ],
)
def test_what_would_undo_it_is_named(spoil, word):
    assert check(IMAGES) is None
    text = check(np.ascontiguousarray(spoil(IMAGES)).astype(np.float32))
    assert text is not None
    assert word in text
    assert "of 80 labelled samples as they are" in text


def test_a_model_that_is_merely_weak_raises_no_alarm():
    guesses = {"y": RANDOM.random((80, 2))}
    assert check_preprocessing(lambda _: {"y": RANDOM.random((80, 2))}, {"x": IMAGES}, "y",
                               guesses["y"], LABELS) is None  # fmt: skip


def test_few_samples_two_inputs_and_no_numbers_say_nothing():
    scores = 1 - model({"x": IMAGES})["y"]
    run = lambda _: {"y": 1 - scores}  # noqa: E731
    assert check_preprocessing(run, {"x": IMAGES[:9]}, "y", scores[:9], LABELS[:9]) is None
    assert check_preprocessing(run, {"x": IMAGES, "z": IMAGES}, "y", scores, LABELS) is None
    broken = IMAGES.copy()
    broken[0, 0, 0, 0] = np.nan
    assert check_preprocessing(run, {"x": broken}, "y", scores, LABELS) is None
    whole = (IMAGES * 9).astype(np.int32)
    assert check_preprocessing(run, {"x": whole}, "y", scores, LABELS) is None


def test_a_table_may_lack_its_standardization():
    table = RANDOM.normal(500, 100, (64, 4))
    (only,) = [p for p in usual_preparations(table) if "standardized" in p.done]
    np.testing.assert_allclose(only.apply(table).mean(axis=0), 0, atol=1e-9)
    assert usual_preparations(np.zeros((64, 4))) != []


@pytest.mark.parametrize(("factor", "expected"), [(255.0, "divided by 255"), (1.0, None)])
def test_a_run_names_it_and_right_data_run_without(tmp_path, capsys, factor, expected):
    with np.load(DIGITS / "data.npz") as data:
        np.savez(tmp_path / "d.npz", x=data["x"][:240] * factor, y=data["y"][:240])
    command = ["run", str(DIGITS / "digits_mobilenet.keras"), "--data", str(tmp_path / "d.npz")]
    more = ["--recipes", "float32", "--runs", "1", "--out", str(tmp_path / "o")]
    assert main([*command, *more]) == 0
    warnings = json.loads((tmp_path / "o/comparison.json").read_text())["reference"]["warnings"]
    assert [expected in w for w in warnings] == ([True] if expected else [])
    assert ("warning: The original is right on" in capsys.readouterr().out) == bool(expected)
