"""Tiny sound models and data files in every format: what mutation starts from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.converter import example_models
from tests.fuzz.attack import Case

IMAGE_MODEL = "pooled.keras"
TABLE_MODEL = "mlp.keras"


def build_usual(folder: Path) -> Iterator[Case]:
    """Write all of them and yield a case for each, models first."""
    yield from _keras_files(folder)
    yield from _graph_files(folder)
    yield from _tflite_files(folder)
    yield from _data_files(folder)


def _case(kind: str, path: Path, **more: object) -> Case:
    return Case(format=kind, label="as it was saved", path=path, name=path.name, **more)


def _keras_files(folder: Path) -> Iterator[Case]:
    import keras
    import tf_keras

    mlp = example_models.make_mlp(keras)
    mlp.save(folder / TABLE_MODEL)
    yield _case(".keras", folder / TABLE_MODEL)
    example_models.make_pooled().save(folder / IMAGE_MODEL)
    yield _case(".keras", folder / IMAGE_MODEL)
    mlp.save(folder / "keras3.h5")
    yield _case("Keras 3 .h5", folder / "keras3.h5")
    example_models.make_mlp(tf_keras).save(folder / "keras2.h5")
    yield _case("Keras 2 .h5", folder / "keras2.h5")


def _graph_files(folder: Path) -> Iterator[Case]:
    import tensorflow as tf

    keras3 = folder / "exported"
    example_models.make_pooled().export(keras3, verbose=False)
    yield _case("SavedModel", example_models.zip_folder(keras3, folder / "keras3.zip", "m/"))

    class Two(tf.Module):
        def __init__(self):
            super().__init__()
            self.weights = tf.Variable(tf.random.stateless_normal((4, 3), (1, 2)), name="weights")

        @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32, name="features")])
        def scores(self, features):
            return {"scores": tf.nn.softmax(features @ self.weights)}

        @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32, name="features")])
        def sums(self, features):
            return {"sum": tf.reduce_sum(features @ self.weights, axis=-1)}

    module, several = Two(), folder / "several"
    signatures = {"serving_default": module.scores, "sums": module.sums}
    tf.saved_model.save(module, str(several), signatures=signatures)
    zipped = example_models.zip_folder(several, folder / "several.zip")
    yield _case("SavedModel, several signatures", zipped)
    zipped = example_models.zip_folder(_save_tf1(folder / "tf1"), folder / "tf1.zip", "export/1/")
    yield _case("SavedModel, TF 1", zipped)

    weights = np.random.default_rng(3).normal(size=(4, 3)).astype(np.float32)

    def call(features):
        return tf.nn.softmax(features @ weights, name="scores")

    frozen = folder / "frozen.pb"
    yield _case(
        "frozen .pb", example_models.save_frozen_graph(call, {"features": (None, 4)}, frozen)
    )


def _save_tf1(folder: Path) -> Path:
    import tensorflow.compat.v1 as tf1

    with tf1.Graph().as_default(), tf1.Session() as session:
        tf1.set_random_seed(1)
        x = tf1.placeholder(tf1.float32, [None, 4], "x")
        y = tf1.nn.softmax(x @ tf1.get_variable("w", [4, 2]))
        session.run(tf1.global_variables_initializer())
        tf1.saved_model.simple_save(session, str(folder), {"x": x}, {"y": y})
    return folder


def _tflite_files(folder: Path) -> Iterator[Case]:
    import tensorflow as tf

    for name in ("float", "int8"):
        converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "exported"))
        if name == "int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: (
                [image[None]] for image in example_models.images(4)
            )
        path = folder / f"{name}.tflite"
        path.write_bytes(converter.convert())
        yield _case(f".tflite, {name}", path)


def _data_files(folder: Path) -> Iterator[Case]:
    random = np.random.default_rng(5)
    table, labels = random.normal(size=(12, 4)).astype(np.float32), np.arange(12) % 2
    np.savez_compressed(folder / "data.npz", x=table, y=labels)
    np.save(folder / "data.npy", table)
    lines = ["a,b,c,d,label"]
    lines += [",".join([*map(str, row), str(y)]) for row, y in zip(table, labels, strict=True)]
    (folder / "data.csv").write_text("\n".join(lines) + "\n")
    for name in (".npz", ".npy", ".csv"):
        yield _case(name, folder / f"data{name}", is_data=True, model=folder / TABLE_MODEL)
    images = _image_zip(folder)
    yield _case("zip of images", images, is_data=True, model=folder / IMAGE_MODEL)


def _image_zip(folder: Path) -> Path:
    from PIL import Image

    pictures = folder / "pictures"
    for index, suffix in enumerate(["png", "jpg", "bmp", "gif", "png", "jpg"] * 2):
        place = pictures / ("cat", "dog", "bird")[index % 3]
        place.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(index).integers(0, 255, (9, 9, 3), np.uint8)
        Image.fromarray(pixels).save(place / f"{index}.{suffix}")
    return example_models.zip_folder(pictures, folder / "pictures.zip")
