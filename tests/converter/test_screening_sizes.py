"""Sizes that a model declares: honest ones pass, absurd ones are refused before anything loads."""

import json

import pytest

from converter.errors import ModelFileError
from converter.screening_sizes import DeclaredSizes


@pytest.fixture(autouse=True)
def _limit(monkeypatch):
    monkeypatch.setenv("LITEDRIFT_UNPACKED_BYTES", "4000000")


def layer(class_name, channels=None, **config):
    built = {} if channels is None else {"build_config": {"input_shape": [None, 8, channels]}}
    return {"class_name": class_name, "config": config, **built}


def add(*layers):
    sizes = DeclaredSizes("m.keras")
    for each in layers:
        sizes.add_keras_layer(each, "the layer 'a'")


PAST = {
    "units": layer("Dense", units=1_000_001),
    "units of a known input": layer("Dense", channels=1001, units=1000),
    "filters": layer("Conv2D", filters=1000, kernel_size=[40, 40]),
    "embedding": layer("Embedding", input_dim=2000, output_dim=1000),
    "depthwise": layer("DepthwiseConv2D", channels=2000, kernel_size=[30, 30]),
    "separable": layer("SeparableConv2D", channels=2000, kernel_size=[3, 3], filters=600),
    "attention": layer("MultiHeadAttention", channels=2000, num_heads=8, key_dim=100),
    "beyond any integer": layer("Dense", units=10**400),
    "input": layer("InputLayer", batch_shape=[None, 2000, 1000]),
    "input of Keras 2": layer("InputLayer", batch_input_shape=[2000, 1000]),
    "repetition": layer("RepeatVector", n=2_000_000),
    "upsampling": layer("UpSampling2D", size=[2000, 2000]),
    "padding": layer("ZeroPadding2D", padding=[[1000, 1000], [1000, 1000]]),
    "padding by one number": layer("ZeroPadding2D", padding=2000),
    "resizing": layer("Resizing", height=2000, width=2000),
}
WITHIN = {
    "units": layer("Dense", channels=1000, units=1000),
    "depthwise": layer("DepthwiseConv2D", channels=1000, kernel_size=[30, 30]),
    "separable": layer("SeparableConv2D", channels=1000, kernel_size=[7, 7], filters=1000),
    "grouped": layer("Conv2D", channels=1000, kernel_size=[9, 9], filters=1000, groups=1000),
    "padding": layer("ZeroPadding2D", padding=[[400, 400], [400, 400]]),
    "padding by name": layer("Conv2D", filters=8, padding="same"),
    "input": layer("InputLayer", batch_shape=[None, None, 1000, 1000]),
    "odd values": layer("Dense", units="many", filters=None, size=[[True, -5, {}]], n=1e30),
    "no configuration": {"class_name": "Dense", "config": None},
    "no shape": layer("Dense", units=3) | {"build_config": {"input_shape": [None, None]}},
}


@pytest.mark.parametrize("declared", PAST.values(), ids=PAST)
def test_what_is_past_the_limit_is_refused(declared):
    with pytest.raises(
        ModelFileError, match=r"^m\.keras: expected .*, found the layer 'a' with .* values"
    ):
        add(declared)


@pytest.mark.parametrize("declared", WITHIN.values(), ids=WITHIN)
def test_what_is_within_the_limit_passes(declared):
    add(declared)


def test_weights_count_together_and_results_each_by_itself():
    add(*[layer("RepeatVector", n=900_000)] * 5)
    with pytest.raises(ModelFileError, match="weights and constants of at most 4000000 bytes"):
        add(*[layer("Dense", channels=900, units=900)] * 5)


def test_the_sum_is_about_that_of_the_models_real_weights(monkeypatch):
    import keras

    monkeypatch.delenv("LITEDRIFT_UNPACKED_BYTES")
    layers = keras.layers
    image = keras.Input((16, 16, 32))
    x = layers.SeparableConv2D(64, 7)(image)
    x = layers.Conv2D(64, 5, groups=8)(layers.DepthwiseConv2D(3)(x))
    x = layers.Reshape((-1, 64))(layers.UpSampling2D(4)(layers.ZeroPadding2D(3)(x)))
    x = layers.MultiHeadAttention(4, 16)(x, x)
    x = layers.Embedding(100, 8)(layers.Dense(50)(layers.LSTM(32)(x)))
    model = keras.Model(image, x)
    sizes = DeclaredSizes("m.keras")
    for each in json.loads(model.to_json())["config"]["layers"]:
        sizes.add_keras_layer(each, each["config"]["name"])
    assert 0.3 < sizes._total / (4 * model.count_params()) < 1.5
