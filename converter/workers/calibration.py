"""Worker: quantizes one float file with the ranges of any set of its calibration samples."""

from __future__ import annotations

from converter.workers.protocol import enter_walls, serve

enter_walls()

from collections.abc import Sequence  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

from converter.drift import is_class_distribution, measure_drift, worst_drift  # noqa: E402
from converter.errors import LiteDriftError  # noqa: E402
from converter.evaluation import evaluate  # noqa: E402
from converter.json_figures import encode_figures  # noqa: E402
from converter.op_cut import OperatorGraph  # noqa: E402
from converter.requantizer import Requantizer, join_ranges  # noqa: E402
from converter.sample_arrays import load_arrays  # noqa: E402
from converter.signature import Signature  # noqa: E402
from converter.tensor_binding import Binding  # noqa: E402

_LABEL = "calibration"


class CalibrationWorker:
    """Knows the ranges of every calibration sample of one file."""

    def open(
        self,
        source: str,
        signature: dict[str, Any],
        binding: dict[str, Any],
        rules: list[dict[str, Any]],
        work: str,
    ) -> dict[str, Any]:
        """Measure the ranges of each sample alone."""
        self._work = Path(work)
        self._binding = Binding.from_json(binding)
        self._rules = rules
        self._requantizer = Requantizer(
            Path(source), Signature.from_json(signature), self._binding.signature
        )
        samples = load_arrays(self._work / "calibration")
        count = len(next(iter(samples.values())))
        self._ranges = [
            self._requantizer.measure_ranges(
                rules, {name: array[i : i + 1] for name, array in samples.items()}
            )
            for i in range(count)
        ]
        self._inputs = load_arrays(self._work / "evaluation")
        self._reference = dict(load_arrays(self._work / "reference"))
        if not self._reference:  # the float file itself is the original
            self._reference = self._run(Path(source))
        return {"samples": count}

    def judge(self, chosen: list[int]) -> dict[str, Any]:
        """Quantize with the ranges of some samples and measure the drift."""
        try:
            return self._figures(self._run(self._build(chosen, "one.tflite")))
        except LiteDriftError as error:
            return {"sqnr_db": None, "agreement": None, "problem": str(error)}

    def halves(self, first: list[int], second: list[int]) -> dict[str, Any]:
        """Quantize with two sets, and hold the two files and their outputs against each other."""
        paths = [self._build(first, "first.tflite"), self._build(second, "second.tflite")]
        outputs = [self._run(path) for path in paths]
        drifts = [
            measure_drift(outputs[0][name], outputs[1][name], classes=False) for name in outputs[0]
        ]
        answer: dict[str, Any] = encode_figures({
            "first": self._figures(outputs[0]),
            "second": self._figures(outputs[1]),
            "between_db": worst_drift(drifts).sqnr_db,
            "tensors": _scale_ratios(*(OperatorGraph(p, self._binding.signature) for p in paths)),
        })  # fmt: skip
        return answer

    def _build(self, chosen: Sequence[int], name: str) -> Path:
        merged = join_ranges(self._ranges[index] for index in chosen)
        path = self._work / name
        path.write_bytes(self._requantizer.quantize_with(self._rules, _LABEL, merged))
        return path

    def _run(self, path: Path) -> dict[str, np.ndarray]:
        outputs, _, _ = evaluate(path, self._inputs, 1, stateful=False, binding=self._binding)
        return outputs

    def _figures(self, outputs: dict[str, np.ndarray]) -> dict[str, Any]:
        drift = worst_drift(
            measure_drift(
                reference, outputs[name].reshape(reference.shape),
                classes=is_class_distribution(reference),
            )
            for name, reference in self._reference.items()
        )  # fmt: skip
        figures: dict[str, Any] = encode_figures(
            {"sqnr_db": drift.sqnr_db, "agreement": drift.top1_agreement, "problem": None}
        )
        return figures


def _scale_ratios(first: OperatorGraph, second: OperatorGraph) -> list[dict[str, Any]]:
    """Return activations of both files with one scale each, the farthest apart first."""
    others = {t.name: t for t in second.tensors if t.stored_type is not None and not t.is_constant}
    found = []
    for tensor in first.tensors:
        other = others.get(tensor.name)
        if tensor.is_constant or tensor.stored_type is None or other is None:
            continue
        a, b = tensor.scales[0], other.scales[0]
        ratio = max(a, b) / min(a, b) if min(a, b) > 0 else float("inf")
        found.append({"name": tensor.name, "first": a, "second": b, "ratio": ratio})
    return sorted(found, key=lambda item: -item["ratio"])


if __name__ == "__main__":
    worker = CalibrationWorker()
    serve({name: getattr(worker, name) for name in ("open", "judge", "halves")})
