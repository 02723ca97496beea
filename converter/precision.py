"""How one operator's weights and activations can be stored: the words of mixed precision.

Pure Python: a precision is a rule of litert-quantizer without its scope (`quantizer_recipe.py` has
the rules of whole recipes). What the library refuses for an operator is left in float by it; what
was really done is read from the file, never from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MIN_MAX, MSE, OCTAV = "min_max_uniform_quantize", "MSE", "OCTAV"
HADAMARD, FLOAT_CASTING = "DECOMPOSED_HADAMARD_ROTATION", "float_casting"
CHANNEL, TENSOR, BLOCK32 = "CHANNELWISE", "TENSORWISE", "BLOCKWISE_32"
"""Weights that share a scale."""


@dataclass(frozen=True)
class Precision:
    """One way to store an operator.

    Attributes:
        name: Its name in tables, addresses and files.
        label: What a person reads.
        weight_bits: Bits of one weight; 32 for float32.
        activation_bits: Bits of one activation where they are stored as integers; None for float.
        algorithm: litert-quantizer's key of how scales are found; None for float32.
        op_config: litert-quantizer's configuration.
        runs_in_float: Whether weights are turned back into float before they are used.
    """

    name: str
    label: str
    weight_bits: int
    activation_bits: int | None = None
    algorithm: str | None = MIN_MAX
    op_config: Mapping[str, Any] = field(default_factory=dict)
    runs_in_float: bool = False

    @property
    def stored_alike(self) -> tuple[int, str]:
        """What two precisions share whose weights take the same bytes and lose about as much."""
        weights = self.op_config.get("weight_tensor_config", {})
        return self.weight_bits, weights.get("granularity", "")

    @property
    def needs_calibration(self) -> bool:
        """Whether ranges of activations must be known."""
        return self.activation_bits is not None


def _weights(bits: int, granularity: str = CHANNEL, dtype: str = "INT") -> dict[str, Any]:
    return {"num_bits": bits, "symmetric": True, "granularity": granularity, "dtype": dtype}


def _dynamic(
    name: str, label: str, bits: int, algorithm: str = MIN_MAX, granularity: str = CHANNEL
) -> Precision:
    return Precision(name, label, bits, algorithm=algorithm, op_config={
        "weight_tensor_config": _weights(bits, granularity),
        "compute_precision": "INTEGER", "explicit_dequantize": False,
    })  # fmt: skip


def _weight_only(bits: int) -> Precision:
    return Precision(
        f"weight_only_int{bits}", f"weight-only int{bits}", bits, runs_in_float=True, op_config={
            "weight_tensor_config": _weights(bits),
            "compute_precision": "FLOAT", "explicit_dequantize": True,
        })  # fmt: skip


def _static(name: str, label: str, weight_bits: int, bits: int) -> Precision:
    return Precision(name, label, weight_bits, bits, op_config={
        "weight_tensor_config": _weights(weight_bits),
        # LiteRT's kernels take 16-bit activations with zero point 0 only.
        "activation_tensor_config": {**_weights(bits, TENSOR), "symmetric": bits == 16},
        "compute_precision": "INTEGER", "explicit_dequantize": False,
    })  # fmt: skip


FLOAT32 = Precision("float32", "float32", 32, algorithm=None)
FLOAT16 = Precision(
    "float16", "float16", 16, algorithm=FLOAT_CASTING, runs_in_float=True, op_config={
        "weight_tensor_config": _weights(16, dtype="FLOAT"),
        "compute_precision": "FLOAT", "explicit_dequantize": True,
    })  # fmt: skip
PRECISIONS: dict[str, Precision] = {
    each.name: each
    for each in (
        FLOAT32,
        FLOAT16,
        _weight_only(8),
        _dynamic("dynamic_int8", "dynamic int8", 8),
        _dynamic("dynamic_int8_tensor", "dynamic int8, per tensor", 8, MIN_MAX, TENSOR),
        _static("int16x8", "int16 x int8", 8, 16),
        _static("int8", "int8", 8, 8),
        _weight_only(4),
        _dynamic("dynamic_int4", "dynamic int4", 4),
        _dynamic("dynamic_int4_mse", "dynamic int4, MSE", 4, MSE),
        _dynamic("dynamic_int4_octav", "dynamic int4, OCTAV", 4, OCTAV),
        _dynamic("dynamic_int4_hadamard", "dynamic int4, Hadamard", 4, HADAMARD),
        _dynamic("dynamic_int4_block32", "dynamic int4, blocks of 32", 4, MIN_MAX, BLOCK32),
        _dynamic("dynamic_int4_tensor", "dynamic int4, per tensor", 4, MIN_MAX, TENSOR),
        _dynamic("dynamic_int4_tensor_mse", "dynamic int4, per tensor, MSE", 4, MSE, TENSOR),
        _dynamic("dynamic_int4_tensor_octav", "dynamic int4, per tensor, OCTAV", 4, OCTAV,
                 TENSOR),
        _static("int8_int4", "int8, weights int4", 4, 8),
        _dynamic("dynamic_int2", "dynamic int2", 2),
        _dynamic("dynamic_int2_block32", "dynamic int2, blocks of 32", 2, MIN_MAX, BLOCK32),
    )
}
"""All precisions by name, the most exact first.

A scale takes 4 bytes and its zero point 8: in a small model, one for each channel costs as much as
the weights of some layers. So one for the whole tensor is a precision of its own.

GPTQ is a recipe (`weight_algorithms.py`) and none of these: it inverts a matrix for each dense
layer each time, 0.3 s a candidate on `digits_cnn` where the others take 0.02 s.
"""
