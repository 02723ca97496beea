"""How much a variant depends on its calibration: on how many samples, on which, and what it clips.

Each set of samples costs one calibration, one quantization of the run's float32 file by the engine
that made the variant, and one evaluation. Where all samples of the run are taken, the file is the
variant itself, and the study says whether it is.
"""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from converter.analysed_run import Files, find_subject
from converter.calibration_findings import (
    MOST_TENSORS,
    CalibrationStudy,
    Clipping,
    Halves,
    StudyPoint,
    TensorScales,
    figure_of,
    find_clipping,
)
from converter.child_process import Worker
from converter.comparison import (
    CALIBRATION_FILE,
    COMPARISON_FILE,
    Comparison,
    Variant,
)
from converter.deep_analysis import Subject
from converter.errors import DataError, LiteDriftError, RecipeError
from converter.kept_samples import EVALUATION_FILE, REFERENCE_FILE, load_kept
from converter.layer_analysis import LayerDrift
from converter.limits import current_limits
from converter.measurement_lock import building
from converter.recipe import LITERT_QUANTIZER, Recipe
from converter.sample_arrays import save_arrays
from converter.sandbox import Permissions
from converter.signature import Signature

MOST_CALIBRATION, MOST_EVALUATION = 100, 200
COUNTS = (1, 2, 5, 10, 20, 50, 100)
DRAWS = 3
_SEED = 0
SATURATION_SAMPLES = 64
_MOST_SECONDS = 60.0
"""No further sample is begun for the saturation after so long."""
Listener = Callable[[str, float], None]


def study_counts(available: int) -> list[int]:
    """Return the numbers of samples to try, all of them last."""
    return [*(count for count in COUNTS if count < available), available]


def study_calibration(
    files: Files,
    recipe: str,
    *,
    work: Path,
    original: Path | None = None,
    listener: Listener = lambda _stage, _share: None,
) -> CalibrationStudy:
    """Study the calibration of one variant of a finished run.

    Args:
        files: Of the run, by name.
        recipe: A variant that was calibrated.
        work: A folder for scratch files; a new one inside it is made and removed.
        original: The `.tflite` that the run started from; looked for in the run when left out.
        listener: Told of each stage; what it raises ends the study, no child process is left.

    Raises:
        LiteDriftError: When the run, the variant or its samples cannot be used.
    """
    if COMPARISON_FILE not in files:
        raise DataError(f"{recipe}: expected {COMPARISON_FILE} in the run's folder, found none.")
    comparison = Comparison.load(files[COMPARISON_FILE])
    asked = check_study(files, comparison, recipe)
    variant = comparison.variant(recipe)
    subject = find_subject(files, comparison, variant, original)
    if subject.reference is None:
        raise RecipeError(f"{recipe}: the run has no float file to calibrate anew; convert again.")
    samples = {
        "calibration": _kept(files, CALIBRATION_FILE),
        "evaluation": _kept(files, EVALUATION_FILE),
    }
    for name, arrays in samples.items():
        if not arrays:
            raise _no_samples(recipe, name)
    reference = _kept(files, REFERENCE_FILE)
    with (
        tempfile.TemporaryDirectory(prefix=".calibration-", dir=work) as scratch,
        # A latency that is measured meanwhile would be wrong.
        building(lambda: listener("waiting for the machine", 0.0)),
    ):
        place = Path(scratch).resolve()
        save_arrays(place / "calibration", _first(samples["calibration"], MOST_CALIBRATION))
        save_arrays(place / "evaluation", _first(samples["evaluation"], MOST_EVALUATION))
        save_arrays(place / "reference", _first(reference, MOST_EVALUATION))
        save_arrays(place / "clipping", _first(samples["evaluation"], SATURATION_SAMPLES))
        study = _Study(place, subject, asked, listener)
        return study.carry_out(comparison, variant, _sizes(samples))


def check_study(files: Files, comparison: Comparison, recipe: str) -> Recipe:
    """Return what was asked of a calibrated variant; refuse one that cannot be studied.

    Args:
        files: Of the run, by name; what they hold is not looked at.
        comparison: The run's result.
        recipe: The variant's name.

    Raises:
        LiteDriftError: When there is no such variant, it was not calibrated, or the run has kept
            no samples.
    """
    variant = comparison.variant(recipe)
    asked = Recipe.from_json(variant.flags) if variant.flags else None
    if asked is None or not asked.calibrate:
        raise RecipeError(
            f"{recipe}: expected a variant that was calibrated, found another; choose int8, "
            "int8_full or int16x8."
        )
    for name, file in (("calibration", CALIBRATION_FILE), ("evaluation", EVALUATION_FILE)):
        if file not in files:
            raise _no_samples(recipe, name)
    return asked


def _no_samples(recipe: str, name: str) -> DataError:
    return DataError(
        f"{recipe}: expected the {name} samples that a run keeps, found none; run it again with "
        "data."
    )


def _kept(files: Files, name: str) -> dict[str, np.ndarray]:
    return load_kept(files[name]) if name in files else {}


def _first(arrays: Mapping[str, np.ndarray], most: int) -> dict[str, np.ndarray]:
    return {name: array[:most] for name, array in arrays.items()}


def _sizes(samples: Mapping[str, Mapping[str, np.ndarray]]) -> tuple[int, int]:
    counts = {name: len(next(iter(arrays.values()))) for name, arrays in samples.items()}
    return (
        min(MOST_CALIBRATION, counts["calibration"]),
        min(MOST_EVALUATION, counts["evaluation"]),
    )


class _Study:
    """Asks a worker for one set of samples after the other."""

    def __init__(self, place: Path, subject: Subject, recipe: Recipe, listener: Listener) -> None:
        self._place = place
        self._subject = subject
        self._recipe = recipe
        self._listener = listener
        self._seconds = current_limits().evaluate_seconds
        self._notes: list[str] = []

    def carry_out(
        self, comparison: Comparison, variant: Variant, sizes: tuple[int, int]
    ) -> CalibrationStudy:
        available, evaluated = sizes
        random = np.random.default_rng(_SEED)
        self._listener("loading the quantizer", 0.0)
        label = "litert-quantizer" if variant.engine == LITERT_QUANTIZER else "TFLiteConverter"
        with self._worker("calibration", label, "while calibrating") as worker:
            worker.ask("open", self._seconds, **self._opening(comparison, variant))
            points, whole = self._points(worker, random, available)
            halves = None
            if available > 1:
                self._listener("comparing two halves", 0.85)
                halves = self._halves(worker, random.permutation(available))
        all_taken = comparison.data.calibration_samples == available
        return CalibrationStudy(
            recipe=variant.recipe,
            points=points,
            halves=halves,
            calibration_samples=available,
            evaluation_samples=evaluated,
            seed=_SEED,
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            engine=variant.engine,
            is_variant=whole == variant.content_sha256 if all_taken and whole else None,
            clipping=self._clipping(),
            notes=self._notes,
        )

    def _worker(self, kind: str, label: str, task: str) -> Worker:
        files = {self._subject.variant.resolve(), self._float_file()}
        return Worker(
            f"converter.workers.{kind}",
            label,
            task=task,
            permissions=Permissions(read=tuple(files), write=(self._place,)),
        )

    def _float_file(self) -> Path:
        return (self._subject.reference or self._subject.variant).resolve()

    def _opening(self, comparison: Comparison, variant: Variant) -> dict[str, Any]:
        signature = Signature(tuple(comparison.model.inputs), tuple(comparison.model.outputs))
        return {
            "source": str(self._float_file()),
            "signature": signature.to_json(),
            "binding": self._subject.reference_binding.to_json(),
            "recipe": self._recipe.to_json(),
            "engine": variant.engine,
            "work": str(self._place),
        }

    def _points(
        self, worker: Worker, random: np.random.Generator, available: int
    ) -> tuple[list[StudyPoint], str | None]:
        """Return the figures of every draw, and the content's hash of the file from all samples."""
        sets = [
            (count, draw, sorted(random.permutation(available)[:count].tolist()))
            for count in study_counts(available)
            for draw in range(DRAWS if count < available else 1)
        ]
        points, whole = [], None
        for number, (count, draw, chosen) in enumerate(sets):
            self._listener(f"calibrating with {count}", 0.1 + 0.75 * number / len(sets))
            answer = worker.ask("judge", self._seconds, chosen=chosen)
            points.append(StudyPoint(samples=count, draw=draw, **_figures(answer)))
            whole = answer.get("content_sha256")
        return points, whole

    def _halves(self, worker: Worker, order: np.ndarray) -> Halves | None:
        half = len(order) // 2
        first, second = sorted(order[:half].tolist()), sorted(order[half : 2 * half].tolist())
        try:
            answer = worker.ask("halves", self._seconds, first=first, second=second)
        except LiteDriftError as error:
            self._notes.append(f"Not measured: two halves. {error}")
            return None
        return Halves(
            samples=half,
            first=StudyPoint(samples=half, draw=0, **_figures(answer["first"])),
            second=StudyPoint(samples=half, draw=1, **_figures(answer["second"])),
            between_db=figure_of(answer["between_db"]),
            tensors=[TensorScales(**each) for each in answer["tensors"][:MOST_TENSORS]],
            compared=len(answer["tensors"]),
        )

    def _clipping(self) -> Clipping | None:
        """Run the run's own variant on evaluation samples; a crash costs this part alone."""
        self._listener("looking for values beyond the ranges", 0.9)
        subject = self._subject
        opened = {
            "reference": (self._float_file(), subject.reference_binding),
            "variant": (subject.variant.resolve(), subject.binding),
        }
        try:
            with self._worker("layers", "LiteRT", "while comparing the layers") as worker:
                answer = worker.ask(
                    "drift",
                    self._seconds,
                    samples=str(self._place / "clipping"),
                    threads=subject.threads,
                    stateful=subject.is_stateful,
                    most_seconds=min(_MOST_SECONDS, self._seconds / 2),
                    **{
                        name: {"path": str(path), "binding": binding.to_json()}
                        for name, (path, binding) in opened.items()
                    },
                )
        except LiteDriftError as error:
            self._notes.append(f"Not measured: saturation at evaluation. {error}")
            return None
        return find_clipping(LayerDrift.from_json(answer))


def _figures(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sqnr_db": figure_of(answer["sqnr_db"]),
        "agreement": answer["agreement"],
        "problem": answer["problem"],
    }
