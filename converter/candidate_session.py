"""A warm child process that quantizes and judges candidates of one finished run's float file.

The kept evaluation samples are cut in two: whoever chooses by one half reports on the other.
"""

from __future__ import annotations

import math
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from converter.analysed_run import FLOAT_RECIPE, Files, find_subject
from converter.budget import Figures
from converter.candidate_choices import read_pattern
from converter.candidate_layers import CandidateLayer, plain_name
from converter.candidate_source import find_labels, first_variant, need_file
from converter.child_process import Worker
from converter.comparison import CALIBRATION_FILE, COMPARISON_FILE, Comparison
from converter.drift import Drift
from converter.errors import DataError, LiteDriftError, SettingError, WorkerError
from converter.kept_samples import EVALUATION_FILE, REFERENCE_FILE, load_kept
from converter.limits import current_limits
from converter.measurement_lock import measuring_alone
from converter.precision import PRECISIONS
from converter.predicted_latency import PredictedLatency, TableCheck, table_error
from converter.sample_arrays import save_arrays
from converter.sandbox import Permissions
from converter.signature import Signature

SEARCH, REPORT = "search", "report"
MOST_SAMPLES = 400
"""Kept evaluation samples that take part, both halves together."""
LABELS = "labels"
_LEAST_SAMPLES = 4
REFUSED_BYTES = 2**62
"""Stands for the size of a candidate of which there is no file: it fits no limit."""
_MATCH_SECONDS = 2.0


@dataclass(frozen=True)
class CostCheck:
    """The cost table against whole files.

    Attributes:
        checks: Files of one precision each.
        cost_ms: Milliseconds of an operator by its number and precision, in those files.
        untimed: Why operators of the float file cannot be timed alone, so that no latency is
            predicted, by their name; empty where all can.
    """

    checks: list[TableCheck]
    cost_ms: dict[tuple[int, str], float]
    untimed: dict[str, str] = field(default_factory=dict)

    @property
    def error(self) -> float | None:
        """`table_error` of the checks."""
        return table_error(self.checks)


class CandidateSession:
    """Candidates of one run, until it is closed. A context manager.

    Args:
        files: Of the run, by name.
        folder: Where its own files may lie meanwhile.
        most_samples: Kept evaluation samples that take part at most, both halves together.
        task: What the child does, for messages.
        original: The `.tflite` that the run started from; looked for in the run when left out.

    Attributes:
        comparison: Of the run.
        layers: All operators of the float file, each with what it is offered.
        refused: Precisions that litert-quantizer refuses for this file, with its reason.
        samples: By name of the half.
        source: The float file.
        key: Its signature that the run uses; None where it has none.

    Raises:
        LiteDriftError: When the run has no float file or no samples.
    """

    def __init__(
        self,
        files: Files,
        folder: Path,
        *,
        most_samples: int = MOST_SAMPLES,
        task: str = "while searching",
        original: Path | None = None,
    ) -> None:
        self.comparison = Comparison.load(need_file(files, COMPARISON_FILE))
        first = first_variant(self.comparison)
        subject = find_subject(files, self.comparison, first, original)
        source = (subject.reference or subject.variant).resolve()
        self._seconds = current_limits().evaluate_seconds
        self._folder = tempfile.TemporaryDirectory(prefix=".candidates-", dir=folder)
        self._work = Path(self._folder.name).resolve()
        self.source, self._task = source, task
        self.key = subject.reference_binding.signature
        model = self.comparison.model
        self._opening = {
            "source": str(source),
            "signature": Signature(tuple(model.inputs), tuple(model.outputs)).to_json(),
            "binding": subject.reference_binding.to_json(),
            "work": str(self._work),
            "threads": subject.threads,
        }
        self._worker: Worker | None = None
        self._is_closed = False
        self._asking = threading.Lock()
        try:
            self.samples = self._keep_samples(files, most_samples)
            answer = self._open()
        except BaseException:
            self.close()
            raise
        self.layers = [CandidateLayer.from_json(item) for item in answer["layers"]]
        self.refused: dict[str, str] = answer["refused"]

    def _open(self) -> dict[str, Any]:
        self._worker = Worker(
            "converter.workers.candidates", "litert-quantizer", task=self._task,
            permissions=Permissions(read=(self.source,), write=(self._work,)),
        )  # fmt: skip
        try:
            return self._worker.ask("open", self._seconds, **self._opening)
        except BaseException:  # one that knows nothing must not pass for one that answers
            self._worker.close()
            raise

    def _ask(
        self, question: str, seconds: float | None = None, /, **values: Any  # noqa: ANN401
    ) -> dict[str, Any]:
        """Ask the child; one that has died of a question is replaced, and the question fails.

        Raises:
            LiteDriftError: When it cannot answer.
        """
        with self._asking:  # while one thread replaces a dead child, no other may ask or replace
            if self._worker is None:
                raise WorkerError("The session was closed; open it again.")
            try:
                return self._worker.ask(question, seconds or self._seconds, **values)
            except WorkerError:
                if not self._worker.is_alive and not self._is_closed:
                    self._worker.close()
                    self._open()
                raise

    def _keep_samples(self, files: Files, most: int) -> dict[str, int]:
        inputs = load_kept(need_file(files, EVALUATION_FILE))
        reference = load_kept(files[REFERENCE_FILE]) if REFERENCE_FILE in files else {}
        count = min(most, len(next(iter(inputs.values()))))
        if count < _LEAST_SAMPLES or not reference:
            raise DataError(
                f"{self.comparison.model.name}: expected at least {_LEAST_SAMPLES} kept evaluation "
                f"samples with the original's outputs, found {count if reference else 'none'}; run "
                "it again with more data."
            )
        calibration = load_kept(files[CALIBRATION_FILE]) if CALIBRATION_FILE in files else {}
        save_arrays(self._work / "calibration", calibration)
        labels = find_labels(files, self.comparison, count)
        parts = {SEARCH: slice(0, count // 2), REPORT: slice(count // 2, count)}
        for name, part in parts.items():
            save_arrays(self._work / name, {n: a[part] for n, a in inputs.items()})
            outputs = {n: a[part] for n, a in reference.items()}
            save_arrays(self._work / f"{name}.reference", outputs)
            known = {} if labels is None else {LABELS: labels[part]}
            save_arrays(self._work / f"{name}.labels", known)
        return {name: part.stop - part.start for name, part in parts.items()}

    @property
    def is_alive(self) -> bool:
        """Whether the child still answers."""
        return self._worker is not None and self._worker.is_alive

    def figures(
        self,
        choices: Mapping[int, str],
        split: str,
        samples: int | None = None,
        *,
        predict: bool = False,
    ) -> tuple[str, Figures]:
        """Build a candidate and measure it.

        Args:
            choices: A precision's name by operator number; `resolve` says what the others get.
            split: `search` or `report`.
            samples: The first so many; all when left out.
            predict: Whether its latency is told by the cost table.

        Returns:
            As `judge`, without how many samples took part.

        Raises:
            WorkerError: When the session was closed, or no other child could be started.
        """
        return self.judge(choices, split, samples, predict=predict)[:2]

    def judge(
        self,
        choices: Mapping[int, str],
        split: str,
        samples: int | None = None,
        *,
        predict: bool = False,
        seconds: float | None = None,
    ) -> tuple[str, Figures, int]:
        """Build a candidate and measure it, in a bounded time where that is asked.

        Args:
            choices: As for `figures`.
            split: As for `figures`.
            samples: As for `figures`.
            predict: As for `figures`.
            seconds: Take no more samples than can be run in about this time, a few at least.

        Returns:
            The file's SHA-256, the figures, and on how many samples. Where litert-quantizer
            refuses, or the file does not run or crashes the runtime, the figures say so.

        Raises:
            WorkerError: When the session was closed, or no other child could be started.
        """
        try:
            found = self._ask(
                "judge", choices=[list(pair) for pair in choices.items()], split=split,
                samples=samples, predict=predict, seconds=seconds,
            )  # fmt: skip
        except LiteDriftError as error:
            if not self.is_alive:
                raise
            nothing = Figures(size_bytes=REFUSED_BYTES, sqnr_db=math.nan, problem=str(error))
            return f"refused {sorted(choices.items())}", nothing, samples or self.samples[split]
        drift = None if found["drift"] is None else Drift.from_json(found["drift"])
        problem = found["problem"]
        if drift is not None and drift.non_finite_count:
            problem = f"{drift.non_finite_count} of its output values are NaN or infinite"
        figures = Figures(
            size_bytes=int(found["size_bytes"]),
            sqnr_db=math.nan if drift is None else drift.sqnr_db,
            agreement=None if drift is None else drift.top1_agreement,
            accuracy=found["accuracy"],
            predicted_ms=found["predicted_ms"],
            problem=problem,
        )
        return str(found["sha256"]), figures, int(found["samples"])

    def predict(self, choices: Mapping[int, str]) -> PredictedLatency:
        """Tell a candidate's latency by the cost table, operator by operator.

        Raises:
            LiteDriftError: When litert-quantizer refuses, or LiteRT cannot run the candidate.
        """
        answer = self._ask("predict", choices=[list(pair) for pair in choices.items()])
        return PredictedLatency.from_json(answer)

    def check_costs(
        self,
        waiting: Callable[[], None] = lambda: None,
        listener: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> CostCheck:
        """Fill the cost table from files of one precision each, and hold it against them.

        Nobody of this installation builds or measures meanwhile.

        Args:
            waiting: Called again and again while others hold the machine; what it raises ends it.
            listener: Told how many of the precisions are done, from when the machine is held on.

        Returns:
            What was found; a precision that LiteRT cannot run is missing in it.

        Raises:
            WorkerError: When the session was closed, or no other child could be started.
        """
        answers = {}
        with measuring_alone(waiting):
            for done, name in enumerate(PRECISIONS):
                listener(done, len(PRECISIONS))
                try:
                    answers[name] = self._ask("check_costs", precision=name)
                except LiteDriftError:
                    if not self.is_alive:
                        raise
        return self._cost_check(answers)

    def _cost_check(self, answers: Mapping[str, Mapping[str, Any]]) -> CostCheck:
        numbers = {layer.name: layer.number for layer in self.layers}
        operators = {layer.number: layer.operator for layer in self.layers}
        found = CostCheck(checks=[], cost_ms={})
        for name, answer in answers.items():
            if answer["check"] is not None:
                found.checks.append(TableCheck(**answer["check"]))
            if answer["predicted"] is None:
                continue
            predicted = PredictedLatency.from_json(answer["predicted"])
            if name == FLOAT_RECIPE:
                found.untimed.update(
                    (f"{operators.get(place, 'operator')} ({place})", reason)
                    for place, reason in predicted.untimed.items()
                )
            for place, ms in predicted.operators.items():
                number = numbers.get(plain_name(predicted.names[place]))
                if number is not None:
                    # A QUANTIZE or DEQUANTIZE beside the operator is part of its price.
                    price = found.cost_ms.get((number, name), 0.0)
                    found.cost_ms[number, name] = price + ms
        return found

    def match(self, pattern: str) -> list[int]:
        """Return the numbers of the operators whose name a regular expression finds.

        Some patterns take for ever: the child's time is bounded, a web process's is not.

        Raises:
            SettingError: When the pattern is none, or takes too long.
            WorkerError: When the session was closed, or no other child could be started.
        """
        read_pattern(pattern)
        try:
            answer = self._ask("match", _MATCH_SECONDS, pattern=pattern)
        except WorkerError as error:
            if not self.is_alive:
                raise
            raise SettingError(
                f"pattern: expected one that is matched within {_MATCH_SECONDS:g} s, found "
                f"{pattern[:40]!r}; write one with fewer repetitions inside of repetitions."
            ) from error
        return [int(number) for number in answer["numbers"]]

    def write(self, choices: Mapping[int, str]) -> tuple[bytes, list[dict[str, Any]]]:
        """Return a candidate's file, and the rules with which litert-quantizer makes it.

        Raises:
            LiteDriftError: When litert-quantizer refuses.
        """
        made = self._work / "answer.tflite"
        answer = self._ask(
            "write", choices=[list(pair) for pair in choices.items()], target=str(made)
        )
        return made.read_bytes(), answer["rules"]

    def close(self) -> None:
        """End the child and remove its files."""
        self._is_closed = True
        if self._worker is not None:
            self._worker.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        """Return the session itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()
