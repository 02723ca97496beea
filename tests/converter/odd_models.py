"""Tiny seeded Keras 3 models as people bring them: odd inputs, random layers, recurrent, attention.

Each builder writes one model below a folder and returns it with samples and with what the model
itself answers to them, so that a converted file can be held against the original. Workers'
libraries load inside.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
COUNT = 12


@dataclass(frozen=True)
class OddModel:
    """A model file, samples for it, and the outputs that the model gives, sample by sample."""

    path: Path
    samples: Arrays
    outputs: Arrays


def answers(path: Path, call: Callable[[Arrays], Any], samples: Arrays) -> OddModel:
    """Ask the model itself, one sample at a time as the converted files are run."""
    outputs: dict[str, list[np.ndarray]] = {}
    for index in range(COUNT):
        one = {name: array[index : index + 1] for name, array in samples.items()}
        for name, value in call(one).items():
            outputs.setdefault(name, []).append(np.asarray(value, np.float32).reshape(-1))
    return OddModel(path, samples, {name: np.stack(values) for name, values in outputs.items()})


def floats(*shape: int) -> np.ndarray:
    """Return seeded samples of a shape."""
    return np.random.default_rng(0).normal(size=(COUNT, *shape)).astype(np.float32)


def integers(low: int, high: int, *shape: int, dtype: str = "int64") -> np.ndarray:
    """Return seeded whole numbers of a shape, from `low` up to but without `high`."""
    return np.random.default_rng(1).integers(low, high, size=(COUNT, *shape)).astype(dtype)


def train_a_step(model: Any, inputs: int, outputs: int) -> None:
    """Give a compiled model some training state; eager, which is quicker for one step."""
    x = np.random.default_rng(2).random((8, inputs), np.float32)
    model.train_on_batch(x, x[:, :outputs])


def in_inference(model: Any, name: str, output: str) -> Callable[[Arrays], Arrays]:
    """Return how a Keras model of one input and one output is asked."""
    return lambda one: {output: model(one[name], training=False).numpy()}


def bfloat16(folder: Path) -> OddModel:
    """Write a Keras 3 model in mixed bfloat16, compiled with string losses, one step trained."""
    import keras

    keras.utils.set_random_seed(4)
    policy = keras.dtype_policies.DTypePolicy("mixed_bfloat16")
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((6,), name="features"),
            layers.Dense(8, activation="relu", dtype=policy, name="hidden"),
            layers.LayerNormalization(dtype=policy, name="norm"),
            layers.Dense(2, dtype="float32", name="scores"),
        ]
    )
    model.compile("adam", loss="mse", metrics=["mae"], run_eagerly=True)
    train_a_step(model, 6, 2)
    path = folder / "bfloat16.keras"
    model.save(path)
    return answers(path, in_inference(model, "features", "scores"), {"features": floats(6)})


def swapped_names(folder: Path) -> list[OddModel]:
    """Write one model in both Keras formats, each under the other's suffix."""
    import keras

    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [keras.Input((4,), name="x"), keras.layers.Dense(3, activation="tanh", name="y")]
    )
    swapped = []
    for written, given in (("right.keras", "wrong.h5"), ("right.h5", "wrong.keras")):
        model.save(folder / written)
        path = Path(shutil.move(folder / written, folder / given))
        swapped.append(answers(path, in_inference(model, "x", "y"), {"x": floats(4)}))
    return swapped


def integer_category(folder: Path) -> OddModel:
    """Write a Keras model that takes a dict of integers: CategoryEncoding and Embedding."""
    import keras

    keras.utils.set_random_seed(8)
    layers = keras.layers
    kind = keras.Input((1,), dtype="int32", name="kind")
    words = keras.Input((5,), dtype="int64", name="words")
    one_hot = layers.CategoryEncoding(4, output_mode="one_hot", name="encode")(kind)
    embedded = layers.GlobalAveragePooling1D()(layers.Embedding(20, 6, name="embed")(words))
    joined = layers.Concatenate()([one_hot, embedded])
    outputs = {
        "scores": layers.Dense(3, activation="softmax", name="scores")(joined),
        "amount": layers.Dense(1, name="amount")(joined),
    }
    model = keras.Model({"words": words, "kind": kind}, outputs)
    path = folder / "integer_category.keras"
    model.save(path)
    samples = {"kind": integers(0, 4, 1, dtype="int32"), "words": integers(0, 20, 5)}
    return answers(path, lambda one: model(one, training=False), samples)


def integer_lookup_layer(folder: Path) -> OddModel:
    """Write a Keras model with an IntegerLookup layer."""
    import keras

    keras.utils.set_random_seed(9)
    kind = keras.Input((2,), dtype="int64", name="kind")
    index = keras.layers.IntegerLookup(vocabulary=[10, 20, 30], name="lookup")(kind)
    embedded = keras.layers.Embedding(4, 3, name="embed")(index)
    model = keras.Model(kind, keras.layers.Flatten(name="flat")(embedded))
    path = folder / "integer_lookup_layer.keras"
    model.save(path)
    samples = {"kind": integers(0, 5, 2) * 10}  # 0 and 40 are in no vocabulary
    return answers(path, in_inference(model, "kind", "flat"), samples)


def fully_convolutional(folder: Path) -> OddModel:
    """Write a Keras model whose batch, height and width are open."""
    import keras

    keras.utils.set_random_seed(10)
    layers = keras.layers
    image = keras.Input((None, None, 3), name="image")
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")(image)
    model = keras.Model(image, layers.Conv2D(1, 1, activation="sigmoid", name="mask")(x))
    path = folder / "fully_convolutional.keras"
    model.save(path)
    return answers(path, in_inference(model, "image", "mask"), {"image": floats(10, 14, 3)})


def recurrent(folder: Path) -> OddModel:
    """Write one Keras model of all recurrent kinds over an open number of steps."""
    import keras

    keras.utils.set_random_seed(11)
    layers = keras.layers
    steps = keras.Input((None, 3), name="steps")
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True), name="both_ways")(steps)
    x = layers.GRU(4, return_sequences=True, name="gru")(x)
    x = layers.SimpleRNN(4, name="simple")(x)
    model = keras.Model(steps, layers.Dense(1, name="next")(x))
    path = folder / "recurrent.keras"
    model.save(path)
    return answers(path, in_inference(model, "steps", "next"), {"steps": floats(5, 3)})


def transformer(folder: Path) -> OddModel:
    """Write a transformer block over embedded integer tokens, with a mask of the padding."""
    import keras

    keras.utils.set_random_seed(12)
    layers = keras.layers
    tokens = keras.Input((8,), dtype="int32", name="tokens")
    x = layers.Embedding(50, 16, mask_zero=True, name="token")(tokens)
    attended = layers.MultiHeadAttention(2, 8, dropout=0.3, name="attention")(x, x)
    x = layers.LayerNormalization(name="norm_1")(x + attended)
    hidden = layers.Dense(32, activation="gelu", name="feed_1")(x)
    x = layers.LayerNormalization(name="norm_2")(x + layers.Dense(16, name="feed_2")(hidden))
    x = layers.Dense(2, activation="softmax", name="scores")(layers.GlobalAveragePooling1D()(x))
    model = keras.Model(tokens, x)
    path = folder / "transformer.keras"
    model.save(path)
    samples = {"tokens": integers(0, 50, 8, dtype="int32")}
    samples["tokens"][:, 6:] = 0
    return answers(path, in_inference(model, "tokens", "scores"), samples)


def random_in_training(folder: Path) -> OddModel:
    """Write a Keras model full of layers that are random in training and idle after it."""
    import keras

    keras.utils.set_random_seed(13)
    layers = keras.layers
    x = image = keras.Input((8, 8, 1), name="image")
    for layer in (
        layers.RandomFlip(),
        layers.RandomRotation(0.5),
        layers.RandomZoom(0.5),
        layers.RandomTranslation(0.3, 0.3),
        layers.RandomContrast(0.5),
        layers.RandomBrightness(0.5, value_range=(0, 1)),
        layers.GaussianNoise(1.0),
        layers.GaussianDropout(0.5),
        layers.AlphaDropout(0.5),
        layers.SpatialDropout2D(0.5),
    ):
        x = layer(x)
    x = layers.Dropout(0.5)(layers.Flatten()(x))
    model = keras.Model(image, layers.Dense(3, name="scores")(x))
    path = folder / "random_in_training.keras"
    model.save(path)
    return answers(path, in_inference(model, "image", "scores"), {"image": floats(8, 8, 1)})


def beyond_select_tf(folder: Path) -> Path:
    """Write a Keras model with an operator of TensorFlow that even SELECT_TF_OPS lacks."""
    import keras

    keras.utils.set_random_seed(14)
    matrix = keras.Input((4, 4), name="matrix")
    x = keras.layers.Dense(4, name="mix")(matrix)
    path = folder / "beyond_select_tf.keras"
    keras.Model(matrix, keras.ops.erfinv(keras.ops.det(x) * 0.01), name="odd").save(path)
    return path
