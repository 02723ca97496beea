"""How plain litert-quantizer rebuilds the variants of a `.tflite`, as source."""

from __future__ import annotations

import pprint
from collections.abc import Callable, Sequence

from converter.comparison import Comparison, Variant
from converter.plain_source import plain_source
from converter.quantizable_file import make_quantizable
from converter.quantizer_recipe import Rule, collecting_rule, quantizer_rules
from converter.rebuild_parts import RebuildParts, end_constants
from converter.recipe import Recipe
from converter.weight_algorithms import COLLECTING

_IMPORTS = """from ai_edge_litert.interpreter import Interpreter
from litert_quantizer import Quantizer, calibrator, recipe_manager
from litert_quantizer.utils import qsv_utils
"""

_FUNCTIONS = '''

def prepare(path, folder):
    """Return the model's content as litert-quantizer needs it."""
    return make_quantizable(path.read_bytes(), INPUTS, OUTPUTS)


def calibrate(content, quantizer, samples):
    """Return the least and greatest value of each tensor over the samples."""
    fed = [
        {name: array[0] if name in SCALARS else array for name, array in chunk.items()}
        for chunk in representative_samples(samples, BATCH)
    ]
    modes = calibrator.CalibrationMode
    for mode in (modes.CALIBRATION_PROFILER_BASED, modes.CALIBRATION_PRESERVE_ALL_TENSORS):
        try:
            counter = calibrator.Calibrator(
                content, num_threads=1, mode=mode, qsv_update_func=qsv_utils.min_max_update
            )
            counter.calibrate({SIGNATURE: fed}, quantizer._recipe_manager)
            return counter.get_model_qsvs()
        except (ValueError, RuntimeError, KeyError) as error:
            failure = error
    raise RuntimeError(f"calibration failed: {failure}")


def open_file(content):
    """Return an interpreter of a quantized file."""
    return Interpreter(model_content=content)
'''

_BUILD = '''RECIPE = {recipe}


def build(content, calibration=None):
    """Quantize the model by the recipe of the run."""
    quantizer = Quantizer(content, RECIPE)
    ranges = {ranges}
    result = quantizer.quantize(ranges, enable_progress_report=False, enable_progress_bar=False)
    return bytes(result.quantized_model)
'''


_COLLECT = '''COLLECTED = {collected}
"""What algorithms of weights take from the samples beside ranges, and the rule that collects it."""


def collect(content, quantizer, samples):
    """Return ranges, and beside them what the weights' algorithms take from the samples."""
    ranges = calibrate(content, quantizer, samples)
    for field, rule in COLLECTED.items():
        manager = recipe_manager.RecipeManager()
        manager.load_quantization_recipe([rule])
        mode = calibrator.CalibrationMode.CALIBRATION_PRESERVE_ALL_TENSORS
        counter = calibrator.Calibrator(content, num_threads=1, mode=mode)
        fed = [
            {{name: array[0] if name in SCALARS else array for name, array in chunk.items()}}
            for chunk in representative_samples(samples, BATCH)
        ]
        counter.calibrate({{SIGNATURE: fed}}, manager)
        for name, found in counter.get_model_qsvs().items():
            if field in found:
                ranges[name] = {{**found, **ranges.get(name, {{}}), field: found[field]}}
    return ranges


'''


def quantizer_parts(comparison: Comparison) -> RebuildParts:
    """Return the source of a run that starts from a `.tflite`."""
    key = comparison.settings["source"]["signature"]
    return float_file_parts(comparison, key, _build_source)


def float_file_parts(
    comparison: Comparison,
    key: str | None,
    build_of: Callable[[Variant], str],
    quantizer_version: str | None = None,
) -> RebuildParts:
    """Return the source that quantizes a float `.tflite` of a run.

    Args:
        comparison: The run.
        key: The file's signature that the run uses; None where it has none.
        build_of: See `RebuildParts`.
        quantizer_version: Of litert-quantizer; the run's where left out.
    """
    model, environment = comparison.model, comparison.environment
    scalars = sorted(spec.name for spec in model.inputs if spec.shape == ())
    return RebuildParts(
        tool="litert-quantizer",
        needs={
            "litert-quantizer": quantizer_version or environment.get("litert_quantizer"),
            "ai-edge-litert": environment["ai_edge_litert"],
        },
        imports=_IMPORTS,
        constants=end_constants(comparison, key or "serving_default")
        + f"INPUTS = {[spec.name for spec in model.inputs]!r}\n"
        + f"OUTPUTS = {[spec.name for spec in model.outputs]!r}\n"
        + f"SCALARS = {scalars!r}\n",
        functions=plain_source(make_quantizable) + _FUNCTIONS,
        build_of=build_of,
    )


def rules_source(rules: Sequence[Rule], *, calibrates: bool) -> str:
    """Return the source of `build(content, calibration)` by litert-quantizer's own rules."""
    keys = sorted({rule["algorithm_key"] for rule in rules} & COLLECTING.keys())
    before, how = "", "calibrate" if calibrates else None
    if keys:
        collected = {COLLECTING[key]: collecting_rule(key) for key in keys}
        before, how = _COLLECT.format(collected=_source(collected)), "collect"
    ranges = "None" if how is None else f"{how}(content, quantizer, load_samples(calibration))"
    return before + _BUILD.format(recipe=_source(list(rules)), ranges=ranges)


def _build_source(variant: Variant) -> str:
    recipe = Recipe.from_json(variant.flags)
    return rules_source(quantizer_rules(recipe), calibrates=recipe.calibrate)


def _source(value: object) -> str:
    return pprint.pformat(value, width=96, sort_dicts=False)
