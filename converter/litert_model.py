"""A `.tflite` file in LiteRT; the one module that touches its interpreter. Workers only."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from converter.delegation import find_delegated
from converter.errors import ModelFileError, RuntimeModelError
from converter.heap import heap_bytes
from converter.kernels import Kernels
from converter.litert_words import CANNOT_PREPARE, CANNOT_RUN
from converter.signature import unique_names
from converter.tensor_binding import Binding
from converter.tflite_file import choose_signature

Array = np.ndarray
_RESOLVERS = {
    Kernels.DEFAULT: OpResolverType.AUTO,
    Kernels.BUILTIN: OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    Kernels.REFERENCE: OpResolverType.BUILTIN_REF,
}


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
    """An allocated interpreter whose tensors are reached by the names that the run uses.

    Args:
        path: The `.tflite` file.
        threads: Threads for the kernels, at least 1.
        binding: Signature, input sizes and names; the file's own when left out.
        kernels: Which implementations of the operators run.
        keep_tensors: Whether every tensor keeps its values after a run, for `read_tensor`; only
            without delegates, which hide what lies inside them.
        watch_heap: Whether to look into the allocator's books, for `allocated_bytes`; who times the
            loading does not.

    Attributes:
        allocated_bytes: What allocating took from the allocator; None where nobody looked or it
            does not tell.
        own_shapes: Whether the inputs have the sizes that stand in the file.

    Raises:
        RuntimeModelError: When LiteRT cannot load, resize or allocate it.
    """

    def __init__(
        self,
        path: Path,
        threads: int = 1,
        binding: Binding | None = None,
        *,
        kernels: Kernels = Kernels.DEFAULT,
        keep_tensors: bool = False,
        watch_heap: bool = False,
    ) -> None:
        self._binding = binding or Binding(label=path.stem)
        self.label = self._binding.label
        start = time.perf_counter()
        try:
            self._interpreter = Interpreter(
                model_path=str(path),
                num_threads=threads,
                experimental_op_resolver_type=_RESOLVERS[kernels],
                experimental_preserve_all_tensors=keep_tensors,
            )
            self._subgraph = self._choose_subgraph()
            wanted = self._wanted_shapes()
            self._file_tensors = int(self._native.NumTensors(self._subgraph))
            self._heap = heap_bytes() if watch_heap else None
            self._resize(wanted)
            self.allocated_bytes = self.taken_bytes()
            self.own_shapes = not wanted
        except (ValueError, RuntimeError, TypeError) as error:
            raise RuntimeModelError(_explain(self.label, "allocate", error), str(error)) from error
        self.init_ms = (time.perf_counter() - start) * 1e3
        self.inputs, self.outputs = self._named_tensors()
        self._own_shapes = {name: list(d["shape"]) for name, d in self.inputs.items()}
        self._batch = next((shape[0] for shape in self._own_shapes.values() if shape), 1)

    def _choose_subgraph(self) -> int:
        keys = list(self._interpreter.get_signature_list())
        try:
            self._key = choose_signature(keys, self._binding.signature, self.label)
        except ModelFileError as error:
            raise RuntimeModelError(str(error)) from error
        if self._key is None:
            return 0
        return int(self._interpreter._interpreter.GetSubgraphIndexFromSignature(self._key))

    def _named_tensors(self) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
        if self._key is not None:
            runner = self._interpreter.get_signature_runner(self._key)
            inputs, outputs = runner.get_input_details(), runner.get_output_details()
        else:
            inputs = _by_unique_name(self._interpreter.get_input_details(), "input")
            outputs = _by_unique_name(self._interpreter.get_output_details(), "output")
        return _renamed(inputs, self._binding.inputs), _renamed(outputs, self._binding.outputs)

    def _wanted_shapes(self) -> dict[str, list[int]]:
        """Return the run's input sizes where the file has others; refuse another rank."""
        wanted = {}
        inputs, _ = self._named_tensors()
        for name, detail in inputs.items():
            own = [int(size) for size in detail["shape"]]
            asked = self._binding.shapes.get(name, own)
            if len(asked) != len(own):
                raise RuntimeModelError(
                    f"{self.label}: expected the input {name!r} with {len(asked)} dimensions, "
                    f"found {len(own)}; give a file that was converted from this model."
                )
            if asked != own:
                wanted[name] = asked
        return wanted

    def taken_bytes(self) -> int | None:
        """Return what the process has taken from its allocator since just before allocating."""
        if self._heap is None:
            return None
        now = heap_bytes()
        return None if now is None else now - self._heap

    def scratch_sizes(self) -> list[int]:
        """Return the bytes of each tensor that kernels asked for and the file does not name."""
        return [
            math.prod(int(size) for size in d["shape"]) * np.dtype(d["dtype"]).itemsize
            for d in self._interpreter.get_tensor_details(self._subgraph)
            if d["index"] >= self._file_tensors
        ]

    def delegation(self) -> dict[str, Any] | None:
        """Return which operators the delegate took over, as `Delegation.to_json` writes it.

        LiteRT lists the nodes of the first subgraph alone; None where the signature is another's.
        """
        if self._subgraph:
            return None
        native = self._native
        nodes = range(native.NumNodes())
        return find_delegated(
            [native.NodeName(node) for node in nodes],
            [[int(t) for t in native.NodeInputs(node)] for node in nodes],
            [[int(t) for t in native.NodeOutputs(node)] for node in nodes],
        ).to_json()

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
                    f"{self.label}: expected data for the input {name!r}, found "
                    f"{', '.join(inputs) or 'none'}."
                )
            values = np.asarray(inputs[name])
            how = _quantization(detail)
            dtype = np.dtype(detail["dtype"])
            if how is not None and values.dtype.kind == "f":
                values = quantize(values, how, dtype)
            try:
                self._native.SetTensor(
                    detail["index"], values.astype(dtype, copy=False), self._subgraph
                )
            except (ValueError, RuntimeError) as error:
                raise RuntimeModelError(_explain(self.label, "feed", error), str(error)) from error

    def invoke(self) -> None:
        """Run one inference.

        Raises:
            RuntimeModelError: When a kernel fails.
        """
        try:
            if self._subgraph:
                self._native.Invoke(self._subgraph)
            else:
                self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise RuntimeModelError(_explain(self.label, "run", error), str(error)) from error

    def get_outputs(self) -> dict[str, Array]:
        """Return a copy of each output by name, dequantized to float32 where it is quantized.

        Raises:
            RuntimeModelError: When an output has no values, as in a damaged file.
        """
        results = {}
        for name, detail in self.outputs.items():
            try:
                stored = np.asarray(self._native.GetTensor(detail["index"], self._subgraph))
            except (ValueError, RuntimeError) as error:
                raise RuntimeModelError(_explain(self.label, "run", error), str(error)) from error
            how = _quantization(detail)
            results[name] = stored if how is None else dequantize(stored, how)
        return results

    def tensor_shapes(self) -> dict[int, tuple[int, ...]]:
        """Return the current shape of every tensor by its index in the file."""
        details = self._interpreter.get_tensor_details(self._subgraph)
        return {int(d["index"]): tuple(int(size) for size in d["shape"]) for d in details}

    def read_tensor(self, index: int) -> Array | None:
        """Return a copy of a tensor's stored values; None where it has none.

        Args:
            index: Of the tensor in the file's subgraph.
        """
        try:
            return np.asarray(self._native.GetTensor(index, self._subgraph))
        except (ValueError, RuntimeError):
            return None

    def resize_batch(self, batch: int) -> bool:
        """Try to run `batch` samples in one inference; on failure the own batch is kept.

        Returns:
            Whether the graph allowed it.
        """
        try:
            self._resize(self._batch_shapes(batch))
        except (ValueError, RuntimeError):
            self._resize(self._batch_shapes(self._batch))
            return False
        return True

    def _batch_shapes(self, batch: int) -> dict[str, list[int]]:
        return {name: [batch, *s[1:]] for name, s in self._own_shapes.items() if s}

    def _resize(self, shapes: Mapping[str, list[int]]) -> None:
        inputs, _ = self._named_tensors()
        for name, shape in shapes.items():
            sizes = np.array(shape, dtype=np.int32)
            self._native.ResizeInputTensor(inputs[name]["index"], sizes, False, self._subgraph)
        if self._subgraph:
            self._native.AllocateTensors(self._subgraph)
        else:
            self._interpreter.allocate_tensors()

    @property
    def _native(self) -> Any:  # noqa: ANN401
        """The wrapper below, whose calls take a subgraph; kept by no name of ours.

        The public class checks before each call that nobody else holds it.
        """
        return self._interpreter._interpreter


class CutModel:
    """A model of a few operators, cut out of a file, fed and read by position.

    Args:
        content: The flatbuffer.
        label: What it is, for messages.
        threads: Threads for the kernels, at least 1.
        kernels: Which implementations of the operators run.

    Raises:
        RuntimeModelError: When LiteRT cannot load or allocate it.
    """

    def __init__(
        self, content: bytes, label: str, threads: int = 1, kernels: Kernels = Kernels.DEFAULT
    ) -> None:
        self._label = label
        try:
            self._interpreter = Interpreter(
                model_content=content,
                num_threads=threads,
                experimental_op_resolver_type=_RESOLVERS[kernels],
            )
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError, TypeError) as error:
            raise RuntimeModelError(_explain(label, "allocate", error), str(error)) from error
        self._inputs = [d["index"] for d in self._interpreter.get_input_details()]
        self._outputs = [d["index"] for d in self._interpreter.get_output_details()]

    def feed(self, values: Sequence[Array]) -> None:
        """Set the stored values of each input, in the order of the cut.

        Raises:
            RuntimeModelError: When a shape or dtype does not fit.
        """
        try:
            for index, array in zip(self._inputs, values, strict=True):
                self._interpreter.set_tensor(index, array)
        except (ValueError, RuntimeError) as error:
            raise RuntimeModelError(_explain(self._label, "feed", error), str(error)) from error

    def invoke(self) -> None:
        """Run once.

        Raises:
            RuntimeModelError: When a kernel fails.
        """
        try:
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise RuntimeModelError(_explain(self._label, "run", error), str(error)) from error

    def outputs(self) -> list[Array]:
        """Return a copy of the stored values of each output, in the order of the cut."""
        return [np.asarray(self._interpreter.get_tensor(index)) for index in self._outputs]


def _by_unique_name(details: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    names = unique_names([detail["name"] for detail in details], kind)
    return dict(zip(names, details, strict=True))


def _renamed(
    tensors: Mapping[str, dict[str, Any]], names: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    if not names:
        return dict(tensors)
    return {names[name]: detail for name, detail in tensors.items() if name in names}


def _quantization(detail: Mapping[str, Any]) -> Quantization | None:
    scale, zero_point = detail["quantization"]
    if not scale or np.dtype(detail["dtype"]).kind not in "iu":
        return None
    return Quantization(float(scale), int(zero_point))


def _explain(label: str, step: str, error: Exception) -> str:
    text = str(error)
    verbs = {
        "allocate": CANNOT_PREPARE,
        "feed": "the file does not take these inputs",
        "run": CANNOT_RUN,
    }
    if "Select TensorFlow op" in text or "Flex" in text:
        return (
            f"{label}: the file holds TensorFlow operators, which need the Flex delegate; no "
            "pip runtime has it, so it has a size but cannot be run here."
        )
    line = (text.strip().splitlines() or [type(error).__name__])[0][:200]
    return f"{label}: {verbs[step]} ({line})."
