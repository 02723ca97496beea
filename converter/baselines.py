"""The ways to call a TensorFlow model, all of which people take for its speed."""

from __future__ import annotations

PREDICT, CALL, FUNCTION, XLA = "predict", "call", "function", "xla"

BASELINES = {
    PREDICT: "model.predict(x): a loop for data sets, started anew for one sample",
    CALL: "model(x): eager, one operator after the other from Python",
    FUNCTION: "tf.function: the traced graph",
    XLA: "tf.function(jit_compile=True): compiled by XLA",
}
