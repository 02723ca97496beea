"""Tiny models, each built once a session in the format that its name says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.converter import example_models

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

# The same examples in every run: a failure means that the code has changed, not the dice.
settings.register_profile("litedrift", derandomize=True, deadline=None)
settings.load_profile("litedrift")


@pytest.fixture(scope="session")
def models_folder(tmp_path_factory) -> Path:
    """Where the models of this session lie."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def cnn():
    """The Keras 3 classifier itself."""
    return example_models.make_cnn()


@pytest.fixture(scope="session")
def keras_file(cnn, models_folder) -> Path:
    """The classifier as `.keras`, without optimizer."""
    path = models_folder / "cnn.keras"
    cnn.save(path)
    return path


@pytest.fixture(scope="session")
def mlp():
    """A Keras 3 model with optimizer state."""
    import keras

    return example_models.make_mlp(keras)


@pytest.fixture(scope="session")
def mlp_keras_file(mlp, models_folder) -> Path:
    """The model with optimizer state as `.keras`."""
    path = models_folder / "mlp.keras"
    mlp.save(path)
    return path


@pytest.fixture(scope="session")
def mlp_h5_file(mlp, models_folder) -> Path:
    """The model with optimizer state as Keras 3's `.h5`."""
    path = models_folder / "mlp.h5"
    mlp.save(path)
    return path


@pytest.fixture(scope="session")
def keras2_mlp():
    """A Keras 2 model with optimizer state."""
    import tf_keras

    return example_models.make_mlp(tf_keras)


@pytest.fixture(scope="session")
def keras2_h5_file(keras2_mlp, models_folder) -> Path:
    """The Keras 2 model as `.h5`."""
    path = models_folder / "keras2_mlp.h5"
    keras2_mlp.save(path)
    return path


@pytest.fixture(scope="session")
def keras2_saved_model(keras2_mlp, models_folder) -> Path:
    """The Keras 2 model as a SavedModel folder with optimizer slots."""
    path = models_folder / "keras2_saved_model"
    keras2_mlp.save(path, save_format="tf")
    return path


@pytest.fixture(scope="session")
def two_by_two():
    """The Keras 3 model with two inputs and two outputs."""
    return example_models.make_two_by_two()


@pytest.fixture(scope="session")
def two_by_two_file(two_by_two, models_folder) -> Path:
    """The model with two inputs and two outputs as `.keras`."""
    path = models_folder / "two_by_two.keras"
    two_by_two.save(path)
    return path


@pytest.fixture(scope="session")
def plain_cnn():
    """The classifier without augmentation, which can be exported."""
    return example_models.make_cnn(augmented=False)


@pytest.fixture(scope="session")
def saved_model_folder(plain_cnn, models_folder) -> Path:
    """The classifier as Keras 3 exports it."""
    path = models_folder / "exported"
    plain_cnn.export(path, verbose=False)
    return path


@pytest.fixture(scope="session")
def saved_model_zip(saved_model_folder, models_folder) -> Path:
    """The exported classifier, zipped on a Mac: one folder in, beside `__MACOSX`."""
    return example_models.zip_folder(
        saved_model_folder,
        models_folder / "exported.zip",
        "my model/",
        {"__MACOSX/my model/._saved_model.pb": b"junk", "my model/.DS_Store": b"junk"},
    )


@pytest.fixture(scope="session")
def frozen_graph_file(models_folder) -> Path:
    """`scores = softmax(features @ w + b)` and `total = sum(scores)` as a frozen graph."""
    import numpy as np
    import tensorflow as tf

    random = np.random.default_rng(3)
    weights = tf.Variable(random.normal(size=(4, 3)).astype(np.float32))
    bias = tf.Variable(random.normal(size=3).astype(np.float32))

    def call(features):
        scores = tf.nn.softmax(features @ weights + bias, name="scores")
        return scores, tf.reduce_sum(features, axis=-1, name="total")

    return example_models.save_frozen_graph(
        call, {"features": (None, 4)}, models_folder / "frozen.pb"
    )


@pytest.fixture(scope="session")
def tflite_file(saved_model_folder, models_folder) -> Path:
    """The exported classifier as a float `.tflite`."""
    import tensorflow as tf

    path = models_folder / "cnn.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(saved_model_folder)).convert())
    return path


@pytest.fixture(scope="session")
def frozen_cnn(keras_file, models_folder) -> Path:
    """The classifier frozen at batch 1 by `freezing.freeze`: what every recipe converts."""
    from converter.float_model import load_float_model
    from converter.freezing import freeze

    work = models_folder / "work"
    work.mkdir(exist_ok=True)
    model = load_float_model(keras_file, "cnn.keras", "keras", work)
    freeze(model, {"image": (1, *example_models.IMAGE)}, models_folder / "frozen_cnn")
    return models_folder / "frozen_cnn"
