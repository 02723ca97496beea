"""Tiny seeded models in every format that a person may bring; workers' libraries load inside."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

IMAGE = (8, 8, 1)


def make_cnn(*, augmented: bool = True):
    """Return a Keras 3 classifier with frozen statistics and dropout.

    With augmentation it must be called with `training=False`: a call without it flips images at
    random, and Keras exports it so.
    """
    import keras

    keras.utils.set_random_seed(7)
    layers = keras.layers
    image = keras.Input(IMAGE, name="image")
    x = layers.RandomFlip(name="flip")(image) if augmented else image
    x = layers.Conv2D(16, 3, padding="same", activation="relu", name="conv")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.DepthwiseConv2D(3, padding="same", activation="relu6", name="depthwise")(x)
    x = layers.Flatten(name="flat")(x)
    x = layers.Dropout(0.5, name="drop")(x)
    x = layers.Dense(3, activation="softmax", name="probabilities")(x)
    model = keras.Model(image, x, name="cnn")
    random = np.random.default_rng(7)
    model.get_layer("norm").moving_mean.assign(random.normal(size=16) * 0.1)
    model.get_layer("norm").moving_variance.assign(random.random(16) + 0.5)
    return model


def make_pooled():
    """Return a Keras 3 classifier that runs at any batch even when it is frozen at one.

    `Flatten`, frozen at batch 1, becomes a reshape to exactly one sample.
    """
    import keras

    keras.utils.set_random_seed(10)
    layers = keras.layers
    image = keras.Input(IMAGE, name="image")
    x = layers.Conv2D(8, 3, strides=2, activation="relu", name="conv")(image)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(3, activation="softmax", name="probabilities")(x)
    return keras.Model(image, x, name="pooled")


def make_two_by_two():
    """Return a Keras 3 model with two named inputs and two named outputs, given as dicts."""
    import keras

    keras.utils.set_random_seed(8)
    # Names whose alphabetical order is not the model's own.
    zebra = keras.Input((3,), name="zebra")
    apple = keras.Input((2,), name="apple")
    joined = keras.layers.Concatenate()([zebra, apple])
    hidden = keras.layers.Dense(40, activation="relu", name="hidden")(joined)
    kind = keras.layers.Dense(3, activation="softmax", name="kind")(hidden)
    amount = keras.layers.Dense(1, name="amount")(hidden)
    return keras.Model(
        {"zebra": zebra, "apple": apple}, {"kind": kind, "amount": amount}, name="two_by_two"
    )


def make_mlp(module, hidden: int = 16):
    """Return a small model of Keras 3 (`keras`) or Keras 2 (`tf_keras`) with optimizer state."""
    module.utils.set_random_seed(9)
    layers = module.layers
    features = module.Input((4,), name="features")
    x = layers.Dense(hidden, activation="relu", name="hidden")(features)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Dense(2, activation="softmax", name="scores")(x)
    model = module.Model(features, x, name="mlp")
    model.compile(optimizer=module.optimizers.Adam(), loss="mse")
    model.optimizer.build(model.trainable_variables)
    return model


def images(count: int, seed: int = 0) -> np.ndarray:
    """Return seeded images for `make_cnn`."""
    return np.random.default_rng(seed).random((count, *IMAGE), dtype=np.float32)


def zip_folder(folder: Path, target: Path, prefix: str = "", extra: dict[str, bytes] | None = None):
    """Pack a folder below a prefix, beside what else a packer adds."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, prefix + file.relative_to(folder).as_posix())
        for name, content in (extra or {}).items():
            archive.writestr(name, content)
    return target


def save_frozen_graph(call, specs: dict[str, tuple], path: Path) -> Path:
    """Write a function as a frozen graph; `specs` gives each input's shape."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    arguments = {n: tf.TensorSpec(shape, tf.float32, name=n) for n, shape in specs.items()}
    traced = tf.function(lambda **kw: call(**kw), autograph=False).get_concrete_function(
        **arguments
    )
    frozen = convert_variables_to_constants_v2(traced)
    path.write_bytes(frozen.graph.as_graph_def().SerializeToString())
    return path
