"""Worker: quantizes one float file with any set of its calibration samples, by either engine."""

from __future__ import annotations

from converter.workers.protocol import enter_walls, quiet_imports, serve, step_back

enter_walls()
step_back()

from collections.abc import Callable, Sequence  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

from converter.drift import is_class_distribution, measure_drift, worst_drift  # noqa: E402
from converter.errors import LiteDriftError  # noqa: E402
from converter.evaluation import evaluate  # noqa: E402
from converter.json_figures import encode_figures  # noqa: E402
from converter.op_cut import OperatorGraph  # noqa: E402
from converter.quantizer_recipe import quantizer_rules  # noqa: E402
from converter.recipe import TFLITE_CONVERTER, Recipe  # noqa: E402
from converter.sample_arrays import load_arrays  # noqa: E402
from converter.signature import Signature  # noqa: E402
from converter.tensor_binding import Binding  # noqa: E402
from converter.tflite_file import content_sha256  # noqa: E402
from converter.weight_algorithms import WEIGHT_ALGORITHMS  # noqa: E402

Quantize = Callable[[Sequence[int]], bytes]
"""From the numbers of samples to the file calibrated with them."""


class CalibrationWorker:
    """Knows one float file and all of its calibration samples."""

    def open(
        self,
        source: str,
        signature: dict[str, Any],
        binding: dict[str, Any],
        recipe: dict[str, Any],
        engine: str,
        work: str,
    ) -> dict[str, Any]:
        """Make ready to quantize with any of the samples."""
        self._work = Path(work)
        self._binding = Binding.from_json(binding)
        prepare = _by_converter if engine == TFLITE_CONVERTER else _by_quantizer
        self._quantize = prepare(
            Path(source),
            Signature.from_json(signature),
            self._binding.signature,
            Recipe.from_json(recipe),
            load_arrays(self._work / "calibration"),
        )
        self._inputs = load_arrays(self._work / "evaluation")
        self._reference = dict(load_arrays(self._work / "reference"))
        if not self._reference:  # the float file itself is the original
            self._reference = self._run(Path(source))
        return {}

    def judge(self, chosen: list[int]) -> dict[str, Any]:
        """Quantize with the ranges of some samples and measure the drift."""
        try:
            path = self._build(chosen, "one.tflite")
            return {**self._figures(self._run(path)), "content_sha256": content_sha256(path)}
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
        path = self._work / name
        path.write_bytes(self._quantize(chosen))
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


def _by_converter(
    source: Path,
    signature: Signature,
    _key: str | None,
    recipe: Recipe,
    samples: dict[str, np.ndarray],
) -> Quantize:
    quiet_imports()
    from converter.float_file_converter import FloatFileConverter

    converter = FloatFileConverter(source, signature.batch_size)

    def quantize(chosen: Sequence[int]) -> bytes:
        rows = list(chosen)
        return converter.quantize(recipe, {name: a[rows] for name, a in samples.items()})

    return quantize


def _by_quantizer(
    source: Path,
    signature: Signature,
    key: str | None,
    recipe: Recipe,
    samples: dict[str, np.ndarray],
) -> Quantize:
    """Measure the ranges of each sample once: those of any set are their least and greatest."""
    from converter.requantizer import Requantizer, join_ranges

    if WEIGHT_ALGORITHMS[recipe.algorithm].collects is not None:
        # What it collects has no least and greatest to be joined: each set is taken anew.
        return lambda chosen: Requantizer(source, signature, key).quantize(
            recipe, {name: a[list(chosen)] for name, a in samples.items()}
        )
    requantizer = Requantizer(source, signature, key)
    rules = quantizer_rules(recipe)
    ranges = [
        requantizer.measure_ranges(rules, {name: a[i : i + 1] for name, a in samples.items()})
        for i in range(len(next(iter(samples.values()))))
    ]

    def quantize(chosen: Sequence[int]) -> bytes:
        merged = join_ranges(ranges[index] for index in chosen)
        return requantizer.quantize_with(rules, recipe.name, merged)

    return quantize


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
