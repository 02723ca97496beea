"""Layers: errors where they were planted, figures as on paper, pairs whatever the order."""

from __future__ import annotations

import math

import numpy as np
import pytest

from converter.errors import RuntimeModelError
from converter.layer_drift import OpenFile, measure_layer_drift
from converter.tensor_binding import Binding
from tests.converter import example_tflites as examples
from tests.converter import rewritten_tflites as rewritten

BINDING = Binding(label="it")
SAMPLES = {"features": np.clip(examples.features(40), -2, 2)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("layers")


@pytest.fixture(scope="module")
def source(folder):
    return examples.write_classifier(folder / "float.tflite")


@pytest.fixture(scope="module")
def int8(source, folder):
    return examples.as_int8(source, folder / "int8.tflite")


def measure(reference, variant, inputs=SAMPLES, **options):
    return measure_layer_drift(
        OpenFile(reference, BINDING), OpenFile(variant, BINDING), inputs, **options
    )


def by_name(drift):
    return {layer.tensor: layer for layer in drift.layers}


def test_the_layers_of_an_int8_file_stand_in_graph_order(source, int8):
    drift = measure(source, int8)
    assert [layer.operator for layer in drift.layers] == [
        "INPUT", "FULLY_CONNECTED", "FULLY_CONNECTED", "SOFTMAX"
    ]
    assert (drift.samples, drift.samples_given, drift.unpaired) == (40, 40, [])
    for layer in drift.layers:
        assert layer.dtype == "int8"
        assert layer.born.sqnr_db >= layer.accumulated.sqnr_db - 1e-9
        assert layer.accumulated.values == 40 * math.prod(layer.shape)


@pytest.mark.parametrize("layer", ["hidden", "logits"])
def test_a_planted_error_is_found_at_the_planted_layer(layer, source, int8, folder):
    planted = rewritten.scale_weights(int8, folder / f"{layer}.tflite", f"{layer}/w", 1.6)
    before, after = by_name(measure(source, int8)), by_name(measure(source, planted))
    worst = min(after.values(), key=lambda found: found.born.sqnr_db)
    assert worst.tensor == layer
    assert worst.born.sqnr_db < before[layer].born.sqnr_db - 10
    for name in set(after) - {layer}:
        assert after[name].born == before[name].born
    # From there on the error is in all that follows, and in nothing before.
    names = list(after)
    place = names.index(layer)
    for name in names[:place]:
        assert after[name].accumulated == before[name].accumulated
    for name in names[place:]:
        assert after[name].accumulated.sqnr_db < before[name].accumulated.sqnr_db - 3


def test_int8_rounding_as_on_paper(tmp_path):
    copy = rewritten.write_copy(tmp_path / "copy.tflite", 4)
    rounding = rewritten.write_rounding(tmp_path / "rounding.tflite", 4, 0.5, 3)
    # In steps: 0.2, 0.6, -1.48, and 140, of which the type holds 127 - 3 = 124: 62.0.
    values = np.array([[0.1, 0.3, -0.74, 70.0]], np.float32)
    errors = np.array([0.0, 0.5, -0.5, 62.0]) - [0.1, 0.3, -0.74, 70.0]
    drift = measure(copy, rounding, {"x": values})
    quantize, dequantize = drift.layers
    assert quantize.operator == "QUANTIZE"
    assert quantize.reference == "x"
    for found in (quantize.accumulated, quantize.born, dequantize.accumulated):
        assert found.rmse == pytest.approx(math.sqrt(np.mean(errors**2)), rel=1e-6)
        assert found.max_abs_error == pytest.approx(8.0, rel=1e-6)
        assert found.mean_error == pytest.approx(errors.mean(), rel=1e-6)
        signal = 0.01 + 0.09 + 0.5476 + 4900
        assert found.sqnr_db == pytest.approx(
            10 * math.log10(signal / np.sum(errors**2)), abs=1e-4
        )
    assert quantize.accumulated.rmse_in_steps == pytest.approx(quantize.accumulated.rmse / 0.5)
    assert dequantize.accumulated.rmse_in_steps is None
    ends = quantize.saturation
    assert (ends.at_high, ends.clipped_high, ends.at_low, ends.clipped_low) == (0.25, 0.25, 0, 0)
    assert not ends.low_is_zero
    assert dequantize.saturation is None


def test_a_file_beside_itself_has_no_error(source):
    drift = measure(source, source)
    assert len(drift.layers) == 3
    for layer in drift.layers:
        assert layer.accumulated.sqnr_db == layer.born.sqnr_db == math.inf
        assert layer.histogram["reference"] == layer.histogram["variant"]


def test_shuffled_tensors_are_still_paired(source, int8, folder):
    shuffled = rewritten.shuffle_tensors(int8, folder / "shuffled.tflite")
    assert [t.name for t in rewritten.read(shuffled).subgraphs[0].tensors] != [
        t.name for t in rewritten.read(int8).subgraphs[0].tensors
    ]
    assert measure(source, shuffled) == measure(source, int8)


def test_a_tensor_without_partner_is_listed_on_both_sides(source, int8, folder):
    renamed = rewritten.rename(int8, folder / "renamed.tflite", "hidden", "elsewhere")
    drift = measure(source, renamed)
    assert {(t.file, t.name) for t in drift.unpaired} == {
        ("variant", "elsewhere"), ("float32", "hidden")
    }
    assert all("no tensor of this name" in t.reason for t in drift.unpaired)
    layers = by_name(drift)
    assert "elsewhere" not in layers
    # The next one is still compared; alone it cannot be fed.
    assert layers["logits"].born is None
    assert "elsewhere has no partner" in layers["logits"].born_absence
    assert layers["logits"].accumulated == by_name(measure(source, int8))["logits"].accumulated


def test_a_number_that_the_converter_put_behind_a_name_parts_nothing(source, int8, folder):
    numbered = rewritten.rename(int8, folder / "numbered.tflite", "hidden", "hidden2")
    drift = measure(source, numbered)
    assert drift.unpaired == []
    layer = by_name(drift)["hidden2"]
    assert layer.reference == "hidden"
    assert layer.accumulated == by_name(measure(source, int8))["hidden"].accumulated


def test_names_that_repeat_pair_with_nothing(source, int8, folder):
    twice = rewritten.rename(int8, folder / "twice.tflite", "hidden", "logits")
    reasons = {(t.file, t.name): t.reason for t in measure(source, twice).unpaired}
    assert "several" in reasons["variant", "logits"]


def test_whole_numbers_have_no_distance(tmp_path):
    path = examples.write_lookup(tmp_path / "lookup.tflite")
    binding = Binding(label="it", shapes={"ids": [1, 6]})
    ids = np.random.default_rng(0).integers(0, 10, (5, 6)).astype(np.int32)
    file = OpenFile(path, binding)
    drift = measure_layer_drift(file, file, {"ids": ids})
    assert [layer.operator for layer in drift.layers] == ["GATHER", "MEAN", "FULLY_CONNECTED"]
    assert all(layer.born.sqnr_db == math.inf for layer in drift.layers)


def test_the_time_is_a_bound_and_one_sample_is_always_measured(source, int8):
    drift = measure(source, int8, most_seconds=0.0)
    assert (drift.samples, drift.samples_given) == (1, 40)


def test_a_file_with_a_batch_of_its_own_is_fed_whole_batches(tmp_path):
    source = examples.write_classifier(tmp_path / "four.tflite", batch=4)
    drift = measure(source, source, {"features": examples.features(10)})
    assert drift.samples == 8
    few = measure(source, source, {"features": examples.features(2)})
    assert few.samples == 2


def test_weights_per_channel_stand_beside_the_float_files(source, int8):
    (weights,) = by_name(measure(source, int8))["hidden"].weights
    assert (weights.tensor, weights.channels, len(weights.steps)) == ("hidden/w", 64, 64)
    stored = np.frombuffer(
        next(
            model.buffers[t.buffer].data.tobytes()
            for model in [rewritten.read(source)]
            for t in model.subgraphs[0].tensors
            if t.name == b"hidden/w"
        ),
        np.float32,
    ).reshape(64, 8)
    np.testing.assert_allclose(weights.reference_low, stored.min(axis=1), rtol=1e-6)
    np.testing.assert_allclose(weights.reference_high, stored.max(axis=1), rtol=1e-6)
    assert np.all(np.abs(np.array(weights.low) - weights.reference_low) <= weights.steps)


def test_a_file_that_litert_cannot_open_is_one_sentence(source, tmp_path):
    path = examples.write_custom(tmp_path / "custom.tflite")
    with pytest.raises(RuntimeModelError, match="LiteRT cannot"):
        measure(source, path)
