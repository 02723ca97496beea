"""Small comparisons made up by hand, so that what reads them is tested without TensorFlow."""

from __future__ import annotations

import hashlib
import math
from typing import Any

from converter.accuracy import Accuracy
from converter.comparison import (
    Audit,
    Comparison,
    DataFacts,
    ModelFacts,
    Reference,
    Variant,
)
from converter.drift import Drift
from converter.latency import LatencyStats
from converter.recipe import PRESETS, Recipe
from converter.signature import TensorSpec


def make_latency(p50_ms: float = 1.0, **changes: Any) -> LatencyStats:
    """Return the statistics of three runs around a median."""
    values = {
        "p50_ms": p50_ms,
        "p90_ms": p50_ms * 1.1,
        "p99_ms": p50_ms * 1.2,
        "mean_ms": p50_ms,
        "stdev_ms": 0.1,
        "init_ms": 0.5,
        "first_ms": 2.0,
        "warmup_runs": 5,
        "runs": 3,
        "threads": 1,
    }
    return LatencyStats(**{**values, **changes})


def make_drift(**changes: Any) -> Drift:
    """Return the drift of a faithful classifier, changed as asked."""
    values: dict[str, Any] = {
        "max_abs_error": 0.02,
        "mean_abs_error": 0.001,
        "rmse": 0.002,
        "sqnr_db": 40.0,
        "cosine_similarity": 0.9999,
        "worst_cosine_similarity": 0.999,
        "top1_agreement": 1.0,
        "top1_samples": 100,
        "top1_ties": 0,
        "non_finite_count": 0,
        "max_abs_error_lsb": None,
    }
    return Drift(**{**values, **changes})


def make_variant(recipe: Recipe | str = "int8", **changes: Any) -> Variant:
    """Return a variant that went well, changed as asked."""
    chosen = PRESETS[recipe] if isinstance(recipe, str) else recipe
    values: dict[str, Any] = {
        "recipe": chosen.name,
        "flags": chosen.to_json(),
        "runnable": True,
        "file": f"{chosen.name}.tflite",
        "sha256": hashlib.sha256(chosen.name.encode()).hexdigest(),
        "content_sha256": hashlib.sha256(chosen.name[::-1].encode()).hexdigest(),
        "size_bytes": 25_000,
        "gzip_bytes": 20_000,
        "peak_memory_bytes": 50_000_000,
        "runtime_memory_bytes": 40_000_000,
        "convert_seconds": 0.5,
        "evaluation_batch": 50,
        "latency": make_latency(0.5),
        "drift": make_drift(),
        "output_drift": {"probabilities": make_drift()},
        "accuracy": make_accuracy(0.97, delta=-0.01),
        "output_accuracy": {"probabilities": make_accuracy(0.97, delta=-0.01)},
        "audit": Audit(total_ops=5, integer_ops=4, border_ops=1, notes=["a note"]),
    }
    if "drift" in changes and "output_drift" not in changes:
        # The drift of a variant is that of its outputs: a changed one is the only output's.
        drift = changes["drift"]
        values["output_drift"] = {} if drift is None else {"probabilities": drift}
    return Variant(**{**values, **changes})


def make_failed(recipe: str = "int8_full", error: str = "int8_full: it crashed.") -> Variant:
    """Return a variant that failed."""
    return Variant(recipe=recipe, flags=PRESETS[recipe].to_json(), status="failed", error=error)


def make_accuracy(top1: float = 0.98, delta: float | None = None) -> Accuracy:
    """Return the accuracy of a classifier."""
    return Accuracy(
        task="classification", samples=100, top1=top1, ci95=(top1 - 0.02, 0.999), delta=delta
    )


def make_comparison(
    variants: list[Variant] | None = None, *, name: str = "digits.keras", **changes: Any
) -> Comparison:
    """Return a comparison of these variants (by default float32, and an int8 with NaN and inf)."""
    if variants is None:
        variants = [
            make_variant("float32", drift=make_drift(sqnr_db=math.inf), size_bytes=100_000),
            make_variant("int8", drift=make_drift(sqnr_db=-math.inf, rmse=math.nan)),
        ]
    values: dict[str, Any] = {
        "model": ModelFacts(
            name=name,
            format="keras",
            sha256="01" * 32,
            size_bytes=120_000,
            size_without_optimizer_bytes=100_000,
            gzip_bytes=90_000,
            parameters=25_000,
            parameter_bytes=100_000,
            inputs=[TensorSpec("image", (1, 8, 8, 1), "float32")],
            outputs=[TensorSpec("probabilities", (1, 10), "float32")],
        ),
        "data": DataFacts(
            source="file",
            name="digits.npz",
            sha256="02" * 32,
            calibration_samples=30,
            evaluation_samples=100,
            labelled=True,
            seed=0,
        ),
        "environment": {
            "cpu": "Some CPU",
            "cores": 2,
            "threads": 1,
            "instruction_sets": ["avx2"],
            "python": "3.11.9",
            "tensorflow": "2.21.0",
            "ai_edge_litert": "2.3.0",
            "keras": "3.15.1",
            "numpy": "2.4.6",
            "system": "Linux x86_64",
        },
        "settings": {
            "runs": None,
            "seed": 0,
            "batch": 1,
            "source": {"loader": "keras", "raw_inputs": ["image"], "signature": None},
        },
        "reference": Reference(latency=make_latency(1.0), accuracy=make_accuracy()),
        "variants": variants,
        "created": "2026-11-22T08:30:00+00:00",
        "seconds": 12.5,
    }
    return Comparison(**{**values, **changes})
