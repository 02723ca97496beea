"""Seconds from Cancel to a job that has ended with all its processes, at every kind of moment."""

import os
import statistics
import tempfile
import time

import psutil

from converter import run_store
from converter.analysis_jobs import start_analysis
from converter.recipe import PRESETS
from converter.request import RunRequest
from converter.sample_models import list_samples

GOAL_SECONDS = 3.0
_MOMENTS = ("load", "reference", "convert", "measure")
_LOOKING = ("comparing the layers", "timing the operators")
_HANGING = "job that hears nothing"
_MOST_SECONDS = 120


def start_run():
    sample = next(s for s in list_samples() if s.name == "digits_mobilenet")
    return run_store.start_run(
        RunRequest(
            model_path=sample.model_path, model_name=sample.model_path.name,
            data_path=sample.data_path, data_name=sample.data_path.name,
            recipes=(PRESETS["float32"], PRESETS["int8"]),
        )
    )  # fmt: skip


def seconds_to_end(moment, start):
    job_id = start()
    wanted = "load" if moment == _HANGING else moment
    end = time.monotonic() + _MOST_SECONDS
    while not run_store.follow_run(job_id).stage.startswith(wanted) and time.monotonic() < end:
        time.sleep(0.005)
    job = psutil.Process(int((run_store.run_folder(job_id) / "pid").read_text()))
    family = [job, *job.children(recursive=True)]
    if moment == _HANGING:
        job.suspend()
    began = time.perf_counter()
    run_store.cancel_run(job_id)
    while run_store.follow_run(job_id).is_active and time.monotonic() < end:
        time.sleep(0.01)
    psutil.wait_procs(family, timeout=_MOST_SECONDS)
    return time.perf_counter() - began


def main(rounds):
    kept = os.environ.get("LITEDRIFT_HOME")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        os.environ["LITEDRIFT_HOME"] = name
        try:
            found = {
                moment: [seconds_to_end(moment, start_run) for _ in range(rounds)]
                for moment in (*_MOMENTS, _HANGING)
            }
            finished = start_run()  # only now: a run after it would have nothing left to do
            while run_store.follow_run(finished).is_active:
                time.sleep(0.1)
            for moment in _LOOKING:
                found[moment] = [
                    seconds_to_end(moment, lambda: start_analysis(finished, "int8"))
                    for _ in range(rounds)
                ]
        finally:
            os.environ.pop("LITEDRIFT_HOME")
            if kept is not None:
                os.environ["LITEDRIFT_HOME"] = kept
    slowest = max(max(seconds) for seconds in found.values())
    told = ", ".join(f"{moment} {statistics.median(s):.2f}" for moment, s in found.items())
    print(
        f"cancelling: seconds until the job and all its processes have ended: {told} (median of "
        f"{rounds}); slowest {slowest:.2f} (goal {GOAL_SECONDS} "
        f"{'met' if slowest <= GOAL_SECONDS else 'NOT met'})",
        flush=True,
    )
