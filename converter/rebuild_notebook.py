"""The notebook that rebuilds every variant of a run without LiteDrift and says which are equal."""

from __future__ import annotations

import json
import re
from string import Template
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from converter.comparison import CALIBRATION_FILE, Comparison, Variant
from converter.errors import ExportError
from converter.rebuild_parts import RebuildParts, checking_source, has_rebuild_script
from converter.rebuild_script import file_name, rebuild_parts
from converter.recipe import Recipe

_OPENING = Template("""\
# Rebuild the variants of a run

LiteDrift made this from $model and rebuilds each variant with plain $tool, without LiteDrift. \
Needed, as in the run: `pip install $packages numpy`

Before you run all cells, put beside this notebook, or name in the next cell:

- `MODEL`: the model of the run, $model (SHA-256 `$sha256`)
- `CALIBRATION`: `$calibration` of the run$calibration_use
- `RUN_FILES`: the folder with the run's own `.tflite` files. Another processor or version may \
give other bytes; the outputs of both files are then compared on `SAMPLES` (an `.npz` with an \
array for each input name; the calibration samples unless you name others)

The last cell says which variants were rebuilt and which are equal.
$left_out""")

_PLACES = Template("""\
from pathlib import Path

MODEL = Path($model)
CALIBRATION = Path("$calibration")
RUN_FILES = Path(".")
SAMPLES = CALIBRATION
REBUILT = Path("rebuilt")  # gets the rebuilt files
""")

_SHARED = Template("""\
import hashlib
import tempfile
import traceback
from importlib.metadata import PackageNotFoundError, version

import numpy as np
$imports
MODEL_SHA256 = $model_sha256
$constants

$checking

$functions""")

_PREPARE = Template('''\
NEEDS = $needs
EXPECTED = $recipes
results = {}


def found_version(package):
    """Return the installed version of a package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def rebuild(recipe, file, expected_sha256, build):
    """Build one variant, keep it, compare it with the run's, and note the result."""
    try:
        content = build(prepared, CALIBRATION)
    except Exception as error:
        traceback.print_exc()
        results[recipe] = ("no", "no", type(error).__name__)
        return
    REBUILT.mkdir(exist_ok=True)
    (REBUILT / file).write_bytes(content)
    equal, verdict = compare_with_run(
        content, expected_sha256, RUN_FILES / file, SAMPLES, SIGNATURE, open_file
    )
    results[recipe] = ("yes", "yes" if equal else "no", verdict)
    print(f"{REBUILT / file}: {len(content)} bytes, {verdict}")


for package, wanted in NEEDS.items():
    print(f"{package}: {found_version(package)} here, {wanted or 'any version'} in the run")
problem = wrong_model(MODEL, MODEL_SHA256)
if problem:
    raise ValueError(problem)
prepared = prepare(MODEL, tempfile.mkdtemp())
''')

_TABLE = """\
width = max(len(recipe) for recipe in [*EXPECTED, "variant"])
print(f"{'variant':{width}}  rebuilt  equal  how")
for recipe in EXPECTED:
    rebuilt, equal, how = results.get(recipe, ("no", "no", "its cell was not run"))
    print(f"{recipe:{width}}  {rebuilt:7}  {equal:5}  {how}")
"""


def build_rebuild_notebook(comparison: Comparison) -> bytes:
    """Return an `.ipynb` (nbformat 4.5) that rebuilds and checks every variant that the run made.

    The same comparison gives the same bytes. Names out of files are literals in code and code
    spans in text, so that none is run or displayed as anything else.

    Args:
        comparison: A finished run.

    Raises:
        ExportError: When no variant can be rebuilt.
        RecipeError: When a variant's flags are not a recipe's.
    """
    variants = [variant for variant in comparison.variants if has_rebuild_script(variant)]
    if not variants:
        raise ExportError(
            "The run has no variant that can be rebuilt: each failed or was given as a file; "
            "export the notebook of a run that converted one."
        )
    parts = rebuild_parts(comparison)
    cells = _opening_cells(comparison, parts, variants)
    for variant in variants:
        cells += _variant_cells(parts, variant)
    cells += [new_markdown_cell("## Rebuilt and equal"), new_code_cell(_TABLE.strip())]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # the library's own are random
    notebook = new_notebook(
        cells=cells,
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        },
    )
    nbformat.validate(notebook)
    return nbformat.writes(notebook).encode()


def _opening_cells(
    comparison: Comparison, parts: RebuildParts, variants: list[Variant]
) -> list[Any]:
    model = comparison.model
    calibrated = [v.recipe for v in variants if Recipe.from_json(v.flags).needs_samples]
    use = f", for {', '.join(_code(name) for name in calibrated)}" if calibrated else ""
    left_out = [variant for variant in comparison.variants if variant not in variants]
    opening = _OPENING.substitute(
        model=_code(model.name),
        tool=parts.tool,
        packages=_visible(parts.packages).replace("`", "'"),
        sha256=_visible(model.sha256).replace("`", "'"),
        calibration=CALIBRATION_FILE,
        calibration_use=use or "; no variant here needs it to be rebuilt",
        left_out="".join(f"\nNot in here: {_why_left_out(variant)}\n" for variant in left_out),
    )
    places = _PLACES.substitute(model=repr(_model_path(model.name)), calibration=CALIBRATION_FILE)
    shared = _SHARED.substitute(
        imports=parts.imports,
        model_sha256=repr(model.sha256),
        constants=parts.constants,
        checking=checking_source(),
        functions=parts.functions,
    )
    prepare = _PREPARE.substitute(
        needs=repr(parts.needs), recipes=repr([variant.recipe for variant in variants])
    )
    return [
        new_markdown_cell(opening.strip()),
        new_code_cell(places.strip()),
        new_markdown_cell("## What all variants share"),
        new_code_cell(shared.strip()),
        new_code_cell(prepare.strip()),
    ]


def _variant_cells(parts: RebuildParts, variant: Variant) -> list[Any]:
    flags = Recipe.from_json(variant.flags).to_json()
    lines = [f"- {name}: {_code(json.dumps(value))}" for name, value in flags.items()]
    text = (
        f"## {_code(variant.recipe)}\n\nFlags:\n\n" + "\n".join(lines) + "\n\n"
        f"Expected SHA-256: {_code(str(variant.sha256))}"
    )
    call = f"rebuild({variant.recipe!r}, {file_name(variant)!r}, {variant.sha256!r}, build)"
    return [new_markdown_cell(text), new_code_cell(f"{parts.build_of(variant)}\n\n{call}")]


def _why_left_out(variant: Variant) -> str:
    if variant.status != "ok":
        return f"{_code(variant.recipe)}, which failed in the run."
    return f"{_code(variant.recipe)}, which was given as a file."


def _visible(text: str) -> str:
    """Return text on one line, with Python's escapes for what cannot be seen."""
    return repr(text[:200])[1:-1]


def _code(text: str) -> str:
    """Return Markdown that displays a text as code and interprets nothing in it."""
    shown = _visible(text) or " "
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    return f"{fence} {shown} {fence}" if "`" in shown else f"{fence}{shown}{fence}"


def _model_path(name: str) -> str:
    """Return a model's name where it can only be a file beside the notebook."""
    return name if re.fullmatch(r"\w[\w .()+-]{0,120}", name) else "model"
