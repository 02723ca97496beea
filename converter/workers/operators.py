"""Worker: lists the operators of a converted file, prepares it, and runs it once."""

from __future__ import annotations

from converter.workers.protocol import enter_walls, serve

enter_walls()

from dataclasses import asdict  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from converter.operator_trace import FileOperator  # noqa: E402
from converter.sample_arrays import load_arrays  # noqa: E402
from converter.tensor_binding import Binding  # noqa: E402
from converter.tflite_file import read_tflite  # noqa: E402


class OperatorsWorker:
    """Looks at one file after the other; holds the one that was prepared last."""

    def __init__(self) -> None:
        self._model: Any = None

    def list_operators(self, path: str) -> dict[str, Any]:
        """Return a file's operators, as `FileOperator`'s JSON."""
        operators = read_tflite(Path(path)).operators
        return {"operators": [asdict(FileOperator.of(item)) for item in operators]}

    def prepare(self, path: str, binding: dict[str, Any], threads: int) -> dict[str, Any]:
        """Load a file and let LiteRT allocate its tensors."""
        from converter.litert_model import LitertModel

        self._model = LitertModel(Path(path), threads, Binding.from_json(binding))
        return {}

    def run_once(self, samples: str) -> dict[str, Any]:
        """Run the prepared file on the first samples."""
        inputs = load_arrays(Path(samples))
        shapes = {name: detail["shape"] for name, detail in self._model.inputs.items()}
        self._model.set_inputs({name: _first(inputs[name], shapes[name]) for name in shapes})
        self._model.invoke()
        return {}


def _first(array: Any, shape: Any) -> Any:  # noqa: ANN401 - NumPy arrays
    if len(shape) == 0:
        return array[0]
    part = array[: shape[0]]
    return part if len(part) == shape[0] else array[[0] * shape[0]]


if __name__ == "__main__":
    worker = OperatorsWorker()
    serve(
        {
            "list_operators": worker.list_operators,
            "prepare": worker.prepare,
            "run_once": worker.run_once,
        }
    )
