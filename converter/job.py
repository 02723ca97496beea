"""A run of the dashboard, or an analysis of one, in a process of its own: wait, work, keep."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converter.errors import LiteDriftError, RunCancelledError, StoreError
from converter.history import CANCELLED, DONE, FAILED
from converter.installation import artifact_store, history
from converter.known_results import link_or_copy
from converter.progress import Progress, write_progress
from converter.queue_order import NOT_WAITING
from converter.reuse import Found, FoundLatency
from converter.run_cleanup import clean_up
from converter.run_store import (
    claim_turn,
    end_run,
    keep_file,
    load_record,
    load_request,
    run_files,
    run_folder,
    work_folder,
)

_POLL_SECONDS = 0.3


def carry_out(run_id: str) -> None:
    """Wait for a job's turn, carry it out and keep its files; how it ended goes to the history.

    Args:
        run_id: A run, or an analysis of one.

    Raises:
        LiteDriftError: When it failed.
        RunCancelledError: When it was cancelled.
    """
    record = load_record(run_id)
    what = "run" if record.analysis_of is None else "analysis"
    try:
        _wait_for_turn(run_id)
        if record.analysis_of is None:
            _carry_out(run_id)
        else:
            _analyse(run_id, record.request)
    except RunCancelledError:
        _end(run_id, CANCELLED, None)
        raise
    except LiteDriftError as error:
        _end(run_id, FAILED, str(error))
        raise
    except OSError as error:
        _end(
            run_id,
            FAILED,
            f"The {what}'s files could not be written ({error.strerror}); free some disk space and "
            "start it again.",
        )
        raise
    except MemoryError:
        _end(run_id, FAILED, f"The {what} needs more memory than there is; give smaller inputs.")
        raise
    except Exception as error:
        kind = type(error).__name__
        _end(run_id, FAILED, f"The {what} ended by an error of LiteDrift itself ({kind}).")
        raise
    finally:
        shutil.rmtree(work_folder(run_id), ignore_errors=True)
    with contextlib.suppress(StoreError, OSError):
        clean_up(keep=record.analysis_of or run_id)


def _wait_for_turn(run_id: str) -> None:
    while (turn := claim_turn(run_id)).position:
        if turn.position == NOT_WAITING:
            raise StoreError("The run was started twice, or has ended; start it again.")
        time.sleep(_POLL_SECONDS)


def _carry_out(run_id: str) -> None:
    # Only now, so that a job that waits is small.
    from converter.comparison import COMPARISON_FILE
    from converter.pipeline import run_comparison

    folder = run_folder(run_id)
    work = work_folder(run_id)
    shutil.rmtree(work, ignore_errors=True)
    run_comparison(
        load_request(run_id),
        work,
        lambda progress: write_progress(folder, progress),
        HistoryShelf(run_id),
    )
    kept = [path for path in sorted(work.iterdir()) if path.is_file()]
    # The result comes last: whoever finds it finds all that it names.
    for path in sorted(kept, key=lambda path: path.name == COMPARISON_FILE):
        keep_file(run_id, path)
    end_run(run_id, DONE)


def _analyse(job_id: str, request: Mapping[str, Any]) -> None:
    from converter.analysis_kinds import KINDS, Analysis

    asked = Analysis.from_request(request)
    folder, work = run_folder(job_id), work_folder(job_id)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    for name, path in run_files(asked.run_id).items():
        link_or_copy(path, work / name)
    told = Progress()

    def tell(stage: str, share: float) -> None:
        nonlocal told
        # In hundredths: the parts of an analysis are not of one length.
        progress = Progress("running", stage, done=round(share * 100), total=100)
        if progress != told:  # while it waits, it is told the same again and again
            told = progress
            write_progress(folder, progress)

    for path in KINDS[asked.kind].carry_out(asked, work, tell):
        keep_file(asked.run_id, path)
    end_run(job_id, DONE)


def _end(run_id: str, status: str, error: str | None) -> None:
    with contextlib.suppress(StoreError):  # on a full disk: then it shows as interrupted
        end_run(run_id, status, error)


class HistoryShelf:
    """See `reuse.Shelf`: results in the history, for one run.

    Args:
        run_id: The run that finds and leaves them.
    """

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._history = history()
        self._artifacts = artifact_store()

    def knows_model(self, sha256: str) -> bool:
        """See `Shelf`."""
        return self._history.knows_model(sha256)

    def find(self, key: str) -> Found | None:
        """See `Shelf`."""
        kept = self._history.find_result(self._run_id, key)
        if kept is None:
            return None
        try:
            files = {name: self._history.artifact_path(f) for name, f in kept.files.items()}
        except StoreError:  # somebody has emptied the data folder: then it is made anew
            return None
        return Found(value=kept.value, files=files, created=kept.created)

    def keep(
        self, key: str, kind: str, value: Mapping[str, Any], files: Mapping[str, Path]
    ) -> None:
        """See `Shelf`."""
        staged = {name: self._artifacts.stage(path) for name, path in files.items()}
        self._history.add_result(self._run_id, key, kind, value, staged)

    def find_latency(self, key: str) -> FoundLatency | None:
        """See `Shelf`."""
        measured = self._history.find_measurement(key)
        if measured is None:
            return None
        try:
            samples = self._history.artifact_path(measured.samples)
        except StoreError:
            return None
        return FoundLatency(
            figures=measured.figures, samples=samples, conditions=measured.conditions
        )

    def keep_latency(
        self, key: str, conditions: Mapping[str, Any], figures: Mapping[str, Any], samples: Path
    ) -> None:
        """See `Shelf`."""
        staged = self._artifacts.stage(samples)
        self._history.add_measurement(self._run_id, key, conditions, figures, staged)
