"""The Python script that rebuilds a variant of a `.tflite` with plain litert-quantizer."""

from __future__ import annotations

import inspect
import pprint
from string import Template

from converter.comparison import CALIBRATION_FILE, Comparison, Variant
from converter.quantizable_file import make_quantizable
from converter.quantizer_recipe import quantizer_rules
from converter.recipe import Recipe

_SCRIPT = Template('''"""Rebuild $file with plain litert-quantizer.

Made by LiteDrift from $model_name
(SHA-256 $model_sha256).

Usage: python $script MODEL$usage_calibration [-o $file]
Needs: litert-quantizer==$litert_quantizer ai-edge-litert==$ai_edge_litert
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np
from litert_quantizer import Quantizer, calibrator
from litert_quantizer.utils import qsv_utils

MODEL_SHA256 = $model_sha256_literal
EXPECTED_SHA256 = $sha256_literal
SIGNATURE = $signature
RECIPE = $recipe
INPUTS = $inputs
OUTPUTS = $outputs


$make_quantizable
$calibration_functions
def main():
    """Load, quantize, write and compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path, help=$model_name_literal)
$calibration_argument
    parser.add_argument("-o", "--output", type=Path, default=Path($file_literal))
    options = parser.parse_args()
    content = options.model.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != MODEL_SHA256:
        raise SystemExit(f"{options.model}: not the model of the run (SHA-256 {found})")
    content = make_quantizable(content, INPUTS, OUTPUTS)
    quantizer = Quantizer(content, RECIPE)
$quantize
    content = bytes(result.quantized_model)
    options.output.write_bytes(content)
    same = hashlib.sha256(content).hexdigest() == EXPECTED_SHA256
    verdict = "identical to the run's file" if same else "NOT the bytes of the run's file"
    print(f"{options.output}: {len(content)} bytes, {verdict}")
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
''')

_CALIBRATION = '''
SCALARS = {scalars}


def calibration_samples(path):
    """Return the calibration samples of the run, one dict of inputs for each batch."""
    batch = {batch}
    with np.load(path, allow_pickle=False) as archive:
        arrays = {{name: archive[name] for name in archive.files}}
    samples = len(next(iter(arrays.values())))
    chunks = []
    for start in range(0, max(samples - batch, 0) + 1, batch):
        chunk = {{name: array[start : start + batch] for name, array in arrays.items()}}
        chunks.append({{
            name: a[0] if name in SCALARS
            else np.concatenate([a, np.repeat(a[-1:], batch - len(a), axis=0)])
            if len(a) < batch else np.ascontiguousarray(a)
            for name, a in chunk.items()
        }})
    return chunks


def calibrate(content, quantizer, samples):
    """Return the least and greatest value of each tensor over the samples."""
    modes = calibrator.CalibrationMode
    for mode in (modes.CALIBRATION_PROFILER_BASED, modes.CALIBRATION_PRESERVE_ALL_TENSORS):
        try:
            counter = calibrator.Calibrator(
                content, num_threads=1, mode=mode, qsv_update_func=qsv_utils.min_max_update
            )
            counter.calibrate({{SIGNATURE: samples}}, quantizer._recipe_manager)
            return counter.get_model_qsvs()
        except (ValueError, RuntimeError, KeyError) as error:
            failure = error
    raise SystemExit(f"calibration failed: {{failure}}")

'''


def build_requantization_script(comparison: Comparison, variant: Variant, script: str) -> str:
    """Return Python source that quantizes the given file again and compares its SHA-256.

    Args:
        comparison: A run that starts from a `.tflite`.
        variant: One of its variants that litert-quantizer made.
        script: The script's own file name.
    """
    recipe = Recipe.from_json(variant.flags)
    model = comparison.model
    key = comparison.settings["source"]["signature"]
    calibrates = recipe.calibrate
    return _SCRIPT.substitute(
        file=variant.file,
        script=script,
        # These three stand in a docstring, which a hostile name must not be able to end.
        model_name=ascii(model.name)[1:-1].replace('"', "'"),
        model_sha256=model.sha256,
        usage_calibration=f" {CALIBRATION_FILE}" if calibrates else "",
        litert_quantizer=comparison.environment.get("litert_quantizer", ""),
        ai_edge_litert=comparison.environment["ai_edge_litert"],
        model_sha256_literal=repr(model.sha256),
        sha256_literal=repr(variant.sha256),
        signature=repr(key or "serving_default"),
        recipe=pprint.pformat(quantizer_rules(recipe), width=96, sort_dicts=False),
        inputs=repr([spec.name for spec in model.inputs]),
        outputs=repr([spec.name for spec in model.outputs]),
        make_quantizable=_plain_source(),
        calibration_functions=_CALIBRATION.format(
            batch=comparison.settings["batch"],
            scalars={spec.name for spec in model.inputs if spec.shape == ()} or "set()",
        )
        if calibrates
        else "",
        calibration_argument=(
            f'    parser.add_argument("calibration", type=Path, help="{CALIBRATION_FILE} of the '
            'run")'
        )
        if calibrates
        else "",
        quantize=_QUANTIZE_CALIBRATED if calibrates else _QUANTIZE,
        model_name_literal=repr(model.name.replace("%", "%%")),
        file_literal=repr(variant.file),
    )


_QUANTIZE = "    result = quantizer.quantize(enable_progress_report=False)"
_QUANTIZE_CALIBRATED = """    samples = calibration_samples(options.calibration)
    ranges = calibrate(content, quantizer, samples)
    result = quantizer.quantize(ranges, enable_progress_report=False)"""


def _plain_source() -> str:
    """The run's own function, without what its signature would have to import."""
    source = inspect.getsource(make_quantizable)
    head = "def make_quantizable(content, inputs, outputs):"
    return head + source[source.index("\n") :] + "\n"
