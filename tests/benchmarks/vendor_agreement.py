"""Our default figure against the vendor's own tool: same file, same threads, alternating.

The tool reports hundredths of a millisecond, more than a whole inference of a small model takes, so
its raw times are read before it rounds them. It times `CompiledModel.run_by_name`, whose call is
longer than `Interpreter.invoke`; by how much is measured on a file of one operator on one value.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from converter.child_process import PROJECT_ROOT
from converter.empty_model import empty_model

GOAL = 0.05
RUNS, WARM_UPS = 1000, 200
EMPTY = "a file of one operator on one value"
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
    empty = folder / "empty.tflite"
    empty.write_bytes(empty_model())
    yield EMPTY, empty
    for name in _MODELS:
        model = PROJECT_ROOT / "sample_models" / name / f"{name}.keras"
        yield from convert(model, folder, name, "float32", "int8", "int16x8")
    large = folder / "mobilenet.keras"
    code = (
        "import sys, keras; keras.utils.set_random_seed(0); keras.applications.MobileNetV2("
        "weights=None, input_shape=(96, 96, 3)).save(sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", code, str(large)], capture_output=True, check=True)
    yield from convert(large, folder, "mobilenet_v2_96", "float32", "int8")


def convert(model, folder, name, *recipes):
    arguments = ["--recipes", ",".join(recipes), "--runs", "1", "--samples", "4"]
    subprocess.run(
        [sys.executable, "-m", "converter", "run", str(model), *arguments, "--out",
         str(folder / name)],
        cwd=PROJECT_ROOT, capture_output=True, check=True,
    )
    yield from ((f"{name} {r}", folder / name / f"{r}.tflite") for r in recipes)


def main(rounds):
    with tempfile.TemporaryDirectory() as name:
        rows = []
        for label, path in make_files(Path(name)):
            runs = RUNS if median_ms(_OURS, path, 20) < 1 else RUNS // 5
            # More pairs than rounds: on a shared machine a single one may be off by a tenth.
            pairs = [(median_ms(_OURS, path, runs), median_ms(_VENDOR, path, runs))
                     for _ in range(2 * rounds + 1)]
            rows.append((label, pairs))
    for label, pairs in rows:
        ratios = [ours / theirs for ours, theirs in pairs]
        ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
        print(
            f"vendor agreement, {label}: ours {ours:.4f} ms, vendor's {theirs:.4f} ms; ratios min "
            f"{min(ratios):.3f}, median {statistics.median(ratios):.3f}, max {max(ratios):.3f}",
            flush=True,
        )
    (_, empty), *files = rows
    call = statistics.median(theirs - ours for ours, theirs in empty)
    print(f"vendor agreement: its call costs {call * 1e3:+.2f} us more on {EMPTY}", flush=True)
    large = [row for row in files if statistics.median(o for o, _ in row[1]) >= LEAST_MS]
    judge("all files", files, 0.0)
    judge(f"files of {LEAST_MS} ms and more", large, 0.0)
    judge("all files, less that difference of the calls", files, call)


def judge(kind, rows, call):
    """Print the median over files of each file's median ratio."""
    ratios = [
        statistics.median(ours / (theirs - call) for ours, theirs in pairs) for _, pairs in rows
    ]
    middle = statistics.median(ratios)
    print(
        f"vendor agreement, {kind}: median ratio {middle:.3f} of {len(ratios)} files, from "
        f"{min(ratios):.3f} to {max(ratios):.3f} (goal within {GOAL:.0%} "
        f"{'met' if abs(middle - 1) <= GOAL else 'NOT met'})",
        flush=True,
    )


if __name__ == "__main__":
    main(3)
