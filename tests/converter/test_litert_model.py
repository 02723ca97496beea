"""LiteRT behind names: quantization by hand, outputs in the right place, clear failures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.errors import RuntimeModelError
from converter.float_model import load_float_model
from converter.freezing import freeze
from converter.litert_model import LitertModel, Quantization, dequantize, quantize
from converter.recipe import PRESETS, SELECT_TF_PRESET
from converter.shared_calibration import CalibrationMemory
from converter.tensor_binding import Binding
from converter.tflite_converter import convert
from converter.tflite_file import read_tflite
from tests.converter.example_models import images
from tests.converter.example_tflites import (
    features,
    write_classifier,
    write_two_by_two,
    write_two_signatures,
)


@pytest.fixture(scope="module")
def build(frozen_cnn, tmp_path_factory):
    folder = tmp_path_factory.mktemp("litert")
    memory = CalibrationMemory()

    def convert_by(name):
        path = folder / f"{name}.tflite"
        if not path.exists():
            path.write_bytes(convert(frozen_cnn, PRESETS[name], {"image": images(8)}, 1, memory))
        return path

    return convert_by


class TestQuantize:
    @pytest.mark.parametrize(
        ("value", "scale", "zero_point", "dtype", "expected"),
        [
            (0.0, 0.1, 0, "int8", 0),
            (0.26, 0.1, 0, "int8", 3),
            (-0.26, 0.1, 0, "int8", -3),
            (0.24, 0.1, 0, "int8", 2),
            (0.1, 0.1, -128, "int8", -127),
            (1000.0, 0.1, 0, "int8", 127),
            (-1000.0, 0.1, 0, "int8", -128),
            (1000.0, 0.1, 0, "uint8", 255),
            (-1.0, 0.1, 0, "uint8", 0),
            (1000.0, 0.01, 0, "int16", 32767),
            (np.inf, 0.1, 5, "int8", 127),
            (-np.inf, 0.1, 5, "int8", -128),
        ],
    )
    def test_by_hand(self, value, scale, zero_point, dtype, expected):
        how = Quantization(scale, zero_point)
        found = quantize(np.array([value]), how, np.dtype(dtype))
        assert found.dtype == dtype
        assert found.tolist() == [expected]

    @settings(max_examples=100)
    @given(
        st.floats(2**-10, 2**10, width=32),
        st.integers(-128, 127),
        st.lists(st.integers(-128, 127), min_size=1, max_size=20),
    )
    def test_every_stored_value_survives_a_round_trip(self, scale, zero_point, stored):
        how = Quantization(scale, zero_point)
        array = np.array(stored, np.int8)
        np.testing.assert_array_equal(quantize(dequantize(array, how), how, array.dtype), array)

    @settings(max_examples=100)
    @given(st.floats(2**-10, 2**2, width=32), st.integers(-50, 50), st.floats(-1, 1, width=32))
    def test_the_error_is_at_most_half_a_step_where_nothing_is_clipped(
        self, scale, zero_point, share
    ):
        how = Quantization(scale, zero_point)
        value = np.array([share * 70 * scale], np.float32)
        error = abs(float(dequantize(quantize(value, how, np.dtype("int8")), how)[0] - value[0]))
        assert error <= scale * 0.5001

    def test_dequantize_by_hand(self):
        found = dequantize(np.array([-128, 0, 127], np.int8), Quantization(0.5, -128))
        assert found.dtype == np.float32
        assert found.tolist() == [0.0, 64.0, 127.5]

    def test_dequantize_does_not_wrap(self):
        found = dequantize(np.array([127], np.int8), Quantization(1.0, -128))
        assert found.tolist() == [255.0]


class TestFloatFile:
    def test_outputs_equal_those_of_the_original(self, build, cnn):
        model = LitertModel(build("float32"))
        sample = images(1, seed=5)
        model.set_inputs({"image": sample})
        model.invoke()
        outputs = model.get_outputs()
        expected = cnn(sample, training=False).numpy()
        np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-5)
        assert model.output_step("probabilities") is None
        assert model.own_batch == 1
        assert model.init_ms > 0

    def test_outputs_are_copies(self, build):
        model = LitertModel(build("float32"))
        model.set_inputs({"image": images(1)})
        model.invoke()
        before = model.get_outputs()["probabilities"]
        kept = before.copy()
        model.set_inputs({"image": images(1, seed=99) * 5})
        model.invoke()
        np.testing.assert_array_equal(before, kept)

    def test_two_outputs_are_found_by_name(self, two_by_two_file, two_by_two, tmp_path):
        float_model = load_float_model(two_by_two_file, "m", "keras", tmp_path)
        freeze(float_model, {"zebra": (1, 3), "apple": (1, 2)}, tmp_path / "frozen")
        path = tmp_path / "m.tflite"
        path.write_bytes(
            convert(tmp_path / "frozen", PRESETS["float32"], {}, 1, CalibrationMemory())
        )
        model = LitertModel(path)
        random = np.random.default_rng(0)
        fed = {
            "apple": random.random((1, 2), np.float32),
            "zebra": random.random((1, 3), np.float32),
        }
        model.set_inputs(fed)
        model.invoke()
        expected = two_by_two(fed, training=False)
        assert set(model.get_outputs()) == {"kind", "amount"}
        for name, array in model.get_outputs().items():
            np.testing.assert_allclose(array, expected[name].numpy(), atol=1e-5)


class TestIntegerFile:
    def test_ends_go_through_scale_and_zero_point(self, build, cnn):
        path = build("int8_full")
        model = LitertModel(path)
        assert np.dtype(model.inputs["image"]["dtype"]) == np.int8
        assert model.output_step("probabilities") == pytest.approx(1 / 256)
        errors = []
        for index in range(8):
            sample = images(8)[index : index + 1]
            model.set_inputs({"image": sample})
            model.invoke()
            found = model.get_outputs()["probabilities"]
            assert found.dtype == np.float32
            errors.append(np.abs(found - cnn(sample, training=False).numpy()).max())
        assert max(errors) < 0.05

    def test_values_beyond_the_calibrated_range_are_clipped_not_wrapped(self, build):
        model = LitertModel(build("int8_full"))
        outputs = []
        for value in (1.0, 50.0, 1e6):
            model.set_inputs({"image": np.full((1, 8, 8, 1), value, np.float32)})
            model.invoke()
            outputs.append(model.get_outputs()["probabilities"])
        np.testing.assert_array_equal(outputs[0], outputs[1])
        np.testing.assert_array_equal(outputs[0], outputs[2])

    def test_stored_integers_are_fed_as_they_are(self, build):
        model = LitertModel(build("int8_full"))
        detail = model.inputs["image"]
        how = Quantization(*detail["quantization"])
        sample = images(1)
        results = []
        for fed in (sample, quantize(sample, how, np.dtype("int8"))):
            model.set_inputs({"image": fed})
            model.invoke()
            results.append(model.get_outputs()["probabilities"])
        np.testing.assert_array_equal(*results)


class TestBatches:
    def test_an_open_graph_takes_another_batch(self, tflite_file):
        model = LitertModel(tflite_file)
        assert model.resize_batch(5)
        model.set_inputs({"image": images(5)})
        model.invoke()
        assert model.get_outputs()["output_0"].shape == (5, 3)

    def test_own_batch_stays_that_of_the_file(self, tflite_file):
        model = LitertModel(tflite_file)
        model.resize_batch(5)
        assert model.own_batch == 1


class TestRefused:
    def test_a_missing_input_is_named(self, build):
        model = LitertModel(build("float32"))
        with pytest.raises(RuntimeModelError, match="data for the input 'image', found picture"):
            model.set_inputs({"picture": images(1)})

    def test_another_shape_is_refused(self, build):
        model = LitertModel(build("float32"))
        with pytest.raises(RuntimeModelError, match="does not take these inputs"):
            model.set_inputs({"image": np.zeros((1, 9, 9, 1), np.float32)})

    @pytest.mark.parametrize(
        "content",
        [b"", b"junk", b"\x1c\0\0\0TFL3" + b"\0" * 50],
        ids=["empty", "text", "signature alone"],
    )
    def test_a_file_that_is_none(self, tmp_path, content):
        path = tmp_path / "broken.tflite"
        path.write_bytes(content)
        with pytest.raises(RuntimeModelError, match=r"^broken: LiteRT cannot prepare") as refused:
            LitertModel(path)
        assert "\n" not in str(refused.value)

    def test_a_missing_file(self, tmp_path):
        with pytest.raises(RuntimeModelError, match=r"^none: LiteRT cannot prepare"):
            LitertModel(tmp_path / "none.tflite")

    def test_a_flex_file_is_told_to_have_a_size_alone(self, tmp_path):
        import tensorflow as tf

        class Module(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec((2, 2), tf.float32, name="x")])
            def serve(self, x):
                return {"y": tf.linalg.det(x) * tf.ones(3)}

        module = Module()
        tf.saved_model.save(module, str(tmp_path / "m"), signatures=module.serve)
        path = tmp_path / "flex.tflite"
        path.write_bytes(convert(tmp_path / "m", SELECT_TF_PRESET, {}, 1, CalibrationMemory()))
        with pytest.raises(RuntimeModelError, match="need the Flex delegate; no pip runtime"):
            LitertModel(path)


class TestBinding:
    """Files that do not call their tensors as the run does, or have other sizes."""

    @staticmethod
    def run(model, **inputs):
        model.set_inputs(inputs)
        model.invoke()
        return model.get_outputs()

    def test_a_file_without_signature_has_the_names_that_reading_tells(self, tmp_path):
        path = write_classifier(tmp_path / "a.tflite", key=None)
        model = LitertModel(path)
        file = read_tflite(path)
        assert list(model.inputs) == [spec.name for spec in file.inputs]
        assert list(model.outputs) == [spec.name for spec in file.outputs]

    def test_the_second_signature_lies_in_another_subgraph(self, tmp_path):
        path = write_two_signatures(tmp_path / "a.tflite")
        alone = write_classifier(tmp_path / "b.tflite", seed=20)
        sample = features(1)
        found = self.run(
            LitertModel(path, binding=Binding(label="a", signature="second")), features=sample
        )
        np.testing.assert_array_equal(
            found["scores"], self.run(LitertModel(alone), features=sample)["scores"]
        )
        first = self.run(LitertModel(path), features=sample)
        assert not np.allclose(first["scores"], found["scores"])

    def test_the_second_signature_takes_a_batch(self, tmp_path):
        path = write_two_signatures(tmp_path / "a.tflite")
        model = LitertModel(path, binding=Binding(label="a", signature="second"))
        assert model.resize_batch(5)
        assert self.run(model, features=features(5))["scores"].shape == (5, 3)

    def test_a_signature_that_is_not_there_is_refused(self, tmp_path):
        path = write_classifier(tmp_path / "a.tflite")
        with pytest.raises(RuntimeModelError, match="'third' was asked for"):
            LitertModel(path, binding=Binding(label="a", signature="third"))

    def test_names_are_those_of_the_run(self, tmp_path):
        path = write_two_by_two(tmp_path / "a.tflite")
        plain = self.run(LitertModel(path), zebra=np.ones((1, 3)), apple=np.zeros((1, 2)))
        binding = Binding(label="a", inputs={"zebra": "z", "apple": "a"}, outputs={"kind": "class"})
        found = self.run(LitertModel(path, binding=binding), z=np.ones((1, 3)), a=np.zeros((1, 2)))
        assert set(found) == {"class"}
        np.testing.assert_array_equal(found["class"], plain["kind"])

    def test_another_batch_is_resized(self, tmp_path):
        path = write_classifier(tmp_path / "a.tflite", batch=4)
        model = LitertModel(path, binding=Binding(label="a", shapes={"features": [1, 8]}))
        assert model.own_batch == 1
        assert self.run(model, features=features(1))["scores"].shape == (1, 3)

    @pytest.mark.parametrize("shape", [[1, 9], [1, 2, 4]], ids=["another size", "another rank"])
    def test_a_shape_that_cannot_be_is_refused_with_the_files_name(self, tmp_path, shape):
        path = write_classifier(tmp_path / "x.tflite")
        with pytest.raises(RuntimeModelError, match=r"^mine\.tflite: "):
            LitertModel(path, binding=Binding(label="mine.tflite", shapes={"features": shape}))
