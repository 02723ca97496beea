"""Worker: makes one recipe by litert-quantizer, and judges it beside TFLiteConverter's file."""

from __future__ import annotations

from converter.workers.protocol import enter_walls, serve, step_back

enter_walls()
step_back()

from dataclasses import asdict  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from converter.drift import is_class_distribution, measure_drift, worst_drift  # noqa: E402
from converter.evaluation import evaluate  # noqa: E402
from converter.json_figures import encode_figures  # noqa: E402
from converter.sample_arrays import load_arrays  # noqa: E402
from converter.tensor_binding import Binding  # noqa: E402
from converter.weight_match import match_weights  # noqa: E402
from converter.workers.requantization import RequantizationWorker  # noqa: E402


class EngineWorker:
    """Knows nothing between two questions but the file that it calibrates."""

    def __init__(self) -> None:
        self._quantizer = RequantizationWorker()

    def make(self, **asked: Any) -> dict[str, Any]:  # noqa: ANN401 - those of `convert`
        """Quantize by a recipe, as a run does."""
        return self._quantizer.convert(**asked)

    def judge(
        self, path: str, binding: dict[str, Any], work: str, threads: int
    ) -> dict[str, Any]:
        """Measure a file's drift from the original on the kept samples."""
        place = Path(work)
        outputs, _, steps = evaluate(
            Path(path), load_arrays(place / "evaluation"), threads, stateful=False,
            binding=Binding.from_json(binding),
        )  # fmt: skip
        drift = worst_drift(
            measure_drift(
                reference, outputs[name].reshape(reference.shape),
                classes=is_class_distribution(reference), step=steps[name],
            )
            for name, reference in load_arrays(place / "reference").items()
        )  # fmt: skip
        encoded: dict[str, Any] = encode_figures(drift.to_json())
        return encoded

    def match(self, first: str, second: str, signature: str | None) -> dict[str, Any]:
        """Hold the weights of two files against each other."""
        return asdict(match_weights(Path(first), Path(second), signature))


if __name__ == "__main__":
    worker = EngineWorker()
    serve({name: getattr(worker, name) for name in ("make", "judge", "match")})
