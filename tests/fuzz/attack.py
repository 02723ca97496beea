"""Hands a file to LiteDrift the way the web server does, and checks every promise on the way."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converter.child_process import PROJECT_ROOT
from converter.data_home import data_home
from converter.errors import LiteDriftError
from converter.inspection import inspect_data_file, inspect_model_file, list_graph_tensors
from converter.limits import MIB, Limits, current_limits
from converter.measurement_lock import lock_path
from converter.progress import Progress
from converter.recipe import PRESETS
from converter.request import DataOptions, RunRequest
from converter.run_store import (
    cancel_run,
    follow_run,
    load_comparison,
    run_files,
    run_folder,
    start_run,
)
from converter.uploads import StoredFile, store_upload
from tests.fuzz.promises import (
    Outcome,
    Surroundings,
    ask,
    end_of,
    lateness,
    sentence_faults,
    text_faults,
)

FAST = {
    "read_seconds": 8,
    "load_seconds": 30,
    "convert_seconds": 30,
    "evaluate_seconds": 15,
    "latency_seconds": 10,
    "cpu_seconds": 120,
    "memory_bytes": 3072 * MIB,
    "unpacked_bytes": 512 * MIB,
    "data_bytes": 256 * MIB,
}
"""Limits low enough that what hangs or fills the memory costs seconds, not minutes."""
RECIPES = ("float32", "int8")
ANOTHER_RUN = "another"
_WILL_NOT_RUN = "This model will not be run: "
_POLL_SECONDS = 0.05
_STARTING_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Case:
    """One file to attack with.

    Attributes:
        format: The row of the table that it counts in.
        label: What was done to it.
        path: Where it lies.
        name: The name under which it is uploaded.
        is_data: Whether it is a data file; a model is otherwise.
        model: For a data file: the sound model that it is given with.
    """

    format: str
    label: str
    path: Path
    name: str
    is_data: bool = False
    model: Path | None = None


class Attacker:
    """Everything that a case needs around it: a home of its own, and folders that must not change.

    Args:
        folder: Gets the data home, the stand-ins for the machine's own files, and temporary files.
    """

    def __init__(self, folder: Path) -> None:
        self.home = folder / "data-home"
        self.person = folder / "home-of-a-person"
        self.temporary = folder / "tmp"
        for place in (self.home, self.person, self.temporary):
            place.mkdir(parents=True, exist_ok=True)
        (self.person / "letter.txt").write_text("nobody else's business")
        (self.home / "runs" / ANOTHER_RUN).mkdir(parents=True, exist_ok=True)
        (self.home / "runs" / ANOTHER_RUN / "comparison.json").write_text("{}")
        for lock in (lock_path(), lock_path("gate")):
            (self.temporary / lock.name).touch()  # one for the machine, no run's own
        self._facts: dict[Path, dict[str, Any]] = {}

    def environment(self) -> dict[str, str]:
        """Return what the asking process must have in its environment."""
        limits = {f"LITEDRIFT_{name.upper()}": str(value) for name, value in FAST.items()}
        return {
            **limits,
            "LITEDRIFT_HOME": str(self.home),
            "HOME": str(self.person),
            "TMPDIR": str(self.temporary),
        }

    def surroundings(self) -> Surroundings:
        """Return what no case may change; nothing else writes there while one is tried."""
        watched = [
            self.person,
            self.temporary,
            self.home / "uploads",
            self.home / "runs" / ANOTHER_RUN,
        ]
        # Others may work in the project at the same time: what is in it may change, not its list.
        return Surroundings([p for p in watched if p.exists()], [PROJECT_ROOT, Path("/")])

    def upload(self, path: Path, name: str) -> StoredFile:
        """Store a file as the upload that it would be."""
        with path.open("rb") as stream:
            return store_upload(stream, name)

    def inspect(self, case: Case) -> Outcome:
        """Ask what the page asks about an upload."""
        stored = self.upload(case.path, case.name)
        broken: list[str] = []
        with self.surroundings().must_not_change(broken):
            outcome = ask(
                lambda: self._describe(case, stored.path),
                case.name,
                limit_seconds=self._questions(case) * current_limits().read_seconds,
                hidden=(stored.path.stem, str(self.home)),
            )
        outcome.broken += broken
        if isinstance(outcome.result, dict):
            outcome.broken += text_faults(outcome.result, (stored.path.stem, str(self.home)))
            refusals = [n for n in outcome.result.get("notes", []) if n.startswith(_WILL_NOT_RUN)]
            if refusals:
                outcome.status, outcome.message = "refused", refusals[0].removeprefix(_WILL_NOT_RUN)
                outcome.broken += sentence_faults(outcome.message, case.name)
        return outcome

    @staticmethod
    def _questions(case: Case) -> int:
        return 2 if case.format == "frozen .pb" else 1

    def _describe(self, case: Case, path: Path) -> dict[str, Any]:
        if case.is_data:
            return inspect_data_file(path, case.name, self._model_facts(case), DataOptions())
        facts = inspect_model_file(path, case.name)
        if facts["format"] == "frozen_graph":
            list_graph_tensors(path, case.name)
        return facts

    def _model_facts(self, case: Case) -> dict[str, Any]:
        if case.model is None:
            raise ValueError(f"{case.label}: a data file comes with a model")
        if case.model not in self._facts:
            self._facts[case.model] = inspect_model_file(case.model, case.model.name)
        return self._facts[case.model]

    def run(
        self,
        case: Case,
        recipes: Iterable[str] = RECIPES,
        cancel_after: float | None = None,
    ) -> Outcome:
        """Carry out a whole run by the server's own path.

        Args:
            case: What to run with.
            recipes: Names of presets.
            cancel_after: Seconds after which the person cancels it; None lets it end.
        """
        stored = self.upload(case.path, case.name)
        model = self.upload(case.model, case.model.name) if case.is_data else stored
        request = RunRequest(
            model_path=model.path,
            model_name=model.name,
            data_path=stored.path if case.is_data else None,
            data_name=case.name if case.is_data else None,
            recipes=tuple(PRESETS[name] for name in recipes),
            samples=6,
            calibration_samples=4,
            runs=1,
        )
        broken: list[str] = []
        with self.surroundings().must_not_change(broken):
            outcome = self._follow(request, cancel_after)
        names = {model.name, case.name}
        hidden = (stored.path.stem, str(self.home))
        outcome.broken += broken + self._scratch_left() + _run_faults(outcome, names, hidden)
        return outcome

    def _scratch_left(self) -> list[str]:
        scratch = [path.name for path in (self.home / "runs").glob("*/work")]
        return [f"(d) the run left its scratch folder {name}" for name in scratch]

    def forget(self) -> None:
        """Remove uploads and runs, so that the next case is compared with little."""
        for folder in (self.home / "uploads", self.home / "upload_names"):
            shutil.rmtree(folder, ignore_errors=True)
        for folder in (self.home / "runs").iterdir():
            if folder.name != ANOTHER_RUN:
                shutil.rmtree(folder, ignore_errors=True)

    def _follow(self, request: RunRequest, cancel_after: float | None) -> Outcome:
        start = time.monotonic()
        try:
            run_id = start_run(request)
        except LiteDriftError as refusal:
            return Outcome(end_of(str(refusal)), str(refusal))
        asked = None
        while (progress := follow_run(run_id)).is_active:
            seconds = time.monotonic() - start
            limit = asked or run_limit(progress, current_limits())
            if lateness(seconds, limit):
                break
            if cancel_after is not None and asked is None and seconds > cancel_after:
                cancel_run(run_id)
                asked = seconds
            time.sleep(_POLL_SECONDS)
        seconds = time.monotonic() - start
        status, message = _end_of_run(progress)
        outcome = Outcome(status, message, seconds, asked or run_limit(progress, current_limits()))
        outcome.result = progress
        outcome.broken += _state_faults(run_id, progress)
        if status == "done":
            outcome.contained, faults = _result_faults(run_id)
            outcome.broken += faults
        outcome.broken += lateness(seconds, outcome.limit_seconds)
        if status == "cancelled" and asked is None:
            outcome.broken.append("(c) the run says that it was cancelled, and nobody asked")
        return outcome


def run_limit(progress: Progress, limits: Limits) -> float:
    """Return the seconds that a run may take for the stages that it went through."""
    stages = {entry["stage"] for entry in progress.log} | {progress.stage}
    return sum(_stage_limit(stage.partition(" ")[0], limits) for stage in stages)


def _stage_limit(kind: str, limits: Limits) -> float:
    return {
        # Inspecting, measuring the size and reading the data; loading and fixing the shapes.
        "load": 3 * limits.read_seconds + 2 * limits.load_seconds,
        "freeze": limits.load_seconds,
        "reference": limits.evaluate_seconds + limits.load_seconds,
        "convert": limits.convert_seconds,
        "read": limits.read_seconds,
        "evaluate": 2 * limits.evaluate_seconds,
        # Two processes become ready and load, and warm up, before the first turn.
        "wait": 2 * 2 * limits.latency_seconds,
        "measure": 2 * limits.latency_seconds,
    }.get(kind, _STARTING_SECONDS)


def _end_of_run(progress: Progress) -> tuple[str, str]:
    if progress.is_active:
        return "timed out", f"it was still at {progress.stage!r}"
    if progress.status in {"done", "cancelled"}:
        return progress.status, ""
    message = progress.error or ""
    return end_of(message), message


def _state_faults(run_id: str, progress: Progress) -> list[str]:
    """Return what a finished run's folder shows to be wrong."""
    faults = []
    if progress.status == "interrupted" or "error of LiteDrift itself" in (progress.error or ""):
        log = (run_folder(run_id) / "job.log").read_text("utf-8", "replace").strip()
        last = log.splitlines()[-1] if log else "nothing"
        faults.append(f"(a) the job ended by itself: {progress.error} It printed {last[:200]!r}")
    if progress.status == "failed" and progress.stage in {"", "start"}:
        faults.append("(c) the step at which the run failed is not told")
    return faults


def _result_faults(run_id: str) -> tuple[list[str], list[str]]:
    """Return the crashes that cost a variant alone, and what is wrong with the result."""
    try:
        comparison = load_comparison(run_id)
    except LiteDriftError as unreadable:
        return [], [f"(a) the result of a run that is done cannot be read: {unreadable}"]
    contained, faults = [], text_faults(comparison.to_json(), (str(data_home()),))
    for variant in comparison.variants:
        if variant.status == "ok" and str(variant.file) not in run_files(run_id):
            faults.append(f"(a) the file of {variant.recipe} is not there")
        if variant.status != "ok":
            error = variant.error or ""
            faults += sentence_faults(error, variant.recipe)
            contained += [error] if end_of(error) != "refused" else []
    return contained, faults


def _run_faults(outcome: Outcome, names: Iterable[str], hidden: tuple[str, ...]) -> list[str]:
    if outcome.status in {"done", "cancelled"} or any(b[:3] == "(b)" for b in outcome.broken):
        return []
    return sentence_faults(outcome.message, *names, hidden=hidden)
