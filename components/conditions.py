"""Under which conditions the figures of a run hold: environment, data, settings and dates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from components.format import (
    MISSING,
    format_bytes,
    format_count,
    format_date,
    format_seconds,
    format_shape,
    shorten,
)
from components.plain_text import escape_markdown, show_notes
from components.safety_words import sandbox_sentence
from converter.comparison import Comparison


def render_conditions(comparison: Comparison) -> None:
    """Show the conditions in three short lists, as plain text, and the run's notes."""
    with st.expander("Conditions", icon=":material/science:"):
        with st.grid(3, min_column_width=230, gap="small") as grid:
            for title, pairs in condition_lists(comparison).items():
                with grid.cell():
                    st.subheader(title, anchor=False)
                    _render_pairs(pairs)
        show_notes([*comparison.model.notes, *comparison.data.notes, *comparison.reference.notes])


def condition_lists(comparison: Comparison) -> dict[str, dict[str, str]]:
    """Return the conditions by heading."""
    return {
        "Model": _model_pairs(comparison),
        "Data and protocol": _data_pairs(comparison),
        "Machine": _machine_pairs(comparison.environment),
    }


def _render_pairs(pairs: dict[str, str]) -> None:
    # A table's cells are Markdown, and file and tensor names are not ours.
    st.table({escape_markdown(key): escape_markdown(value) for key, value in pairs.items()},
             border="horizontal", alt="Conditions of the run")


def _model_pairs(comparison: Comparison) -> dict[str, str]:
    model = comparison.model
    inputs = ", ".join(f"{s.name}: {format_shape(s.shape)} {s.dtype or ''}" for s in model.inputs)
    outputs = ", ".join(f"{s.name}: {format_shape(s.shape)} {s.dtype or ''}" for s in model.outputs)
    return {
        "File": shorten(model.name, 40),
        "Format": model.format,
        "On disk": format_bytes(model.size_bytes),
        "Without optimizer": format_bytes(model.size_without_optimizer_bytes),
        "Parameters": f"{format_count(model.parameters)} ({format_bytes(model.parameter_bytes)})",
        "Inputs": inputs,
        "Outputs": outputs,
        "SHA-256": model.sha256,
    }


def _data_pairs(comparison: Comparison) -> dict[str, str]:
    data, latency = comparison.data, comparison.reference.latency
    timed = MISSING
    if latency is not None:
        timed = f"the original {latency.runs}, after {latency.warmup_runs} warm-ups"
    settings = {
        key.replace("_", " ").capitalize(): str(value)
        for key, value in comparison.settings.items()
        if isinstance(value, str | int | float) and key not in ("seed", "latency_measured")
    }
    return {
        "Source": shorten(data.name or "seeded random samples", 40),
        **({"SHA-256": data.sha256} if data.sha256 else {}),
        "Evaluation": f"{format_count(data.evaluation_samples)} samples",
        "Calibration": f"{format_count(data.calibration_samples)} samples, others than those",
        "Labels": "yes" if data.labelled else "no",
        "Seed": str(data.seed),
        "Timed runs": timed,
        **_known_before(comparison.settings),
        "Took": format_seconds(comparison.seconds),
        "Finished": format_date(comparison.created),
        **settings,
    }


def _known_before(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return when latency was measured, and what was not computed in this run but known."""
    pairs = {}
    if settings.get("latency_measured"):
        pairs["Latency measured"] = format_date(str(settings["latency_measured"]))
    reused = settings.get("reused")
    if isinstance(reused, Mapping):
        parts = [
            f"{count} {what}{'' if count == 1 else 's'}"
            for what, count in (("conversion", len(reused.get("conversions", []))),
                                ("evaluation", len(reused.get("evaluations", []))))
            if count
        ]
        if reused.get("reference"):
            parts.append("the original's outputs")
        pairs["Used again"] = ", ".join(parts) or "nothing; all was computed in this run"
    return pairs


def _machine_pairs(environment: dict[str, Any]) -> dict[str, str]:
    labels = {
        "cpu": "CPU", "cores": "Cores", "threads": "Threads", "instruction_sets": "Instructions",
        "system": "System", "python": "Python", "tensorflow": "TensorFlow", "keras": "Keras",
        "ai_edge_litert": "LiteRT", "numpy": "NumPy",
    }
    pairs = {}
    for key, label in labels.items():
        value = environment.get(key)
        if value is not None:
            pairs[label] = ", ".join(value) if isinstance(value, list | tuple) else str(value)
    pairs["Sandbox"] = sandbox_sentence(environment.get("sandbox"))
    return pairs
