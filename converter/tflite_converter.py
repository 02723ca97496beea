"""One conversion by TFLiteConverter; the one module that touches it. Workers only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.lite.python.convert import ConverterError

from converter.errors import ConversionError
from converter.recipe import Recipe
from converter.shared_calibration import CalibrationMemory, sharing_calibration


def convert(
    saved_model: Path,
    recipe: Recipe,
    calibration: Mapping[str, np.ndarray],
    batch: int,
    memory: CalibrationMemory,
) -> bytes:
    """Convert a frozen SavedModel by a recipe.

    Args:
        saved_model: The folder that `float_model.freeze` wrote.
        recipe: What is asked.
        calibration: Samples by input name, shape `(samples, ...)`; unused unless the recipe
            calibrates.
        batch: The batch size that the graph is fixed to.
        memory: Calibration statistics of the same graph and samples from earlier recipes.

    Returns:
        The `.tflite` file.

    Raises:
        ConversionError: When the converter refuses, or there are no samples to calibrate with.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(saved_model), signature_keys=["serving_default"]
    )
    apply_recipe(converter, recipe)
    if recipe.calibrate:
        check_calibration(recipe, calibration)
        converter.representative_dataset = lambda: representative_samples(calibration, batch)
    try:
        with sharing_calibration(memory):
            content: bytes = converter.convert()
    except ConverterError as error:
        raise explain_converter_error(recipe, error) from error
    except (ValueError, RuntimeError, TypeError, KeyError) as error:
        line = (str(error).strip().splitlines() or ["no reason given"])[0][:200]
        raise ConversionError(
            f"{recipe.name}: TFLiteConverter refused the model ({line}).", str(error)
        ) from error
    return content


def apply_recipe(converter: tf.lite.TFLiteConverter, recipe: Recipe) -> None:
    """Set a converter's flags, all but the calibration samples."""
    converter.optimizations = [getattr(tf.lite.Optimize, name) for name in recipe.optimizations]
    converter.target_spec.supported_ops = [
        getattr(tf.lite.OpsSet, name) for name in recipe.supported_ops
    ]
    if recipe.supported_types:
        converter.target_spec.supported_types = [
            tf.as_dtype(name) for name in recipe.supported_types
        ]
    converter.inference_input_type = tf.as_dtype(recipe.inference_input_type)
    converter.inference_output_type = tf.as_dtype(recipe.inference_output_type)
    converter.allow_custom_ops = recipe.allow_custom_ops
    # The two per-channel switches have no public name yet; see TFLiteConverterBase.
    converter._experimental_disable_per_channel = not recipe.per_channel
    converter._experimental_disable_per_channel_quantization_for_dense_layers = (
        not recipe.per_channel_dense
    )


def check_calibration(recipe: Recipe, calibration: Mapping[str, np.ndarray]) -> None:
    """Refuse calibration samples that the quantizer would take and make nonsense of.

    Raises:
        ConversionError: When there are none, or one holds NaN or infinity (an empty or NaN set
            silently gives a float file, infinity kills the process: tensorflow#120295).
    """
    if not calibration or not len(next(iter(calibration.values()))):
        raise ConversionError(
            f"{recipe.name}: calibration needs at least one sample, found none; give more data or "
            "ask for calibration samples."
        )
    for name, array in calibration.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ConversionError(
                f"{recipe.name}: the calibration samples of input {name} hold NaN or infinity, "
                "which no scale can represent; clean the data."
            )


def representative_samples(
    calibration: Mapping[str, np.ndarray], batch: int
) -> Iterator[dict[str, np.ndarray]]:
    """Yield one dict of inputs, each of `batch` samples, by name as the quantizer needs them."""
    samples = len(next(iter(calibration.values())))
    for start in range(0, max(samples - batch, 0) + 1, batch):
        chunk = {name: array[start : start + batch] for name, array in calibration.items()}
        yield {
            name: np.concatenate([a, np.repeat(a[-1:], batch - len(a), axis=0)])
            if len(a) < batch
            else np.ascontiguousarray(a)
            for name, a in chunk.items()
        }


_NEEDS_FLEX = 1
_NEEDS_CUSTOM = 2


def explain_converter_error(recipe: Recipe, error: ConverterError) -> ConversionError:
    """Turn the converter's pages of text into a sentence; the text is kept as `details`."""
    text = str(error)
    flex = _listed_operators(text, "TF Select ops")
    custom = _listed_operators(text, "Custom ops")
    for item in getattr(error, "errors", []):
        if item.error_code == _NEEDS_FLEX:
            flex.append(item.operator.name)
        elif item.error_code == _NEEDS_CUSTOM:
            custom.append(item.operator.name)
    flex, custom = sorted({_short(n) for n in flex}), sorted({_short(n) for n in custom})
    if flex:
        return ConversionError(
            f"{recipe.name}: TFLite has no builtin operator for {', '.join(flex)}; switch on "
            "SELECT_TF_OPS (such a file needs a runtime with the Flex delegate) or replace it in "
            "the model.",
            text,
        )
    if custom:
        return ConversionError(
            f"{recipe.name}: neither TFLite nor its TensorFlow operators know {', '.join(custom)}; "
            "allow custom ops and supply a kernel, or replace it in the model.",
            text,
        )
    return ConversionError(
        f"{recipe.name}: TFLiteConverter refused the model ({_first_error(text)}).", text
    )


def _short(name: str) -> str:
    return name.removeprefix("tf.").strip()


def _listed_operators(text: str, heading: str) -> list[str]:
    found = re.search(rf"{heading}: ([^\n]+)", text)
    return [name for name in found.group(1).split(",") if name.strip()] if found else []


def _first_error(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = next((line for line in lines if "error:" in line), lines[0] if lines else "no reason")
    return found.split("error:", 1)[-1].strip()[:200]
