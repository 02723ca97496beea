"""Deep analysis of a variant out of a run's folder: which files, samples and bindings it takes."""

from __future__ import annotations

import json
from pathlib import Path

from converter.child_process import Worker
from converter.comparison import COMPARISON_FILE, Comparison, Variant
from converter.deep_analysis import MOST_SAMPLES, Listener, Subject, analyse_variant
from converter.errors import DataError, ModelFileError
from converter.kept_samples import EVALUATION_FILE, REFERENCE_FILE, load_kept
from converter.layer_analysis import LayerAnalysis
from converter.limits import current_limits
from converter.model_file import file_sha256
from converter.sandbox import Permissions
from converter.signature import Signature
from converter.tensor_binding import Binding, Ends, bind_file, shapes_of

FLOAT_RECIPE = "float32"
_REQUEST_FILE = "request.json"


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
    comparison = Comparison.load(folder / COMPARISON_FILE)
    variant = comparison.variant(recipe)
    inputs = load_kept(folder / EVALUATION_FILE)
    if not inputs:
        raise DataError(
            f"{folder.name}: expected {EVALUATION_FILE}, which a run keeps of its evaluation "
            "samples, found none; run it again."
        )
    outputs = {} if comparison.starts_from_tflite else load_kept(folder / REFERENCE_FILE)
    subject = find_subject(folder, comparison, variant, original)
    analysis = analyse_variant(
        subject, inputs, outputs, folder, most_samples=most_samples, listener=listener
    )
    analysis.save(folder)
    return analysis


def can_be_analysed(folder: Path, comparison: Comparison, variant: Variant) -> str | None:
    """Return why a variant cannot be looked into; None where it can."""
    if variant.status != "ok":
        return "it failed"
    if not variant.runnable or not variant.file:
        return "it cannot be run here"
    if not (folder / variant.file).is_file():
        return "its file is no longer there"
    if not (folder / EVALUATION_FILE).is_file():
        return "the run has kept no evaluation samples; run it again"
    try:
        _float_file(folder, comparison, variant, None)
    except ModelFileError as error:
        return str(error)
    return None


def find_subject(
    folder: Path, comparison: Comparison, variant: Variant, original: Path | None = None
) -> Subject:
    """Return which files an analysis of a variant takes, and how they are opened.

    Raises:
        ModelFileError: When the variant cannot be run, or its float file is not there.
    """
    reason = None if variant.runnable and variant.status == "ok" else "cannot be run here"
    if variant.file is None or not (folder / variant.file).is_file():
        reason = "has no file in this folder"
    if reason is not None:
        raise ModelFileError(
            f"{variant.recipe}: expected a variant that runs, found one that {reason}; choose "
            "another one."
        )
    signature = Signature(tuple(comparison.model.inputs), tuple(comparison.model.outputs))
    key = comparison.settings["source"].get("signature") if comparison.starts_from_tflite else None
    plain = Binding(label=FLOAT_RECIPE, signature=key, shapes=shapes_of(signature))
    path = folder / str(variant.file)
    given = variant.given_name is not None
    return Subject(
        recipe=variant.recipe,
        variant=path,
        binding=_bind_given(path, variant, signature)
        if given
        else Binding(label=variant.recipe, signature=key, shapes=plain.shapes),
        reference=_float_file(folder, comparison, variant, original),
        reference_binding=plain,
        is_stateful=variant.audit.is_stateful,
        threads=int(comparison.environment.get("threads") or 1),
    )


def _float_file(
    folder: Path, comparison: Comparison, variant: Variant, original: Path | None
) -> Path | None:
    """Return the float file of a run; None where it started from a quantized one."""
    if variant.is_original and variant.audit.integer_ops:
        return None
    found = folder / f"{FLOAT_RECIPE}.tflite"
    made = any(v.recipe == FLOAT_RECIPE and v.status == "ok" for v in comparison.variants)
    if made and found.is_file():
        return found
    if not comparison.starts_from_tflite:
        raise ModelFileError(
            f"{folder.name}: expected {FLOAT_RECIPE}.tflite to hold the layers against, found "
            f"none; run it again with {FLOAT_RECIPE} among the recipes."
        )
    for path in [original, *_files_of_the_run(folder, comparison)]:
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


def _files_of_the_run(folder: Path, comparison: Comparison) -> list[Path]:
    """Return where the `.tflite` that a run started from may lie."""
    rows = [folder / v.file for v in comparison.variants if v.is_original and v.file]
    try:
        asked = json.loads((folder / _REQUEST_FILE).read_text())
        return [*rows, Path(asked["model_path"])]
    except (OSError, ValueError, KeyError, TypeError):  # `run` on the command line keeps no request
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
