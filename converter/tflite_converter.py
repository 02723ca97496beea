"""One conversion by TFLiteConverter; the one module that touches it. Workers only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.lite.python.convert import ConverterError

from converter.calibration_samples import check_calibration, representative_samples
from converter.errors import ConversionError
from converter.operator_places import name_with_places, operator_place, without_location
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
        check_calibration(recipe.name, calibration)
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


_NEEDS_FLEX = 1
_NEEDS_CUSTOM = 2
_OTHER_PRECISIONS = {"bf16": "bfloat16", "f16": "float16", "f64": "float64"}
_IN_FLOAT32 = "save the model in float32, which TFLite's kernels compute in, or "


def explain_converter_error(recipe: Recipe, error: ConverterError) -> ConversionError:
    """Turn the converter's pages of text into a sentence; the text is kept as `details`."""
    text = str(error)
    flex = dict.fromkeys(_listed_operators(text, "TF Select ops"), frozenset[str]())
    custom = dict.fromkeys(_listed_operators(text, "Custom ops"), frozenset[str]())
    for item in getattr(error, "errors", []):
        kind = {_NEEDS_FLEX: flex, _NEEDS_CUSTOM: custom}.get(item.error_code)
        if kind is not None:
            name = _short(item.operator.name)
            kind[name] = kind.get(name, frozenset()) | {operator_place(_location(item), name)}
    precisions = {name: _other_precision(text, name) for name in (*flex, *custom)}
    for_flex, for_custom = (
        ", ".join(
            name_with_places(f"{name}{precisions[name]}", places)
            for name, places in sorted(kind.items())
        )
        for kind in (flex, custom)
    )
    in_float32 = _IN_FLOAT32 if any(precisions.values()) else ""
    if flex and custom:
        reason = (
            f"TFLite has no builtin operator for {for_flex}, and not even its TensorFlow operators "
            f"know {for_custom}; replace them in the model, because SELECT_TF_OPS would help with "
            "the former only."
        )
    elif flex:
        reason = (
            f"TFLite has no builtin operator for {for_flex}; {in_float32}switch on "
            "SELECT_TF_OPS (such a file needs a runtime with the Flex delegate) or replace it in "
            "the model."
        )
    elif custom:
        reason = (
            f"neither TFLite nor its TensorFlow operators know {for_custom}; allow custom ops and "
            "supply a kernel, or replace it in the model."
        )
    else:
        reason = f"TFLiteConverter refused the model ({_first_error(text)})."
    return ConversionError(f"{recipe.name}: {reason}", text)


def _location(item: Any) -> str:  # noqa: ANN401 - a protobuf of the converter's
    """Return the innermost name of the place where an error arose."""
    calls = getattr(getattr(item, "location", None), "call", ())
    return str(calls[0].name) if calls else ""


def _short(name: str) -> str:
    return name.removeprefix("tf.").strip()


def _other_precision(text: str, operator: str) -> str:
    """Return in which precision other than float32 a refused operator computes, or nothing."""
    shown = re.search(rf'"tf\.{re.escape(operator)}"\([^\n]* : \(([^\n]*)', text)
    found = re.search(rf"x?({'|'.join(_OTHER_PRECISIONS)})[,>]", shown.group(1)) if shown else None
    return f" in {_OTHER_PRECISIONS[found.group(1)]}" if found else ""


def _listed_operators(text: str, heading: str) -> list[str]:
    found = re.search(rf"{heading}: ([^\n]+)", text)
    names = found.group(1).split(",") if found else []
    return [_short(name) for name in names if name.strip()]


def _first_error(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = next((line for line in lines if "error:" in line), lines[0] if lines else "no reason")
    message, place = without_location(found.split("error:", 1)[-1].strip())
    return message[:200] + (f", at {place[:100]!r}" if place else "")
