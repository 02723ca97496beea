"""Seconds from Cancel to a run that has ended with all its processes, at every kind of moment."""

import os
import statistics
import tempfile
import time

import psutil

from converter import run_store
from converter.recipe import PRESETS
from converter.request import RunRequest
from converter.sample_models import list_samples

GOAL_SECONDS = 3.0
_MOMENTS = ("load", "reference", "convert", "measure")
_HANGING = "job that hears nothing"
_MOST_SECONDS = 120


def seconds_to_end(moment):
    sample = next(s for s in list_samples() if s.name == "digits_mobilenet")
    run_id = run_store.start_run(
        RunRequest(
            model_path=sample.model_path, model_name=sample.model_path.name,
            data_path=sample.data_path, data_name=sample.data_path.name,
            recipes=(PRESETS["float32"], PRESETS["int8"]),
        )
    )  # fmt: skip
    wanted = "load" if moment == _HANGING else moment
    end = time.monotonic() + _MOST_SECONDS
    while not run_store.follow_run(run_id).stage.startswith(wanted) and time.monotonic() < end:
        time.sleep(0.005)
    job = psutil.Process(int((run_store.run_folder(run_id) / "pid").read_text()))
    family = [job, *job.children(recursive=True)]
    if moment == _HANGING:
        job.suspend()
    start = time.perf_counter()
    run_store.cancel_run(run_id)
    while run_store.follow_run(run_id).is_active and time.monotonic() < end:
        time.sleep(0.01)
    psutil.wait_procs(family, timeout=_MOST_SECONDS)
    return time.perf_counter() - start


def main(rounds):
    kept = os.environ.get("LITEDRIFT_HOME")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        os.environ["LITEDRIFT_HOME"] = name
        try:
            found = {
                moment: [seconds_to_end(moment) for _ in range(rounds)]
                for moment in (*_MOMENTS, _HANGING)
            }
        finally:
            os.environ.pop("LITEDRIFT_HOME")
            if kept is not None:
                os.environ["LITEDRIFT_HOME"] = kept
    slowest = max(max(seconds) for seconds in found.values())
    told = ", ".join(f"{moment} {statistics.median(s):.2f}" for moment, s in found.items())
    print(
        f"cancelling: seconds until the run and all its processes have ended: {told} (median of "
        f"{rounds}); slowest {slowest:.2f} (goal {GOAL_SECONDS} "
        f"{'met' if slowest <= GOAL_SECONDS else 'NOT met'})",
        flush=True,
    )
