"""Whole-process wall time of a run against the plain script, in alternating runs."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from converter.child_process import PROJECT_ROOT

DIGITS = PROJECT_ROOT / "sample_models" / "digits_cnn"
SETTINGS = ["--samples", "200", "--calibration-samples", "100", "--runs", "50"]
GOAL, LATER_GOAL = 1 / 3, 1 / 5

_MAKE_MOBILENET = """
import keras, sys
keras.utils.set_random_seed(0)
keras.applications.MobileNetV2(weights=None).save(sys.argv[1])
"""


def seconds_of(command):
    start = time.perf_counter()
    result = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{result.stderr[-2000:]}")
    return time.perf_counter() - start


def compare(name, model, data, rounds, folder):
    ours = [sys.executable, "-m", "converter", "run", model, *data, *SETTINGS]
    peer = [sys.executable, "-m", "tests.benchmarks.plain_script", model, *data, *SETTINGS]
    pairs = [
        (
            seconds_of([*ours, "--out", folder / "ours"]),
            seconds_of([*peer, "--out", folder / "peer"]),
        )
        for _ in range(rounds)
    ]
    ratio = statistics.median(a / b for a, b in pairs)
    ours_median = statistics.median(a for a, _ in pairs)
    peer_median = statistics.median(b for _, b in pairs)
    verdict = "met" if ratio <= GOAL else "NOT met"
    print(
        f"{name}: run {ours_median:.1f} s, plain script {peer_median:.1f} s, ratio {ratio:.2f} "
        f"(median of {rounds} alternating pairs; goal {GOAL:.2f} {verdict}, "
        f"later {LATER_GOAL:.2f})",
        flush=True,
    )


def main(rounds):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mobilenet = folder / "mobilenet_v2.keras"
        subprocess.run(
            [sys.executable, "-c", _MAKE_MOBILENET, mobilenet], check=True, capture_output=True
        )
        digits = DIGITS / "digits_cnn.keras"
        compare("digits_cnn", digits, ["--data", DIGITS / "data.npz"], rounds, folder)
        compare("MobileNetV2, 224x224, random weights", mobilenet, [], rounds, folder)
