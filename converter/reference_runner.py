"""The original model as the reference: its outputs and its latency. Workers only."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from converter.baselines import CALL, FUNCTION, PREDICT, XLA
from converter.errors import RuntimeModelError
from converter.float_model import FloatModel
from converter.sample_arrays import ArraySink, CollectedArrays, PageReleaser


class ReferenceRunner:
    """Runs the original model on evaluation samples and times it."""

    def __init__(self, model: FloatModel, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Prepare calls at the given full input shapes."""
        self._model = model
        self._shapes = dict(shapes)
        self._batch = next((shape[0] for shape in shapes.values() if shape), 1)
        self._function = tf.function(lambda **kw: model.call(kw), autograph=False)
        self._timed: Callable[[], Any] | None = None

    def run(
        self, inputs: Mapping[str, np.ndarray], batch: int
    ) -> tuple[dict[str, np.ndarray], int]:
        """Return the outputs for all samples and the batch size that was used."""
        sink = CollectedArrays()
        used = self.run_into(sink, inputs, batch)
        return sink.arrays(), used

    def run_into(self, sink: ArraySink, inputs: Mapping[str, np.ndarray], batch: int) -> int:
        """Hand the outputs for all samples over as they come; return the batch size that was used.

        Larger batches are tried first; a model that only takes its own batch falls back to it. A
        model that changes its state is run like the converted files: each sample finds the state
        that the model was saved with.
        """
        open_batch = all(not s.shape or s.shape[0] is None for s in self._model.signature.inputs)
        if open_batch and batch > self._batch:
            with contextlib.suppress(tf.errors.OpError, ValueError, TypeError):
                return self._in_batches(sink, inputs, batch, open_batch=True)
            sink.restart()
        return self._in_batches(sink, inputs, self._batch, open_batch=False)

    def _specs(self, *, open_batch: bool) -> dict[str, tf.TensorSpec]:
        shapes = {
            name: (None, *shape[1:]) if shape and open_batch else shape
            for name, shape in self._shapes.items()
        }
        inputs = self._model.signature.inputs
        return {spec.name: tf.TensorSpec(shapes[spec.name], spec.dtype) for spec in inputs}

    def _in_batches(
        self, sink: ArraySink, inputs: Mapping[str, np.ndarray], batch: int, *, open_batch: bool
    ) -> int:
        specs = self._specs(open_batch=open_batch)
        function = self._function.get_concrete_function(**specs)
        saved_state = [(variable, variable.numpy()) for variable in _assigned_variables(function)]
        if saved_state and open_batch:
            raise ValueError("a model that changes its state is run sample by sample")
        batch = 1 if saved_state else batch
        samples = len(next(iter(inputs.values())))
        pages = PageReleaser(inputs.values())
        for start in range(0, samples, batch):
            fed = {name: np.asarray(array[start : start + batch]) for name, array in inputs.items()}
            count = len(next(iter(fed.values())))
            if not open_batch and count < self._batch:
                fed = {name: _pad(array, self._batch) for name, array in fed.items()}
            for variable, value in saved_state:
                variable.assign(value)
            fed = {
                name: array if specs[name].shape.rank else array[0] for name, array in fed.items()
            }
            result = function(**{name: tf.constant(array) for name, array in fed.items()})
            block = {name: _at_least_1d(_plain(tensor), count) for name, tensor in result.items()}
            if open_batch and any(len(array) != count for array in block.values()):
                raise ValueError("an output has not one row for each sample of a larger batch")
            sink.append(block)
            pages.note(sum(np.asarray(array).nbytes for array in fed.values()))
        return batch

    def prepare_timing(self, inputs: Mapping[str, np.ndarray], call: str = FUNCTION) -> float:
        """Make a call ready at the timed shapes.

        Args:
            inputs: Evaluation samples; the first are fed.
            call: One of `baselines.BASELINES`.

        Returns:
            The first call's milliseconds, tracing included.

        Raises:
            RuntimeModelError: When the model has no such call, or XLA cannot compile it.
        """
        specs = {
            spec.name: tf.TensorSpec(self._shapes[spec.name], spec.dtype)
            for spec in self._model.signature.inputs
        }
        fed = {}
        for name, array in inputs.items():
            shape = self._shapes[name]
            fed[name] = tf.constant(_pad(array[: shape[0]], shape[0]) if shape else array[0])
        start = time.perf_counter()
        try:
            self._timed = self._make_call(call, fed, specs)
            tf.nest.map_structure(_wait_for, self._timed())
        except (tf.errors.OpError, ValueError, TypeError, NotImplementedError) as error:
            if call == FUNCTION:
                raise
            line = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
            raise RuntimeModelError(f"{call}: TensorFlow cannot call it so ({line}).") from error
        return (time.perf_counter() - start) * 1e3

    def _make_call(
        self, call: str, fed: dict[str, Any], specs: dict[str, tf.TensorSpec]
    ) -> Callable[[], Any]:
        if call == PREDICT:
            predict = self._model.predict
            if predict is None:
                raise RuntimeModelError(f"{call}: only a Keras model has it.")
            return lambda: predict(fed)
        if call == CALL:
            return lambda: self._model.call(fed)
        # The tf.function itself is called, as an application would, not its concrete function.
        function = tf.function(
            lambda **kw: self._model.call(kw), autograph=False, jit_compile=call == XLA or None
        )
        function.get_concrete_function(**specs)
        return lambda: function(**fed)

    def timed_call(self) -> Callable[[], Any]:
        """Return the call that `prepare_timing` has made ready."""
        if self._timed is None:
            raise ValueError("expected prepare_timing() before timed_call()")
        return self._timed


def _assigned_variables(function: Any) -> list[Any]:  # noqa: ANN401 - a concrete function
    """Return the variables of a function that assigns to one of them; else none."""
    variables = list(function.graph.variables)
    if not variables:
        return []
    definition = function.graph.as_graph_def()
    bodies = [definition.node, *(each.node_def for each in definition.library.function)]
    return variables if any(n.op.startswith("Assign") for body in bodies for n in body) else []


def _wait_for(tensor: Any) -> None:  # noqa: ANN401 - a tensor, or what `predict` returns
    if isinstance(tensor, tf.Tensor):
        tensor.numpy()


def _plain(tensor: tf.Tensor) -> np.ndarray:
    array: np.ndarray = tensor.numpy()
    if tensor.dtype == tf.bfloat16:
        return array.astype(np.float32)
    return array


def _pad(array: np.ndarray, count: int) -> np.ndarray:
    """Repeat the last sample until there are `count`: fixed-batch models take no fewer."""
    missing = count - len(array)
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)]) if missing > 0 else array



def _at_least_1d(array: np.ndarray, count: int) -> np.ndarray:
    return (array[None] if array.ndim == 0 else array)[:count]
