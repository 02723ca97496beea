"""A `.tflite` file in LiteRT; the one module that touches its interpreter. Workers only."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from converter.errors import RuntimeModelError

Array = np.ndarray


@dataclass(frozen=True)
class Quantization:
    """How real numbers are stored: `real = (stored - zero_point) * scale`."""

    scale: float
    zero_point: int


def quantize(values: Array, how: Quantization, dtype: np.dtype[Any]) -> Array:
    """Return `clip(round(x / scale + zero_point))` in an integer dtype.

    Without the rounding the error grows tenfold; without the clip values wrap around.

    Args:
        values: Real numbers, any shape.
        how: Scale and zero point.
        dtype: `int8`, `uint8` or `int16`.
    """
    bounds = np.iinfo(dtype)
    stored = np.round(values.astype(np.float32) / np.float32(how.scale) + how.zero_point)
    return np.clip(stored, bounds.min, bounds.max).astype(dtype)


def dequantize(stored: Array, how: Quantization) -> Array:
    """Return `(q - zero_point) * scale` as float32."""
    shifted = stored.astype(np.float32) - np.float32(how.zero_point)
    return shifted * np.float32(how.scale)


class LitertModel:
    """An allocated interpreter whose tensors are reached by signature name.

    Args:
        path: The `.tflite` file.
        threads: Threads for the kernels, at least 1.

    Raises:
        RuntimeModelError: When LiteRT cannot load or allocate it.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        self._path = path
        start = time.perf_counter()
        try:
            self._interpreter = Interpreter(model_path=str(path), num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError, TypeError) as error:
            raise RuntimeModelError(_explain(path, "allocate", error), str(error)) from error
        self.init_ms = (time.perf_counter() - start) * 1e3
        self.inputs, self.outputs = self._named_tensors()
        self._own_shapes = {name: list(d["shape"]) for name, d in self.inputs.items()}
        self._batch = next((shape[0] for shape in self._own_shapes.values() if shape), 1)

    def _named_tensors(self) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
        signatures = self._interpreter.get_signature_list()
        if signatures:
            runner = self._interpreter.get_signature_runner(next(iter(signatures)))
            return runner.get_input_details(), runner.get_output_details()
        return (
            {detail["name"]: detail for detail in self._interpreter.get_input_details()},
            {detail["name"]: detail for detail in self._interpreter.get_output_details()},
        )

    @property
    def own_batch(self) -> int:
        """The batch size in the file."""
        return int(self._batch)

    def output_step(self, name: str) -> float | None:
        """Return the scale of a quantized output, None for a float one."""
        how = _quantization(self.outputs[name])
        return None if how is None else how.scale

    def set_inputs(self, inputs: Mapping[str, Array]) -> None:
        """Feed real numbers or indices; they are quantized where the input is quantized.

        Args:
            inputs: For each input name, an array of the input's current shape.

        Raises:
            RuntimeModelError: When a name is missing or a shape does not fit.
        """
        for name, detail in self.inputs.items():
            if name not in inputs:
                raise RuntimeModelError(
                    f"{self._path.name}: expected data for the input {name!r}, found "
                    f"{', '.join(inputs) or 'none'}."
                )
            values = np.asarray(inputs[name])
            how = _quantization(detail)
            dtype = np.dtype(detail["dtype"])
            if how is not None and values.dtype.kind == "f":
                values = quantize(values, how, dtype)
            try:
                self._interpreter.set_tensor(detail["index"], values.astype(dtype, copy=False))
            except (ValueError, RuntimeError) as error:
                raise RuntimeModelError(_explain(self._path, "feed", error), str(error)) from error

    def invoke(self) -> None:
        """Run one inference.

        Raises:
            RuntimeModelError: When a kernel fails.
        """
        try:
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise RuntimeModelError(_explain(self._path, "run", error), str(error)) from error

    def get_outputs(self) -> dict[str, Array]:
        """Return a copy of each output by name, dequantized to float32 where it is quantized."""
        results = {}
        for name, detail in self.outputs.items():
            stored = np.asarray(self._interpreter.get_tensor(detail["index"]))
            how = _quantization(detail)
            results[name] = stored if how is None else dequantize(stored, how)
        return results

    def resize_batch(self, batch: int) -> bool:
        """Try to run `batch` samples in one inference; on failure the own batch is kept.

        Returns:
            Whether the graph allowed it.
        """
        try:
            self._resize(batch)
        except (ValueError, RuntimeError):
            self._resize(self._batch)
            return False
        return True

    def _resize(self, batch: int) -> None:
        for name, detail in self.inputs.items():
            shape = self._own_shapes[name]
            if shape:
                self._interpreter.resize_tensor_input(detail["index"], [batch, *shape[1:]])
        self._interpreter.allocate_tensors()


def _quantization(detail: Mapping[str, Any]) -> Quantization | None:
    scale, zero_point = detail["quantization"]
    if not scale or np.dtype(detail["dtype"]).kind not in "iu":
        return None
    return Quantization(float(scale), int(zero_point))


def _explain(path: Path, step: str, error: Exception) -> str:
    text = str(error)
    verbs = {
        "allocate": "LiteRT cannot prepare the converted file",
        "feed": "the converted file does not take these inputs",
        "run": "LiteRT cannot run the converted file",
    }
    if "Select TensorFlow op" in text or "Flex" in text:
        return (
            f"{path.stem}: the file holds TensorFlow operators, which need the Flex delegate; no "
            "pip runtime has it, so it has a size but cannot be run here."
        )
    line = (text.strip().splitlines() or [type(error).__name__])[0][:200]
    return f"{path.stem}: {verbs[step]} ({line})."
