"""Variants of a float `.tflite` by litert-quantizer; the one module that touches it. Workers only.

Activation ranges are the least and the greatest value that the calibration samples reach, as
TFLiteConverter takes them; the library's own default, a moving average, cuts rare large values off.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from litert_quantizer import Quantizer, calibrator, qtyping, recipe_manager
from litert_quantizer.utils import qsv_utils

from converter.calibration_samples import check_calibration, representative_samples
from converter.errors import ConversionError
from converter.quantizable_file import make_quantizable
from converter.quantizer_recipe import Rule, collecting_rule, quantizer_rules
from converter.recipe import Recipe
from converter.signature import Signature
from converter.tflite_file import read_tflite
from converter.weight_algorithms import COLLECTING

MOST_GPTQ_WIDTH = 8192
"""Inputs or outputs of a dense layer: half a gigabyte for one matrix of 64-bit numbers."""
_MODES = (
    calibrator.CalibrationMode.CALIBRATION_PROFILER_BASED,
    calibrator.CalibrationMode.CALIBRATION_PRESERVE_ALL_TENSORS,
)
"""The first is ten times faster and sees inside loops; the second stands in where it fails."""
Ranges = dict[str, Any]


class Requantizer:
    """Quantizes one float file by recipes, calibrating once for all of them.

    Args:
        source: The file.
        signature: Inputs and outputs of the run, without open sizes, in the file's order.
        key: The file's signature that the run uses; None where it has none, and gets one.
        signatures: How many signatures the file has.
    """

    def __init__(
        self, source: Path, signature: Signature, key: str | None, signatures: int = 1
    ) -> None:
        self._source = source
        self._original = source.read_bytes()
        self._content: bytes | None = None
        self._key = key or "serving_default"
        self._signature = signature
        self._signatures = signatures
        self._ranges: Ranges | None = None
        self._collected: dict[str, Ranges] = {}

    def quantize(self, recipe: Recipe, calibration: Mapping[str, np.ndarray]) -> bytes:
        """Return the file quantized by a recipe; unchanged by one that quantizes nothing.

        Args:
            recipe: What is asked.
            calibration: Samples by input name, shape `(samples, ...)`; unused unless the recipe
                calibrates.

        Raises:
            ConversionError: When litert-quantizer refuses, or there is nothing to calibrate with.
        """
        rules = quantizer_rules(recipe)
        if not rules:
            return self._original
        if recipe.needs_samples:
            check_calibration(recipe.name, calibration)
        return self.quantize_by(rules, recipe.name, calibration if recipe.needs_samples else None)

    def quantize_by(
        self,
        rules: Sequence[Rule],
        label: str,
        calibration: Mapping[str, np.ndarray] | None,
    ) -> bytes:
        """Return the file quantized by litert-quantizer's own rules.

        Args:
            rules: Of which the last that fits an operator counts.
            label: What messages call the variant.
            calibration: As for `quantize`; None where no samples are needed.

        Raises:
            ConversionError: When litert-quantizer refuses.
        """
        try:
            # It prints reports and progress bars; a worker's own output is for failures.
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(_Sink()):
                quantizer = Quantizer(self._quantizable(), rules)
                ranges = None if calibration is None else self._calibrated(quantizer, calibration)
                result = quantizer.quantize(
                    ranges, enable_progress_report=False, enable_progress_bar=False
                )
        except Exception as error:  # a KeyError for a tensor, a ValueError for a block, and so on
            raise self._explain(label, error, calibrates=calibration is not None) from error
        if result.quantized_model is None:
            raise ConversionError(f"{label}: litert-quantizer gave no file.")
        return bytes(result.quantized_model)

    def measure_ranges(self, rules: Sequence[Rule], samples: Mapping[str, np.ndarray]) -> Ranges:
        """Return least and greatest values of the tensors on some samples.

        Args:
            rules: Of the recipe that will use them.
            samples: By input name, shape `(samples, ...)`.

        Raises:
            ConversionError: When litert-quantizer cannot calibrate the file.
        """
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(_Sink()):
                return self._count_ranges(Quantizer(self._quantizable(), rules), samples)[0]
        except Exception as error:
            raise self._explain("calibration", error, calibrates=True) from error

    def quantize_with(self, rules: Sequence[Rule], label: str, ranges: Ranges) -> bytes:
        """Return the file quantized by rules, with ranges that were measured before.

        Raises:
            ConversionError: When litert-quantizer refuses.
        """
        kept, self._ranges = self._ranges, ranges
        try:
            return self.quantize_by(rules, label, {})
        finally:
            self._ranges = kept

    def _quantizable(self) -> bytes:
        if self._content is None:
            ends = (self._signature.inputs, self._signature.outputs)
            names = [[spec.name for spec in specs] for specs in ends]
            self._content = make_quantizable(self._original, *names)
        return self._content

    def _calibrated(self, quantizer: Quantizer, samples: Mapping[str, np.ndarray]) -> Ranges:
        ranges = self._ranges
        if ranges is None:
            ranges, sees_all = self._count_ranges(quantizer, samples)
            if sees_all:
                self._ranges = ranges
        return self._with_collected(quantizer, ranges, samples)

    def _with_collected(
        self, quantizer: Quantizer, ranges: Ranges, samples: Mapping[str, np.ndarray]
    ) -> Ranges:
        """Add what the rules' algorithms collect of the samples beside ranges."""
        keys = {rule["algorithm_key"] for rule in quantizer.get_quantization_recipe()}
        wanted = sorted(keys & COLLECTING.keys())
        for key in wanted:
            if key not in self._collected:
                self._collected[key] = self._collect(key, samples)
            field = COLLECTING[key]
            # Copied, because GPTQ damps the matrix that it is given, each time anew.
            joined = {
                name: {**found, **ranges.get(name, {}), field: found[field].copy()}
                for name, found in self._collected[key].items()
                if field in found
            }
            ranges = {**ranges, **joined}
        return ranges

    def _collect(self, key: str, samples: Mapping[str, np.ndarray]) -> Ranges:
        """Collect what an algorithm wants to know of every dense layer.

        The library has it in the mode that keeps all tensors alone, and by its own update.
        """
        self._check_widths(key)
        manager = recipe_manager.RecipeManager()
        manager.load_quantization_recipe([collecting_rule(key)])
        counter = calibrator.Calibrator(
            self._quantizable(), num_threads=1,
            mode=calibrator.CalibrationMode.CALIBRATION_PRESERVE_ALL_TENSORS,
        )  # fmt: skip
        counter.calibrate(self._fed(samples), manager)
        found: Ranges = counter.get_model_qsvs()
        return found

    def _check_widths(self, key: str) -> None:
        """Refuse what would take gigabytes: GPTQ has a square matrix for each layer's inputs."""
        file = read_tflite(self._source)
        widest = max(
            (
                size
                for operator in file.operators
                if operator.name == "FULLY_CONNECTED"
                for tensor in operator.inputs
                if tensor.is_constant
                for size in tensor.shape
                if size is not None
            ),
            default=0,
        )
        if key == "GPTQ" and widest > MOST_GPTQ_WIDTH:
            raise ValueError(
                f"a dense layer has {widest:,} inputs or outputs, and GPTQ needs a matrix of their "
                f"square; up to {MOST_GPTQ_WIDTH:,} are taken"
            )

    def _fed(self, samples: Mapping[str, np.ndarray]) -> dict[str, list[dict[str, Any]]]:
        return {
            self._key: [
                {spec.name: _fit(chunk[spec.name], spec.shape) for spec in self._signature.inputs}
                for chunk in representative_samples(samples, self._signature.batch_size)
            ]
        }

    def _count_ranges(
        self, quantizer: Quantizer, samples: Mapping[str, np.ndarray]
    ) -> tuple[Ranges, bool]:
        """Return ranges, and whether they are of all tensors, not of one recipe's alone."""
        fed = self._fed(samples)
        failure: Exception | None = None
        for mode in _MODES:
            try:
                counter = calibrator.Calibrator(
                    self._quantizable(),
                    num_threads=1,
                    mode=mode,
                    qsv_update_func=qsv_utils.min_max_update,
                )
                counter.calibrate(fed, quantizer._recipe_manager)
                ranges: Ranges = counter.get_model_qsvs()
            except (ValueError, RuntimeError, KeyError) as error:
                failure = failure or error
                continue
            return ranges, mode is _MODES[0]
        raise failure or ValueError("no calibration mode is left")

    def _explain(self, label: str, error: Exception, *, calibrates: bool) -> ConversionError:
        text = f"{type(error).__name__}: {error}"
        if calibrates and self._signatures > 1:
            return ConversionError(
                f"{label}: the file has {self._signatures} signatures and the samples are "
                f"for {self._key[:60]!r} alone, so the ranges of the others are not known; choose "
                "a recipe without calibration.",
                text,
            )
        line = (str(error).strip().splitlines() or ["no reason given"])[0][:200]
        return ConversionError(
            f"{label}: litert-quantizer refused the file ({type(error).__name__}: {line}).",
            text,
        )


def quantizable_operators(recipe: Recipe) -> frozenset[str]:
    """Return the operators, by TFLite's names, that litert-quantizer has a rule for in a recipe."""
    manager = recipe_manager.RecipeManager()
    manager.load_quantization_recipe(quantizer_rules(recipe))
    named = {"CONV_2D_TRANSPOSE": "TRANSPOSE_CONV"}  # the one that it calls otherwise
    return frozenset(
        named.get(operator.value, operator.value)
        for operator in qtyping.TFLOperationName
        if manager.get_quantization_configs(operator, "")[0] != "no_quantize"
    )


def join_ranges(parts: Iterable[Ranges]) -> Ranges:
    """Return the ranges of several sets of samples together: least and greatest of all."""
    joined: Ranges = {}
    for part in parts:
        for tensor, values in part.items():
            joined[tensor] = qsv_utils.min_max_update(joined.get(tensor, {}), values)
    return joined


def _fit(array: np.ndarray, shape: tuple[int | None, ...] | None) -> np.ndarray:
    """Return one batch in the input's own shape: a scalar input takes its sample alone."""
    return np.asarray(array[0]) if shape == () else array


class _Sink(io.StringIO):
    """Takes what is printed and keeps nothing: a progress bar rewrites itself without end."""

    def write(self, text: str) -> int:
        """Say that it was written."""
        return len(text)
