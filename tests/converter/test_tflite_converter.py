"""One conversion: flags passed on, nonsense refused, errors told in one sentence."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from converter.errors import ConversionError
from converter.recipe import BUILTINS, PRESETS, SELECT_TF, SELECT_TF_PRESET, Recipe
from converter.shared_calibration import CalibrationMemory
from converter.tflite_converter import (
    apply_recipe,
    check_calibration,
    convert,
    explain_converter_error,
    representative_samples,
)
from tests.converter.example_models import images


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory):
    """Return a function that saves a function of one (2, 2) float input as a SavedModel."""
    import tensorflow as tf

    def save(function):
        folder = tmp_path_factory.mktemp("m")
        module = tf.Module()
        module.serve = tf.function(lambda x: {"y": function(x)}, autograph=False)
        concrete = module.serve.get_concrete_function(tf.TensorSpec((2, 2), tf.float32, name="x"))
        tf.saved_model.save(module, str(folder), signatures={"serving_default": concrete})
        return folder

    return save


class TestFlags:
    @pytest.mark.parametrize("recipe", [*PRESETS.values(), SELECT_TF_PRESET], ids=lambda r: r.name)
    def test_of_every_preset_are_passed_on(self, frozen_cnn, recipe):
        import tensorflow as tf

        converter = tf.lite.TFLiteConverter.from_saved_model(str(frozen_cnn))
        apply_recipe(converter, recipe)
        assert [o.name for o in converter.optimizations] == list(recipe.optimizations)
        assert [o.name for o in converter.target_spec.supported_ops] == list(recipe.supported_ops)
        assert [tf.as_dtype(t).name for t in converter.target_spec.supported_types] == list(
            recipe.supported_types
        )
        assert converter.inference_input_type.name == recipe.inference_input_type
        assert converter.inference_output_type.name == recipe.inference_output_type
        assert converter.allow_custom_ops is False

    def test_per_channel_switches_are_known_to_this_tensorflow(self, frozen_cnn):
        import tensorflow as tf

        converter = tf.lite.TFLiteConverter.from_saved_model(str(frozen_cnn))
        for name in ("", "_quantization_for_dense_layers"):
            assert getattr(converter, f"_experimental_disable_per_channel{name}") is False

    @pytest.mark.parametrize(
        ("name", "dtypes"),
        [
            ("float32", ("float32", "float32")),
            ("int8", ("float32", "float32")),
            ("int8_full", ("int8", "int8")),
        ],
    )
    def test_the_file_has_the_types_asked(self, frozen_cnn, name, dtypes):
        from ai_edge_litert.interpreter import Interpreter

        content = convert(frozen_cnn, PRESETS[name], {"image": images(4)}, 1, CalibrationMemory())
        interpreter = Interpreter(model_content=content)
        found = [
            np.dtype(interpreter.get_input_details()[0]["dtype"]).name,
            np.dtype(interpreter.get_output_details()[0]["dtype"]).name,
        ]
        assert tuple(found) == dtypes

    def test_samples_that_a_recipe_does_not_use_change_nothing(self, frozen_cnn):
        one, other = (
            convert(frozen_cnn, PRESETS["dynamic_range"], samples, 1, CalibrationMemory())
            for samples in ({}, {"image": images(4)})
        )
        assert one == other


class TestCalibrationSamples:
    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=str)
    def test_that_are_not_finite_are_refused(self, frozen_cnn, value):
        samples = images(4)
        samples[2, 3, 3, 0] = value
        with pytest.raises(ConversionError, match="input image hold NaN or infinity"):
            convert(frozen_cnn, PRESETS["int8"], {"image": samples}, 1, CalibrationMemory())

    @pytest.mark.parametrize(
        "samples", [{}, {"image": np.zeros((0, 8, 8, 1), np.float32)}], ids=["none", "empty"]
    )
    def test_that_are_missing_are_refused(self, frozen_cnn, samples):
        with pytest.raises(ConversionError, match="int8: calibration needs at least one sample"):
            convert(frozen_cnn, PRESETS["int8"], samples, 1, CalibrationMemory())

    def test_of_integers_are_taken(self):
        samples = {"tokens": np.array([[1], [2]], np.int32)}
        check_calibration("int8", samples)
        assert len(list(representative_samples(samples, 1))) == 2

    @pytest.mark.parametrize(
        ("samples", "batch", "sizes"),
        [(5, 1, [1] * 5), (8, 4, [4, 4]), (10, 4, [4, 4]), (3, 4, [4]), (1, 1, [1])],
    )
    def test_come_in_whole_batches_by_name(self, samples, batch, sizes):
        array = np.arange(samples, dtype=np.float32)[:, None]
        chunks = list(representative_samples({"a": array, "b": array * 2}, batch))
        assert [len(chunk["a"]) for chunk in chunks] == sizes
        seen = np.concatenate([chunk["a"] for chunk in chunks]).ravel()[:samples]
        assert seen.tolist() == list(range(min(samples, len(seen))))
        for chunk in chunks:
            np.testing.assert_array_equal(chunk["b"], chunk["a"] * 2)
            assert chunk["a"].flags.c_contiguous

    def test_too_few_for_a_batch_are_filled_with_the_last(self):
        (chunk,) = representative_samples({"a": np.array([[1.0], [2.0]])}, 4)
        assert chunk["a"].ravel().tolist() == [1.0, 2.0, 2.0, 2.0]


class TestErrors:
    def test_an_operator_that_tflite_lacks_is_named(self, folder_of):
        import tensorflow as tf

        folder = folder_of(lambda x: tf.linalg.det(x) * tf.ones(3))
        with pytest.raises(ConversionError) as refused:
            convert(folder, PRESETS["float32"], {}, 1, CalibrationMemory())
        message = str(refused.value)
        assert message.startswith(
            "float32: TFLite has no builtin operator for MatrixDeterminant; switch on SELECT_TF_OPS"
        )
        assert "\n" not in message
        assert len(refused.value.details) > len(message)

    def test_several_are_named_in_order_and_once(self, folder_of):
        import tensorflow as tf

        folder = folder_of(lambda x: tf.linalg.inv(x) + tf.linalg.det(x) + tf.linalg.inv(x * 2.0))
        with pytest.raises(ConversionError, match="for MatrixDeterminant, MatrixInverse; switch"):
            convert(folder, PRESETS["float32"], {}, 1, CalibrationMemory())

    @pytest.mark.parametrize("precision", ["bfloat16", "float16", "float64"])
    def test_the_precision_is_told_where_it_is_what_tflite_lacks(self, folder_of, precision):
        import tensorflow as tf

        def precise(x):
            return tf.cast(tf.cast(x, precision) @ tf.cast(x, precision), tf.float32)

        with pytest.raises(ConversionError) as refused:
            convert(folder_of(precise), PRESETS["float32"], {}, 1, CalibrationMemory())
        message = str(refused.value)
        assert f"for MatMul in {precision} (from " in message
        assert "; save the model in float32, which TFLite's kernels compute in, or " in message

    def test_with_select_tf_it_converts(self, folder_of):
        import tensorflow as tf

        folder = folder_of(tf.linalg.inv)
        content = convert(folder, SELECT_TF_PRESET, {}, 1, CalibrationMemory())
        assert content[4:8] == b"TFL3"
        assert b"FlexMatrixInverse" in content

    def test_with_custom_ops_allowed_it_converts(self, folder_of):
        import tensorflow as tf

        recipe = Recipe(name="custom", allow_custom_ops=True)
        content = convert(folder_of(tf.linalg.inv), recipe, {}, 1, CalibrationMemory())
        assert b"MatrixInverse" in content

    @pytest.mark.parametrize(
        ("text", "items", "expected"),
        [
            ("Some ops\nTF Select ops: Betainc, Igamma\nDetails:", [], "for Betainc, Igamma;"),
            ("Custom ops: MyOp\nDetails:", [], "neither TFLite .* know MyOp; allow custom ops"),
            ("", [(1, "tf.Det")], "no builtin operator for Det;"),
            ("", [(2, "tf.Mine"), (2, "tf.Mine")], "know Mine;"),
            ("<unknown>:0: error: failed to do it\nmore", [], r"refused the model \(failed to do"),
            ("something else\nmore", [], r"refused the model \(something else\)"),
            ("", [], r"refused the model \(no reason\)"),
            ("x" * 5000, [], r"refused the model \(x{200}\)"),
        ],
        ids=[
            "listed",
            "custom listed",
            "coded",
            "custom coded",
            "error line",
            "first line",
            "nothing",
            "long",
        ],
    )
    def test_explanations(self, text, items, expected):
        import re

        error = Exception(text)
        error.errors = [
            SimpleNamespace(error_code=code, operator=SimpleNamespace(name=name))
            for code, name in items
        ]
        explained = explain_converter_error(PRESETS["float32"], error)
        assert re.search(expected, str(explained))
        assert explained.details == text


def test_select_tf_ops_only_where_needed(frozen_cnn):
    recipe = Recipe(name="x", supported_ops=(BUILTINS, SELECT_TF))
    content = convert(frozen_cnn, recipe, {}, 1, CalibrationMemory())
    assert b"Flex" not in content
