"""The original model, loaded from every format as one function with names."""

from __future__ import annotations

import json
import shutil
import zipfile

import numpy as np
import pytest

from converter.errors import ModelFileError
from converter.float_model import load_float_model
from converter.model_options import ModelOptions
from converter.signature import TensorSpec
from tests.converter.example_models import images, make_cnn, save_frozen_graph

FEATURES = np.random.default_rng(4).random((3, 4), dtype=np.float32)


def run(model, **inputs):
    import tensorflow as tf

    results = model.call({name: tf.constant(value) for name, value in inputs.items()})
    return {name: tensor.numpy() for name, tensor in results.items()}


class TestKeras:
    def test_runs_in_inference_mode(self, keras_file, cnn, tmp_path):
        model = load_float_model(keras_file, "m", "keras", tmp_path)
        found = [run(model, image=images(4))["probabilities"] for _ in range(2)]
        np.testing.assert_array_equal(*found)
        np.testing.assert_allclose(
            found[0], cnn(images(4), training=False).numpy(), rtol=1e-5, atol=1e-6
        )
        # The classifier flips and drops at random elsewhere, so that this test can fail. (On a
        # copy: a call in training changes its statistics.)
        assert not np.allclose(found[0], make_cnn()(images(4), training=True).numpy(), atol=1e-3)

    def test_has_the_signature_of_the_model(self, keras_file, tmp_path):
        model = load_float_model(keras_file, "m", "keras", tmp_path)
        assert model.signature.inputs == (TensorSpec("image", (None, 8, 8, 1), "float32"),)
        assert model.signature.outputs == (TensorSpec("probabilities", (None, 3), "float32"),)
        assert model.loader == "keras"

    @pytest.mark.parametrize(
        ("file", "source", "loader"),
        [("mlp_h5_file", "mlp", "keras"), ("keras2_h5_file", "keras2_mlp", None)],
        ids=["Keras 3", "Keras 2"],
    )
    def test_h5(self, request, tmp_path, file, source, loader):
        model = load_float_model(request.getfixturevalue(file), "m", "h5", tmp_path)
        expected = request.getfixturevalue(source)(FEATURES, training=False).numpy()
        np.testing.assert_allclose(run(model, features=FEATURES)["scores"], expected, rtol=1e-5)
        assert loader is None or model.loader == loader

    def test_a_keras_archive_of_keras_2(self, keras2_mlp, tmp_path):
        path = tmp_path / "m.keras"
        keras2_mlp.save(path)
        model = load_float_model(path, "m", "keras", tmp_path)
        expected = keras2_mlp(FEATURES, training=False).numpy()
        np.testing.assert_allclose(run(model, features=FEATURES)["scores"], expected, rtol=1e-5)

    def test_an_h5_that_keras_3_cannot_read_is_read_by_keras_2(self, tmp_path):
        import tf_keras

        model = tf_keras.Sequential(
            [
                tf_keras.Input((8, 8, 2), name="image"),
                tf_keras.layers.DepthwiseConv2D(3, name="depthwise"),
                tf_keras.layers.Flatten(),
                tf_keras.layers.Dense(2, name="scores"),
            ]
        )
        path = tmp_path / "old.h5"
        model.save(path)
        # Keras 2.3 wrote `groups` for this layer, which Keras 3 refuses (keras#19151).
        import h5py

        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            config["config"]["layers"][1]["config"]["groups"] = 1
            file.attrs["model_config"] = json.dumps(config)
        loaded = load_float_model(path, "m", "h5", tmp_path)
        assert loaded.loader == "tf_keras"
        x = np.random.default_rng(0).random((2, 8, 8, 2), np.float32)
        np.testing.assert_allclose(run(loaded, image=x)["scores"], model(x).numpy(), rtol=1e-4)

    def test_dicts_of_inputs_and_outputs_are_paired_by_name(
        self, two_by_two_file, two_by_two, tmp_path
    ):
        model = load_float_model(two_by_two_file, "m", "keras", tmp_path)
        random = np.random.default_rng(1)
        fed = {
            "zebra": random.random((5, 3), np.float32),
            "apple": random.random((5, 2), np.float32),
        }
        expected = two_by_two(fed, training=False)
        found = run(model, **fed)
        assert set(found) == {"kind", "amount"}
        for name, array in found.items():
            np.testing.assert_allclose(array, expected[name].numpy(), rtol=1e-5)
        assert {s.name: s.shape for s in model.signature.inputs} == {
            "zebra": (None, 3),
            "apple": (None, 2),
        }
        assert {s.name: s.shape for s in model.signature.outputs} == {
            "kind": (None, 3),
            "amount": (None, 1),
        }

    def test_a_list_of_outputs_has_the_names_of_their_layers(self, tmp_path):
        import keras

        x = keras.Input((2,), name="x")
        model = keras.Model(
            x, [keras.layers.Dense(n, name=name)(x) for n, name in ((1, "b"), (2, "a"), (3, "c"))]
        )
        model.save(tmp_path / "m.keras")
        loaded = load_float_model(tmp_path / "m.keras", "m", "keras", tmp_path)
        assert [(s.name, s.shape) for s in loaded.signature.outputs] == [
            ("b", (None, 1)),
            ("a", (None, 2)),
            ("c", (None, 3)),
        ]

    def test_names_that_are_no_identifiers_become_some(self, tmp_path):
        import keras

        x = keras.Input((2,), name="my input")
        keras.Model(x, keras.layers.Dense(1, name="out-put")(x)).save(tmp_path / "m.keras")
        model = load_float_model(tmp_path / "m.keras", "m", "keras", tmp_path)
        assert [spec.name for spec in model.signature.inputs] == ["my_input"]
        assert [spec.name for spec in model.signature.outputs] == ["out_put"]
        assert model.raw_inputs == ["my input"]
        assert run(model, my_input=np.zeros((1, 2), np.float32))["out_put"].shape == (1, 1)

    @pytest.mark.parametrize("name", ["self", "name", "args", "class", "inputs"])
    def test_an_input_may_have_any_name(self, tmp_path, name):
        import keras

        x = keras.Input((2,), name=name)
        keras.Model(x, keras.layers.Dense(1, name="out")(x)).save(tmp_path / "m.keras")
        model = load_float_model(tmp_path / "m.keras", "m", "keras", tmp_path)
        (spec,) = model.signature.inputs
        found = run(model, **{spec.name: np.zeros((1, 2), np.float32)})
        assert found["out"].shape == (1, 1)

    def test_the_suffix_does_not_matter(self, mlp_h5_file, keras_file, tmp_path):
        for source, form in ((mlp_h5_file, "h5"), (keras_file, "keras")):
            renamed = tmp_path / f"{form}.bin"
            shutil.copyfile(source, renamed)
            assert load_float_model(renamed, "m", form, tmp_path).loader == "keras"

    def test_a_custom_class_is_named(self, keras_file, tmp_path):
        path = tmp_path / "m.keras"
        with zipfile.ZipFile(keras_file) as source, zipfile.ZipFile(path, "w") as target:
            for name in source.namelist():
                content = source.read(name)
                if name == "config.json":
                    config = json.loads(content)
                    layer = config["config"]["layers"][2]
                    layer.update(
                        class_name="MyOwnLayer", module="my.module", registered_name="MyOwnLayer"
                    )
                    content = json.dumps(config)
                target.writestr(name, content)
        with pytest.raises(ModelFileError, match="custom class 'MyOwnLayer'") as refused:
            load_float_model(path, "given.keras", "keras", tmp_path)
        assert str(refused.value).startswith("given.keras: ")
        assert "\n" not in str(refused.value)
        assert refused.value.details

    @pytest.mark.parametrize("form", ["keras", "h5"])
    @pytest.mark.parametrize("library", ["keras", "tf_keras"])
    def test_the_code_of_a_lambda_is_not_run(self, tmp_path, form, library):
        import importlib

        module = importlib.import_module(library)
        written = tmp_path / "written"
        x = module.Input((2,), name="x")
        code = f"(open({str(written)!r}, 'w').close(), t)[1]"
        model = module.Model(x, module.layers.Lambda(eval(f"lambda t: {code}"))(x))
        path = tmp_path / f"m.{form}"
        model.save(path)
        written.unlink(missing_ok=True)
        with pytest.raises(ModelFileError, match="Lambda"):
            load_float_model(path, "m", form, tmp_path)
        assert not written.exists()

    def test_a_model_that_was_never_built_is_refused(self, tmp_path):
        import keras

        keras.Sequential([keras.layers.Dense(2)]).save(tmp_path / "m.keras")
        with pytest.raises(ModelFileError, match=r"never built; add a keras\.Input"):
            load_float_model(tmp_path / "m.keras", "m", "keras", tmp_path)

    def test_bytes_that_are_none_are_refused_in_one_line(self, tmp_path):
        path = tmp_path / "m.keras"
        path.write_bytes(b"junk")
        with pytest.raises(ModelFileError, match=r"^given: expected a model that Keras can load"):
            load_float_model(path, "given", "keras", tmp_path)


class TestSavedModel:
    @pytest.mark.parametrize("source", ["saved_model_folder", "saved_model_zip"])
    def test_of_keras_3(self, request, source, plain_cnn, tmp_path):
        model = load_float_model(request.getfixturevalue(source), "m", "saved_model", tmp_path)
        expected = plain_cnn(images(3), training=False).numpy()
        np.testing.assert_allclose(run(model, image=images(3))["output_0"], expected, atol=1e-5)
        assert model.signature.inputs == (TensorSpec("image", (None, 8, 8, 1), "float32"),)
        assert model.signature.outputs == (TensorSpec("output_0", (None, 3), "float32"),)

    def test_of_keras_2_with_its_optimizer(self, keras2_saved_model, keras2_mlp, tmp_path):
        model = load_float_model(keras2_saved_model, "m", "saved_model", tmp_path)
        expected = keras2_mlp(FEATURES, training=False).numpy()
        np.testing.assert_allclose(run(model, features=FEATURES)["scores"], expected, rtol=1e-5)

    def test_of_a_module_with_names_to_change(self, tmp_path):
        import tensorflow as tf

        module = tf.Module()
        module.serve = tf.function(
            lambda x: {"the sum": x + x, "10": x},
            autograph=False,
            input_signature=[tf.TensorSpec((None, 2), tf.float32, name="x")],
        )
        tf.saved_model.save(module, str(tmp_path / "m"), signatures=module.serve)
        model = load_float_model(tmp_path / "m", "m", "saved_model", tmp_path)
        found = run(model, x=np.ones((1, 2), np.float32))
        assert {name: array.tolist() for name, array in found.items()} == {
            "the_sum": [[2.0, 2.0]],
            "output_10": [[1.0, 1.0]],
        }

    def test_without_its_variables_is_refused(self, saved_model_folder, tmp_path):
        folder = tmp_path / "m"
        shutil.copytree(saved_model_folder, folder)
        shutil.rmtree(folder / "variables")
        with pytest.raises(ModelFileError, match=r"^given: expected a complete SavedModel"):
            load_float_model(folder, "given", "saved_model", tmp_path)

    def test_of_texts_is_refused(self, tmp_path):
        import tensorflow as tf

        module = tf.Module()
        module.serve = tf.function(
            lambda x: {"y": tf.strings.length(x)},
            autograph=False,
            input_signature=[tf.TensorSpec((None,), tf.string, name="words")],
        )
        tf.saved_model.save(module, str(tmp_path / "m"), signatures=module.serve)
        with pytest.raises(ModelFileError, match="takes string values"):
            load_float_model(tmp_path / "m", "m", "saved_model", tmp_path)


class TestFrozenGraph:
    def load(self, path, feeds, fetches, tmp_path):
        options = ModelOptions(input_tensors=tuple(feeds), output_tensors=tuple(fetches))
        return load_float_model(path, "m", "frozen_graph", tmp_path, options)

    def test_between_the_tensors_chosen(self, frozen_graph_file, tmp_path):
        model = self.load(frozen_graph_file, ["features:0"], ["scores:0", "total:0"], tmp_path)
        found = run(model, features=FEATURES)
        np.testing.assert_allclose(found["scores"].sum(axis=1), np.ones(3), rtol=1e-5)
        np.testing.assert_allclose(found["total"], FEATURES.sum(axis=1), rtol=1e-5)
        assert model.signature.outputs == (
            TensorSpec("scores", (None, 3), "float32"),
            TensorSpec("total", (None,), "float32"),
        )

    def test_from_the_middle(self, frozen_graph_file, tmp_path):
        model = self.load(frozen_graph_file, ["scores:0"], ["Identity:0"], tmp_path)
        fed = np.ones((2, 3), np.float32)
        np.testing.assert_array_equal(run(model, scores=fed)["Identity"], fed)

    @pytest.mark.parametrize(
        ("feeds", "fetches"),
        [(["features:0"], ["features:7"]), (["nowhere:0"], ["scores:0"])],
        ids=["no such output", "no such node"],
    )
    def test_tensors_that_are_not_there_are_refused(
        self, frozen_graph_file, tmp_path, feeds, fetches
    ):
        with pytest.raises(ModelFileError, match=r"cannot be taken out .*choose other --inputs"):
            self.load(frozen_graph_file, feeds, fetches, tmp_path)

    def test_an_output_that_needs_another_input_is_refused(self, tmp_path):
        path = save_frozen_graph(
            lambda a, b: a + b, {"a": (None, 2), "b": (None, 2)}, tmp_path / "g.pb"
        )
        with pytest.raises(ModelFileError, match="choose other --inputs") as refused:
            self.load(path, ["a:0"], ["Identity:0"], tmp_path)
        assert "\n" not in str(refused.value)


def test_a_tflite_file_is_told_to_be_converted_already(tflite_file, tmp_path):
    with pytest.raises(ModelFileError, match="is converted already; give the original"):
        load_float_model(tflite_file, "m.tflite", "tflite", tmp_path)
