"""Comparisons and run folders made up for tests of pages and figures: no TensorFlow needed."""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from converter.accuracy import Accuracy, wilson_interval
from converter.comparison import (
    COMPARISON_FILE,
    SAMPLES_FILE,
    Audit,
    Comparison,
    DataFacts,
    ModelFacts,
    Reference,
    Variant,
    save_latency_samples,
)
from converter.drift import Drift
from converter.history import RunRecord
from converter.installation import history
from converter.latency import LatencyStats
from converter.progress import Progress, write_progress
from converter.recipe import PRESETS, SELECT_TF_PRESET, Recipe
from converter.request import RunRequest
from converter.run_store import keep_file
from converter.signature import TensorSpec

SAMPLES = 360
# recipe: size, median ms, SQNR, largest error, agreement, right answers
FIGURES = {
    "float32": (412_320, 0.171, 134.2, 1.8e-7, 1.0, 354),
    "dynamic_range": (112_480, 0.205, 44.9, 0.0123, 1.0, 354),
    "float16": (209_120, 0.173, 71.6, 4.4e-4, 1.0, 354),
    "int8": (115_904, 0.082, 36.4, 0.0391, 0.9972, 353),
    "int8_full": (115_480, 0.079, 34.9, 0.0430, 0.9944, 353),
    "int16x8": (119_200, 1.42, 58.3, 0.0031, 1.0, 354),
}


def make_drift(
    sqnr: float, error: float, agreement: float | None = None, non_finite: int = 0
) -> Drift:
    """Return a drift whose other figures follow from the two given."""
    return Drift(
        max_abs_error=error, mean_abs_error=error / 9, rmse=error / 5, sqnr_db=sqnr,
        cosine_similarity=1 - error / 100, worst_cosine_similarity=1 - error / 10,
        top1_agreement=agreement, top1_ties=None if agreement is None else 0,
        top1_samples=None if agreement is None else SAMPLES,
        non_finite_count=non_finite, max_abs_error_lsb=None,
    )


def make_samples(median: float, seed: int, runs: int = 240) -> np.ndarray:
    """Return latency samples as they look: a narrow body with a long tail to the right."""
    random = np.random.default_rng(seed)
    samples = median * (1 + 0.02 * random.standard_normal(runs) + random.exponential(0.05, runs))
    samples[:3] *= (3.0, 2.2, 1.7)
    return samples * median / float(np.median(samples))


def make_accuracy(right: int, reference: float | None = None) -> Accuracy:
    """Return the accuracy of so many right answers out of `SAMPLES`."""
    top1 = right / SAMPLES
    return Accuracy(
        task="classification", samples=SAMPLES, top1=top1, ci95=wilson_interval(right, SAMPLES),
        delta=None if reference is None else top1 - reference,
    )


def make_variant(recipe: Recipe, samples: np.ndarray) -> Variant:
    """Return a variant that went well."""
    size, _median, sqnr, error, agreement, right = FIGURES[recipe.name]
    flags = [] if recipe.name == "float32" else [
        {"flag": "Optimize.DEFAULT (weights)", "effect": "yes",
         "found": "99.4% of 102762 weights are stored as 8-bit integers"},
    ]
    return Variant(
        recipe=recipe.name, flags=recipe.to_json(), runnable=True, file=f"{recipe.name}.tflite",
        sha256=hashlib.sha256(recipe.name.encode()).hexdigest(),
        size_bytes=size, gzip_bytes=round(size * 0.87),
        peak_memory_bytes=41_000_000 + size * 3, runtime_memory_bytes=40_000_000,
        convert_seconds=0.42, evaluation_batch=32,
        latency=LatencyStats.from_samples(samples, threads=1, warmup_runs=50, init_ms=0.6),
        drift=make_drift(sqnr, error, agreement),
        output_drift={"probabilities": make_drift(sqnr, error, agreement)},
        accuracy=make_accuracy(right, 354 / SAMPLES),
        audit=Audit(total_ops=9, integer_ops=9 if "int" in recipe.name else 0,
                    float_ops=0 if "int" in recipe.name else 9, flags=flags),
    )


def make_comparison(name: str = "digits_cnn.keras") -> tuple[Comparison, dict[str, np.ndarray]]:
    """Return a comparison of the six presets with its latency samples; all went well."""
    samples = {"original": make_samples(0.61, 99)}
    variants = []
    for index, recipe in enumerate(PRESETS.values()):
        samples[recipe.name] = make_samples(FIGURES[recipe.name][1], index)
        variants.append(make_variant(recipe, samples[recipe.name]))
    comparison = Comparison(
        model=ModelFacts(
            name=name, format="keras", sha256="0123456789abcdef" * 4, size_bytes=1_271_300,
            size_without_optimizer_bytes=439_412, gzip_bytes=383_201, parameters=102_762,
            parameter_bytes=411_048, inputs=[TensorSpec("image", (1, 8, 8, 1), "float32")],
            outputs=[TensorSpec("probabilities", (1, 10), "float32")],
        ),
        data=DataFacts(
            source="file", name="data.npz", sha256="fe" * 32, calibration_samples=100,
            evaluation_samples=SAMPLES, labelled=True, seed=0,
        ),
        environment={
            "cpu": "AMD EPYC 7763 64-Core Processor", "cores": 2, "threads": 1,
            "instruction_sets": ["avx2"], "python": "3.11.9", "tensorflow": "2.21.0",
            "ai_edge_litert": "2.3.0", "keras": "3.15.1", "numpy": "2.4.6",
            "system": "Linux x86_64",
        },
        settings={
            "runs": None, "seed": 0, "batch": 1,
            "source": {"loader": "keras", "raw_inputs": ["image"], "signature": None,
                       "output_tensors": None},
        },
        reference=Reference(
            latency=LatencyStats.from_samples(samples["original"], threads=1, warmup_runs=50),
            accuracy=make_accuracy(354),
        ),
        variants=variants, created="2026-11-22T08:30:00+00:00", seconds=18.4,
    )
    return comparison, samples


def fail(comparison: Comparison, recipe: str, error: str, details: str | None = None) -> None:
    """Turn a variant into a failed one."""
    index = [v.recipe for v in comparison.variants].index(recipe)
    comparison.variants[index] = Variant(
        recipe=recipe, flags=comparison.variants[index].flags, status="failed", error=error,
        error_details=details, audit=Audit(notes=[f"Not measured: {error}"]),
    )


def add_size_only(comparison: Comparison) -> None:
    """Add the Select TF preset as it comes out here: converted and not runnable."""
    comparison.variants.append(
        Variant(
            recipe=SELECT_TF_PRESET.name, flags=SELECT_TF_PRESET.to_json(),
            file=f"{SELECT_TF_PRESET.name}.tflite", sha256="cd" * 32, size_bytes=420_000,
            gzip_bytes=371_000, convert_seconds=0.5,
            audit=Audit(total_ops=9, float_ops=7, flex_ops=2, notes=[
                "Size only: the file holds TensorFlow operators, which need the Flex delegate, "
                "and this runtime has none, so latency, drift, accuracy and memory are null.",
            ]),
        )
    )


def make_regression() -> tuple[Comparison, dict[str, np.ndarray]]:
    """Return a comparison without classes: SQNR takes the place of agreement."""
    comparison, samples = make_comparison("sunspots_lstm.zip")
    for variant in comparison.variants:
        assert variant.drift is not None
        variant.drift = replace(variant.drift, top1_agreement=None, top1_samples=None,
                                top1_ties=None)
        variant.accuracy = Accuracy(task="regression", samples=SAMPLES, mae=14.0,
                                    rmse=18.2 + variant.drift.max_abs_error * 60, r2=0.91)
    comparison.reference.accuracy = Accuracy(task="regression", samples=SAMPLES, mae=14.0,
                                             rmse=18.2, r2=0.912)
    return comparison, samples


def make_random_data() -> tuple[Comparison, dict[str, np.ndarray]]:
    """Return a comparison on random samples: no labels, no accuracy."""
    comparison, samples = make_comparison("my_model.keras")
    comparison.data = DataFacts(
        source="random", name=None, sha256=None, calibration_samples=100, evaluation_samples=100,
        labelled=False, seed=0,
    )
    comparison.reference.accuracy = None
    for variant in comparison.variants:
        variant.accuracy = None
    return comparison, samples


def make_hard_case() -> tuple[Comparison, dict[str, np.ndarray]]:
    """Return everything awkward at once: markup in names, exact, NaN, failed, size only, custom."""
    hostile = "<b>evil</b> *model* :tada: [x](http://e.com) $a$ `q` " + "long_" * 12 + ".keras"
    comparison, samples = make_comparison(hostile)
    fail(comparison, "int8_full", "int8_full: the converter crashed (SIGSEGV) while building it.",
         "error: failed to legalize <op> tfl.*\n" * 30)
    del samples["int8_full"]
    add_size_only(comparison)
    by_name = {variant.recipe: variant for variant in comparison.variants}
    by_name["float32"].drift = make_drift(math.inf, 0.0, 1.0)
    by_name["int16x8"].drift = make_drift(math.nan, math.nan, 0.21, non_finite=120)
    by_name["dynamic_range"].audit.flags = [
        {"flag": "Optimize.DEFAULT (weights)", "effect": "no",
         "found": "0.0% of 900 weights are stored as 8-bit integers"},
    ]
    name = "a_custom_recipe_with_a_name_as_long_as_allowed_x"
    samples[name] = make_samples(0.3, 7)
    custom = make_variant(PRESETS["int8"], samples[name])
    custom.recipe, custom.file, custom.sha256 = name, f"{name}.tflite", "ef" * 32
    comparison.variants.append(custom)
    return comparison, samples


def make_two_outputs() -> tuple[Comparison, dict[str, np.ndarray]]:
    """Return a comparison of a model with two outputs."""
    comparison, samples = make_comparison("wine_two_inputs.keras")
    comparison.model.outputs = [TensorSpec("cultivar", (1, 3), "float32"),
                                TensorSpec("alcohol", (1, 1), "float32")]
    for variant in comparison.variants:
        assert variant.drift is not None
        variant.output_drift = {
            "cultivar": variant.drift,
            "alcohol": make_drift(variant.drift.sqnr_db + 6, variant.drift.max_abs_error / 2),
        }
    return comparison, samples


def write_run(
    home: Path, run_id: str, comparison: Comparison | None = None,
    samples: dict[str, np.ndarray] | None = None, progress: Progress | None = None,
    model_name: str = "digits_cnn.keras", **fields: Any,
) -> None:
    """Put a run into the history as its job would leave it.

    Args:
        home: The data folder, which `LITEDRIFT_HOME` names.
        run_id: Letters and digits.
        comparison: Its result; none for a run without one.
        samples: Latency samples by candidate.
        progress: How far it is; finished where it is left out.
        model_name: Of a run without a result.
        fields: More fields of its `RunRecord`.
    """
    name = comparison.model.name if comparison is not None else model_name
    request = RunRequest(model_path=Path("/nowhere/model.keras"), model_name=name)
    now = time.time()
    progress = progress or Progress(
        status="done", stage="measure", done=20, total=20, started=now - 18, finished=now,
        log=[{"stage": "load", "seconds": 2.1}, {"stage": "convert int8", "seconds": 0.4}],
    )
    ended = not progress.is_active
    record = {
        "run_id": run_id, "name": name, "model_name": name, "model_sha256": "0123456789abcdef" * 4,
        "data_name": "data.npz", "request": request.to_json(), "status": progress.status,
        "error": progress.error, "created": now - 20, "queued": now - 20,
        "started": None if progress.status == "queued" else now - 18,
        "finished": now if ended else None,
    }
    history().add_run(RunRecord(**{**record, **fields}))
    folder = home / "runs" / run_id
    folder.mkdir(parents=True)
    write_progress(folder, progress)
    if comparison is not None:
        keep_result(run_id, folder, comparison, samples or {})


def keep_result(
    run_id: str, folder: Path, comparison: Comparison, samples: dict[str, np.ndarray]
) -> None:
    """Keep a result's files for a run that is in the history."""
    comparison.save(folder)
    save_latency_samples(folder, samples)
    np.savez(folder / "calibration.npz", image=np.zeros((4, 8, 8, 1), np.float32))
    names = [COMPARISON_FILE, SAMPLES_FILE, "calibration.npz"]
    for variant in comparison.variants:
        if variant.file:
            (folder / variant.file).write_bytes(b"\x1c\0\0\0TFL3" + b"\0" * 64)
            names.append(variant.file)
    for name in dict.fromkeys(names):
        keep_file(run_id, folder / name)
