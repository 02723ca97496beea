"""Ways to find scales: what can be asked, what is in the file, and that GPTQ is worth its name."""

from __future__ import annotations

import numpy as np
import pytest

from converter import requantizer as module
from converter.audit import audit_file
from converter.drift import sqnr_db
from converter.errors import ConversionError, RecipeError
from converter.evaluation import evaluate
from converter.quantizer_recipe import quantizer_rules
from converter.recipe import (
    FURTHER_PRESETS,
    LITERT_QUANTIZER,
    TFLITE_CONVERTER,
    TFLITE_PRESETS,
    Recipe,
    engine_problem,
)
from converter.recipe_words import EXPLANATIONS
from converter.requantizer import Requantizer
from converter.signature import Signature, TensorSpec
from converter.tflite_file import read_tflite
from converter.weight_algorithms import WEIGHT_ALGORITHMS
from tests.converter.example_tflites import File

DEFAULT = {"optimizations": ("DEFAULT",)}
FOUR = {**DEFAULT, "weight_bits": 4}
INPUTS, HIDDEN, OUTPUTS = 64, 96, 10

IMPOSSIBLE = {
    "unknown": ({**DEFAULT, "algorithm": "magic"}, "algorithm is one of"),
    "odd block": ({**FOUR, "block_size": 33}, "block_size is one of"),
    "of float weights": ({"algorithm": "mse"}, "for integer weights"),
    "of float16": ({**DEFAULT, "supported_types": ("float16",), "algorithm": "octav"},
                   "for integer weights"),
    "blocks of 8 bits": ({**DEFAULT, "block_size": 32}, "blocks are for 4-bit"),
    "blocks of 2 bits": ({**DEFAULT, "weight_bits": 2, "block_size": 32}, "blocks are for 4-bit"),
    "blocks, weights only": ({**FOUR, "weight_only": True, "block_size": 32}, "blocks are for"),
    "blocks per tensor": ({**FOUR, "per_channel": False, "block_size": 32}, "finer than channels"),
    "blocks by MSE": ({**FOUR, "algorithm": "mse", "block_size": 32}, "MSE knows no blocks"),
    "2 bits, weights only": ({**DEFAULT, "weight_bits": 2, "weight_only": True}, "dynamic range"),
    "2 bits, calibrated": ({**DEFAULT, "weight_bits": 2, "calibrate": True}, "dynamic range"),
    "2 bits by MSE": ({**DEFAULT, "weight_bits": 2, "algorithm": "mse"}, "MSE knows no 2-bit"),
    "GPTQ, calibrated": ({**FOUR, "calibrate": True, "algorithm": "gptq"}, "float activations"),
}  # fmt: skip


@pytest.mark.parametrize(("flags", "reason"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_would_be_skipped_or_would_not_run_is_refused_with_the_reason(flags, reason):
    with pytest.raises(RecipeError, match=reason):
        Recipe(name="asked", **flags)


@pytest.mark.parametrize("recipe", FURTHER_PRESETS.values(), ids=lambda r: r.name)
def test_further_presets_are_explained_and_for_litert_quantizer_alone(recipe):
    assert EXPLANATIONS[recipe.name].endswith(".")
    assert engine_problem(recipe, LITERT_QUANTIZER) is None
    assert "litert-quantizer" in engine_problem(recipe, TFLITE_CONVERTER)
    keys = {rule["algorithm_key"] for rule in quantizer_rules(recipe)}
    assert WEIGHT_ALGORITHMS[recipe.algorithm].key in keys


def correlated(samples, seed):
    """Inputs that go together, as those of a real layer do: GPTQ lives of that."""
    random = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(12, INPUTS))
    return (random.normal(size=(samples, 12)) @ mixing / 4
            + random.normal(size=(samples, INPUTS)) / 20).astype(np.float32)  # fmt: skip


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Two dense layers whose rows are of a multiple of 32."""
    file = File()
    graph = file.graph()
    first = graph.tensor("x", (1, INPUTS))
    hidden = graph.dense("hidden", first, INPUTS, HIDDEN, 1, batch=1, relu=True)
    last = graph.dense("y", hidden, HIDDEN, OUTPUTS, 2, batch=1)
    path = tmp_path_factory.mktemp("weights") / "dense.tflite"
    file.add(graph, {"x": first}, {"y": last})
    return file.write(path)


@pytest.fixture(scope="module")
def quantizer(source):
    ends = Signature((TensorSpec("x", (1, INPUTS), "float32"),),
                     (TensorSpec("y", (1, OUTPUTS), "float32"),))  # fmt: skip
    return Requantizer(source, ends, read_tflite(source).signature)


CALIBRATION = {"x": correlated(64, 3)}


@pytest.fixture(scope="module")
def quality(source, quantizer, tmp_path_factory):
    """Return a function from a recipe to its SQNR on samples that took no part."""
    place = tmp_path_factory.mktemp("made")
    samples = {"x": correlated(200, 4)}
    expected = evaluate(source, samples, 1, stateful=False)[0]["y"]

    def measure(recipe):
        path = place / f"{recipe.name}.tflite"
        path.write_bytes(quantizer.quantize(recipe, CALIBRATION))
        return sqnr_db(expected, evaluate(path, samples, 1, stateful=False)[0]["y"])

    return measure


@pytest.mark.parametrize("name", FURTHER_PRESETS)
def test_every_further_preset_does_what_it_asks(name, source, quantizer, tmp_path):
    recipe = FURTHER_PRESETS[name]
    path = tmp_path / "made.tflite"
    path.write_bytes(quantizer.quantize(recipe, CALIBRATION))
    audit = audit_file(read_tflite(path), recipe, LITERT_QUANTIZER)
    effects = {row["toggle"]: row["effect"] for row in audit.flags}
    if name == "int4_hadamard":  # it stores its rotation beside the weights, in float
        assert {effects.pop("weight_bits"), effects.pop("optimizations=DEFAULT")} == {"partly"}
        assert "weights are stored" in audit.notes[0]
    assert set(effects.values()) == {"yes"}, audit.flags


@pytest.mark.parametrize("weight_only", [False, True])
def test_gptq_is_at_least_as_good_as_min_max(quality, weight_only):
    flags = {**FOUR, "weight_only": weight_only}
    plain = quality(Recipe(name="plain", **flags))
    better = quality(Recipe(name="gptq", **flags, algorithm="gptq"))
    assert better >= plain
    assert plain > 10


def test_gptq_gives_the_same_bytes_each_time(quantizer):
    """It damps the matrix that it is given in place, so a second use must get a fresh one."""
    made = {quantizer.quantize(FURTHER_PRESETS["int4_gptq"], CALIBRATION) for _ in range(3)}
    assert len(made) == 1


def test_gptq_without_samples_says_what_is_missing(quantizer):
    with pytest.raises(ConversionError, match="calibration"):
        quantizer.quantize(FURTHER_PRESETS["int4_gptq"], {})


def test_gptq_of_a_layer_too_wide_is_refused_before_memory_is(quantizer, monkeypatch):
    monkeypatch.setattr(module, "MOST_GPTQ_WIDTH", HIDDEN - 1)
    monkeypatch.setattr(quantizer, "_collected", {})
    with pytest.raises(ConversionError, match="96 inputs or outputs"):
        quantizer.quantize(FURTHER_PRESETS["int4_gptq"], CALIBRATION)


def test_other_ways_change_nothing_of_a_plain_recipe_after_them(quantizer):
    before = quantizer.quantize(TFLITE_PRESETS["int8"], CALIBRATION)
    for recipe in FURTHER_PRESETS.values():
        quantizer.quantize(recipe, CALIBRATION)
    assert quantizer.quantize(TFLITE_PRESETS["int8"], CALIBRATION) == before
