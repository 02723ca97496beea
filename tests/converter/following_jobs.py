"""Watching jobs from outside: of which run, until a stage, until the end, and their processes."""

from __future__ import annotations

import contextlib
import time

import psutil

from converter import run_store


@contextlib.contextmanager
def adopted(finished, tmp_path, monkeypatch):
    """Yield the id of a finished run in an installation of its own; its analyses end with it."""
    monkeypatch.setenv("LITEDRIFT_HOME", str(tmp_path / "home"))
    yield run_store.adopt_run(*finished)
    for record in run_store.list_analyses():
        run_store.cancel_run(record.run_id)


def finish(job_id, seconds=90):
    """Wait for a job's end and return how it ended."""
    end = time.monotonic() + seconds
    while (progress := run_store.follow_run(job_id)).is_active:
        assert time.monotonic() < end, progress
        time.sleep(0.02)
    return progress


def wait_for(job_id, stage, share=0.0, seconds=60):
    """Wait until an active job is in a stage, and so far."""
    end = time.monotonic() + seconds
    while True:
        progress = run_store.follow_run(job_id)
        if progress.stage.startswith(stage) and progress.fraction >= share:
            return
        assert progress.is_active
        assert time.monotonic() < end, progress
        time.sleep(0.005)


def job_of(job_id):
    """Return a job's process."""
    return psutil.Process(int((run_store.run_folder(job_id) / "pid").read_text()))


def jobs_with(job_id):
    """Return all processes that were started for a job."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if job_id in process.cmdline():
                found.append(process)
    return found
