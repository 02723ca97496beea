"""Worker: one converted file in a fresh process, timed in turns that the parent gives out."""

from __future__ import annotations

from converter.workers.protocol import enter_walls, serve, time_turn, warm_up

enter_walls()

import time  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from converter.kernels import Kernels  # noqa: E402
from converter.litert_model import LitertModel  # noqa: E402
from converter.sample_arrays import load_arrays  # noqa: E402
from converter.tensor_binding import Binding  # noqa: E402


class TimingWorker:
    """Holds one interpreter."""

    def __init__(self) -> None:
        self._model: LitertModel | None = None

    def ready(self) -> dict[str, Any]:
        """Say that the imports are done, so that loading is timed with nothing beside it."""
        return {}

    def prepare(
        self,
        path: str,
        samples: str,
        threads: int,
        binding: dict[str, Any],
        kernels: str = Kernels.DEFAULT,
    ) -> dict[str, Any]:
        """Load and allocate, feed one real sample, run once.

        Returns:
            Both times, and how much of the graph the delegate took over.
        """
        bound = Binding.from_json(binding)
        self._model = LitertModel(Path(path), threads, bound, kernels=Kernels(kernels))
        inputs = load_arrays(Path(samples))
        fed = {}
        for name, detail in self._model.inputs.items():
            shape, array = detail["shape"], inputs[name]
            fed[name] = (
                array[0] if len(shape) == 0 else array[[i % len(array) for i in range(shape[0])]]
            )
        self._model.set_inputs(fed)
        start = time.perf_counter()
        self._model.invoke()
        first_ms = (time.perf_counter() - start) * 1e3
        return {
            "init_ms": self._model.init_ms,
            "first_ms": first_ms,
            "delegation": self._model.delegation(),
        }

    def warm_up(self, runs: int, seconds: float, settle_seconds: float) -> dict[str, Any]:
        """Run until it is stable; nothing of it is counted."""
        return warm_up(self._prepared().invoke, runs, seconds, settle_seconds)

    def time(self, runs: int, seconds: float) -> dict[str, Any]:
        """Return milliseconds of each `invoke()`: at least `runs`, for at least `seconds`."""
        return time_turn(self._prepared().invoke, runs, seconds)

    def _prepared(self) -> LitertModel:
        if self._model is None:
            raise ValueError("prepare comes first")
        return self._model


if __name__ == "__main__":
    worker = TimingWorker()
    serve(
        {name: getattr(worker, name) for name in ("ready", "prepare", "warm_up", "time")}
    )
