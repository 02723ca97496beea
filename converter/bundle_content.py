"""Whether what was unpacked of a bundle is one run: its request, its result and its files agree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from converter.bundle_archive import DATA, GIVEN_STEM, MODEL, MODEL_ZIP
from converter.comparison import (
    CALIBRATION_FILE,
    COMPARISON_FILE,
    REFERENCE,
    SAMPLES_FILE,
    Comparison,
)
from converter.comparison_check import check_comparison, check_pair, check_request
from converter.errors import BundleError, GateError, LiteDriftError
from converter.graph_nodes import GRAPH_FILE
from converter.model_file import file_sha256
from converter.rebuild_script import script_name
from converter.request import REQUEST_FILE, RunRequest

KNOWN_SUFFIXES = {
    *(".keras", ".h5", ".hdf5", ".zip", ".pb", ".tflite"),
    *(".npz", ".npy", ".csv"),
}
"""What a model or data file in a bundle may end on: loaders look at it."""


def read_content(
    place: Path, manifest: dict[str, Any], shown: str
) -> tuple[RunRequest, Comparison, list[str]]:
    """Return the request, its paths being members' names, the comparison, and the run's own files.

    Args:
        place: Where `bundle_archive.unpack_bundle` has unpacked the bundle.
        manifest: Its answer.
        shown: What a person knows the bundle by.

    Raises:
        BundleError: At the first thing that does not fit the others.
    """
    members = set(manifest["members"])
    _check_there({REQUEST_FILE, COMPARISON_FILE}, members, shown)
    inside = load_request(place / REQUEST_FILE, shown)
    check_request(inside, shown)
    _check_places(inside, manifest, shown)
    try:
        comparison = Comparison.load(place / COMPARISON_FILE)
    except GateError as broken:
        raise BundleError(f"{shown}: {broken}") from broken
    check_comparison(comparison, shown)
    check_pair(inside, comparison, shown)
    own = {COMPARISON_FILE, CALIBRATION_FILE, SAMPLES_FILE, GRAPH_FILE}
    own |= {variant.file for variant in comparison.variants if variant.file}
    _check_members(members, inside, comparison, shown)
    _check_hashes(place, manifest, _expected_hashes(inside, comparison), shown)
    _check_latency(manifest["latency_runs"], comparison, shown)
    return inside, comparison, sorted(own & members)


def load_request(path: Path, shown: str) -> RunRequest:
    """Read a `request.json`.

    Raises:
        BundleError: When there is none, or it is not what a run was asked.
    """
    try:
        return RunRequest.from_json(json.loads(path.read_text()))
    except OSError as broken:
        raise BundleError(
            f"{shown}: expected a {REQUEST_FILE} beside the results of `run`, found none that can "
            f"be read ({broken.strerror}); run it again."
        ) from broken
    except (
        ValueError, KeyError, TypeError, AttributeError, RecursionError, LiteDriftError,
    ) as broken:  # fmt: skip
        raise BundleError(
            f"{shown}: {REQUEST_FILE}: expected what a run was asked, found other content "
            f"({type(broken).__name__}: {str(broken)[:80]}); run it again, or ask for the bundle "
            "again."
        ) from broken


def _check_places(inside: RunRequest, manifest: dict[str, Any], shown: str) -> None:
    """Refuse a request that gives its files other places than `write_bundle` does."""
    pairs = [(str(inside.model_path), MODEL)]
    if inside.data_path is not None:
        pairs.append((str(inside.data_path), DATA))
    for number, file in enumerate(inside.given_variants, 1):
        pairs.append((str(file.path), f"{GIVEN_STEM}{number}"))
    for found, stem in pairs:
        stays = found in {stem, *(f"{stem}{suffix}" for suffix in KNOWN_SUFFIXES)}
        if not stays or (stem == MODEL and manifest["model_is_folder"] and found != MODEL_ZIP):
            raise BundleError(
                f"{shown}: {REQUEST_FILE}: expected the member {stem} in place of a path, found "
                f"{found[:80]!r}; ask for the bundle again."
            )


def _check_there(expected: set[str], members: set[str], shown: str) -> None:
    missing = expected - members
    if missing:
        raise BundleError(
            f"{shown}: expected the member {min(missing)[:80]!r}, without which the run is not "
            "whole, found none; ask for the bundle again."
        )


def _check_members(
    members: set[str], inside: RunRequest, comparison: Comparison, shown: str
) -> None:
    expected = set(_expected_hashes(inside, comparison))
    scripts = {script_name(variant) for variant in comparison.variants}
    _check_there(expected, members, shown)
    extra = members - expected - scripts - {CALIBRATION_FILE, SAMPLES_FILE}
    if not comparison.starts_from_tflite:  # such a run has no graph of TensorFlow
        extra.discard(GRAPH_FILE)
    if extra:
        raise BundleError(
            f"{shown}: expected the files of one run, found {min(extra)[:80]!r} beside them; ask "
            "for the bundle again."
        )


def _expected_hashes(inside: RunRequest, comparison: Comparison) -> dict[str, str | None]:
    """Return the members that there must be, with the SHA-256 that the run says of each."""
    sources: dict[str, str | None] = {REQUEST_FILE: None, COMPARISON_FILE: None}
    sources[str(inside.model_path)] = comparison.model.sha256
    if inside.data_path is not None:
        sources[str(inside.data_path)] = comparison.data.sha256
    for file in inside.given_variants:
        sources[str(file.path)] = file.sha256
    for variant in comparison.variants:
        if variant.file is not None:
            sources[variant.file] = variant.sha256
    return sources


def _check_hashes(
    place: Path, manifest: dict[str, Any], expected: dict[str, str | None], shown: str
) -> None:
    """Hold each file against what comparison and request say: the manifest may lie with the zip."""
    for name, sha256 in expected.items():
        found = manifest["members"][name]["sha256"]
        if manifest["model_is_folder"] and name == MODEL_ZIP:
            found = file_sha256(place / MODEL)
        if sha256 is not None and found != sha256:
            raise BundleError(
                f"{shown}: {name}: expected the SHA-256 {sha256[:12]}… that the run says of it, "
                f"found {found[:12]}…; it is not the file of the run, ask for the bundle again."
            )


def _check_latency(runs: dict[str, int], comparison: Comparison, shown: str) -> None:
    stats = {variant.recipe: variant.latency for variant in comparison.variants}
    stats[REFERENCE] = comparison.reference.latency
    for name, count in runs.items():
        latency = stats.get(name)
        if latency is None or latency.runs != count:
            raise BundleError(
                f"{shown}: {SAMPLES_FILE}: expected the timed runs of {COMPARISON_FILE}, found "
                f"{count} for {name[:60]!r}; ask for the bundle again."
            )
