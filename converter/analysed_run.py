"""Deep analysis of a variant out of a run's files: which files, samples and bindings it takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from converter.child_process import Worker
from converter.comparison import COMPARISON_FILE, Comparison, Variant
from converter.deep_analysis import (
    MOST_SAMPLES,
    WAITING,
    Listener,
    Subject,
    analyse_variant,
)
from converter.errors import DataError, ModelFileError
from converter.kept_samples import EVALUATION_FILE, REFERENCE_FILE, load_kept
from converter.layer_analysis import LayerAnalysis, analysis_file
from converter.limits import current_limits
from converter.measurement_lock import building
from converter.model_file import file_sha256
from converter.sandbox import Permissions
from converter.signature import Signature
from converter.tensor_binding import Binding, Ends, bind_file, shapes_of

FLOAT_RECIPE = "float32"
_REQUEST_FILE = "request.json"
Files = Mapping[str, Path]
"""A run's files by name; they may lie anywhere."""


def analyse_run(
    folder: Path,
    recipe: str,
    *,
    original: Path | None = None,
    most_samples: int = MOST_SAMPLES,
    listener: Listener = lambda _stage, _share: None,
) -> LayerAnalysis:
    """Analyse one variant of a finished run and keep the result beside it.

    Args:
        folder: Of `run`.
        recipe: The variant's name.
        original: The `.tflite` that the run started from; looked for in the run when left out.
        most_samples: Evaluation samples at most.
        listener: Told of each stage.

    Raises:
        LiteDriftError: When the run, the variant, its float file or its samples cannot be used.
    """
    files = files_of(folder)
    comparison = Comparison.load(folder / COMPARISON_FILE)
    variant = comparison.variant(recipe)
    inputs = load_kept(folder / EVALUATION_FILE)
    if not inputs:
        raise DataError(
            f"{folder.name}: expected {EVALUATION_FILE}, which a run keeps of its evaluation "
            "samples, found none; run it again."
        )
    outputs = {} if comparison.starts_from_tflite else load_kept(folder / REFERENCE_FILE)
    with building(lambda: listener(WAITING, 0.0)):
        subject = find_subject(files, comparison, variant, original)
    analysis = analyse_variant(
        subject, inputs, outputs, folder, most_samples=most_samples, listener=listener
    )
    analysis.save(folder)
    return analysis


def files_of(folder: Path) -> dict[str, Path]:
    """Return a folder's files by name; none where there is no such folder."""
    return {path.name: path for path in folder.iterdir()} if folder.is_dir() else {}


def find_analysis(files: Files, variant: Variant) -> LayerAnalysis | None:
    """Return what was found of a variant; None where nothing was, or of another build of it.

    Raises:
        GateError: When the file is unreadable.
    """
    path = files.get(analysis_file(variant.recipe))
    if path is None or not path.is_file():
        return None
    found = LayerAnalysis.load(path)
    return found if found.sha256 == variant.sha256 else None


def can_be_analysed(files: Files, comparison: Comparison, variant: Variant) -> str | None:
    """Return why a variant cannot be looked into; None where it can."""
    if variant.status != "ok":
        return "it failed"
    if not variant.runnable or not variant.file:
        return "it cannot be run here"
    if variant.file not in files:
        return "its file is no longer there"
    if EVALUATION_FILE not in files:
        return "the run has kept no evaluation samples; run it again"
    try:
        _float_file(files, comparison, variant, None)
    except ModelFileError as error:
        return str(error)
    return None


def check_candidates(files: Files, comparison: Comparison) -> None:
    """Refuse a run out of which no candidates can be made.

    Raises:
        ModelFileError: When its float file does not run or is not there, or no samples are kept.
    """
    if comparison.starts_from_tflite:
        variant = comparison.variants[0]
    else:
        names = [v.recipe for v in comparison.variants]
        if FLOAT_RECIPE not in names:
            raise ModelFileError(
                f"{comparison.model.name[:80]}: expected {FLOAT_RECIPE} among the recipes of this "
                "run, from which candidates are made, found none; run it again with it."
            )
        variant = comparison.variant(FLOAT_RECIPE)
    reason = can_be_analysed(files, comparison, variant)
    if reason is None and REFERENCE_FILE not in files:
        reason = "the run has not kept what the original answers; run it again"
    if reason is not None:
        raise ModelFileError(
            f"{comparison.model.name[:80]}: expected {variant.recipe[:80]} to make candidates "
            f"from, found that {reason.rstrip('.')}."
        )


def find_subject(
    files: Files, comparison: Comparison, variant: Variant, original: Path | None = None
) -> Subject:
    """Return which files an analysis of a variant takes, and how they are opened.

    Raises:
        ModelFileError: When the variant cannot be run, or its float file is not there.
    """
    reason = None if variant.runnable and variant.status == "ok" else "cannot be run here"
    if variant.file not in files:
        reason = "has no file in this run"
    if reason is not None:
        raise ModelFileError(
            f"{variant.recipe}: expected a variant that runs, found one that {reason}; choose "
            "another one."
        )
    signature = Signature(tuple(comparison.model.inputs), tuple(comparison.model.outputs))
    key = comparison.settings["source"].get("signature") if comparison.starts_from_tflite else None
    plain = Binding(label=FLOAT_RECIPE, signature=key, shapes=shapes_of(signature))
    path = files[str(variant.file)]
    given = variant.given_name is not None
    return Subject(
        recipe=variant.recipe,
        variant=path,
        binding=_bind_given(path, variant, signature)
        if given
        else Binding(label=variant.recipe, signature=key, shapes=plain.shapes),
        reference=_float_file(files, comparison, variant, original),
        reference_binding=plain,
        is_stateful=variant.audit.is_stateful,
        threads=int(comparison.environment.get("threads") or 1),
    )


def _float_file(
    files: Files, comparison: Comparison, variant: Variant, original: Path | None
) -> Path | None:
    """Return the float file of a run; None where it started from a quantized one."""
    if variant.is_original and variant.audit.integer_ops:
        return None
    found = files.get(f"{FLOAT_RECIPE}.tflite")
    made = any(v.recipe == FLOAT_RECIPE and v.status == "ok" for v in comparison.variants)
    if made and found is not None:
        return found
    if not comparison.starts_from_tflite:
        raise ModelFileError(
            f"{comparison.model.name}: expected {FLOAT_RECIPE}.tflite to hold the layers against, "
            f"found none; run it again with {FLOAT_RECIPE} among the recipes."
        )
    for path in [original, *_files_of_the_run(files, comparison)]:
        if path is not None and path.is_file():
            if file_sha256(path) == comparison.model.sha256:
                return path
            if path == original:
                raise ModelFileError(
                    f"{path.name}: expected the file that this run started from, found another "
                    "one; give that one."
                )
    raise ModelFileError(
        f"{comparison.model.name}: the file that this run started from is needed to hold the "
        "layers against, and it is not in the folder; name it with --original."
    )


def _files_of_the_run(files: Files, comparison: Comparison) -> list[Path]:
    """Return where the `.tflite` that a run started from may lie."""
    names = [v.file for v in comparison.variants if v.is_original and v.file]
    rows = [files[name] for name in names if name in files]
    try:
        asked = json.loads(files[_REQUEST_FILE].read_text())
        return [*rows, Path(asked["model_path"])]
    except (OSError, ValueError, KeyError, TypeError):  # the dashboard keeps no such file
        return rows


def _bind_given(path: Path, variant: Variant, signature: Signature) -> Binding:
    """Pair the tensors of a file that was given with the run's, as the run did."""
    label = str(variant.given_name)[:80]
    resolved = path.resolve()
    with Worker(
        "converter.workers.given_file",
        "reading the file",
        task=f"in {label}",
        permissions=Permissions(read=(resolved,)),
    ) as worker:
        answer = worker.ask("describe", current_limits().read_seconds, path=str(resolved))
    ends = Ends(
        signature=Signature.from_json(answer["signature"]),
        quantized_inputs=frozenset(answer["quantized_inputs"]),
        quantized_outputs=frozenset(answer["quantized_outputs"]),
    )
    binding, _ = bind_file(label, signature, ends, answer["key"])
    return binding
