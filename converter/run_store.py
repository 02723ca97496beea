"""Runs as pages, jobs and the command line see them: start, follow, stop, find, change, delete.

A run has a row in the history, its files as artifacts, and a folder for what only lives with its
job: progress, log and scratch. What stands behind the seams (`installation.py`) is known here, in
`run_cleanup` and in `job` alone. See docs/runs.md.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from converter.comparison import COMPARISON_FILE, Comparison
from converter.data_home import data_home
from converter.errors import StoreError
from converter.history import (
    CANCELLED,
    DONE,
    INTERRUPTED,
    QUEUED,
    RUNNING,
    Measurement,
    RunRecord,
)
from converter.installation import artifact_store, history, job_runner
from converter.limits import current_limits
from converter.model_file import file_sha256
from converter.progress import Progress, read_progress
from converter.queue_order import Turn
from converter.request import RunRequest
from converter.trust import check_upload
from converter.uploads import is_upload, touch_upload

VARIANT_RESULT = "evaluation"
_STARTING_SECONDS = 10.0
"""How long a row may be there before its job is."""
_TYPICAL_SECONDS = 30.0
"""Of a run, until some have been done here."""
_INTERRUPTED = (
    "The run was interrupted: its process ended; resume it, and what was finished is used again."
)
_ANALYSIS_INTERRUPTED = "The analysis was interrupted: its process ended; start it again."


def start_run(request: RunRequest, owner: str = "") -> str:
    """Remember a run, start its job, which waits for its turn, and return its unguessable id.

    Args:
        request: What is asked.
        owner: Who asks: a browser session. Turns are fair between owners.

    Raises:
        TrustError: When the model is an upload that would be executed behind weak walls.
        StoreError: When the run cannot be kept or its process not be started.
    """
    run_id = secrets.token_hex(12)
    # The job has another working directory than whoever asks.
    request = replace(
        request,
        model_path=request.model_path.absolute(),
        data_path=request.data_path and request.data_path.absolute(),
    )
    try:
        if is_upload(request.model_path):
            check_upload(request.model_path, request.model_name)
        for path in (request.model_path, request.data_path):
            if path is not None:
                touch_upload(path)
        sha256 = file_sha256(request.model_path) if request.model_path.is_file() else ""
        now = time.time()
        record = RunRecord(
            run_id=run_id,
            name=request.model_name,
            model_name=request.model_name,
            model_sha256=sha256,
            data_name=request.data_name,
            request=request.to_json(),
            owner=owner,
            created=now,
            queued=now,
        )
    except OSError as broken:
        raise _cannot_start(broken) from broken
    submit(record)
    return run_id


def submit(record: RunRecord) -> bool:
    """Let a job wait for its turn, in a process of its own; one that has ended starts again.

    Returns:
        False where it waits or goes on already: then it is left alone.

    Raises:
        StoreError: When it cannot be kept or its process not be started.
    """
    run_id = record.run_id
    if not history().add_run(record):
        _settle(history().run(run_id))
        # Whoever queues it alone may touch its folder: until then it may be another's.
        if not history().requeue(run_id, record.owner, record.request, record.queued):
            return False
    try:
        shutil.rmtree(_folder(run_id), ignore_errors=True)
        _folder(run_id).mkdir(parents=True, exist_ok=True)
        try:
            job_runner().start(run_id, _folder(run_id))
        except OSError:
            end_run(run_id, INTERRUPTED, _interruption(record))
            raise
    except OSError as broken:
        raise _cannot_start(broken) from broken
    return True


def _interruption(record: RunRecord) -> str:
    return _INTERRUPTED if record.analysis_of is None else _ANALYSIS_INTERRUPTED


def _cannot_start(broken: OSError) -> StoreError:
    return StoreError(
        f"The run could not be started ({broken.strerror}); free some disk space or memory and "
        "start it again."
    )


def resume_run(run_id: str, owner: str = "", *, measure_anew: bool = False) -> None:
    """Start a run that has ended again; what was finished is used again.

    Args:
        run_id: The run.
        owner: Who asks.
        measure_anew: Whether to measure latency even where it is known; it is kept beside the
            earlier measurement.

    Raises:
        StoreError: When there is no such run, it is active, or it cannot be started.
        TrustError: As for `start_run`.
    """
    record = _settle(_known(run_id))
    request = replace(load_request(run_id), measure_anew=measure_anew)
    if is_upload(request.model_path):
        check_upload(request.model_path, request.model_name)
    _check_unchanged(record, request)
    again = replace(record, owner=owner, request=request.to_json(), queued=time.time())
    if not submit(again):
        raise StoreError("The run is going on already; wait for its end.")


def _check_unchanged(record: RunRecord, request: RunRequest) -> None:
    """Refuse to put another file's figures under what a run has found.

    Raises:
        StoreError: When the model or the data is gone, or is not what it was.
    """
    given = [(request.model_path, record.model_name, "model", record.model_sha256)]
    if request.data_path is not None:
        known = COMPARISON_FILE in history().files(record.run_id)
        sha256 = load_comparison(record.run_id).data.sha256 if known else None
        name = request.data_name or request.data_path.name
        given.append((request.data_path, name, "data", sha256 or ""))
    for path, name, what, sha256 in given:
        if not path.exists():
            raise StoreError(
                f"{name[:80]}: the {what} file of this run is gone; bring it again and start a new "
                "run."
            )
        if sha256 and path.is_file() and file_sha256(path) != sha256:
            raise StoreError(
                f"{name[:80]}: the {what} file has changed since the run; start a new run with it."
            )


def follow_run(run_id: str) -> Progress:
    """Return how far a run is; a job that died without a word shows as `interrupted`.

    Raises:
        StoreError: When there is no run of that id.
    """
    record = _settle(_known(run_id))
    progress = read_progress(_folder(run_id))
    progress.status, progress.error = record.status, record.error
    progress.started = record.started or record.queued
    if record.status == QUEUED:
        turn = history().turn(run_id)
        progress.position, progress.waiting = turn.position, turn.waiting
        progress.stage = f"wait for its turn: position {max(1, turn.position)} of {turn.waiting}"
        progress.seconds_left = _wait_seconds(turn)
    if not record.is_active:
        progress.finished, progress.seconds_left = record.finished, 0.0
    return progress


def _known(run_id: str) -> RunRecord:
    if not run_id.isalnum():
        raise StoreError(f"There is no run {run_id[:40]!r} here; it may have been deleted.")
    return history().run(run_id)


def _settle(record: RunRecord) -> RunRecord:
    """Say how a run ended whose job is gone, and clear away what the job left."""
    if not record.is_active or _has_job(record):
        return record
    record = history().run(record.run_id)  # it may have ended between the two looks
    if record.is_active:
        cancelled = record.cancel_asked  # asked before its process had begun to listen
        reason = _interruption(record)
        end_run(record.run_id, *((CANCELLED, None) if cancelled else (INTERRUPTED, reason)))
        shutil.rmtree(work_folder(record.run_id), ignore_errors=True)
        record = history().run(record.run_id)
    return record


def _has_job(record: RunRecord) -> bool:
    if job_runner().is_alive(record.run_id, _folder(record.run_id)):
        return True
    # Just queued: its process is about to be started, or the one before it has left its number.
    return (
        time.time() - record.queued < _STARTING_SECONDS
        and job_runner().started(_folder(record.run_id)) < record.queued
    )


def _wait_seconds(turn: Turn) -> float:
    """Estimate when a run will be done that waits: from those that run, and earlier ones."""
    records = history().runs()
    done = [r for r in records if r.status == DONE][:10]
    took = [r.finished - r.started for r in done if r.finished and r.started]
    typical = sum(took) / len(took) if took else _TYPICAL_SECONDS
    running = [r for r in records if r.status == RUNNING]
    left = [read_progress(_folder(r.run_id)).seconds_left for r in running]
    slots = current_limits().parallel_runs
    ahead = sum(typical if seconds is None else seconds for seconds in left)
    return round((ahead + max(0, turn.position - 1) * typical) / slots + typical, 1)


def claim_turn(run_id: str) -> Turn:
    """Let a waiting run start if it is its turn; position 0 then.

    Raises:
        StoreError: When there is no such run.
    """
    for record in history().runs():
        if record.is_active and record.run_id != run_id:
            _settle(record)  # a dead one must not stand before the living
    return history().claim(run_id, current_limits().parallel_runs, time.time())


def end_run(run_id: str, status: str, error: str | None = None) -> None:
    """Say how a run ended; one that has a result from before stays done, with the reason."""
    if status != DONE and COMPARISON_FILE in history().files(run_id):
        reason = error or f"it was {status}"
        status, error = DONE, f"The last attempt changed nothing: {reason}"
    history().end_if_active(run_id, status, error, time.time())


def cancel_run(run_id: str) -> None:
    """Ask a run to stop; its job ends its workers and says so, or is ended with them.

    Raises:
        StoreError: When there is no run of that id.
    """
    record = _settle(_known(run_id))
    if not record.is_active:
        return
    try:
        history().change(run_id, cancel_asked=True)
    finally:  # on a full disk too, a run can be cancelled
        job_runner().stop(run_id, _folder(run_id))


def keep_file(run_id: str, path: Path) -> None:
    """Keep a file for a run under its own name.

    Raises:
        StoreError: When there is no space for it, or no such run.
    """
    history().add_file(run_id, path.name, artifact_store().stage(path))


def run_file(run_id: str, name: str) -> Path:
    """Return a file of a run, to be read only.

    Raises:
        StoreError: When the run has no such file.
    """
    file = history().files(_known(run_id).run_id).get(name)
    if file is None:
        raise StoreError(f"The run has no file {name[:60]!r}; start it again.")
    return history().artifact_path(file)


def run_files(run_id: str) -> dict[str, Path]:
    """Return all files of a run by name, to be read only.

    Raises:
        StoreError: When there is no such run, or a file is gone.
    """
    files = history().files(_known(run_id).run_id)
    return {name: history().artifact_path(file) for name, file in files.items()}


def load_request(run_id: str) -> RunRequest:
    """Return what a run was asked.

    Raises:
        StoreError: When there is no such run or its request is unreadable.
    """
    try:
        return RunRequest.from_json(_known(run_id).request)
    except (ValueError, KeyError, TypeError) as broken:
        raise StoreError(f"The request of run {run_id} cannot be read; start it again.") from broken


def load_comparison(run_id: str) -> Comparison:
    """Return the result of a finished run.

    Raises:
        StoreError: When there is no run of that id, or it has no result.
        GateError: When its result is unreadable.
    """
    return Comparison.load(run_file(run_id, COMPARISON_FILE))


def load_record(run_id: str) -> RunRecord:
    """Return what the history knows of a run.

    Raises:
        StoreError: When there is no run of that id.
    """
    return _settle(_known(run_id))


def list_runs(*, deleted: bool = False) -> list[RunRecord]:
    """Return all runs, the newest first.

    Args:
        deleted: Those that were deleted and can be had back, in place of the others.
    """
    return [
        _settle(r)
        for r in history().runs()
        if r.analysis_of is None and (r.deleted is not None) == deleted
    ]


def list_analyses(run_id: str | None = None) -> list[RunRecord]:
    """Return the analyses of a run, or all there are, the newest first."""
    return [
        _settle(r)
        for r in history().runs()
        if r.analysis_of is not None and run_id in (None, r.analysis_of)
    ]


def list_measurements(run_id: str) -> list[Measurement]:
    """Return a run's latency measurements, the newest first."""
    return history().measurements(run_id)


def finished_variants(run_id: str) -> int:
    """Return how many variants of a run are finished and kept."""
    return history().results_of(run_id, VARIANT_RESULT)


def rename_run(run_id: str, name: str) -> None:
    """Give a run another name; an empty one gives it the model's."""
    record = _known(run_id)
    history().change(run_id, name=name.strip()[:200] or record.model_name)


def describe_run(run_id: str, *, tags: tuple[str, ...], note: str) -> None:
    """Set a run's tags and note."""
    kept = tuple(dict.fromkeys(tag.strip()[:60] for tag in tags if tag.strip()))
    history().change(_known(run_id).run_id, tags=kept, note=note[:10_000])


def pin_run(run_id: str, *, pinned: bool) -> None:
    """Keep a run whatever the quota says, or no longer."""
    history().change(_known(run_id).run_id, pinned=pinned)


def delete_run(run_id: str) -> None:
    """Delete a run, which can be had back for `undo_seconds`; an active one is cancelled.

    So is who looks into it.

    Raises:
        StoreError: When there is no such run.
    """
    cancel_run(run_id)
    for analysis in list_analyses(run_id):
        cancel_run(analysis.run_id)
    history().change(run_id, deleted=time.time())


def restore_run(run_id: str) -> None:
    """Have a deleted run back.

    Raises:
        StoreError: When it is gone for good.
    """
    history().change(_known(run_id).run_id, deleted=None)


def run_folder(run_id: str) -> Path:
    """Return the folder of a run's job: log, live progress and scratch.

    Raises:
        StoreError: When there is no run of that id.
    """
    folder = _folder(_known(run_id).run_id)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def work_folder(run_id: str) -> Path:
    """Return where a run's job works; its contents go when the job ends."""
    return _folder(run_id) / "work"


def _folder(run_id: str) -> Path:
    return data_home() / "runs" / run_id


def adopt_run(
    request: RunRequest,
    files: Mapping[str, Path],
    *,
    model_sha256: str = "",
    name: str = "",
    note: str = "",
    created: float | None = None,
) -> str:
    """Take in a run that was carried out elsewhere, and return its new id.

    Args:
        request: What was asked; its files lie here.
        files: The run's files by name, `comparison.json` among them.
        model_sha256: Of the model file.
        name: What people call it; the model's name when left out.
        note: Where it comes from.
        created: Unix time; now when left out.

    Raises:
        StoreError: When it cannot be kept; nothing of it stays then.
    """
    run_id = secrets.token_hex(12)
    now = time.time()
    record = RunRecord(
        run_id=run_id,
        name=name or request.model_name,
        model_name=request.model_name,
        model_sha256=model_sha256,
        data_name=request.data_name,
        request=request.to_json(),
        status=DONE,
        created=now if created is None else created,
        queued=now,
        started=now,
        finished=now,
        note=note,
    )
    history().add_run(record)
    try:
        # The result comes last: whoever finds it finds all that it names.
        for file in sorted(files, key=lambda name: name == COMPARISON_FILE):
            history().add_file(run_id, file, artifact_store().stage(files[file]))
    except BaseException:
        history().purge([run_id])
        raise
    return run_id
