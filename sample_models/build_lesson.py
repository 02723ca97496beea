"""Writes `lesson.npz`: the constants of digits_mobilenet's float32 `.tflite`, for the lesson.

Run as `python sample_models/build_lesson.py`. The conversion is LiteDrift's own; what it folded
(batch normalization into weights and biases) is in the arrays. A test holds that a forward pass
with them gives what LiteRT gives.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from converter.__main__ import main as run  # noqa: E402
from converter.op_cut import OperatorGraph  # noqa: E402

MODEL = ROOT / "sample_models" / "digits_mobilenet"
TARGET = ROOT / "sample_models" / "lesson.npz"
LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def main() -> None:
    """Convert the sample and keep the constants of its layers, in order."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["run", str(MODEL / "digits_mobilenet.keras"), "--data", str(MODEL / "data.npz")]
        run([*command, "--recipes", "float32", "--runs", "1", "--out", folder])
        graph = OperatorGraph(Path(folder) / "float32.tflite")
    arrays = {}
    for number, operator in enumerate(o for o in graph.operators if o.name in LAYERS):
        weights, bias = (graph.constant(index) for index in operator.constants)
        arrays[f"{number}.weights"] = np.asarray(weights, np.float32)
        arrays[f"{number}.bias"] = np.asarray(bias, np.float32)
    np.savez_compressed(TARGET, **arrays)
    print(TARGET.name, TARGET.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
