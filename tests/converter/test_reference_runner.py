"""The reference: outputs of the original in inference mode, at any batch, and its timing."""

from __future__ import annotations

import numpy as np
import pytest

from converter.float_model import load_float_model
from converter.reference_runner import ReferenceRunner
from tests.converter.example_models import images


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("reference")


@pytest.fixture(scope="module")
def cnn_runner(keras_file, folder):
    model = load_float_model(keras_file, "m", "keras", folder)
    return ReferenceRunner(model, {"image": (1, 8, 8, 1)})


def runner_of(folder, function, shape, fixed):
    """Return a runner of a function of one input, saved with this signature shape."""
    import tensorflow as tf

    module = tf.Module()
    module.serve = tf.function(lambda x: {"y": function(x)}, autograph=False)
    concrete = module.serve.get_concrete_function(tf.TensorSpec(shape, tf.float32, name="x"))
    tf.saved_model.save(module, str(folder / "m"), signatures={"serving_default": concrete})
    model = load_float_model(folder / "m", "m", "saved_model", folder)
    return ReferenceRunner(model, {"x": fixed})


class TestOutputs:
    @pytest.mark.parametrize("batch", [1, 2, 32, 100])
    @pytest.mark.parametrize("samples", [1, 5, 33])
    def test_are_those_of_inference_at_any_batch(self, cnn_runner, cnn, samples, batch):
        outputs, used = cnn_runner.run({"image": images(samples)}, batch)
        assert used == batch
        np.testing.assert_allclose(
            outputs["probabilities"], cnn(images(samples), training=False).numpy(), atol=1e-6
        )

    def test_are_the_same_twice(self, cnn_runner):
        # Dropout and RandomFlip would make them differ.
        one, other = (cnn_runner.run({"image": images(4)}, 2)[0]["probabilities"] for _ in range(2))
        np.testing.assert_array_equal(one, other)

    def test_of_several_inputs_and_outputs(self, two_by_two_file, two_by_two, folder):
        model = load_float_model(two_by_two_file, "m", "keras", folder)
        runner = ReferenceRunner(model, {"zebra": (1, 3), "apple": (1, 2)})
        random = np.random.default_rng(1)
        fed = {
            "apple": random.random((7, 2), np.float32),
            "zebra": random.random((7, 3), np.float32),
        }
        outputs, _ = runner.run(fed, 4)
        expected = two_by_two(fed, training=False)
        assert set(outputs) == {"kind", "amount"}
        for name, array in outputs.items():
            np.testing.assert_allclose(array, expected[name].numpy(), rtol=1e-5)

    @pytest.mark.parametrize("samples", [1, 4, 10])
    def test_of_a_fixed_batch_are_padded_and_cut(self, tmp_path, samples):
        runner = runner_of(tmp_path, lambda x: x * 2.0, (4, 3), (4, 3))
        x = np.random.default_rng(0).random((samples, 3), np.float32)
        outputs, used = runner.run({"x": x}, 32)
        assert used == 4
        np.testing.assert_allclose(outputs["y"], x * 2)

    def test_of_a_model_that_takes_one_sample_alone(self, tmp_path):
        import tensorflow as tf

        runner = runner_of(tmp_path, lambda x: tf.reshape(x, (1, 2, 2)), (None, 4), (1, 4))
        x = np.random.default_rng(0).random((6, 4), np.float32)
        outputs, used = runner.run({"x": x}, 32)
        assert used == 1
        np.testing.assert_allclose(outputs["y"], x.reshape(6, 2, 2))

    def test_of_a_scalar_model(self, tmp_path):
        runner = runner_of(tmp_path, lambda x: x + 1.0, (), ())
        outputs, _ = runner.run({"x": np.arange(3.0, dtype=np.float32)}, 32)
        assert outputs["y"].tolist() == [1.0, 2.0, 3.0]

    def test_in_bfloat16_come_as_float32(self, tmp_path):
        import tensorflow as tf

        runner = runner_of(tmp_path, lambda x: tf.cast(x, tf.bfloat16), (None, 2), (1, 2))
        outputs, _ = runner.run({"x": np.ones((3, 2), np.float32)}, 2)
        assert outputs["y"].dtype == np.float32
        assert outputs["y"].tolist() == [[1.0, 1.0]] * 3


class TestTiming:
    def test_the_timed_call_gives_the_outputs_of_the_model(self, cnn_runner):
        assert cnn_runner.prepare_timing({"image": images(3)}) > 0
        timed = cnn_runner.timed_call()()
        expected, _ = cnn_runner.run({"image": images(1)}, 1)
        for name, tensor in timed.items():
            np.testing.assert_allclose(tensor.numpy(), expected[name], rtol=1e-5)

    def test_runs_at_the_batch_of_the_variants(self, tmp_path):
        calls = []

        def record(x):
            calls.append(tuple(x.shape))
            return x * 2.0

        runner = runner_of(tmp_path, lambda x: x * 2.0, (None, 3), (2, 3))
        runner._model.call = lambda tensors: {"y": record(tensors["x"])}
        runner.prepare_timing({"x": np.ones((1, 3), np.float32)})
        runner.timed_call()()
        assert set(calls) == {(2, 3)}

    def test_needs_to_be_prepared(self, keras_file, folder):
        model = load_float_model(keras_file, "m", "keras", folder)
        with pytest.raises(ValueError, match="prepare_timing"):
            ReferenceRunner(model, {"image": (1, 8, 8, 1)}).timed_call()
