"""A Keras model built anew from its own configuration and weights, so that TFLite can take it."""

from __future__ import annotations

from typing import Any

FLOAT32, STATELESS, UNROLL = "float32", "stateless", "unroll"

RECURRENT_LAYERS = {"LSTM", "GRU", "SimpleRNN"}
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
    rebuilt = type(model).from_config(adapt_config(model.get_config(), changes))
    rebuilt.set_weights(model.get_weights())
    return rebuilt
