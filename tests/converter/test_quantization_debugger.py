"""Layers agree with TensorFlow's own QuantizationDebugger on the figures that both have."""

from __future__ import annotations

import math

import numpy as np
import pytest

from converter.layer_drift import OpenFile, measure_layer_drift
from converter.tensor_binding import Binding

SAMPLES = 24


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """A float32 file, its int8 file, and the debugger's statistics of each layer, run whole."""
    import tensorflow as tf
    from tensorflow.lite.python.convert import mlir_quantize

    folder = tmp_path_factory.mktemp("debugger")
    random = np.random.default_rng(4)
    weights = [tf.constant(random.normal(size=s).astype("f4") / 3)
               for s in ((3, 3, 1, 6), (1, 1, 6, 4))]

    @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 1), tf.float32, name="image")])
    def call(image):
        hidden = tf.nn.relu(tf.nn.conv2d(image, weights[0], 1, "SAME"))
        hidden = tf.nn.conv2d(hidden, weights[1], 1, "SAME")
        return {"y": tf.reduce_mean(hidden, axis=(1, 2))}

    module = tf.Module()
    module.call = call
    saved = str(folder / "saved")
    tf.saved_model.save(module, saved, signatures=call.get_concrete_function())
    images = random.uniform(-1, 1, (SAMPLES, 8, 8, 1)).astype("f4")

    def converter():
        made = tf.lite.TFLiteConverter.from_saved_model(saved)
        made.optimizations = [tf.lite.Optimize.DEFAULT]
        made.representative_dataset = lambda: ({"image": i[None]} for i in images)
        return made

    plain = tf.lite.TFLiteConverter.from_saved_model(saved)
    (folder / "float32.tflite").write_bytes(plain.convert())
    (folder / "int8.tflite").write_bytes(converter().convert())
    calibrating = converter()
    calibrating._experimental_calibrate_only = True
    whole = mlir_quantize(calibrating.convert(), enable_numeric_verify=True,
                          enable_whole_model_verify=True)
    debugger = tf.lite.experimental.QuantizationDebugger(
        quant_debug_model_content=whole, debug_dataset=lambda: ([i[None]] for i in images)
    )
    # By itself it takes the default kernels, XNNPACK's, which round a few values the other way: the
    # figures then differ by up to 3 %, and what is compared is the kernels.
    kernels = tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    debugger._quant_interpreter = tf.lite.Interpreter(
        model_content=whole, experimental_op_resolver_type=kernels
    )
    debugger._initialize_stats()
    debugger.run()
    return folder, images, _statistics(debugger)


def _statistics(debugger):
    interpreter = debugger._quant_interpreter
    found = {}
    for operator in interpreter._get_ops_details():
        if operator["op_name"] == "NumericVerify":
            name = interpreter._get_tensor_details(operator["inputs"][0], 0)["name"]
            verified = interpreter._get_tensor_details(operator["outputs"][0], 0)["name"]
            found[name] = debugger.layer_statistics[verified]
    return found


def test_accumulated_errors_are_the_debuggers(converted):
    folder, images, statistics = converted
    files = [OpenFile(folder / f"{name}.tflite", Binding(label=name))
             for name in ("float32", "int8")]
    drift = measure_layer_drift(*files, {"image": images})
    assert drift.samples == SAMPLES
    layers = {layer.tensor: layer.accumulated for layer in drift.layers}
    assert len(statistics) == 3
    for name, theirs in statistics.items():
        # Its model holds the float operators too, so a quantized one's name gets a 1 behind it.
        mine = layers[name if name in layers else name.removesuffix("1")]
        # The mean of equally large samples is the mean of all values.
        assert mine.values == theirs["num_elements"] * SAMPLES
        # Its sums are taken in float32.
        assert mine.rmse == pytest.approx(math.sqrt(theirs["mean_squared_error"]), rel=1e-5)
        assert mine.mean_error == pytest.approx(theirs["mean_error"], abs=1e-5 * mine.rmse)
        assert mine.max_abs_error >= theirs["max_abs_error"]  # theirs: the mean of the maxima
