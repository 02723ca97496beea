"""A recipe in litert-quantizer's own form: a list of rules as JSON, of which the last one counts.

Pure Python, so that the script that rebuilds a variant can be written without the library.
"""

from __future__ import annotations

from typing import Any

from converter.recipe import INT16X8, Recipe
from converter.weight_algorithms import MIN_MAX, WEIGHT_ALGORITHMS

Rule = dict[str, Any]
ALL, DENSE, CONVOLUTION = "*", "FULLY_CONNECTED", "CONV_2D"
DEPTHWISE = "DEPTHWISE_CONV_2D"


def quantizer_rules(recipe: Recipe) -> list[Rule]:
    """Return a recipe's rules; empty where it quantizes nothing.

    Args:
        recipe: One that `recipe.engine_problem` lets litert-quantizer carry out.
    """
    if "DEFAULT" not in recipe.optimizations:
        return []
    if "float16" in recipe.supported_types:
        return [_rule(ALL, _config(_tensor(16, dtype="FLOAT"), weight_only=True), "float_casting")]
    return _with_algorithm(recipe, _integer_rules(recipe))


def _integer_rules(recipe: Recipe) -> list[Rule]:
    if recipe.calibrate:
        return _static_rules(recipe)
    dense = not (recipe.per_channel and recipe.per_channel_dense)
    rules = [
        _rule(
            ALL,
            _config(
                _tensor(recipe.weight_bits, per_channel=recipe.per_channel),
                weight_only=recipe.weight_only,
            ),
        )
    ]
    if dense and recipe.per_channel:
        weights = _tensor(recipe.weight_bits, per_channel=False)
        rules.append(_rule(DENSE, _config(weights, weight_only=recipe.weight_only)))
    return rules


def collecting_rule(key: str) -> Rule:
    """Return the rule under which litert-quantizer collects what an algorithm needs.

    Args:
        key: litert-quantizer's name of the algorithm.
    """
    return _rule(DENSE, _config(_tensor(8)), key)


def _with_algorithm(recipe: Recipe, rules: list[Rule]) -> list[Rule]:
    """Let the recipe's algorithm have the operators that it is for, min-max all others.

    A rule for all operators passes over those that its algorithm does not know; one for a single
    operator is refused where it cannot be had.
    """
    algorithm = WEIGHT_ALGORITHMS[recipe.algorithm]
    if recipe.block_size or algorithm.dense_only:
        fitting = next(r for r in reversed(rules) if r["operation"] in (DENSE, ALL))
        config = dict(fitting["op_config"])
        if recipe.block_size:
            weights = {"granularity": f"BLOCKWISE_{recipe.block_size}"}
            config["weight_tensor_config"] = {**config["weight_tensor_config"], **weights}
        return [*rules, _rule(DENSE, config, algorithm.key)]
    if recipe.algorithm == MIN_MAX:
        return rules
    if not recipe.calibrate:
        # Further rules for dense layers alone, which repeat what is said of all, come last.
        return [*rules, *({**rule, "algorithm_key": algorithm.key} for rule in rules)]
    added = []
    for operation in (DENSE, CONVOLUTION, DEPTHWISE):  # constants of others fail with OCTAV
        fitting = next(r for r in reversed(rules) if r["operation"] in (operation, ALL))
        added.append(_rule(operation, dict(fitting["op_config"]), algorithm.key))
    return [*rules, *added]


def _static_rules(recipe: Recipe) -> list[Rule]:
    bits = 16 if INT16X8 in recipe.supported_ops else 8
    # LiteRT's kernels take 16-bit activations with zero point 0 only.
    activations = _tensor(bits, symmetric=bits == 16, per_channel=False)
    per_channel, dense = recipe.per_channel, recipe.per_channel and recipe.per_channel_dense
    rules = [_rule(ALL, _config(_tensor(8, per_channel=per_channel), activations))]
    # Only these two have kernels for 4-bit weights beside integer activations.
    four_bits = (DENSE, CONVOLUTION) if recipe.weight_bits == 4 else ()
    for operation in dict.fromkeys((*four_bits, *((DENSE,) if dense != per_channel else ()))):
        weights = _tensor(
            recipe.weight_bits, per_channel=dense if operation == DENSE else per_channel
        )
        rules.append(_rule(operation, _config(weights, activations)))
    ends = (("INPUT", recipe.inference_input_type), ("OUTPUT", recipe.inference_output_type))
    for operation, dtype in ends:
        if dtype == "float32":
            rules.append({**_rule(operation, {}), "algorithm_key": "no_quantize"})
        elif dtype == "uint8":
            unsigned = _tensor(8, symmetric=False, dtype="UINT", per_channel=False)
            rules.append(_rule(operation, _config(_tensor(8), unsigned)))
    return rules


def _rule(operation: str, config: Rule, algorithm: str = "min_max_uniform_quantize") -> Rule:
    return {
        "regex": ".*",
        "operation": operation,
        "algorithm_key": algorithm,
        "op_config": config,
    }


def _config(weights: Rule, activations: Rule | None = None, *, weight_only: bool = False) -> Rule:
    config: Rule = {
        "weight_tensor_config": weights,
        "compute_precision": "FLOAT" if weight_only else "INTEGER",
        "explicit_dequantize": weight_only,
    }
    if activations is not None:
        config["activation_tensor_config"] = activations
    return config


def _tensor(
    bits: int, *, symmetric: bool = True, dtype: str = "INT", per_channel: bool = True
) -> Rule:
    return {
        "num_bits": bits,
        "symmetric": symmetric,
        "granularity": "CHANNELWISE" if per_channel else "TENSORWISE",
        "dtype": dtype,
    }
