"""The peer: the six presets as TensorFlow's documentation shows them, one step after the other.

One `from_keras_model` for each variant, one interpreter call for each sample, `predict` for the
reference. It measures what `python -m converter run` measures: size, drift, 50 timed runs.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

RECIPES = ("float32", "dynamic_range", "float16", "int8", "int8_full", "int16x8")


def convert(model, recipe, calibration):
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if recipe != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if recipe == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if recipe.startswith("int"):

        def representative_dataset():
            for sample in calibration:
                yield [sample[None]]

        converter.representative_dataset = representative_dataset
    if recipe == "int8_full":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
    if recipe == "int16x8":
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
            tf.lite.OpsSet.TFLITE_BUILTINS,
        ]
    return converter.convert()


def evaluate(content, samples, runs):
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    input_details = interpreter.get_input_details()[0]
    output_details = interpreter.get_output_details()[0]
    outputs = []
    for sample in samples:
        value = sample[None]
        if input_details["dtype"] == np.int8:
            scale, zero_point = input_details["quantization"]
            value = np.clip(np.round(value / scale + zero_point), -128, 127)
        interpreter.set_tensor(input_details["index"], value.astype(input_details["dtype"]))
        interpreter.invoke()
        output = interpreter.get_tensor(output_details["index"])[0]
        if output_details["dtype"] == np.int8:
            scale, zero_point = output_details["quantization"]
            output = (output.astype(np.float32) - zero_point) * scale
        outputs.append(output)
    for _ in range(5):
        interpreter.invoke()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        interpreter.invoke()
        times.append(time.perf_counter() - start)
    return np.stack(outputs), float(np.median(times)) * 1e3


def time_baseline(model, sample, runs):
    function = tf.function(lambda x: model(x, training=False))
    value = tf.constant(sample[None])
    for _ in range(5):
        function(value)
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        function(value)
        times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1e3


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--calibration-samples", type=int, default=100)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    model = tf.keras.models.load_model(options.model)
    count = options.samples + options.calibration_samples
    if options.data:
        with np.load(options.data) as archive:
            data = archive["x"][:count]
    else:
        shape = (count, *model.input_shape[1:])
        data = np.random.default_rng(0).random(shape, dtype=np.float32)
    calibration, samples = np.split(data, [options.calibration_samples])
    reference = model.predict(samples, verbose=0)
    print(f"original: {time_baseline(model, samples[0], options.runs):.3f} ms")
    for recipe in RECIPES:
        content = convert(model, recipe, calibration)
        (options.out / f"{recipe}.tflite").write_bytes(content)
        try:
            outputs, median = evaluate(content, samples, options.runs)
        except RuntimeError as error:
            print(f"{recipe}: {len(content)} bytes, {error}")
            continue
        error = float(np.abs(outputs - reference).max())
        print(f"{recipe}: {len(content)} bytes, {median:.3f} ms, max error {error:.2g}")


if __name__ == "__main__":
    main()
