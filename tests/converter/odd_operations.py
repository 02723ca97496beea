"""Tiny seeded SavedModels with operations that TFLite lacks, or takes in a way of its own.

Each writes one below a folder and returns it. TensorFlow loads inside.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def _save(path: Path, call: Callable[[Any], Any]) -> Path:
    import tensorflow as tf

    class Odd(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 8), tf.float32, name="x")])
        def answer(self, x: Any) -> dict[str, Any]:
            with tf.name_scope("block/odd"):
                return {"y": call(x)}

    module = Odd()
    tf.saved_model.save(module, str(path), signatures=module.answer)
    return path


def _weights() -> Any:
    import tensorflow as tf

    return tf.constant(np.random.default_rng(1).normal(size=(8, 8)).astype(np.float32))


def error_function(folder: Path) -> Path:
    """Erf needs Select TF; Pow and FloorMod beside it are builtins."""
    import tensorflow as tf

    def call(x: Any) -> Any:
        mixed = x @ _weights()
        return tf.pow(tf.abs(mixed), 1.5) + tf.math.floormod(mixed, 2.0) + tf.math.erf(x)

    return _save(folder / "error_function", call)


def arc_cosine(folder: Path) -> Path:
    """Acosh and Svd are known to no set of operators; Erf beside them needs Select TF."""
    import tensorflow as tf

    def call(x: Any) -> Any:
        spread = tf.linalg.svd(tf.reshape(x, (1, 2, 4)), compute_uv=False)
        return tf.math.acosh(tf.abs(tf.math.erf(x @ _weights())) + 1.0) + tf.reduce_sum(spread)

    return _save(folder / "arc_cosine", call)


def text_inside(folder: Path) -> Path:
    """Numbers go through text, which needs Select TF."""
    import tensorflow as tf

    return _save(
        folder / "text_inside",
        lambda x: tf.cast(tf.strings.length(tf.strings.as_string(x @ _weights())), tf.float32),
    )


def loop_with_error_function(folder: Path) -> Path:
    """Erf in the body of a loop, and text before the loop: both need Select TF."""
    import tensorflow as tf

    def call(x: Any) -> Any:
        weights = _weights()

        def body(total: Any) -> tuple[Any]:
            return (total + tf.abs(tf.math.erf(x @ weights)) + 1.0,)

        start = tf.cast(tf.strings.length(tf.strings.as_string(x)), tf.float32) * 0.01
        return tf.while_loop(lambda total: tf.reduce_sum(total) < 50.0, body, (start,))[0]

    return _save(folder / "loop_with_error_function", call)


def float_kernels_only(folder: Path) -> Path:
    """Cumsum and Sin have kernels for floats alone; MatMul beside them has one for integers."""
    import tensorflow as tf

    def call(x: Any) -> Any:
        mixed = x @ _weights()
        return tf.cumsum(mixed, axis=1) + tf.math.sin(mixed)

    return _save(folder / "float_kernels_only", call)


def taken_apart(folder: Path) -> Path:
    """RFFT and Conv3D: several operators stand for the one, and floats alone for both."""
    import tensorflow as tf

    def call(x: Any) -> Any:
        cube = tf.nn.conv3d(
            tf.reshape(x @ _weights(), (1, 2, 2, 2, 1)), tf.ones((1, 1, 1, 1, 2)), [1] * 5, "SAME"
        )
        return tf.abs(tf.signal.rfft(tf.reshape(cube, (1, 16))))

    return _save(folder / "taken_apart", call)


def log_gamma(folder: Path) -> Path:
    """Lgamma is taken apart in float32; quantizing what it becomes kills the converter."""
    import tensorflow as tf

    return _save(folder / "log_gamma", lambda x: tf.math.lgamma(tf.nn.relu(x @ _weights()) + 1.0))


def wide_scatter(folder: Path) -> Path:
    """ScatterNd converts to int16x8, and LiteRT has no kernel for 16 bits of it."""
    import tensorflow as tf

    return _save(
        folder / "wide_scatter",
        lambda x: tf.scatter_nd([[0], [2]], tf.reshape(x @ _weights(), (2, 4)), (4, 4)),
    )
