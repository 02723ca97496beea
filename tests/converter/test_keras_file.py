"""What a `.keras` or `.h5` file says of its model, held against the model itself."""

from __future__ import annotations

import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from converter.errors import ModelFileError
from converter.keras_file import read_keras_archive, read_keras_h5, walk_layers
from converter.signature import TensorSpec
from tests.converter.read_or_refused import read_or_refused


def write_archive(path, config, members=None):
    """Write a `.keras` of any configuration, with weights of one 2x3 array."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file["layers/dense/vars/0"] = np.zeros((2, 3), np.float32)
    content = config if isinstance(config, bytes | str) else json.dumps(config)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", content)
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        archive.writestr("model.weights.h5", stream.getvalue())
        for name, extra in (members or {}).items():
            archive.writestr(name, extra)
    return path


class TestAgainstTheModel:
    def test_parameters_of_keras_3(self, keras_file, cnn):
        facts = read_keras_archive(keras_file)
        assert facts.parameters == cnn.count_params()
        assert facts.parameter_bytes == 4 * cnn.count_params()
        assert facts.optimizer_bytes == 0
        assert facts.keras_version.startswith("3.")

    @pytest.mark.parametrize(
        ("file", "model", "read"),
        [
            ("mlp_keras_file", "mlp", read_keras_archive),
            ("mlp_h5_file", "mlp", read_keras_h5),
            ("keras2_h5_file", "keras2_mlp", read_keras_h5),
        ],
        ids=["keras", "h5 of Keras 3", "h5 of Keras 2"],
    )
    def test_optimizer_state_is_counted_apart(self, request, file, model, read):
        model = request.getfixturevalue(model)
        facts = read(request.getfixturevalue(file))
        assert facts.parameters == model.count_params()
        trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
        # Adam keeps two values a weight; beside them its counter and its learning rate.
        assert 0 < facts.optimizer_bytes - 2 * 4 * trainable <= 16

    @pytest.mark.parametrize("name", ["embedding_lstm", "normalization", "nested", "conv_zoo"])
    @pytest.mark.parametrize("suffix", [".keras", ".h5"])
    def test_parameters_of_many_layers(self, tmp_path, name, suffix):
        import keras

        layers = keras.layers
        if name == "embedding_lstm":
            stack = [
                keras.Input((5,), dtype="int32"),
                layers.Embedding(10, 4),
                layers.Bidirectional(layers.LSTM(3)),
                layers.GaussianNoise(0.1),
            ]
        elif name == "normalization":
            normalize = layers.Normalization()
            normalize.adapt(np.random.default_rng(0).random((8, 4)))
            stack = [keras.Input((4,)), normalize, layers.Dense(2)]
        elif name == "nested":
            inner = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dropout(0.5)])
            stack = [keras.Input((4,)), inner, layers.Dense(2)]
        else:
            stack = [
                keras.Input((8, 8, 3)),
                layers.SeparableConv2D(4, 3),
                layers.Conv2DTranspose(2, 3),
                layers.GroupNormalization(2),
                layers.PReLU(),
            ]
        model = keras.Sequential(stack)
        path = tmp_path / f"m{suffix}"
        model.save(path)
        read = read_keras_archive if suffix == ".keras" else read_keras_h5
        assert read(path).parameters == model.count_params()

    def test_a_layer_may_be_named_like_bookkeeping(self, tmp_path):
        import keras

        model = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(3, name="optimizer"),
                keras.layers.Dense(2, name="metrics"),
            ]
        )
        for suffix, read in ((".keras", read_keras_archive), (".h5", read_keras_h5)):
            model.save(tmp_path / f"m{suffix}")
            facts = read(tmp_path / f"m{suffix}")
            assert (facts.parameters, facts.optimizer_bytes) == (model.count_params(), 0)

    def test_signature_of_a_functional_model(self, two_by_two_file):
        facts = read_keras_archive(two_by_two_file)
        assert sorted(facts.inputs, key=lambda spec: spec.name) == [
            TensorSpec("apple", (None, 2), "float32"),
            TensorSpec("zebra", (None, 3), "float32"),
        ]
        assert sorted(spec.name for spec in facts.outputs) == ["amount", "kind"]
        assert {spec.name: spec.shape for spec in facts.outputs} == {
            "kind": (None, 3),
            "amount": (None, 1),
        }

    @pytest.mark.parametrize("file", ["mlp_h5_file", "keras2_h5_file"])
    def test_signature_of_an_h5_file(self, request, file):
        facts = read_keras_h5(request.getfixturevalue(file))
        assert facts.inputs == [TensorSpec("features", (None, 4), "float32")]
        assert [spec.name for spec in facts.outputs] == ["scores"]

    def test_signature_of_a_sequential_model(self, tmp_path):
        import keras

        model = keras.Sequential(
            [
                keras.Input((5,), dtype="int32", name="tokens"),
                keras.layers.Embedding(10, 4),
                keras.layers.Flatten(),
                keras.layers.Dense(2, name="out"),
            ]
        )
        model.save(tmp_path / "m.keras")
        facts = read_keras_archive(tmp_path / "m.keras")
        assert facts.inputs == [TensorSpec("tokens", (None, 5), "int32")]
        assert facts.outputs == [TensorSpec("out", (None, 2), "float32")]

    def test_layers_are_listed_with_nested_ones(self, keras_file):
        layers = read_keras_archive(keras_file).layers
        assert layers[:3] == ["InputLayer", "RandomFlip", "Conv2D"]
        assert layers[-1] == "Dense"


class TestCode:
    def lambda_model(self, module):
        features = module.Input((4,))
        inner = module.layers.Lambda(lambda t: t * 2, name="evil")(features)
        return module.Model(features, module.layers.Dense(2)(inner))

    def test_a_lambda_layer_of_keras_3_is_refused_by_name(self, tmp_path):
        import keras

        model = self.lambda_model(keras)
        for suffix, read in ((".keras", read_keras_archive), (".h5", read_keras_h5)):
            path = tmp_path / f"m{suffix}"
            model.save(path)
            with pytest.raises(ModelFileError, match="the Lambda layer 'evil' holds Python code"):
                read(path)

    def test_a_lambda_layer_of_keras_2_is_refused_by_name(self, tmp_path):
        import tf_keras

        path = tmp_path / "m.h5"
        self.lambda_model(tf_keras).save(path)
        with pytest.raises(ModelFileError, match="the Lambda layer 'evil' holds Python code"):
            read_keras_h5(path)

    @pytest.mark.parametrize(
        "wrap",
        [
            lambda layer: {"class_name": "Sequential", "config": {"layers": [layer]}},
            lambda layer: {
                "class_name": "Functional",
                "config": {
                    "layers": [
                        {
                            "class_name": "Model",
                            "config": {
                                "layers": [
                                    {"class_name": "TimeDistributed", "config": {"layer": layer}}
                                ]
                            },
                        }
                    ]
                },
            },
            lambda layer: {"class_name": "Functional", "config": {"any": {"where": [[layer]]}}},
        ],
        ids=["plain", "nested model in a wrapper", "anywhere"],
    )
    def test_lambda_is_found_however_deep(self, tmp_path, wrap):
        layer = {"class_name": "Lambda", "config": {"name": "hidden", "function": ["x"]}}
        path = write_archive(tmp_path / "m.keras", wrap(layer))
        with pytest.raises(ModelFileError, match="the Lambda layer 'hidden'"):
            read_keras_archive(path)

    def test_a_lambda_without_a_name(self, tmp_path):
        path = write_archive(tmp_path / "m.keras", {"class_name": "Lambda", "config": None})
        with pytest.raises(ModelFileError, match="the Lambda layer 'unnamed'"):
            read_keras_archive(path)


HOSTILE_CONFIGS = {
    "empty object": {},
    "config is a list": {"class_name": "Functional", "config": []},
    "layers is a number": {"class_name": "Functional", "config": {"layers": 5}},
    "layers is a text": {"class_name": "Functional", "config": {"layers": "abc"}},
    "layers holds numbers": {"class_name": "Functional", "config": {"layers": [1, None]}},
    "input layers is a text": {"class_name": "Functional", "config": {"input_layers": "abc"}},
    "names are lists": {
        "class_name": "Functional",
        "config": {
            "layers": [
                {"class_name": "InputLayer", "config": {"name": ["a"], "batch_shape": [None]}}
            ],
            "input_layers": [["a", 0, 0]],
            "output_layers": [[["a"], 0, 0]],
        },
    },
    "class name is a list": {
        "class_name": "Functional",
        "config": {
            "layers": [
                {
                    "class_name": [],
                    "config": {"name": "a"},
                    "build_config": {"input_shape": [None, 4]},
                }
            ],
            "output_layers": [["a", 0, 0]],
        },
    },
    "shape is a text": {
        "class_name": "Functional",
        "config": {
            "layers": [{"class_name": "InputLayer", "config": {"name": "a", "batch_shape": "xyz"}}],
            "input_layers": [["a", 0, 0]],
        },
    },
    "shape is huge": {
        "class_name": "Functional",
        "config": {
            "layers": [
                {"class_name": "InputLayer", "config": {"name": "a", "batch_shape": [None, 10**30]}}
            ],
            "input_layers": [["a", 0, 0]],
        },
    },
    "dtype is a list": {
        "class_name": "Functional",
        "config": {
            "layers": [
                {
                    "class_name": "InputLayer",
                    "config": {"name": "a", "batch_shape": [None], "dtype": [1]},
                }
            ],
            "input_layers": [["a", 0, 0]],
        },
    },
}


class TestHostile:
    @pytest.mark.parametrize("config", HOSTILE_CONFIGS.values(), ids=HOSTILE_CONFIGS)
    def test_any_configuration_is_read_or_refused(self, tmp_path, config):
        path = write_archive(tmp_path / "m.keras", config)
        facts = read_or_refused(lambda: read_keras_archive(path), "m.keras: ")
        if facts is not None:
            assert facts.parameters == 6
            assert all(isinstance(spec.name, str) for spec in facts.inputs + facts.outputs)
            assert all(isinstance(name, str) for name in facts.layers)

    @pytest.mark.parametrize(
        ("config", "message"),
        [
            ("[]", "expected an object in the model's configuration, found list"),
            ("{", "expected JSON in the model's configuration"),
            (b"\xff\xfe", "expected JSON in the model's configuration"),
            ("[" * 100_000, "expected JSON in the model's configuration"),
            ("", "expected JSON in the model's configuration"),
        ],
        ids=["list", "cut", "binary", "deep", "empty"],
    )
    def test_a_configuration_that_is_none_is_refused(self, tmp_path, config, message):
        path = write_archive(tmp_path / "m.keras", config)
        with pytest.raises(ModelFileError, match=message):
            read_keras_archive(path)

    def test_a_deep_but_readable_configuration_is_walked_without_recursion(self):
        node = {"class_name": "Lambda", "config": {}}
        for _ in range(5000):
            node = {"class_name": "Wrapper", "config": {"layer": node}}
        assert sum(layer["class_name"] == "Lambda" for layer in walk_layers(node)) == 1

    def test_a_configuration_that_would_unpack_to_a_gigabyte_is_refused(self, tmp_path):
        path = tmp_path / "m.keras"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            with archive.open("config.json", "w") as stream:
                for _ in range(65):
                    stream.write(b" " * (1 << 20))
            archive.writestr("metadata.json", "{}")
        assert path.stat().st_size < 200_000
        with pytest.raises(ModelFileError, match=r"at most 67108864 bytes in config\.json"):
            read_keras_archive(path)

    @pytest.mark.parametrize(
        "weights",
        [b"", b"junk", b"\x89HDF\r\n\x1a\n" + b"\0" * 50],
        ids=["empty", "junk", "signature alone"],
    )
    def test_weights_that_are_none_are_refused(self, tmp_path, weights):
        path = tmp_path / "m.keras"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", "{}")
            archive.writestr("metadata.json", "{}")
            archive.writestr("model.weights.h5", weights)
        with pytest.raises(ModelFileError, match=r"readable HDF5 weights in model\.weights\.h5"):
            read_keras_archive(path)

    def test_an_archive_without_weights_is_refused(self, tmp_path):
        path = tmp_path / "m.keras"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", "{}")
        with pytest.raises(ModelFileError, match=r"expected model\.weights\.h5 inside"):
            read_keras_archive(path)

    def test_weights_alone_are_refused(self, mlp, tmp_path):
        path = tmp_path / "m.weights.h5"
        mlp.save_weights(path)
        with pytest.raises(ModelFileError, match=r"weights only.*model\.save\(\)"):
            read_keras_h5(path)

    @pytest.mark.parametrize(
        "value",
        ["{", "[]", b"\xff", 5, np.zeros(3), h5py.Empty("f")],
        ids=["cut", "list", "binary", "number", "array", "null"],
    )
    def test_a_model_config_that_is_none_is_refused(self, tmp_path, value):
        path = tmp_path / "m.h5"
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = value
        with pytest.raises(ModelFileError, match=r"^m\.h5: "):
            read_keras_h5(path)

    def test_odd_datasets_are_counted_or_left_out(self, tmp_path):
        path = tmp_path / "m.h5"
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = "{}"
            file["model_weights/a"] = np.zeros((2, 2), np.float16)
            file["model_weights/null"] = h5py.Empty("f4")
            file["model_weights/text"] = "abc"
            file["model_weights/scalar"] = np.float32(1)
            file["model_weights/outside"] = h5py.ExternalLink("/etc/passwd", "/x")
            file["model_weights/dangling"] = h5py.SoftLink("/nowhere")
        facts = read_keras_h5(path)
        assert (facts.parameters, facts.parameter_bytes) == (5, 12)
