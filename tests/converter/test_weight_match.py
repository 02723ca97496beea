"""Weights of two files: the same, one step apart, of other shapes, and behind the flatbuffer."""

from __future__ import annotations

import numpy as np
import pytest

from converter.op_cut import OperatorGraph
from converter.recipe import PRESETS, TFLITE_PRESETS
from converter.tflite_file import read_tflite
from converter.weight_match import WeightMatch, match_weights
from tests.converter.example_tflites import File, features, write_classifier
from tests.converter.test_requantizer import requantizer

SAMPLES = {"features": features(20)}


@pytest.fixture
def made(tmp_path):
    """Return a function that quantizes the classifier of a seed and writes the file."""

    def make(recipe, seed=1, name="x"):
        source = write_classifier(tmp_path / f"{seed}.tflite", seed=seed)
        path = tmp_path / f"{name}_{recipe.name}_{seed}.tflite"
        path.write_bytes(requantizer(source).quantize(recipe, SAMPLES))
        return path

    return make


def test_a_file_has_its_own_weights(made):
    path = made(PRESETS["int8"])
    found = match_weights(path, path)
    assert (found.tensors, found.unpaired, found.share, found.largest_steps) == (2, 0, 1.0, 0.0)
    assert found.dtypes == (("int8",), ("int8",))
    assert WeightMatch.from_json(vars(found)) == found


def test_another_models_weights_are_not_the_same(made):
    found = match_weights(made(PRESETS["int8"]), made(PRESETS["int8"], seed=50))
    assert found.tensors == 2
    assert found.share < 0.1
    assert found.largest_steps > 1


def test_fewer_bits_are_apart_by_less_than_their_half_step(made):
    fine = made(TFLITE_PRESETS["int8_weight_only"])
    coarse = made(TFLITE_PRESETS["int4_weight_only"])
    found = match_weights(coarse, fine)
    assert found.share < 1
    assert 0.3 < found.largest_steps < 0.6


def test_float_files_have_none_to_compare(tmp_path):
    path = write_classifier(tmp_path / "float.tflite")
    found = match_weights(path, path)
    assert (found.tensors, found.values, found.share, found.largest_steps) == (0, 0, None, None)


def test_large_weights_behind_the_flatbuffer_are_read(tmp_path):
    """litert-quantizer stores large float16 weights there; they are the float ones, rounded."""
    file = File()
    graph = file.graph()
    first = graph.tensor("features", (1, 300))
    last = graph.dense("scores", first, 300, 200, 1, batch=1)
    file.add(graph, {"features": first}, {"scores": last})
    source = file.write(tmp_path / "wide.tflite")
    path = tmp_path / "half.tflite"
    path.write_bytes(requantizer(source).quantize(PRESETS["float16"], {}))
    plain, half = OperatorGraph(source), OperatorGraph(path)
    (index,) = [t.index for t in half.tensors if t.dtype == "float16" and len(t.shape) == 2]
    (original,) = [t.index for t in plain.tensors if t.is_constant and len(t.shape) == 2]
    expected = plain.constant(original).astype(np.float16).astype(np.float64)
    np.testing.assert_array_equal(half.constant(index), expected)
    assert match_weights(path, path).values == 300 * 200
    assert read_tflite(path).signature == "serving_default"
