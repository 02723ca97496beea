"""Tiny seeded SavedModels: of TensorFlow 1, with state, tables, scalars, and what TFLite lacks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.converter.odd_models import Arrays, OddModel, answers, floats, integers


def tf1_simple(folder: Path) -> OddModel:
    """Write a SavedModel by TensorFlow 1's `simple_save`: graph mode, reference variables."""
    import tensorflow as tf

    v1 = tf.compat.v1
    path = folder / "tf1_simple"
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(5)
        image = v1.placeholder(tf.float32, (None, 6, 6, 1), name="image")
        kernel = v1.get_variable("conv/kernel", (3, 3, 1, 4), use_resource=True)
        hidden = tf.nn.relu(tf.nn.conv2d(image, kernel, 1, "SAME"))
        flat = tf.reshape(hidden, (-1, 6 * 6 * 4))
        weights = v1.get_variable("fc/weights", (6 * 6 * 4, 3), use_resource=False)
        scores = tf.nn.softmax(flat @ weights, name="scores")
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(path), {"image": image}, {"scores": scores})
        samples = {"image": floats(6, 6, 1)}
        return answers(
            path, lambda one: {"scores": session.run(scores, {image: one["image"]})}, samples
        )


def tf1_builder(folder: Path) -> OddModel:
    """Write a SavedModel by TensorFlow 1's builder, with an initializer and the training's step."""
    import tensorflow as tf

    v1 = tf.compat.v1
    path = folder / "tf1_builder"
    builder = v1.saved_model.builder.SavedModelBuilder(str(path))
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(6)
        features = v1.placeholder(tf.float32, (None, 4), name="features")
        step = v1.get_variable("global_step", (), tf.int64, v1.zeros_initializer())
        weights = v1.get_variable("weights", (4, 2), use_resource=False)
        result = tf.add(features @ weights, 1.0, name="result")
        session.run(v1.global_variables_initializer())
        session.run(v1.assign_add(step, 41))
        signature = v1.saved_model.predict_signature_def({"features": features}, {"out": result})
        builder.add_meta_graph_and_variables(
            session,
            [v1.saved_model.tag_constants.SERVING],
            signature_def_map={"serving_default": signature},
            main_op=v1.tables_initializer(),
            strip_default_attrs=True,
        )
        builder.save()
        samples = {"features": floats(4)}
        return answers(
            path, lambda one: {"out": session.run(result, {features: one["features"]})}, samples
        )


def stateful_module(folder: Path) -> OddModel:
    """Write a SavedModel that counts its calls, from 3 on, and adds the count to its answer."""
    import tensorflow as tf

    class Counter(tf.Module):
        def __init__(self) -> None:
            super().__init__(name="counter")
            self.weights = tf.Variable(tf.random.stateless_normal((3, 2), (1, 2)))
            self.calls = tf.Variable(3.0, trainable=False)

        @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, name="x")])
        def count(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
            seen = self.calls.assign_add(1.0)
            return {"y": x @ self.weights * seen, "calls": tf.identity(seen)}

    module = Counter()
    path = folder / "stateful_module"
    tf.saved_model.save(module, str(path), signatures=module.count)

    def from_the_start(one: Arrays) -> Arrays:
        module.calls.assign(3.0)
        return module.count(one["x"])

    return answers(path, from_the_start, {"x": floats(3)})


def integer_lookup(folder: Path) -> OddModel:
    """Write a SavedModel that looks integers up in static tables: floats and integers come out."""
    import tensorflow as tf

    class Prices(tf.Module):
        def __init__(self) -> None:
            super().__init__(name="prices")
            keys = tf.constant([7, 8, 9, -3], tf.int64)
            self.prices, self.shelves = (
                tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), none)
                for values, none in (
                    (tf.constant([1.0, 2.5, 3.0, 9.0]), 0.5),
                    (tf.constant([5, 6, 7, 2**40], tf.int64), -1),
                )
            )

        @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.int64, name="articles")])
        def price(self, articles: tf.Tensor) -> dict[str, tf.Tensor]:
            return {
                "total": tf.reduce_sum(self.prices.lookup(articles), -1),
                "shelf": self.shelves.lookup(articles),
            }

    module = Prices()
    path = folder / "integer_lookup"
    tf.saved_model.save(module, str(path), signatures=module.price)
    samples = {"articles": np.array([-3, 0, 7, 8, 9, 2**33])[integers(0, 6, 4)]}
    return answers(path, lambda one: module.price(one["articles"]), samples)


def scalar_output(folder: Path) -> OddModel:
    """Write a SavedModel of a scalar input that answers one number, and a vector beside it."""
    import tensorflow as tf

    class Scalar(tf.Module):
        @tf.function(
            input_signature=[
                tf.TensorSpec((None, 4), tf.float32, name="x"),
                tf.TensorSpec((), tf.float32, name="gain"),
            ]
        )
        def total(self, x: tf.Tensor, gain: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"total": tf.reduce_sum(x) * gain, "each": tf.reduce_sum(x, -1)}

    module = Scalar()
    path = folder / "scalar_output"
    tf.saved_model.save(module, str(path), signatures=module.total)
    samples = {"x": floats(4), "gain": floats()}
    return answers(path, lambda one: module.total(one["x"], one["gain"][0]), samples)


def beyond_tflite(folder: Path) -> Path:
    """Write a SavedModel with an operator that only TensorFlow has, inside a named scope."""
    import tensorflow as tf

    class Spread(tf.Module):
        def __init__(self) -> None:
            super().__init__(name="spread")
            self.weights = tf.Variable(tf.random.stateless_normal((4, 4), (3, 4)))

        @tf.function(input_signature=[tf.TensorSpec((None, 4, 4), tf.float32, name="x")])
        def volume(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
            with tf.name_scope("encoder/whiten"):
                return {"volume": tf.linalg.det(x @ self.weights)}

    module = Spread()
    path = folder / "beyond_tflite"
    tf.saved_model.save(module, str(path), signatures=module.volume)
    return path


def text_model(folder: Path) -> Path:
    """Write a SavedModel whose only input is text."""
    import tensorflow as tf

    class Length(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
        def length(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"length": tf.cast(tf.strings.length(text), tf.float32)}

    module = Length()
    path = folder / "text_model"
    tf.saved_model.save(module, str(path), signatures=module.length)
    return path


def without_signature(folder: Path) -> Path:
    """Write a SavedModel of a function that nobody declared to be a signature."""
    import tensorflow as tf

    class Bare(tf.Module):
        @tf.function
        def double(self, x: tf.Tensor) -> tf.Tensor:
            return x * 2.0

    module = Bare()
    module.double(tf.ones(2))
    path = folder / "without_signature"
    tf.saved_model.save(module, str(path))
    return path
