"""Worker: loads the original model, freezes it, computes reference outputs, is the baseline."""

from __future__ import annotations

from converter.workers.protocol import (
    enter_walls,
    freeze_heap,
    quiet_imports,
    serve,
    time_turn,
    warm_up,
)

enter_walls()
quiet_imports()

import argparse  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import tensorflow as tf  # noqa: E402

from converter.baselines import FUNCTION  # noqa: E402
from converter.float_model import FloatModel, load_float_model  # noqa: E402
from converter.freezing import freeze  # noqa: E402
from converter.input_shapes import fix_shapes  # noqa: E402
from converter.model_options import ModelOptions  # noqa: E402
from converter.reference_runner import ReferenceRunner  # noqa: E402
from converter.sample_arrays import ArrayWriter, load_arrays  # noqa: E402
from converter.signature import TensorSpec  # noqa: E402


class FloatModelWorker:
    """Holds one model for the length of a run."""

    def __init__(self) -> None:
        self.model: FloatModel | None = None
        self.runner: ReferenceRunner | None = None
        self.shapes: dict[str, tuple[int, ...]] = {}

    def load(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        """Load the file and say what goes in and out."""
        self.model = load_float_model(
            Path(request["path"]),
            request["name"],
            request["format"],
            Path(request["work_folder"]),
            ModelOptions.from_json(request["options"]),
        )
        return {
            "signature": self.model.signature.to_json(),
            "loader": self.model.loader,
            "raw_inputs": self.model.raw_inputs,
            "changes": self.model.changes,
            "notes": self.model.notes,
        }

    def fix(
        self, inputs: list[dict[str, Any]], data_shapes: dict[str, list[int]] | None
    ) -> dict[str, Any]:
        """Choose sizes for the dimensions that the model and the person left open."""
        model = self._loaded()
        known = {name: tuple(shape) for name, shape in (data_shapes or {}).items()}
        self.shapes, notes = fix_shapes([TensorSpec.from_json(item) for item in inputs], known)
        self.runner = ReferenceRunner(model, self.shapes)
        return {"shapes": {k: list(v) for k, v in self.shapes.items()}, "notes": notes}

    def freeze(self, folder: str) -> dict[str, Any]:
        """Write the frozen SavedModel."""
        outputs, notes = freeze(self._loaded(), self.shapes, Path(folder))
        freeze_heap()
        return {"outputs": [spec.to_json() for spec in outputs], "notes": notes}

    def reference(self, samples: str, outputs: str, batch: int) -> dict[str, Any]:
        """Compute the reference outputs of all evaluation samples."""
        with ArrayWriter(Path(outputs)) as writer:
            used = self._prepared().run_into(writer, load_arrays(Path(samples)), batch)
        results = load_arrays(Path(outputs))
        return {"batch": used, "outputs": {k: list(v.shape) for k, v in results.items()}}

    def prepare(self, samples: str, call: str = FUNCTION) -> dict[str, Any]:
        """Make the timed call ready: the `tf.function`, or another of `BASELINES`."""
        return {"first_ms": self._prepared().prepare_timing(load_arrays(Path(samples)), call)}

    def warm_up(self, runs: int, seconds: float, settle_seconds: float) -> dict[str, Any]:
        """Run the timed call until it is stable; nothing of it is counted."""
        return warm_up(self._prepared().timed_call(), runs, seconds, settle_seconds)

    def time(self, runs: int, seconds: float) -> dict[str, Any]:
        """Time runs of the call that was made ready."""
        return time_turn(self._prepared().timed_call(), runs, seconds)

    def _loaded(self) -> FloatModel:
        if self.model is None:
            raise ValueError("load comes first")
        return self.model

    def _prepared(self) -> ReferenceRunner:
        if self.runner is None:
            raise ValueError("fix comes first")
        return self.runner


def main() -> None:
    """Serve until stdin closes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    arguments, _ = parser.parse_known_args()
    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    worker = FloatModelWorker()
    serve(
        {
            name: getattr(worker, name)
            for name in ("load", "fix", "freeze", "reference", "prepare", "warm_up", "time")
        }
    )


if __name__ == "__main__":
    main()
