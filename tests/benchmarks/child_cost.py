"""What a fresh child costs, and what the walls around it cost."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from converter.child_process import PROJECT_ROOT, Worker
from converter.sandbox import Permissions

CHILDREN = {
    "reading": "reads files: NumPy, h5py",
    "evaluation": "runs LiteRT",
    "float_model": "holds TensorFlow",
}
GOAL_WALL_SHARE = 1.1
_LIMIT_SECONDS = 60
_ENTER = """
import time
from converter.sandbox import Permissions, SandboxLimits, enter_sandbox
start = time.perf_counter()
enter_sandbox(Permissions(), SandboxLimits())
print((time.perf_counter() - start) * 1e3)
"""


def seconds_to_first_answer(kind, permissions):
    """From asking the system for a process to its first answer, its imports done."""
    start = time.perf_counter()
    with Worker(f"converter.workers.{kind}", kind, permissions=permissions) as worker:
        worker.ask("walls", _LIMIT_SECONDS)
        return time.perf_counter() - start


def milliseconds_to_enter():
    """Of putting up the walls alone, told by the process that entered."""
    told = subprocess.run(
        [sys.executable, "-c", _ENTER], cwd=PROJECT_ROOT, capture_output=True, check=True
    )
    return float(told.stdout)


def main(rounds):
    pairs = [
        tuple(seconds_to_first_answer("reading", walls) for walls in (Permissions(), None))
        for _ in range(5 * rounds)
    ]
    behind, without = (statistics.median(each) * 1e3 for each in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    entering = statistics.median(milliseconds_to_enter() for _ in range(5 * rounds))
    verdict = "met" if ratio <= GOAL_WALL_SHARE else "NOT met"
    print(
        f"sandbox: putting up the walls takes {entering:.1f} ms; a reading child answers after "
        f"{behind:.0f} ms behind them, {without:.0f} ms without, ratio {ratio:.2f} (median of "
        f"{5 * rounds} alternating pairs; goal {GOAL_WALL_SHARE} {verdict})",
        flush=True,
    )
    for kind, what in CHILDREN.items():
        # TensorFlow asks for a folder of temporary files as it is imported, as a run gives it one.
        with tempfile.TemporaryDirectory() as scratch:
            walls = Permissions(write=(Path(scratch),))
            seconds_to_first_answer(kind, walls)  # its files are in the page cache from here on
            seconds = [seconds_to_first_answer(kind, walls) for _ in range(rounds)]
        print(
            f"fresh child that {what}: {statistics.median(seconds):.2f} s to its first answer "
            f"(median of {rounds})",
            flush=True,
        )
