"""The model at fixed shapes: dimensions chosen, variables constant, names and values kept."""

from __future__ import annotations

import numpy as np
import pytest

from converter.errors import ModelFileError
from converter.float_model import load_float_model
from converter.freezing import freeze
from converter.frozen_constants import TABLES_NOTE
from converter.input_shapes import fix_shapes
from converter.recipe import PRESETS
from converter.saved_model_file import read_saved_model
from converter.shared_calibration import CalibrationMemory
from converter.signature import TensorSpec
from converter.tflite_converter import convert
from tests.converter.example_models import images


def signature(*shapes):
    return [TensorSpec(f"x{index}", shape, "float32") for index, shape in enumerate(shapes)]


class TestFixShapes:
    @pytest.mark.parametrize(
        ("shapes", "data", "expected", "noted"),
        [
            ([(None, 4)], None, [(1, 4)], 0),
            ([(8, 4)], None, [(8, 4)], 0),
            ([(None, 4), (8, 2)], None, [(8, 4), (8, 2)], 0),
            ([(None, None, 3)], {"x0": (7, 3)}, [(1, 7, 3)], 1),
            ([(None, None, 3)], None, [(1, 32, 3)], 1),
            ([(None, None, None, 3)], None, [(1, 224, 224, 3)], 2),
            ([None], None, [(1,)], 0),
            ([()], None, [()], 0),
            ([(None,)], None, [(1,)], 0),
        ],
        ids=[
            "open batch",
            "fixed batch",
            "one fixed batch for all",
            "open steps, data",
            "open steps, none",
            "open pixels",
            "unknown rank, none",
            "scalar",
            "vector",
        ],
    )
    def test_every_open_dimension_gets_a_size(self, shapes, data, expected, noted):
        found, notes = fix_shapes(signature(*shapes), data)
        assert list(found.values()) == expected
        assert len(notes) == noted

    def test_a_choice_is_told_with_its_source(self):
        _, notes = fix_shapes(signature((None, None, 3)), {"x0": (7, 3)})
        assert notes == [
            "Dimension 1 of input x0 is open in the model; it is fixed to 7 by the data."
        ]
        _, notes = fix_shapes(signature((None, None)))
        assert notes[0].endswith("it is fixed to 32 by a default.")

    def test_a_rank_that_the_data_decide_is_told_too(self):
        found, notes = fix_shapes(signature(None), {"x0": (5, 2)})
        assert found == {"x0": (1, 5, 2)}
        assert any("x0" in note and "the data" in note for note in notes)


def serve(folder, **inputs):
    import tensorflow as tf

    function = tf.saved_model.load(str(folder)).signatures["serving_default"]
    results = function(**{name: tf.constant(value) for name, value in inputs.items()})
    return {name: tensor.numpy() for name, tensor in results.items()}


class TestFreeze:
    def test_values_names_and_shapes_are_kept(self, frozen_cnn, cnn):
        found = serve(frozen_cnn, image=images(1))
        np.testing.assert_allclose(
            found["probabilities"], cnn(images(1), training=False).numpy(), atol=1e-6
        )
        facts = read_saved_model(frozen_cnn)
        assert facts.inputs == [TensorSpec("image", (1, 8, 8, 1), "float32")]
        assert facts.outputs == [TensorSpec("probabilities", (1, 3), "float32")]

    def test_variables_are_constants(self, frozen_cnn):
        facts = read_saved_model(frozen_cnn)
        assert facts.parameters == 0
        assert "VarHandleOp" not in facts.operators
        assert "ReadVariableOp" not in facts.operators

    def test_gradients_of_its_own_are_left_behind(self, tmp_path):
        """Swish has one; writing it along made freezing fail, and the variables came out as NaN."""
        import keras

        path = tmp_path / "swish.keras"
        layers = [keras.Input((4, 3), name="x"), keras.layers.Dense(5, activation="swish")]
        keras.Sequential(layers).save(path)
        model = load_float_model(path, "m", "keras", tmp_path)
        _, notes = freeze(model, {"x": (1, 4, 3)}, tmp_path / "f")
        assert notes == []
        assert read_saved_model(tmp_path / "f").parameters == 0

    def test_nothing_random_is_left(self, frozen_cnn):
        assert not any("Random" in name for name in read_saved_model(frozen_cnn).operators)

    def test_outputs_are_told_in_the_order_of_the_model(self, two_by_two_file, tmp_path):
        model = load_float_model(two_by_two_file, "m", "keras", tmp_path)
        outputs, notes = freeze(model, {"zebra": (2, 3), "apple": (2, 2)}, tmp_path / "f")
        assert [spec.name for spec in outputs] == [s.name for s in model.signature.outputs]
        assert {spec.name: spec.shape for spec in outputs} == {"kind": (2, 3), "amount": (2, 1)}
        assert notes == []

    def test_several_inputs_stay_paired_with_their_names(
        self, two_by_two_file, two_by_two, tmp_path
    ):
        model = load_float_model(two_by_two_file, "m", "keras", tmp_path)
        freeze(model, {"zebra": (1, 3), "apple": (1, 2)}, tmp_path / "f")
        fed = {"zebra": np.array([[1, 2, 3]], np.float32), "apple": np.array([[4, 5]], np.float32)}
        expected = two_by_two(fed, training=False)
        for name, array in serve(tmp_path / "f", **fed).items():
            np.testing.assert_allclose(array, expected[name].numpy(), rtol=1e-5)

    def test_a_recurrent_model_with_open_steps(self, tmp_path):
        import keras

        keras.utils.set_random_seed(0)
        steps = keras.Input((None, 2), name="steps")
        model = keras.Model(steps, keras.layers.GRU(3, name="gru")(steps))
        model.save(tmp_path / "m.keras")
        loaded = load_float_model(tmp_path / "m.keras", "m", "keras", tmp_path)
        assert loaded.signature.inputs[0].shape == (None, None, 2)
        outputs, _ = freeze(loaded, {"steps": (1, 6, 2)}, tmp_path / "f")
        assert outputs == [TensorSpec("gru", (1, 3), "float32")]
        x = np.random.default_rng(0).random((1, 6, 2), np.float32)
        np.testing.assert_allclose(
            serve(tmp_path / "f", steps=x)["gru"], model(x).numpy(), atol=1e-5
        )
        assert convert(tmp_path / "f", PRESETS["float32"], {}, 1, CalibrationMemory())

    def test_a_lookup_table_becomes_constants_and_it_is_said_so(self, tmp_path):
        import tensorflow as tf

        class Module(tf.Module):
            def __init__(self):
                super().__init__()
                self.table = tf.lookup.StaticHashTable(
                    tf.lookup.KeyValueTensorInitializer(
                        tf.constant([1, 2], tf.int64), tf.constant([10, 20], tf.int64)
                    ),
                    -1,
                )

            @tf.function(input_signature=[tf.TensorSpec((None,), tf.int64, name="x")])
            def serve(self, x):
                return {"y": tf.cast(self.table.lookup(x), tf.float32)}

        module = Module()
        tf.saved_model.save(module, str(tmp_path / "m"), signatures=module.serve)
        model = load_float_model(tmp_path / "m", "m", "saved_model", tmp_path)
        _, notes = freeze(model, {"x": (1,)}, tmp_path / "f")
        assert serve(tmp_path / "f", x=np.array([2], np.int64))["y"].tolist() == [20.0]
        assert notes == [TABLES_NOTE]

    def test_shapes_that_the_model_refuses_are_told(self, keras_file, tmp_path):
        model = load_float_model(keras_file, "m", "keras", tmp_path)
        with pytest.raises(ModelFileError, match=r"inputs of shape \(1, 9, 9, 1\)") as refused:
            freeze(model, {"image": (1, 9, 9, 1)}, tmp_path / "f")
        assert "\n" not in str(refused.value)
