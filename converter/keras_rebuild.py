"""A Keras model built anew from its own configuration and weights, so that TFLite can take it."""

from __future__ import annotations

import functools
from typing import Any

FLOAT32, STATELESS, UNROLL = "float32", "stateless", "unroll"

RECURRENT_LAYERS = {"LSTM", "GRU", "SimpleRNN", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}
"""Keras layers that TFLiteConverter turns into loops; quantizing those crashes it."""

NOTES = {
    FLOAT32: "The model computes in mixed precision, which TFLite has no kernels for; it was "
    "rebuilt in float32 with the same weights, and that is the original in every figure.",
    STATELESS: "The model keeps recurrent state between calls, which a .tflite cannot; it was "
    "rebuilt without, so every sample starts from zero, in the original as in the variants.",
    UNROLL: "Its recurrent layers were unrolled, as asked: one copy of the cell for each time "
    "step, the same numbers from a larger graph without loops.",
}


def adapt_config(value: Any, changes: list[str]) -> Any:  # noqa: ANN401 - any configuration value
    """Return a Keras configuration with mixed precision, state or loops taken out.

    Args:
        value: What `get_config` gave, or a part of it.
        changes: Some of `float32`, `stateless` and `unroll`.
    """
    if isinstance(value, dict):
        adapted = {key: adapt_config(item, changes) for key, item in value.items()}
        if "float32" in changes and isinstance(value.get("dtype"), str):
            mixed = value["dtype"] in ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16")
            adapted["dtype"] = "float32" if mixed else value["dtype"]
        if "float32" in changes and value.get("class_name") in ("DTypePolicy", "Policy"):
            adapted["config"] = {**adapted["config"], "name": "float32"}
        if "stateless" in changes and value.get("stateful") is True:
            adapted["stateful"] = False
        if "unroll" in changes and "unroll" in value:
            adapted["unroll"] = True
        return adapted
    if isinstance(value, list | tuple):
        return type(value)(adapt_config(item, changes) for item in value)
    return value


def needed_changes(config: Any, *, unroll: bool) -> list[str]:  # noqa: ANN401
    """Return which changes a configuration needs before TFLite can take the model.

    Args:
        config: What `get_config` gave.
        unroll: Whether loops shall go as well, where there are any.
    """
    candidates = [FLOAT32, STATELESS, UNROLL] if unroll else [FLOAT32, STATELESS]
    return [change for change in candidates if adapt_config(config, [change]) != config]


def rebuild(model: Any, changes: list[str]) -> Any:  # noqa: ANN401 - Keras 2 or 3
    """Return a model of the changed configuration with the weights of the given one."""
    if not changes:
        return model
    # Built with loops: Keras 2 refuses to unroll over steps that are open while it builds.
    looped = [change for change in changes if change != UNROLL]
    rebuilt = type(model).from_config(adapt_config(model.get_config(), looped))
    rebuilt.set_weights(model.get_weights())
    if UNROLL in changes:
        for layer in rebuilt._flatten_layers():
            if hasattr(layer, "unroll"):
                _unroll_known_steps(layer)
    return rebuilt


def _unroll_known_steps(layer: Any) -> None:  # noqa: ANN401 - Keras 2 or 3
    """Let a recurrent layer unroll where the number of steps is known, and loop where it is open.

    It is open when the model's own signature is traced, and known when the model is frozen.
    """
    call = layer.call
    if hasattr(layer, "_could_use_gpu_kernel"):
        # Keras 2 decided when it built the layer, with a loop, for a kernel that holds the loop.
        layer._could_use_gpu_kernel = False

    @functools.wraps(call)
    def call_by_steps(sequences: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        axis = 0 if getattr(layer, "time_major", False) else 1
        layer.unroll = sequences.shape[axis] is not None
        return call(sequences, *args, **kwargs)

    layer.call = call_by_steps
