"""Our default figure against the vendor's own tool: same file, same threads, alternating.

The tool reports hundredths of a millisecond, more than a whole inference of a small model takes, so
its raw times are read before it rounds them. Its Python call builds its arguments anew for each
inference, a cost of its own that is measured on a file that hardly computes anything.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from converter.child_process import PROJECT_ROOT

GOAL = 0.05
RUNS, WARM_UPS = 1000, 200
LEAST_MS = 0.05
_MODELS = ("digits_cnn", "digits_mobilenet")
_VENDOR = """
import contextlib, io, json, statistics, sys
from ai_edge_litert.tools import benchmark_litert_model as tool
kept, original = [], tool.percentile
tool.percentile = lambda times, p: (kept.append(list(times)), original(times, p))[1]
path, warm, runs = sys.argv[1:]
sys.argv = ["x", "--model", path, "--warmup_runs", warm, "--num_runs", runs, "--num_threads", "1"]
with contextlib.redirect_stdout(io.StringIO()):
    tool.run_benchmark(tool.parse_args())
print(json.dumps(statistics.median(kept[0])))
"""
_OURS = """
import json, statistics, sys
from pathlib import Path
import numpy as np
from converter.litert_model import LitertModel
from converter.workers.protocol import time_turn, warm_up
path, warm, runs = sys.argv[1:]
model, random = LitertModel(Path(path)), np.random.default_rng()
model.set_inputs({n: random.uniform(-1, 1, d["shape"]) for n, d in model.inputs.items()})
warm_up(model.invoke, int(warm), 0.0, 0.0)
print(json.dumps(statistics.median(time_turn(model.invoke, int(runs), 0.0)["samples_ms"])))
"""


def median_ms(code, path, runs):
    answer = subprocess.run(
        [sys.executable, "-c", code, str(path), str(min(WARM_UPS, runs)), str(runs)],
        cwd=PROJECT_ROOT, capture_output=True, text=True, check=True,
    )
    return float(json.loads(answer.stdout.splitlines()[-1]))


def make_files(folder):
    for name in _MODELS:
        model = PROJECT_ROOT / "sample_models" / name / f"{name}.keras"
        yield from convert(model, folder, name)
    large = folder / "mobilenet.keras"
    code = (
        "import sys, keras; keras.utils.set_random_seed(0); keras.applications.MobileNetV2("
        "weights=None, input_shape=(96, 96, 3)).save(sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", code, str(large)], capture_output=True, check=True)
    yield from convert(large, folder, "mobilenet_v2_96")


def convert(model, folder, name):
    arguments = ["--recipes", "float32,int8", "--runs", "1", "--samples", "4"]
    subprocess.run(
        [sys.executable, "-m", "converter", "run", str(model), *arguments, "--out",
         str(folder / name)],
        cwd=PROJECT_ROOT, capture_output=True, check=True,
    )
    yield from ((f"{name} {r}", folder / name / f"{r}.tflite") for r in ("float32", "int8"))


def main(rounds):
    with tempfile.TemporaryDirectory() as name:
        rows = []
        for label, path in make_files(Path(name)):
            runs = RUNS if median_ms(_OURS, path, 20) < 1 else RUNS // 5
            pairs = [(median_ms(_OURS, path, runs), median_ms(_VENDOR, path, runs))
                     for _ in range(rounds)]
            rows.append((label, pairs))
    for label, pairs in rows:
        ratios = [ours / theirs for ours, theirs in pairs]
        ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
        shown = ", ".join(f"{ratio:.3f}" for ratio in ratios)
        print(
            f"vendor agreement, {label}: ours {ours:.4f} ms, vendor's {theirs:.4f} ms; ratios "
            f"{shown} (min {min(ratios):.3f}, median {statistics.median(ratios):.3f}, max "
            f"{max(ratios):.3f})", flush=True,
        )
    calls = [
        min(theirs for _, theirs in pairs) - min(ours for ours, _ in pairs)
        for _, pairs in rows
        if pairs[0][0] < LEAST_MS
    ]
    for kind, chosen in (
        ("all files", rows),
        (f"files of {LEAST_MS} ms and more", [r for r in rows if r[1][0][0] >= LEAST_MS]),
    ):
        ratios = [ours / theirs for _, pairs in chosen for ours, theirs in pairs]
        if ratios:
            middle = statistics.median(ratios)
            verdict = "met" if abs(middle - 1) <= GOAL else "NOT met"
            print(f"vendor agreement, {kind}: median ratio {middle:.3f} of {len(ratios)} pairs "
                  f"(goal within {GOAL:.0%} {verdict})", flush=True)
    shown = ", ".join(f"{call * 1e3:+.1f}" for call in calls)
    print(f"vendor agreement: its call costs {shown} us more on the small files", flush=True)
