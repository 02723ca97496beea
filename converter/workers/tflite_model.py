"""Worker: opens a `.tflite` that a run starts from, at the input sizes of the run.

It answers what the float-model worker answers up to the freeze; the reference outputs and the
latency are taken by the workers that take a variant's.
"""

from __future__ import annotations

from converter.workers.protocol import enter_walls, serve

enter_walls()

from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from converter.input_shapes import fix_shapes  # noqa: E402
from converter.litert_model import LitertModel  # noqa: E402
from converter.signature import Signature, TensorSpec  # noqa: E402
from converter.tensor_binding import Binding  # noqa: E402


class TfliteModelWorker:
    """Knows one file for the length of a run."""

    def __init__(self) -> None:
        self._path = Path()
        self._binding = Binding(label="")
        self._signature = Signature((), ())

    def load(
        self, path: str, name: str, options: dict[str, Any], signature: dict[str, Any], **_: object
    ) -> dict[str, Any]:
        """Take over what reading the file told; LiteRT opens it once the sizes are known."""
        self._path = Path(path)
        self._binding = Binding(label=name, signature=options["signature"])
        self._signature = Signature.from_json(signature)
        return {
            "signature": signature,
            "loader": "litert",
            "raw_inputs": [spec.name for spec in self._signature.inputs],
            "changes": [],
            "notes": [],
        }

    def fix(
        self, inputs: list[dict[str, Any]], data_shapes: dict[str, list[int]] | None
    ) -> dict[str, Any]:
        """Choose sizes for the dimensions that the file and the person left open."""
        known = {name: tuple(shape) for name, shape in (data_shapes or {}).items()}
        shapes, notes = fix_shapes([TensorSpec.from_json(item) for item in inputs], known)
        full = {name: list(shape) for name, shape in shapes.items()}
        self._binding = Binding(
            label=self._binding.label, signature=self._binding.signature, shapes=full
        )
        return {"shapes": full, "notes": notes}

    def freeze(self, folder: str) -> dict[str, Any]:
        """Open the file at these sizes and tell its outputs; there is nothing to write."""
        del folder
        model = LitertModel(self._path, binding=self._binding)
        outputs = [
            # A size of 0 is one that only running the file would tell.
            TensorSpec(
                spec.name,
                tuple(int(size) or None for size in model.outputs[spec.name]["shape"]),
                "float32" if model.output_step(spec.name) else spec.dtype,
            )
            for spec in self._signature.outputs
        ]
        return {"outputs": [spec.to_json() for spec in outputs], "notes": []}


if __name__ == "__main__":
    worker = TfliteModelWorker()
    serve({name: getattr(worker, name) for name in ("load", "fix", "freeze")})
