"""Declared sizes: a few bytes of a model's file may ask for terabytes of weights or results.

It tells the sizes that a file states outright, for a clear message before anything is loaded; what
only running would tell is bounded by the memory limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from converter.errors import ModelFileError
from converter.limits import current_limits, setting_name

_FLOAT_BYTES = 4
_WEIGHT_FACTORS = (
    *("units", "filters", "kernel_size", "input_dim", "output_dim"),
    *("num_heads", "key_dim", "depth_multiplier"),
)
# Each tells a result's size by itself; "n" is RepeatVector's.
_RESULT_FACTORS = ("n", "size", "batch_shape", "batch_input_shape", "target_shape")


class DeclaredSizes:
    """Adds up what a model declares, and refuses it where that is more than the limit.

    Args:
        name: The model file's name, for messages.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._limit = current_limits().unpacked_bytes
        self._total = 0

    def add_weights(self, elements: int, item_bytes: int, where: str) -> None:
        """Count weights or constants.

        Args:
            elements: How many values.
            item_bytes: Bytes of each.
            where: What declares them, for the message.

        Raises:
            ModelFileError: When all so far are more than the limit together.
        """
        self._total += elements * item_bytes
        if self._total > self._limit:
            self._refuse("weights and constants", elements, where)

    def check_result(self, elements: int, item_bytes: int, where: str) -> None:
        """Refuse a single tensor of more than the limit; see `add_weights`."""
        if elements * item_bytes > self._limit:
            self._refuse("a tensor", elements, where)

    def add_keras_layer(self, node: Mapping[str, Any], where: str) -> None:
        """Count what the configuration of a Keras layer states; see `add_weights`.

        Args:
            node: Its `{"class_name", "config", "build_config"}`.
            where: The layer, for the message.
        """
        config = node.get("config")
        if not isinstance(config, dict):
            return
        if any(key in config for key in _WEIGHT_FACTORS):
            self.add_weights(_weights(node, config), _FLOAT_BYTES, where)
        for key in _RESULT_FACTORS:
            self.check_result(_product(config, key), _FLOAT_BYTES, where)
        self.check_result(_product(config, "height", "width"), _FLOAT_BYTES, where)
        self.check_result(_padded(config.get("padding")), _FLOAT_BYTES, where)

    def _refuse(self, what: str, elements: int, where: str) -> None:
        shown = str(elements) if elements < 10**18 else "more than 10^18"
        raise ModelFileError(
            f"{self._name}: expected {what} of at most {self._limit} bytes, found {where} with "
            f"{shown} values; raise {setting_name('unpacked_bytes')} if you trust the file."
        )


def _weights(node: Mapping[str, Any], config: Mapping[str, Any]) -> int:
    """Return the elements of a layer's largest weight, as far as its configuration tells them."""
    channels = _channels(node)
    if str(node.get("class_name")).startswith(("Separable", "Depthwise")):
        deep = channels * _product(config, "depth_multiplier")
        return deep * max(_product(config, "kernel_size"), _product(config, "filters"))
    return channels * _product(config, *_WEIGHT_FACTORS) // _product(config, "groups")


def _product(config: Mapping[str, Any], *keys: str) -> int:
    return math.prod(size for key in keys for size in _sizes(config.get(key)))


def _padded(padding: object) -> int:
    """Return the elements that `[[top, bottom], [left, right]]` adds at the least."""
    axes = padding if isinstance(padding, list) else [padding, padding]
    return math.prod(max(1, sum(_sizes(axis))) for axis in axes)


def _sizes(value: object) -> Iterator[int]:
    """Yield the sizes in a configuration's number or lists of numbers; what is none counts as 1."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting += item
        elif isinstance(item, int) and item > 0:
            yield int(item)


def _channels(node: Mapping[str, Any]) -> int:
    """Return the last size of the input that a layer was built with, 1 where that is not told."""
    built = node.get("build_config")
    shape = built.get("input_shape") if isinstance(built, dict) else None
    last = shape[-1] if isinstance(shape, list) and shape else None
    return last if isinstance(last, int) and last > 0 else 1
