"""All samples through one file: batches give what single runs give, or are not used."""

from __future__ import annotations

import numpy as np
import pytest

from converter import evaluation
from converter.errors import RuntimeModelError
from converter.evaluation import BATCH, evaluate
from converter.float_model import load_float_model
from converter.freezing import freeze
from converter.recipe import PRESETS
from converter.shared_calibration import CalibrationMemory
from converter.tflite_converter import convert
from tests.converter.example_models import images, make_pooled


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("evaluation")


@pytest.fixture(scope="module")
def frozen_pooled(folder):
    make_pooled().save(folder / "pooled.keras")
    model = load_float_model(folder / "pooled.keras", "pooled", "keras", folder)
    freeze(model, {"image": (1, 8, 8, 1)}, folder / "frozen")
    return folder / "frozen"


@pytest.fixture(scope="module", params=["float32", "dynamic_range", "int8", "int8_full", "int16x8"])
def preset_file(request, frozen_pooled, folder):
    path = folder / f"{request.param}.tflite"
    recipe = PRESETS[request.param]
    path.write_bytes(convert(frozen_pooled, recipe, {"image": images(8)}, 1, CalibrationMemory()))
    return path


def convert_function(folder, function, shape, name="x"):
    """Return the `.tflite` of a function of one input of a fixed shape."""
    import tensorflow as tf

    module = tf.Module()
    module.serve = tf.function(lambda **inputs: {"y": function(inputs[name])}, autograph=False)
    concrete = module.serve.get_concrete_function(
        **{name: tf.TensorSpec(shape, tf.float32, name=name)}
    )
    tf.saved_model.save(module, str(folder / "m"), signatures={"serving_default": concrete})
    path = folder / "m.tflite"
    path.write_bytes(convert(folder / "m", PRESETS["float32"], {}, 1, CalibrationMemory()))
    return path


def one_by_one(path, inputs):
    """Return all outputs by plain LiteRT, one sample a call."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))
    runner = interpreter.get_signature_runner("serving_default")
    details = runner.get_input_details(), runner.get_output_details()
    results = {name: [] for name in details[1]}
    samples = len(next(iter(inputs.values())))
    for index in range(samples):
        fed = {}
        for name, array in inputs.items():
            value = array[index : index + 1]
            scale, zero = details[0][name]["quantization"]
            dtype = details[0][name]["dtype"]
            if scale:
                limits = np.iinfo(dtype)
                value = np.clip(np.rint(value / scale + zero), limits.min, limits.max)
            fed[name] = value.astype(dtype)
        for name, array in runner(**fed).items():
            scale, zero = details[1][name]["quantization"]
            results[name].append((array.astype(np.float32) - zero) * scale if scale else array)
    return {name: np.concatenate(parts) for name, parts in results.items()}


class TestBatches:
    @pytest.mark.parametrize("samples", [1, 3, BATCH, BATCH + 1, 2 * BATCH + 7])
    def test_give_what_single_runs_give(self, preset_file, samples):
        inputs = {"image": images(samples, seed=samples)}
        outputs, batch, steps = evaluate(preset_file, inputs, 1, stateful=False)
        expected = one_by_one(preset_file, inputs)
        assert set(outputs) == {"probabilities"}
        assert outputs["probabilities"].shape == (samples, 3)
        assert batch == min(samples, BATCH)
        slack = steps["probabilities"] or 1e-5
        np.testing.assert_allclose(
            outputs["probabilities"], expected["probabilities"], atol=slack * 1.01
        )

    def test_can_be_forbidden(self, preset_file):
        inputs = {"image": images(7)}
        outputs, batch, _ = evaluate(preset_file, inputs, 1, stateful=False, batched=False)
        assert batch == 1
        expected = one_by_one(preset_file, inputs)
        np.testing.assert_allclose(outputs["probabilities"], expected["probabilities"], atol=1e-6)

    def test_a_stateful_file_has_a_new_interpreter_for_each_sample(self, preset_file):
        inputs = {"image": images(5)}
        outputs, batch, _ = evaluate(preset_file, inputs, 1, stateful=True)
        assert batch == 1
        np.testing.assert_allclose(
            outputs["probabilities"], one_by_one(preset_file, inputs)["probabilities"], atol=1e-6
        )

    def test_two_threads_give_the_same(self, preset_file):
        inputs = {"image": images(9)}
        one, two = (
            evaluate(preset_file, inputs, threads, stateful=False)[0]["probabilities"]
            for threads in (1, 2)
        )
        np.testing.assert_allclose(one, two, atol=0.005)


class TestGraphsThatTakeNoBatch:
    def test_a_reshape_to_one_sample_is_run_one_by_one(self, frozen_cnn, cnn, tmp_path):
        path = tmp_path / "cnn.tflite"
        path.write_bytes(convert(frozen_cnn, PRESETS["float32"], {}, 1, CalibrationMemory()))
        inputs = {"image": images(9)}
        outputs, batch, _ = evaluate(path, inputs, 1, stateful=False)
        assert batch == 1
        expected = cnn(inputs["image"], training=False).numpy()
        np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-5)

    @pytest.mark.parametrize(
        "kind", ["mixes samples", "fixed reshape", "sums everything", "first sample alone"]
    )
    def test_fall_back_to_single_runs(self, tmp_path, kind):
        import tensorflow as tf

        functions = {
            "mixes samples": lambda x: x - tf.reduce_mean(x),
            "fixed reshape": lambda x: tf.reshape(x, (1, 2, 2)) * 2.0,
            "sums everything": lambda x: tf.reshape(tf.reduce_sum(x), (1, 1)),
            "first sample alone": lambda x: tf.concat([x[:1] * 2.0, x[1:] * 3.0], axis=0),
        }
        path = convert_function(tmp_path, functions[kind], (1, 4))
        x = np.random.default_rng(0).random((9, 4), dtype=np.float32)
        outputs, batch, _ = evaluate(path, {"x": x}, 1, stateful=False)
        expected = np.concatenate([functions[kind](row[None]).numpy() for row in x])
        assert batch == 1
        np.testing.assert_allclose(outputs["y"], expected, atol=1e-5)

    def test_scalar_outputs_are_one_a_sample(self, tmp_path):
        import tensorflow as tf

        path = convert_function(tmp_path, tf.reduce_sum, (1, 4))
        x = np.random.default_rng(0).random((5, 4), dtype=np.float32)
        outputs, batch, _ = evaluate(path, {"x": x}, 1, stateful=False)
        assert batch == 1
        np.testing.assert_allclose(outputs["y"], x.sum(axis=1), atol=1e-5)

    def test_scalar_inputs_are_one_a_sample(self, tmp_path):
        path = convert_function(tmp_path, lambda x: x * 2.0 + 1.0, ())
        outputs, _, _ = evaluate(path, {"x": np.arange(4.0, dtype=np.float32)}, 1, stateful=False)
        assert outputs["y"].tolist() == [1.0, 3.0, 5.0, 7.0]

    @pytest.mark.parametrize("samples", [1, 4, 6, 10])
    def test_a_fixed_batch_of_four_is_padded_and_cut(self, keras_file, cnn, tmp_path, samples):
        model = load_float_model(keras_file, "cnn", "keras", tmp_path)
        freeze(model, {"image": (4, 8, 8, 1)}, tmp_path / "frozen")
        path = tmp_path / "four.tflite"
        path.write_bytes(
            convert(tmp_path / "frozen", PRESETS["float32"], {}, 4, CalibrationMemory())
        )
        inputs = {"image": images(samples)}
        outputs, batch, _ = evaluate(path, inputs, 1, stateful=False)
        assert batch == 4
        expected = cnn(inputs["image"], training=False).numpy()
        np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-5)


def test_a_file_that_is_none_is_refused(tmp_path):
    path = tmp_path / "a.tflite"
    path.write_bytes(b"junk")
    with pytest.raises(RuntimeModelError, match=r"^a: LiteRT cannot prepare"):
        evaluate(path, {"x": np.zeros((1, 1))}, 1, stateful=False)


def test_samples_for_another_input_are_refused(tflite_file):
    with pytest.raises(RuntimeModelError, match="data for the input 'image', found picture"):
        evaluate(tflite_file, {"picture": images(3)}, 1, stateful=False)


def test_interpreters_side_by_side_give_the_same_outputs_in_order(preset_file, monkeypatch):
    inputs = {"image": images(6 * BATCH + 7)}
    monkeypatch.setattr(evaluation, "_WORTH_A_LANE_SECONDS", 1e9)
    alone, batch, _ = evaluate(preset_file, inputs, 1, stateful=False)
    opened = []
    real = evaluation._further_lanes
    monkeypatch.setattr(
        evaluation, "_further_lanes", lambda *args: opened.append(real(*args)) or opened[-1]
    )
    monkeypatch.setattr(evaluation.os, "sched_getaffinity", lambda _: {0, 1, 2})
    monkeypatch.setattr(evaluation, "_WORTH_A_LANE_SECONDS", 0.0)
    beside, _, _ = evaluate(preset_file, inputs, 1, stateful=False)
    assert (batch, len(opened[0])) == (BATCH, 2)
    for name, array in alone.items():
        np.testing.assert_array_equal(beside[name], array)
