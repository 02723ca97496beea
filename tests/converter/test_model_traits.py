"""What a model's file tells of the data that it expects."""

from __future__ import annotations

import json

import pytest

from converter.model_traits import ANY, BYTES, UNITS, UNKNOWN, ModelTraits, keras_data_details
from converter.signature import TensorSpec

IMAGE = TensorSpec("image", (None, 8, 8, 3), "float32")


def traits(layers, **details):
    return ModelTraits.of([IMAGE], [], {"layers": layers, **details})


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (["InputLayer", "Conv2D", "Dense"], UNITS),
        (["InputLayer", "Rescaling", "Conv2D"], BYTES),
        (["InputLayer", "RandomFlip", "Conv2D"], UNITS),
        (["InputLayer", "Normalization", "Dense"], ANY),
        (["InputLayer", "BatchNormalization", "Conv2D"], ANY),
        (["InputLayer", "Conv2D", "BatchNormalization"], UNITS),
        (["InputLayer", "TrueDivide", "Subtract", "Conv2D"], UNKNOWN),
        (["InputLayer", "Conv2D", "Add", "Dense"], UNITS),
        (["InputLayer", "Functional", "Dense", "InputLayer", "Rescaling"], BYTES),
        ([], UNITS),
    ],
    ids=str,
)
def test_layers_tell_what_an_image_input_expects(layers, expected):
    assert traits(layers).image_values == expected


@pytest.mark.parametrize(
    ("scale", "expected"), [(1 / 255, BYTES), (1 / 127.5, BYTES), (2.0, UNITS), (None, BYTES)]
)
def test_a_rescaling_layer_is_judged_by_its_factor(scale, expected):
    assert traits(["Rescaling", "Conv2D"], rescaling_scale=scale).image_values == expected


def test_a_format_without_layers_does_not_tell():
    assert ModelTraits.of([IMAGE], [], {"operators": ["Conv2D"]}).image_values == UNKNOWN


def test_the_real_range_of_scaled_integers():
    inputs = [TensorSpec("x", (1, 4), "int8"), TensorSpec("ids", (1, 4), "int32")]
    found = ModelTraits.of(inputs, [], {"quantized_inputs": {"x": [0.5, -128]}})
    assert found.real_range("x") == (0.0, 127.5)
    assert found.real_range("ids") is None
    assert found.real_range("none") is None


def test_json_round_trip():
    found = ModelTraits.of(
        [TensorSpec("x", (None, 4), "int8")],
        [TensorSpec("y", None, None)],
        {
            "layers": ["Embedding"],
            "embedding_rows": 50,
            "rescaling_scale": 0.5,
            "quantized_inputs": {"x": [0.5, 3]},
        },
    )
    assert ModelTraits.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert ModelTraits.from_json(ModelTraits().to_json()) == ModelTraits()


class TestKerasConfiguration:
    def layer(self, kind, **config):
        return {"class_name": kind, "config": config}

    def test_the_first_factor_and_the_largest_table_are_found_wherever_they_lie(self):
        inner = self.layer("Functional", layers=[self.layer("Embedding", input_dim=1000)])
        config = self.layer(
            "Sequential",
            layers=[
                self.layer("Rescaling", scale=1 / 255, offset=0.0),
                self.layer("Rescaling", scale=2.0),
                self.layer("Embedding", input_dim=20),
                inner,
            ],
        )
        assert keras_data_details(config) == {"rescaling_scale": 1 / 255, "embedding_rows": 1000}

    def test_a_model_of_a_bundled_file_is_read(self, keras_file):
        from converter.keras_file import read_keras_archive

        config = read_keras_archive(keras_file).config
        layers = json.dumps(config)
        assert ("Rescaling" in layers) == ("rescaling_scale" in keras_data_details(config))

    @pytest.mark.parametrize(
        "config",
        [
            None,
            [],
            "text",
            {"class_name": "Rescaling", "config": None},
            {"class_name": "Rescaling", "config": {"scale": "1/255"}},
            {"class_name": "Rescaling", "config": {"scale": float("nan")}},
            {"class_name": "Rescaling", "config": {"scale": float("inf")}},
            {"class_name": "Rescaling", "config": {"scale": 10**400}},
            {"class_name": "Embedding", "config": {"input_dim": -5}},
            {"class_name": "Embedding", "config": {"input_dim": True}},
            {"class_name": "Embedding", "config": {"input_dim": 10**400}},
            {"class_name": ["Embedding"], "config": {"input_dim": 5}},
        ],
        ids=str,
    )
    def test_what_is_no_such_layer_tells_nothing(self, config):
        assert keras_data_details(config) == {}
