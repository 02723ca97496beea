"""Integer variants out of TFLiteConverter's own float32 file, without the model. Workers only.

TFLiteConverter quantizes in two steps: it converts to a float file, then calibrates and quantizes
that. The second step alone, on a run's float32 file, gives the very content that the whole gives (a
test holds it), so that other calibration samples cost neither the model's code nor another freeze.

This reaches below TensorFlow's public interface, in this module and `shared_calibration` only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tensorflow.compiler.mlir.lite.debug import debug_options_pb2
from tensorflow.lite.python import lite

from converter.calibration_samples import check_calibration, representative_samples
from converter.errors import ConversionError
from converter.recipe import Recipe
from converter.tflite_converter import apply_recipe


class FloatFileConverter:
    """Quantizes one float file of TFLiteConverter's.

    Args:
        source: The file.
        batch: The batch size that it is fixed to.
    """

    def __init__(self, source: Path, batch: int) -> None:
        self._content = source.read_bytes()
        self._batch = batch

    def quantize(self, recipe: Recipe, calibration: Mapping[str, np.ndarray]) -> bytes:
        """Return the file calibrated and quantized by a recipe that calibrates.

        Args:
            recipe: What is asked.
            calibration: Samples by input name, shape `(samples, ...)`.

        Raises:
            ConversionError: When the converter refuses, or the samples are no good.
        """
        check_calibration(recipe.name, calibration)
        converter = lite.TFLiteConverterBase()
        apply_recipe(converter, recipe)
        converter.representative_dataset = lite.RepresentativeDataset(
            lambda: representative_samples(calibration, self._batch)
        )
        mode = lite.QuantizationMode(
            converter.optimizations,
            converter.target_spec,
            converter.representative_dataset,
            None,
            disable_per_channel=not recipe.per_channel,
        )
        try:
            return bytes(
                converter._optimize_tflite_model(
                    self._content, mode, debug_options_pb2.DebugOptions(), quant_io=True
                )
            )
        except (ValueError, RuntimeError, TypeError, KeyError) as error:
            line = (str(error).strip().splitlines() or ["no reason given"])[0][:200]
            raise ConversionError(
                f"{recipe.name}: TFLiteConverter refused to quantize the float32 file ({line}).",
                str(error),
            ) from error
