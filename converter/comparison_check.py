"""Whether a comparison and a request that a stranger wrote are ones that `run` could have left.

Both are read into our own classes first. Here their types are checked, and everything that becomes
a file's name or a line of a script: the rest is text to show, and shown as text.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any

from converter.comparison import Comparison, Variant
from converter.errors import BundleError, RecipeError
from converter.given_variant import variant_names
from converter.json_types import type_fault
from converter.recipe import (
    AS_GIVEN,
    GIVEN,
    LITERT_QUANTIZER,
    TFLITE_CONVERTER,
    Recipe,
    engine_problem,
)
from converter.request import CHANNEL_ORDERS, IMAGE_RESIZES, IMAGE_SCALES, RunRequest

RECIPE_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,47}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_VERSION = re.compile(r"[A-Za-z0-9.+_ -]{1,60}")
_VERSIONS = ("python", "tensorflow", "ai_edge_litert", "litert_quantizer", "keras", "numpy")
_REQUIRED_VERSIONS = ("python", "tensorflow", "ai_edge_litert", "keras", "numpy")
_CHANGES = {"float32", "stateless", "unroll"}
_ENGINES = {TFLITE_CONVERTER, LITERT_QUANTIZER, GIVEN}
_MOST_RUNS = 1_000_000
_MOST_THREADS = 1024


def check_comparison(comparison: Comparison, source: str) -> None:
    """Refuse a comparison that `run` cannot have written.

    Args:
        comparison: As `Comparison.load` read it.
        source: What it came in, for the message.

    Raises:
        BundleError: With the first fault.
    """
    _raise_first(_comparison_faults(comparison), f"{source}: comparison.json")


def check_request(request: RunRequest, source: str) -> None:
    """Refuse a request whose values have types or choices that no run can have.

    Raises:
        BundleError: With the first fault.
    """
    _raise_first(_request_faults(request), f"{source}: request.json")


def check_pair(request: RunRequest, comparison: Comparison, source: str) -> None:
    """Refuse a request and a comparison that are not of one run.

    Raises:
        BundleError: With the first fault.
    """
    _raise_first(_pair_faults(request, comparison), f"{source}: request.json and comparison.json")


def _raise_first(faults: Iterator[str], where: str) -> None:
    for fault in faults:
        raise BundleError(f"{where}: expected {fault}; ask for the bundle again, or make it anew.")


def _comparison_faults(comparison: Comparison) -> Iterator[str]:
    fault = type_fault(comparison, Comparison, "comparison")
    if fault is not None:
        yield fault
        return
    yield from _hash_fault(comparison.model.sha256, "model.sha256")
    if comparison.data.sha256 is not None:
        yield from _hash_fault(comparison.data.sha256, "data.sha256")
    try:
        datetime.datetime.fromisoformat(comparison.created)
    except ValueError:
        yield f"a date in created, found {comparison.created[:40]!r}"
    names = [variant.recipe for variant in comparison.variants]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        yield f"each recipe once, found {twice[:48]!r} more than once"
    for variant in comparison.variants:
        yield from _variant_faults(variant)
    yield from _environment_faults(comparison.environment)
    yield from _settings_faults(comparison.settings)


def _hash_fault(text: str, where: str) -> Iterator[str]:
    if not _SHA256.fullmatch(text):
        yield f"a SHA-256 in {where}, found {text[:70]!r}"


def _variant_faults(variant: Variant) -> Iterator[str]:
    """Yield what is wrong with one row; its name and file become paths."""
    name = variant.recipe
    if not RECIPE_NAME.fullmatch(name):
        yield f"a recipe's name of lower-case letters, digits and underscores, found {name[:60]!r}"
        return
    if variant.file not in (None, f"{name}.tflite"):
        yield f"the file {name}.tflite for {name}, found {variant.file[:60]!r}"
    if variant.file is not None and variant.sha256 is None:
        yield f"a SHA-256 of {name}.tflite, found none"
    for field, text in (("sha256", variant.sha256), ("content_sha256", variant.content_sha256)):
        if text is not None:
            yield from _hash_fault(text, f"{name}'s {field}")
    if variant.status not in ("ok", "failed"):
        yield f"{name} to be ok or failed, found {variant.status[:40]!r}"
    if variant.status == "ok" and variant.file is None:
        yield f"a file for {name}, which is ok, found none"
    if variant.engine not in _ENGINES:
        yield f"a known engine for {name}, found {variant.engine[:40]!r}"
    if variant.flags or variant.engine != GIVEN:
        yield from _flag_faults(variant)


def _flag_faults(variant: Variant) -> Iterator[str]:
    name = variant.recipe
    try:
        recipe = Recipe.from_json(variant.flags)
    except RecipeError as refused:
        yield f"the flags of {name} to be a recipe, found that {str(refused).rstrip('.')}"
        return
    if recipe.name != name:
        yield f"flags of {name}, found those of {recipe.name}"
    if variant.engine != GIVEN and variant.status == "ok":
        problem = engine_problem(recipe, variant.engine)
        if problem is not None:
            yield f"a recipe that {variant.engine} can build, found that {problem.rstrip('.')}"


def _environment_faults(environment: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong; versions stand in the scripts that rebuild a variant."""
    for key in _VERSIONS:
        found = environment.get(key)
        missing = found is None and key not in _REQUIRED_VERSIONS
        if not missing and not (isinstance(found, str) and _VERSION.fullmatch(found)):
            yield f"a version in environment.{key}, found {str(found)[:60]!r}"
    declared: dict[str, Any] = {"cpu": str, "system": str, "cores": int, "threads": int}
    declared["instruction_sets"] = list[str]
    for key, kind in declared.items():
        fault = type_fault(environment.get(key), kind, f"environment.{key}")
        if fault is not None:
            yield fault
    walls = environment.get("sandbox")
    if walls is not None:
        layers = walls.get("layers") if isinstance(walls, dict) else None
        fault = type_fault(layers, dict[str, str], "environment.sandbox.layers")
        if fault is not None:
            yield fault


def _settings_faults(settings: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong; the source's fields become lines of a script."""
    batch = settings.get("batch")
    if type(batch) is not int or batch < 1:
        yield f"a batch size in settings.batch, found {str(batch)[:40]!r}"
    source = settings.get("source")
    if not isinstance(source, dict):
        yield f"an object in settings.source, found {type(source).__name__}"
        return
    declared: dict[str, Any] = {
        "loader": str,
        "raw_inputs": list[str],
        "changes": list[str] | None,
        "signature": str | None,
        "output_tensors": list[str] | None,
        "original": str | None,
    }
    for key, kind in declared.items():
        fault = type_fault(source.get(key), kind, f"settings.source.{key}")
        if fault is not None:
            yield fault
            return
    unknown = set(source.get("changes") or ()) - _CHANGES
    if unknown:
        yield f"known changes in settings.source.changes, found {min(unknown)[:40]!r}"


def _request_faults(request: RunRequest) -> Iterator[str]:
    fault = type_fault(request, RunRequest, "request")
    if fault is not None:
        yield fault
        return
    choices = (
        ("image_scale", request.data_options.image_scale, IMAGE_SCALES),
        ("image_resize", request.data_options.image_resize, IMAGE_RESIZES),
        ("channel_order", request.data_options.channel_order, CHANNEL_ORDERS),
    )
    for name, value, known in choices:
        if value not in known:
            yield f"{name} to be one of {', '.join(known)}, found {value[:40]!r}"
    for given in request.given_variants:
        yield from _hash_fault(given.sha256, "given_variants")
    # Bounds on work, not on types: whoever looks at a bundle has not chosen these.
    for name, number, most in (
        ("threads", request.threads, _MOST_THREADS),
        ("runs", request.runs, _MOST_RUNS),
        ("samples", request.samples, _MOST_RUNS),
        ("calibration_samples", request.calibration_samples, _MOST_RUNS),
    ):
        if number is not None and number > most:
            yield f"{name} to be at most {most}, found {number}"


def _pair_faults(request: RunRequest, comparison: Comparison) -> Iterator[str]:
    data = comparison.data
    pairs = (
        ("model's name", request.model_name, comparison.model.name),
        ("data's name", request.data_name, data.name),
        ("seed", request.seed, data.seed),
        ("timed runs", request.runs, comparison.settings.get("runs")),
        ("threads", request.threads, comparison.environment.get("threads")),
        ("use of a data file", request.data_path is not None, data.source == "file"),
        ("data's SHA-256", request.data_path is not None, data.sha256 is not None),
    )
    for name, asked, found in pairs:
        if asked != found:
            yield f"one {name} in both, found {str(asked)[:60]!r} and {str(found)[:60]!r}"
    recipes = [recipe.name for recipe in request.recipes]
    known = {*recipes, AS_GIVEN.name, *variant_names(request.given_variants, recipes)}
    known |= set(variant_names(request.given_variants, [*recipes, AS_GIVEN.name]))
    for variant in comparison.variants:
        if variant.recipe not in known:
            yield f"recipes that were asked, found {variant.recipe!r} that was not"
