"""How much a variant depends on its calibration: on how many samples, and on which.

The ranges of every calibration sample are measured once; the ranges of any set of samples are then
the least and the greatest of theirs, so that a set costs one quantization and one evaluation. The
variants are made by litert-quantizer out of the run's float32 file, with least and greatest values
as ranges, as TFLiteConverter takes them.
"""

from __future__ import annotations

import datetime
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from converter.analysed_run import Files, find_subject
from converter.child_process import Worker
from converter.comparison import CALIBRATION_FILE, COMPARISON_FILE, Comparison, write_whole
from converter.errors import DataError, RecipeError
from converter.json_figures import encode_figures, known_fields
from converter.kept_samples import EVALUATION_FILE, REFERENCE_FILE, load_kept
from converter.limits import current_limits
from converter.quantizer_recipe import quantizer_rules
from converter.recipe import LITERT_QUANTIZER, Recipe, engine_problem
from converter.sample_arrays import save_arrays
from converter.sandbox import Permissions
from converter.signature import Signature

MOST_CALIBRATION, MOST_EVALUATION = 100, 200
COUNTS = (1, 2, 5, 10, 20, 50, 100)
DRAWS = 3
_SEED = 0
_MOST_TENSORS = 20
Listener = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class StudyPoint:
    """A variant calibrated on some samples.

    Attributes:
        samples: How many.
        draw: Number of the draw of so many, from 0.
        sqnr_db: Of the worst output against the original's, on the evaluation samples.
        agreement: Top-1 agreement; None without classes.
        problem: Why there are no figures; None where there are.
    """

    samples: int
    draw: int
    sqnr_db: float | None = None
    agreement: float | None = None
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class TensorScales:
    """The scale of one tensor in two variants; `ratio` is the larger over the smaller."""

    name: str
    first: float
    second: float
    ratio: float


@dataclass(frozen=True, kw_only=True)
class Halves:
    """Two variants calibrated on disjoint halves of the samples.

    Attributes:
        samples: In each half.
        first: Its figures against the original.
        second: Likewise.
        between_db: SQNR of the second's outputs against the first's.
        tensors: Activations by how far their two scales differ, the farthest first.
        compared: Activations whose scales were compared.
    """

    samples: int
    first: StudyPoint
    second: StudyPoint
    between_db: float | None
    tensors: list[TensorScales]
    compared: int


@dataclass(frozen=True, kw_only=True)
class CalibrationStudy:
    """A study of one recipe of a run.

    Attributes:
        recipe: Its name.
        points: By number of samples and draw.
        halves: None where there are fewer than two samples.
        calibration_samples: That were there to draw from.
        evaluation_samples: On which all figures are taken.
        seed: Of the draws.
        created: When, UTC.
        notes: Sentences a person should read.
    """

    recipe: str
    points: list[StudyPoint]
    halves: Halves | None
    calibration_samples: int
    evaluation_samples: int
    seed: int
    created: str
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return strict JSON: infinities as strings, NaN as null."""
        encoded: dict[str, Any] = encode_figures(asdict(self))
        return encoded

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read `to_json`'s form."""
        fields = known_fields(cls, values)
        fields["points"] = [_point(each) for each in values["points"]]
        if values["halves"] is not None:
            halves = dict(values["halves"])
            halves["first"], halves["second"] = _point(halves["first"]), _point(halves["second"])
            halves["tensors"] = [TensorScales(**each) for each in halves["tensors"]]
            halves["between_db"] = _figure(halves["between_db"])
            fields["halves"] = Halves(**halves)
        return cls(**fields)

    def save(self, folder: Path) -> Path:
        """Write it beside a run, whole or not at all, and return its path."""
        path = folder / study_file(self.recipe)
        write_whole(path, json.dumps(self.to_json(), indent=1, allow_nan=False).encode())
        return path


def study_file(recipe: str) -> str:
    """Return the name of a study's file."""
    return f"calibration_{recipe}.json"


def load_study(path: Path) -> CalibrationStudy:
    """Read what `save` wrote.

    Raises:
        DataError: When it is missing or damaged.
    """
    try:
        return CalibrationStudy.from_json(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as broken:
        raise DataError(
            f"{path.name}: expected a study of the calibration, found no readable one "
            f"({type(broken).__name__}); make it again."
        ) from broken


def _figure(value: Any) -> float | None:  # noqa: ANN401
    return None if value is None else float(value)


def _point(values: Mapping[str, Any]) -> StudyPoint:
    return StudyPoint(**{**values, "sqnr_db": _figure(values["sqnr_db"])})


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
    variant = comparison.variant(recipe)
    asked = Recipe.from_json(variant.flags) if variant.flags else None
    if asked is None or not asked.calibrate or engine_problem(asked, LITERT_QUANTIZER):
        raise RecipeError(
            f"{recipe}: expected a variant that was calibrated and that litert-quantizer can make "
            "again, found another; choose int8, int8_full or int16x8."
        )
    subject = find_subject(files, comparison, variant, original)
    if subject.reference is None:
        raise RecipeError(f"{recipe}: the run has no float file to calibrate anew; convert again.")
    samples = {
        "calibration": _kept(files, CALIBRATION_FILE),
        "evaluation": _kept(files, EVALUATION_FILE),
    }
    for name, arrays in samples.items():
        if not arrays:
            raise DataError(
                f"{recipe}: expected the {name} samples that a run keeps, found none; run it again "
                "with data."
            )
    reference = _kept(files, REFERENCE_FILE)
    with tempfile.TemporaryDirectory(prefix=".calibration-", dir=work) as scratch:
        place = Path(scratch).resolve()
        save_arrays(place / "calibration", _first(samples["calibration"], MOST_CALIBRATION))
        save_arrays(place / "evaluation", _first(samples["evaluation"], MOST_EVALUATION))
        save_arrays(place / "reference", _first(reference, MOST_EVALUATION))
        permissions = Permissions(read=(subject.reference.resolve(),), write=(place,))
        with Worker("converter.workers.calibration", "litert-quantizer", task="while calibrating",
                    permissions=permissions) as worker:  # fmt: skip
            study = _Study(worker, listener)
            opened = {
                "source": str(subject.reference.resolve()),
                "signature": Signature(
                    tuple(comparison.model.inputs), tuple(comparison.model.outputs)
                ).to_json(),
                "binding": subject.reference_binding.to_json(),
                "rules": quantizer_rules(asked),
                "work": str(place),
            }
            return study.carry_out(recipe, opened, _sizes(samples))


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
    """Asks the worker for one set of samples after the other."""

    def __init__(self, worker: Worker, listener: Listener) -> None:
        self._worker = worker
        self._listener = listener
        self._seconds = current_limits().evaluate_seconds

    def carry_out(
        self, recipe: str, opened: dict[str, Any], sizes: tuple[int, int]
    ) -> CalibrationStudy:
        available, evaluated = sizes
        self._listener("measuring the range of every sample", 0.0)
        self._worker.ask("open", self._seconds, **opened)
        random = np.random.default_rng(_SEED)
        sets = [
            (count, draw, sorted(random.permutation(available)[:count].tolist()))
            for count in study_counts(available)
            for draw in range(DRAWS if count < available else 1)
        ]
        points = []
        for number, (count, draw, chosen) in enumerate(sets):
            self._listener(f"calibrating with {count}", 0.3 + 0.6 * number / len(sets))
            answer = self._worker.ask("judge", self._seconds, chosen=chosen)
            points.append(StudyPoint(samples=count, draw=draw, **_figures(answer)))
        halves = None
        if available > 1:
            self._listener("comparing two halves", 0.9)
            halves = self._halves(random.permutation(available))
        return CalibrationStudy(
            recipe=recipe, points=points, halves=halves, calibration_samples=available,
            evaluation_samples=evaluated, seed=_SEED,
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            notes=["The variants of this study are made by litert-quantizer from the run's float32 "
                   "file; TFLiteConverter's may differ from them in single roundings."],
        )  # fmt: skip

    def _halves(self, order: np.ndarray) -> Halves:
        half = len(order) // 2
        first, second = sorted(order[:half].tolist()), sorted(order[half : 2 * half].tolist())
        answer = self._worker.ask("halves", self._seconds, first=first, second=second)
        return Halves(
            samples=half,
            first=StudyPoint(samples=half, draw=0, **_figures(answer["first"])),
            second=StudyPoint(samples=half, draw=1, **_figures(answer["second"])),
            between_db=_figure(answer["between_db"]),
            tensors=[TensorScales(**each) for each in answer["tensors"][:_MOST_TENSORS]],
            compared=len(answer["tensors"]),
        )


def _figures(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sqnr_db": _figure(answer["sqnr_db"]),
        "agreement": answer["agreement"],
        "problem": answer["problem"],
    }


def format_study(study: CalibrationStudy) -> str:
    """Return a study as plain text, for the command line."""
    lines = [
        f"{study.recipe}: calibrated with up to {study.calibration_samples} samples, judged on "
        f"{study.evaluation_samples} others (seed {study.seed})",
        "samples  draw  SQNR dB  agreement",
    ]
    for point in study.points:
        sqnr = "-" if point.sqnr_db is None else f"{point.sqnr_db:.2f}"
        agreement = "-" if point.agreement is None else f"{point.agreement:.1%}"
        lines.append(f"{point.samples:7d}  {point.draw + 1:4d}  {sqnr:>7}  {agreement:>9}"
                     + (f"  {point.problem}" if point.problem else ""))  # fmt: skip
    halves = study.halves
    if halves is not None:
        between = "-" if halves.between_db is None else f"{halves.between_db:.2f} dB"
        lines += [
            "",
            f"Two disjoint halves of {halves.samples}: their outputs differ by {between} SQNR; the "
            f"scales of {halves.compared} tensors, farthest apart first:",
            *(f"  {each.ratio:.3f} times  {each.name}" for each in halves.tensors[:5]),
        ]
    return "\n".join([*lines, *(f"note: {note}" for note in study.notes)])
