"""The Python script that rebuilds a variant without LiteDrift and checks that it is equal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from string import Template

from converter.comparison import CALIBRATION_FILE, Comparison, Variant
from converter.plain_source import docstring_text
from converter.rebuild_parts import RebuildParts, checking_source, has_rebuild_script
from converter.rebuild_quantizer import quantizer_parts
from converter.rebuild_tensorflow import tensorflow_parts
from converter.recipe import LITERT_QUANTIZER, Recipe

_SCRIPT = Template('''"""Rebuild $file with plain $tool.

Made by LiteDrift from $model_name
(SHA-256 $model_sha256).

Usage: python $script MODEL$usage_calibration [-o FILE]
Needs: $needs

Ends with 0 where the file has the bytes of the run's, or exactly its outputs on all samples
(looked at where another processor or version gives other bytes); with 1 otherwise.
"""

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path

import numpy as np
$imports
MODEL_SHA256 = $model_sha256_literal
EXPECTED_SHA256 = $sha256_literal
RUN_FILE = $file_literal
$constants

$checking

$functions

$build

def main():
    """Load, convert, compare and write."""
    here = Path(sys.argv[0]).parent
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path, help=$model_name_literal)
$calibration_argument
    parser.add_argument("-o", "--output", type=Path, default=Path("rebuilt_" + RUN_FILE))
    parser.add_argument("--run-file", type=Path, default=here / RUN_FILE, help="the run's own file")
    parser.add_argument("--samples", type=Path, help="an .npz to compare outputs on")
    options = parser.parse_args()
    problem = wrong_model(options.model, MODEL_SHA256)
    if problem:
        raise SystemExit(problem)
    with tempfile.TemporaryDirectory() as folder:
        content = build(prepare(options.model, folder)$calibration_value)
    samples = options.samples or $default_samples
    equal, verdict = compare_with_run(
        content, EXPECTED_SHA256, options.run_file, samples, SIGNATURE, open_file
    )
    options.output.write_bytes(content)
    print(f"{options.output}: {len(content)} bytes, {verdict}")
    return 0 if equal else 1


if __name__ == "__main__":
    raise SystemExit(main())
''')


def build_rebuild_script(comparison: Comparison, variant: Variant) -> str:
    """Return Python source that rebuilds a variant and compares it with the run's.

    Args:
        comparison: The run.
        variant: One of its variants for which `has_rebuild_script` holds.

    Raises:
        RecipeError: When the variant's flags are not a recipe's.
    """
    parts = rebuild_parts(comparison)
    model = comparison.model
    return script_source(
        parts,
        parts.build_of(variant),
        ScriptFacts(
            file=file_name(variant),
            script=script_name(variant),
            sha256=str(variant.sha256),
            model_name=model.name,
            model_sha256=model.sha256,
            calibrates=Recipe.from_json(variant.flags).needs_samples,
        ),
    )


@dataclass(frozen=True, kw_only=True)
class ScriptFacts:
    """What a script rebuilds, and from what.

    Attributes:
        file: Name of the file that it rebuilds.
        script: Its own name.
        sha256: Of the file.
        model_name: Of the model that it starts from.
        model_sha256: Of that model.
        calibrates: Whether it needs the run's calibration samples.
    """

    file: str
    script: str
    sha256: str
    model_name: str
    model_sha256: str
    calibrates: bool


def script_source(parts: RebuildParts, build: str, facts: ScriptFacts) -> str:
    """Return the script of one file.

    Args:
        parts: Of the engine.
        build: Source of `build(prepared, calibration)`.
        facts: Names and hashes, which may be hostile.
    """
    default_samples = f'here / "{CALIBRATION_FILE}"'
    return _SCRIPT.substitute(
        tool=parts.tool,
        # These stand in a docstring, which a hostile name must not be able to end.
        file=docstring_text(facts.file),
        script=docstring_text(facts.script),
        model_name=docstring_text(facts.model_name),
        model_sha256=docstring_text(facts.model_sha256),
        needs=docstring_text(parts.packages),
        usage_calibration=f" {CALIBRATION_FILE}" if facts.calibrates else "",
        model_sha256_literal=repr(facts.model_sha256),
        sha256_literal=repr(facts.sha256),
        model_name_literal=repr(facts.model_name.replace("%", "%%")),
        file_literal=repr(facts.file),
        imports=parts.imports,
        constants=parts.constants,
        checking=checking_source(),
        functions=parts.functions,
        build=build,
        calibration_argument=(
            f'    parser.add_argument("calibration", type=Path, help="{CALIBRATION_FILE} of the '
            'run")'
        )
        if facts.calibrates
        else "",
        calibration_value=", options.calibration" if facts.calibrates else "",
        default_samples="options.calibration" if facts.calibrates else default_samples,
    )


def rebuild_parts(comparison: Comparison) -> RebuildParts:
    """Return the source of the engine that made a run's variants."""
    engines = {variant.engine for variant in comparison.variants if has_rebuild_script(variant)}
    return (quantizer_parts if LITERT_QUANTIZER in engines else tensorflow_parts)(comparison)


def file_name(variant: Variant) -> str:
    """Return a variant's file as a bare name, whatever an imported comparison says."""
    return PurePosixPath(variant.file or f"{variant.recipe}.tflite").name


def script_name(variant: Variant) -> str:
    """Return the file name of a variant's script."""
    return f"rebuild_{variant.recipe}.py"


def write_rebuild_scripts(comparison: Comparison, folder: Path) -> None:
    """Write the script of each converted variant beside its file; scripts of older runs go."""
    for variant in comparison.variants:
        (folder / script_name(variant)).unlink(missing_ok=True)
        if has_rebuild_script(variant):
            script = build_rebuild_script(comparison, variant)
            (folder / script_name(variant)).write_text(script)
