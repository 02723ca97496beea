"""Warm start of a run: from `start_run`, with the model on disk, to work being done.

"Work" is told twice: when the job process begins its first stage, and when the first of its
workers, the one that reads the model file, has answered.
"""

import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from converter import run_store
from converter.child_process import PROJECT_ROOT
from converter.recipe import PRESETS
from converter.request import RunRequest
from tests.benchmarks import first_answer

GOAL_SECONDS = 1.0
_MODEL = PROJECT_ROOT / "sample_models" / "digits_cnn" / "digits_cnn.keras"
_POLL_SECONDS, _MOST_SECONDS = 0.005, 60.0


def seconds_to_first_stage(request):
    start = time.perf_counter()
    run_id = run_store.start_run(request)
    while run_store.follow_run(run_id).status != "running":
        time.sleep(_POLL_SECONDS)
    seconds = time.perf_counter() - start
    run_store.cancel_run(run_id)
    wait_for_end(run_id)
    return seconds


def seconds_to_first_answer(request):
    popen = subprocess.Popen

    def start_noting(command, **more):
        return popen([command[0], "-m", first_answer.__name__, *command[3:]], **more)

    subprocess.Popen = start_noting
    try:
        start = time.time()
        run_id = run_store.start_run(request)
    finally:
        subprocess.Popen = popen
    wait_for_end(run_id)
    return float((run_store.run_folder(run_id) / first_answer.FILE).read_text()) - start


def wait_for_end(run_id):
    end = time.monotonic() + _MOST_SECONDS
    while run_store.follow_run(run_id).is_active and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)


def main(rounds):
    request = RunRequest(
        model_path=_MODEL, model_name=_MODEL.name, recipes=(PRESETS["float32"],), runs=1
    )
    kept = os.environ.get("LITEDRIFT_HOME")
    with tempfile.TemporaryDirectory() as name:
        os.environ["LITEDRIFT_HOME"] = str(Path(name))
        try:
            seconds_to_first_stage(request)  # Python's own files are in the page cache from here on
            stages = [seconds_to_first_stage(request) for _ in range(rounds)]
            answers = [seconds_to_first_answer(request) for _ in range(rounds)]
        finally:
            os.environ.pop("LITEDRIFT_HOME")
            if kept is not None:
                os.environ["LITEDRIFT_HOME"] = kept
    stage, answer = statistics.median(stages), statistics.median(answers)
    verdict = "met" if max(stage, answer) <= GOAL_SECONDS else "NOT met"
    print(
        f"warm start: the run's first stage begins {stage:.2f} s after start_run, its reading "
        f"worker has described the model after {answer:.2f} s (median of {rounds}; goal "
        f"{GOAL_SECONDS} s {verdict})",
        flush=True,
    )
