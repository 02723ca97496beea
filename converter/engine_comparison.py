"""Where both engines make the same thing: TFLiteConverter's file beside litert-quantizer's.

A run from a TensorFlow model has TFLiteConverter's variants. litert-quantizer makes the same
recipes of the run's float32 file with the run's calibration samples; both are then judged alike: on
the samples that the run kept, against the original's own outputs, and timed in turns.
"""

from __future__ import annotations

import datetime
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from converter.analysed_run import Files, find_subject
from converter.child_process import Worker
from converter.comparison import CALIBRATION_FILE, Comparison, Variant, write_whole
from converter.deep_analysis import Subject
from converter.drift import Drift
from converter.errors import DataError, LiteDriftError, RecipeError
from converter.json_figures import encode_figures, known_fields
from converter.kept_samples import EVALUATION_FILE, REFERENCE_FILE, load_kept
from converter.latency import LatencyProtocol, LatencyStats
from converter.limits import current_limits
from converter.measurement_lock import building, measuring_alone
from converter.recipe import LITERT_QUANTIZER, TFLITE_CONVERTER, Recipe, engine_problem
from converter.sample_arrays import save_arrays
from converter.sandbox import Permissions
from converter.signature import Signature
from converter.timing_session import TimedFile, load_candidates, measure_in_turns
from converter.weight_match import WeightMatch
from converter.worker_pool import WorkerPool

ENGINES_FILE = "engine_comparison.json"
MOST_EVALUATION = 400
MAKINGS = 3
"""How often litert-quantizer makes each file; the first time it calibrates."""
Listener = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class EngineFile:
    """What one engine made of a recipe.

    Attributes:
        engine: `tflite_converter` or `litert_quantizer`.
        size_bytes: Of the file; None where it was not made.
        sha256: Of the file.
        content_sha256: Of what it computes, without metadata.
        convert_seconds: Of each making; the first includes calibration.
        integer_ops: Operators that compute on integers.
        float_ops: Operators that compute on floats, with integer weights or without.
        drift: From the original, on the kept samples.
        latency: Timed in turns with the other's.
        problem: Why something is missing, as a sentence.
    """

    engine: str
    size_bytes: int | None = None
    sha256: str | None = None
    content_sha256: str | None = None
    convert_seconds: list[float] = field(default_factory=list)
    integer_ops: int = 0
    float_ops: int = 0
    drift: Drift | None = None
    latency: LatencyStats | None = None
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class EnginePair:
    """One recipe by both engines.

    Attributes:
        recipe: Its name.
        converter: TFLiteConverter's.
        quantizer: litert-quantizer's.
        weights: Both files' weights; None where one was not made.
    """

    recipe: str
    converter: EngineFile
    quantizer: EngineFile
    weights: WeightMatch | None = None

    @property
    def is_same_file(self) -> bool | None:
        """Whether both compute the same, byte for byte; None where one was not made."""
        pair = self.converter.content_sha256, self.quantizer.content_sha256
        return None if None in pair else pair[0] == pair[1]


@dataclass(frozen=True, kw_only=True)
class EngineComparison:
    """All recipes of a run that both engines can make.

    Attributes:
        pairs: In the run's order.
        samples: Kept evaluation samples on which both were judged.
        threads: For the kernels.
        created: When, UTC.
    """

    pairs: list[EnginePair]
    samples: int
    threads: int
    created: str

    def save(self, folder: Path) -> Path:
        """Write `ENGINES_FILE`, whole or not at all, and return its path."""
        path = folder / ENGINES_FILE
        write_whole(path, json.dumps(encode_figures(asdict(self)), allow_nan=False).encode())
        return path

    @classmethod
    def load(cls, path: Path) -> EngineComparison:
        """Read what `save` wrote.

        Raises:
            DataError: When the file is damaged.
        """
        try:
            values = json.loads(path.read_text())
            pairs = [
                EnginePair(
                    recipe=str(each["recipe"]), converter=_file(each["converter"]),
                    quantizer=_file(each["quantizer"]),
                    weights=each["weights"] and WeightMatch.from_json(each["weights"]),
                )
                for each in values["pairs"]
            ]  # fmt: skip
            return cls(
                pairs=pairs, samples=int(values["samples"]), threads=int(values["threads"]),
                created=str(values["created"]),
            )  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as broken:
            raise DataError(
                f"{path.name}: expected two engines side by side, found a damaged file "
                f"({type(broken).__name__}); compare them again."
            ) from broken


def _file(values: Mapping[str, Any]) -> EngineFile:
    read = known_fields(EngineFile, values)
    read["drift"] = read["drift"] and Drift.from_json(read["drift"])
    read["latency"] = read["latency"] and LatencyStats.from_json(read["latency"])
    return EngineFile(**read)


def common_recipes(comparison: Comparison) -> list[Variant]:
    """Return the variants of a run from a TensorFlow model that litert-quantizer can make too."""
    found = []
    for variant in comparison.usable:
        if variant.engine != TFLITE_CONVERTER or not variant.flags:
            continue
        recipe = Recipe.from_json(variant.flags)
        if "DEFAULT" in recipe.optimizations and engine_problem(recipe, LITERT_QUANTIZER) is None:
            found.append(variant)
    return found


def check_engines(comparison: Comparison, files: Files) -> None:
    """Raise where `compare_engines` would find nothing to compare.

    Raises:
        LiteDriftError: When the run has nothing that both can make, no float32 file or no samples.
    """
    if not common_recipes(comparison):
        raise RecipeError(
            f"{comparison.model.name[:80]}: expected variants that both engines can make, found "
            "none; run it again from the TensorFlow model, with int8 or float16."
        )
    find_subject(files, comparison, comparison.variant("float32"))
    if not all(_kept(files, name) for name in (EVALUATION_FILE, REFERENCE_FILE)):
        raise DataError(
            f"{comparison.model.name[:80]}: expected the samples that a run keeps, found none; run "
            "it again."
        )


def compare_engines(
    files: Files,
    comparison: Comparison,
    *,
    work: Path,
    protocol: LatencyProtocol | None = None,
    listener: Listener = lambda _stage, _share: None,
) -> EngineComparison:
    """Make each common recipe by litert-quantizer, and judge and time both engines' files.

    Args:
        files: Of the run, by name.
        comparison: Of the run.
        work: A folder for scratch files; a new one inside it is made and removed.
        protocol: How often and how long to time; the run's own when left out.
        listener: Told of each stage; what it raises ends it all, no child process is left.

    Raises:
        LiteDriftError: When the run has nothing that both can make, no float32 file or no samples.
    """
    check_engines(comparison, files)
    variants = common_recipes(comparison)
    subject = find_subject(files, comparison, comparison.variant("float32"))
    inputs, reference = (_kept(files, name) for name in (EVALUATION_FILE, REFERENCE_FILE))
    samples = min(MOST_EVALUATION, len(next(iter(inputs.values()))))
    with tempfile.TemporaryDirectory(prefix=".engines-", dir=work) as scratch:
        place = Path(scratch).resolve()
        save_arrays(place / "evaluation", {n: a[:samples] for n, a in inputs.items()})
        save_arrays(place / "reference", {n: a[:samples] for n, a in reference.items()})
        calibration = _kept(files, CALIBRATION_FILE)
        np.savez(place / CALIBRATION_FILE, **calibration)  # type: ignore[arg-type]
        work_on = _Both(files, comparison, subject, place, listener)
        pairs = []
        with building(lambda: listener("waiting for the machine", 0.0)):
            for number, variant in enumerate(variants):
                listener(f"making {variant.recipe}", 0.6 * number / len(variants))
                pairs.append(work_on.pair(variant))
        pairs = work_on.timed(pairs, protocol or LatencyProtocol())
    return EngineComparison(
        pairs=pairs, samples=samples, threads=subject.threads,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )  # fmt: skip


def _kept(files: Files, name: str) -> dict[str, np.ndarray]:
    return load_kept(files[name]) if name in files else {}


class _Both:
    """Makes, judges and times the files of one run's common recipes."""

    def __init__(
        self, files: Files, comparison: Comparison, subject: Subject, place: Path,
        listener: Listener,
    ) -> None:  # fmt: skip
        self._files = files
        self._comparison = comparison
        self._subject = subject
        self._place = place
        self._listener = listener
        self._float = (subject.reference or subject.variant).resolve()
        self._seconds = current_limits().convert_seconds

    def pair(self, variant: Variant) -> EnginePair:
        """Return one recipe by both engines, not timed yet."""
        recipe = Recipe.from_json(variant.flags)
        theirs = self._files[str(variant.file)].resolve()
        mine = self._place / f"{recipe.name}.tflite"
        converter = EngineFile(
            engine=TFLITE_CONVERTER, size_bytes=variant.size_bytes, sha256=variant.sha256,
            content_sha256=variant.content_sha256, integer_ops=variant.audit.integer_ops,
            float_ops=variant.audit.float_ops,
            convert_seconds=[] if variant.convert_seconds is None else [variant.convert_seconds],
        )  # fmt: skip
        quantizer = EngineFile(engine=LITERT_QUANTIZER)
        weights = None
        with Worker(
            "converter.workers.engines", "litert-quantizer", task=f"while making {recipe.name}",
            permissions=Permissions(read=(self._float, theirs), write=(self._place,)),
        ) as worker:  # fmt: skip
            converter = self._judged(worker, converter, theirs)
            try:
                quantizer = self._made(worker, recipe, mine)
                weights = WeightMatch.from_json(
                    worker.ask("match", self._seconds, first=str(theirs), second=str(mine),
                               signature=None)
                )  # fmt: skip
            except LiteDriftError as error:
                quantizer = replace(quantizer, problem=str(error))
            else:
                quantizer = self._judged(worker, quantizer, mine)
        return EnginePair(
            recipe=recipe.name, converter=converter, quantizer=quantizer, weights=weights
        )

    def _made(self, worker: Worker, recipe: Recipe, target: Path) -> EngineFile:
        model = self._comparison.model
        ends = Signature(tuple(model.inputs), tuple(model.outputs))
        seconds = []
        for _ in range(MAKINGS):
            answer = worker.ask(
                "make", self._seconds, source=str(self._float), signature=ends.to_json(),
                key=self._subject.reference_binding.signature, signatures=1,
                recipe=recipe.to_json(), calibration=str(self._place / CALIBRATION_FILE),
                batch=ends.batch_size, target=str(target),
            )  # fmt: skip
            seconds.append(float(answer["convert_seconds"]))
        return EngineFile(
            engine=LITERT_QUANTIZER, size_bytes=answer["size_bytes"], sha256=answer["sha256"],
            content_sha256=answer["content_sha256"], convert_seconds=seconds,
            integer_ops=answer["audit"]["integer_ops"], float_ops=answer["audit"]["float_ops"],
        )  # fmt: skip

    def _judged(self, worker: Worker, file: EngineFile, path: Path) -> EngineFile:
        try:
            answer = worker.ask(
                "judge", current_limits().evaluate_seconds, path=str(path), work=str(self._place),
                binding=self._subject.reference_binding.to_json(), threads=self._subject.threads,
            )  # fmt: skip
        except LiteDriftError as error:
            return replace(file, problem=str(error))
        return replace(file, drift=Drift.from_json(answer))

    def timed(self, pairs: list[EnginePair], protocol: LatencyProtocol) -> list[EnginePair]:
        """Time all files that run, in turns, with the machine alone."""
        ways: dict[str, TimedFile] = {}
        for pair in pairs:
            mine = self._place / f"{pair.recipe}.tflite"
            theirs = self._files[str(self._comparison.variant(pair.recipe).file)].resolve()
            for file, path in ((pair.converter, theirs), (pair.quantizer, mine)):
                if file.drift is not None:
                    ways[f"{pair.recipe} {file.engine}"] = TimedFile(
                        path=path, binding=self._subject.reference_binding,
                        threads=self._subject.threads,
                    )  # fmt: skip
        reads = tuple(way.path for way in ways.values())
        pool = WorkerPool(Permissions(read=(*reads, self._place), write=(self._place,)))
        self._listener("waiting for the machine", 0.6)
        try:
            with measuring_alone(lambda: self._listener("waiting for the machine", 0.6)):
                self._listener("timing both in turns", 0.65)
                limit = current_limits().latency_seconds
                candidates = load_candidates(pool, ways, self._place / "evaluation", limit)
                measure_in_turns(candidates, protocol, limit)
        finally:
            pool.close()
        found = {c.name: (c.stats(self._subject.threads), c.error) for c in candidates}
        return [
            replace(pair, converter=_with_latency(pair.recipe, pair.converter, found),
                    quantizer=_with_latency(pair.recipe, pair.quantizer, found))
            for pair in pairs
        ]  # fmt: skip


def _with_latency(
    recipe: str, file: EngineFile, found: Mapping[str, tuple[LatencyStats | None, str | None]]
) -> EngineFile:
    stats, error = found.get(f"{recipe} {file.engine}", (None, None))
    return replace(file, latency=stats, problem=file.problem or error)
