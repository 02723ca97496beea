"""How litert-quantizer can find the scales of weights, and what each way can be combined with.

Found by quantizing files with litert-quantizer 0.11 in every combination; what it skips without a
word (blocks of 8-bit weights, 2-bit weights that are widened) or makes so that LiteRT refuses to
run it (blocks of 2-bit weights) is refused here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MIN_MAX = "min_max"


@dataclass(frozen=True)
class WeightAlgorithm:
    """One way to find the scales of weights.

    Attributes:
        key: litert-quantizer's name.
        label: What a person reads.
        dense_only: Whether it is for dense layers alone; the others then get min-max.
        collects: What it collects from calibration samples beside ranges; None where it needs none.
        blocks: Whether it takes one scale for each block of a row.
    """

    key: str
    label: str
    dense_only: bool = False
    collects: str | None = None
    blocks: bool = True


WEIGHT_ALGORITHMS: dict[str, WeightAlgorithm] = {
    MIN_MAX: WeightAlgorithm("min_max_uniform_quantize", "min-max"),
    "mse": WeightAlgorithm("MSE", "MSE", blocks=False),
    "octav": WeightAlgorithm("OCTAV", "OCTAV"),
    "gptq": WeightAlgorithm("GPTQ", "GPTQ", dense_only=True, collects="hessian"),
    "oscar": WeightAlgorithm("OSCAR", "OSCAR", dense_only=True, collects="mu2"),
    "hadamard": WeightAlgorithm("DECOMPOSED_HADAMARD_ROTATION", "Hadamard", dense_only=True),
}
BLOCK_SIZES = (0, 32, 64, 128, 256)
"""Weights of one row that share a scale; 0 for the whole row."""
COLLECTING = {a.key: a.collects for a in WEIGHT_ALGORITHMS.values() if a.collects is not None}
"""What algorithms collect from samples, by litert-quantizer's name."""


def algorithm_problems(flags: Mapping[str, Any]) -> list[str]:
    """Return why an algorithm, blocks or 2-bit weights cannot be had with the other flags."""
    name, block = flags.get("algorithm", MIN_MAX), flags.get("block_size", 0)
    bits = flags.get("weight_bits", 8)
    if name not in WEIGHT_ALGORITHMS:
        return [f"algorithm is one of {', '.join(WEIGHT_ALGORITHMS)}; found {str(name)[:20]}."]
    if block not in BLOCK_SIZES:
        sizes = ", ".join(map(str, BLOCK_SIZES))
        return [f"block_size is one of {sizes}; found {str(block)[:20]}."]
    quantizes = "DEFAULT" in flags["optimizations"] and "float16" not in flags["supported_types"]
    problems = []
    if not quantizes and (name != MIN_MAX or block):
        problems.append(
            "an algorithm and blocks are for integer weights; switch DEFAULT on and float16 off."
        )
    is_dynamic = not flags.get("weight_only", False) and not flags["calibrate"]
    if WEIGHT_ALGORITHMS[name].dense_only and flags["calibrate"]:
        problems.append(
            f"{WEIGHT_ALGORITHMS[name].label} is for float activations: beside calibrated ones "
            "litert-quantizer 0.11 wrote dense weights that gave noise; switch calibration off."
        )
    if block and (bits != 4 or not is_dynamic):
        problems.append(
            "blocks are for 4-bit weights without calibration and not for weights only: "
            "litert-quantizer passes the others over, or LiteRT cannot run them."
        )
    if block and not (flags["per_channel"] and flags["per_channel_dense"]):
        problems.append("blocks are finer than channels; leave per-channel on.")
    if block and not WEIGHT_ALGORITHMS[name].blocks:
        problems.append(f"{WEIGHT_ALGORITHMS[name].label} knows no blocks; choose another way.")
    if bits == 2 and not is_dynamic:
        problems.append(
            "2-bit weights are for dynamic range alone: litert-quantizer passes them over where "
            "weights are widened or activations calibrated."
        )
    if bits == 2 and name == "mse":
        problems.append("MSE knows no 2-bit weights; choose another way.")
    return problems
