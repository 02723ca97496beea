"""Tiny seeded Keras 2 models, as older scripts saved them, with what training leaves in them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tests.converter.example_models import zip_folder
from tests.converter.odd_models import (
    COUNT,
    OddModel,
    answers,
    floats,
    in_inference,
    train_a_step,
)


def keras_2_sequential(folder: Path) -> OddModel:
    """Write an `.h5` as Keras 2.3 did: depthwise with `groups`, a string loss, Adam's slots."""
    import h5py
    import tf_keras

    tf_keras.utils.set_random_seed(1)
    layers = tf_keras.layers
    model = tf_keras.Sequential(
        [
            layers.Input((8, 8, 2), name="image"),
            layers.DepthwiseConv2D(3, activation="relu", name="depthwise"),
            layers.Flatten(name="flat"),
            layers.Dense(3, activation="softmax", name="scores"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
    model.train_on_batch(floats(8, 8, 2), np.eye(3, dtype=np.float32)[np.arange(COUNT) % 3])
    path = folder / "keras_2_sequential.h5"
    model.save(path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][1]["config"]["groups"] = 1
        file.attrs["model_config"] = json.dumps(config)
    return answers(path, in_inference(model, "image", "scores"), {"image": floats(8, 8, 2)})


def keras_2_functional(folder: Path) -> OddModel:
    """Write a functional Keras 2 `.h5` of two branches with custom training state."""
    import tf_keras

    tf_keras.utils.set_random_seed(2)
    layers = tf_keras.layers
    features = layers.Input((6,), name="features")
    left = layers.Dense(8, activation="relu", name="left")(features)
    right = layers.Dense(8, activation="tanh", name="right")(features)
    joined = layers.BatchNormalization(name="norm")(layers.add([left, right]))
    model = tf_keras.Model(features, layers.Dense(2, name="scores")(joined))
    slow = tf_keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    optimizer = tf_keras.optimizers.SGD(slow, momentum=0.9, nesterov=True)
    model.compile(optimizer, "mse", metrics=["mae"], loss_weights=[0.5], run_eagerly=True)
    train_a_step(model, 6, 2)
    path = folder / "keras_2_functional.h5"
    model.save(path)
    return answers(path, in_inference(model, "features", "scores"), {"features": floats(6)})


def keras_2_mixed(folder: Path) -> OddModel:
    """Write a Keras 2 `.h5` in mixed float16, whose loss-scale optimizer keeps state."""
    import tf_keras

    tf_keras.utils.set_random_seed(3)
    layers = tf_keras.layers
    features = layers.Input((6,), name="features")
    x = layers.Dense(8, activation="relu", dtype="mixed_float16", name="hidden")(features)
    model = tf_keras.Model(features, layers.Dense(2, dtype="float32", name="scores")(x))
    optimizer = tf_keras.mixed_precision.LossScaleOptimizer(tf_keras.optimizers.Adam())
    model.compile(optimizer, "mse", run_eagerly=True)
    train_a_step(model, 6, 2)
    path = folder / "keras_2_mixed.h5"
    model.save(path)
    return answers(path, in_inference(model, "features", "scores"), {"features": floats(6)})


def keras_2_export(folder: Path) -> OddModel:
    """Write a zip, as a Mac packs it, of a Keras 2 SavedModel with its optimizer's slots."""
    import tf_keras

    tf_keras.utils.set_random_seed(7)
    features = tf_keras.Input((5,), name="features")
    hidden = tf_keras.layers.Dense(8, activation="relu", name="hidden")(features)
    model = tf_keras.Model(features, tf_keras.layers.Dense(2, name="scores")(hidden))
    model.compile("adam", "mse", run_eagerly=True)
    train_a_step(model, 5, 2)
    model.save(folder / "export", save_format="tf")
    path = zip_folder(
        folder / "export",
        folder / "keras_2_export.zip",
        "my model/",
        {"__MACOSX/my model/._saved_model.pb": b"junk", "my model/.DS_Store": b"junk"},
    )
    return answers(path, in_inference(model, "features", "scores"), {"features": floats(5)})
