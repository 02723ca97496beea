"""Under which conditions the figures hold, in full: nothing is cut short as on a screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.format import (
    MISSING,
    format_bytes,
    format_count,
    format_date,
    format_seconds,
    format_shape,
)
from components.safety_words import LAYER_WORDS, sandbox_sentence
from converter.comparison import Comparison
from converter.signature import TensorSpec

_MACHINE_WORDS = {
    "cpu": "CPU", "cores": "Cores", "threads": "Threads", "instruction_sets": "Instructions",
    "system": "System", "python": "Python", "tensorflow": "TensorFlow", "keras": "Keras",
    "ai_edge_litert": "LiteRT", "litert_quantizer": "litert-quantizer", "numpy": "NumPy",
}
_MOST_ENTRIES = 60
"""Entries of a list at most: settings from a file may hold any number."""


def condition_lists(comparison: Comparison) -> dict[str, dict[str, str]]:
    """Return the conditions by heading, each a value by its name."""
    lists = {
        "Model": _model(comparison),
        "Data": _data(comparison),
        "Protocol": _protocol(comparison),
        "Machine and software": _machine(comparison.environment),
        "Sandbox": _sandbox(comparison.environment.get("sandbox")),
        "Settings": _flatten(comparison.settings),
    }
    return {title: pairs for title, pairs in lists.items() if pairs}


def _model(comparison: Comparison) -> dict[str, str]:
    model = comparison.model
    return {
        "File": model.name,
        "SHA-256": model.sha256,
        "Format": model.format,
        "On disk": f"{format_bytes(model.size_bytes)} ({format_count(model.size_bytes)} bytes)",
        "Without optimizer": f"{format_bytes(model.size_without_optimizer_bytes)} "
                             f"({format_count(model.size_without_optimizer_bytes)} bytes)",
        "gzip": format_bytes(model.gzip_bytes),
        "Parameters": f"{format_count(model.parameters)} ({format_bytes(model.parameter_bytes)})",
        "Inputs": _tensors(model.inputs),
        "Outputs": _tensors(model.outputs),
    }


def _tensors(specs: list[TensorSpec]) -> str:
    shown = [f"{s.name}: {format_shape(s.shape)} {s.dtype or ''}".strip() for s in specs]
    more = len(shown) - _MOST_ENTRIES
    return "; ".join(shown[:_MOST_ENTRIES]) + (f"; and {more} more" if more > 0 else "")


def _data(comparison: Comparison) -> dict[str, str]:
    data = comparison.data
    return {
        "Source": data.name or "seeded random samples",
        "SHA-256": data.sha256 or "no file",
        "Evaluation": f"{format_count(data.evaluation_samples)} samples",
        "Calibration": f"{format_count(data.calibration_samples)} samples, others than those",
        "Labels": "yes" if data.labelled else "no",
        "Seed": str(data.seed),
    }


def _protocol(comparison: Comparison) -> dict[str, str]:
    latency = comparison.reference.latency
    batches = sorted({v.evaluation_batch for v in comparison.variants if v.evaluation_batch})
    timed = MISSING
    if latency is not None:
        timed = f"{format_count(latency.runs)} after {latency.warmup_runs} warm-ups"
    return {
        "Original": "the given .tflite, run by LiteRT" if comparison.starts_from_tflite
        else "TensorFlow with training=False, timed as a warmed tf.function",
        "Order": "all models in turn, each in a process of its own, one at a time",
        "Timed runs of the original": timed,
        "Batch": str(comparison.settings.get("batch") or 1),
        "Samples for each inference in evaluation": ", ".join(map(str, batches)) or MISSING,
        "Finished": format_date(comparison.created),
        "Took": format_seconds(comparison.seconds),
    }


def _machine(environment: Mapping[str, Any]) -> dict[str, str]:
    others = {key: key.replace("_", " ").capitalize() for key in environment}
    words = {**_MACHINE_WORDS, **{k: w for k, w in others.items() if k not in _MACHINE_WORDS}}
    pairs = {}
    for key, word in words.items():
        value = environment.get(key)
        if isinstance(value, list | tuple):
            value = ", ".join(str(item) for item in value) or None
        if isinstance(value, str | int | float):
            pairs[word] = str(value)
    return pairs


def _sandbox(recorded: object) -> dict[str, str]:
    if not isinstance(recorded, Mapping) or not isinstance(recorded.get("layers"), Mapping):
        return {"Level": "not recorded"}
    layers = {
        LAYER_WORDS.get(str(name), str(name)): str(state)
        for name, state in recorded["layers"].items()
    }
    return {"Level": sandbox_sentence(recorded), **layers}


def _flatten(values: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """Return nested settings as one list; what was left out shows as such."""
    pairs: dict[str, str] = {}
    for key, value in values.items():
        name = f"{above}{str(key).replace('_', ' ')}"
        name = name[:1].upper() + name[1:]
        if isinstance(value, Mapping):
            pairs.update(_flatten(value, f"{name}: "))
        elif isinstance(value, list | tuple):
            pairs[name] = ", ".join(str(item) for item in value[:_MOST_ENTRIES]) or "none"
        else:
            pairs[name] = "not set" if value is None else str(value)
        if len(pairs) >= _MOST_ENTRIES:
            break
    return pairs
