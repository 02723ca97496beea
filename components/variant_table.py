"""All figures of all variants as a table; the original is the first row, failures keep theirs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import streamlit as st

from components.format import MISSING, TIMES, format_db, format_error
from components.formula_names import formula_help, render_names
from components.formulas import list_formulas
from components.plain_text import escape_markdown
from converter.comparison import Comparison, Variant
from converter.verdict import size_ratio, speed_ratio


def render_table(comparison: Comparison, variant: Variant | None = None) -> None:
    """Show the table; it scrolls sideways on a narrow page, the names stay.

    Args:
        comparison: The run's result.
        variant: Whose values stand in the formulas that the columns' names open.
    """
    import pandas as pd

    st.header("All figures", anchor=False)
    rows = table_rows(comparison)
    frame = pd.DataFrame(rows)
    frame = frame.drop(columns=[name for name in _OPTIONAL if frame[name].isna().all()])
    size_unit, size = ("MB", 1e6) if frame["size"].max() >= 1e7 else ("kB", 1e3)
    time_unit, time = ("µs", 1e-3) if frame["p50"].min() < _LEAST_MS else ("ms", 1.0)
    for names, divisor in ((_BYTES, size), (_TIMES, time)):
        for name in names:
            if name in frame:
                frame[name] = frame[name] / divisor
    st.dataframe(frame, hide_index=True, 
                 column_config=_columns(size_unit, time_unit, _helps(comparison, variant)),
                 placeholder=MISSING, alt="Figures of the original and of every variant")
    if variant is not None:
        named = {*_FORMULAS.values(), *_ALSO_NAMED}
        render_names(formula for key, formula in
                     list_formulas(comparison, variant, variant.recipe).items() if key in named)
    _render_failures(comparison)


def _render_failures(comparison: Comparison) -> None:
    """Say below the table why variants failed: its last column is out of sight on most screens."""
    reasons: dict[str, list[str]] = {}
    for variant in comparison.variants:
        if variant.status != "ok":
            reason = str(variant.error).removeprefix(f"{variant.recipe}: ")
            reasons.setdefault(reason, []).append(variant.recipe)
    for reason, names in reasons.items():
        st.markdown(f":red[:material/error: **{escape_markdown(', '.join(names))}** failed:] "
                    f"{escape_markdown(reason)}")


_FACTOR = f"%.1f{TIMES}"
_BYTES = ("size", "gzip", "memory")
_TIMES = ("p50", "p90", "p99")
_LEAST_MS = 0.1
"""Below this median, milliseconds with three digits would say too little."""
_OPTIONAL = ("reason", "accuracy", "rmse_labels", "agreement", "memory", "nan_or_inf")


def table_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """Return one row of figures for the original and for each variant."""
    return [_original_row(comparison), *(_variant_row(comparison, v) for v in comparison.variants)]


def _original_row(comparison: Comparison) -> dict[str, Any]:
    latency, accuracy = comparison.reference.latency, comparison.reference.accuracy
    return {
        "model": "original", "status": "baseline",
        "size": comparison.model.size_without_optimizer_bytes,
        "gzip": comparison.model.baseline_gzip_bytes, "smaller": 1.0,
        "p50": latency and latency.p50_ms, "p90": latency and latency.p90_ms,
        "p99": latency and latency.p99_ms, "faster": 1.0 if latency else None,
        "sqnr": None, "max_error": None, "agreement": None, "nan_or_inf": None,
        "accuracy": accuracy and accuracy.top1, "rmse_labels": accuracy and accuracy.rmse,
        "memory": comparison.reference.peak_memory_bytes, "init": latency and latency.init_ms,
        "convert": None, "integer_ops": None,
        "float_ops": None, "reason": None,
    }


def _variant_row(comparison: Comparison, variant: Variant) -> dict[str, Any]:
    latency, drift, accuracy = variant.latency, variant.drift, variant.accuracy
    converted = variant.status == "ok"
    return {
        "model": variant.recipe,
        "status": variant_status(variant),
        "size": variant.size_bytes, "gzip": variant.gzip_bytes,
        "smaller": _known(size_ratio(comparison, variant)),
        "p50": latency and latency.p50_ms, "p90": latency and latency.p90_ms,
        "p99": latency and latency.p99_ms, "faster": _known(speed_ratio(comparison, variant)),
        "sqnr": None if drift is None else format_db(drift.sqnr_db),
        "max_error": None if drift is None else format_error(drift.max_abs_error),
        "agreement": drift and drift.top1_agreement,
        "nan_or_inf": (drift.non_finite_count or None) if drift else None,
        "accuracy": accuracy and accuracy.top1, "rmse_labels": accuracy and accuracy.rmse,
        "memory": variant.peak_memory_bytes, "init": latency and latency.init_ms,
        "convert": variant.convert_seconds,
        "integer_ops": variant.audit.integer_ops if converted else None,
        "float_ops": variant.audit.float_ops if converted else None,
        "reason": variant.error or (None if variant.runnable else _why_not_run(variant)),
    }


def variant_status(variant: Variant) -> str:
    """Return `ok`, `failed` or `size only`."""
    if variant.status != "ok":
        return "failed"
    return "ok" if variant.runnable else "size only"


def _why_not_run(variant: Variant) -> str | None:
    return next(iter(variant.audit.notes), None)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


_FORMULAS = {
    "smaller": "size_ratio", "gzip": "gzip_bytes", "p50": "p50_ms", "p90": "p90_ms",
    "p99": "p99_ms", "faster": "speed_ratio", "sqnr": "sqnr_db", "max_error": "max_abs_error",
    "agreement": "top1_agreement", "accuracy": "top1", "rmse_labels": "accuracy_rmse",
    "memory": "peak_memory_bytes", "size": "size_bytes", "init": "init_ms",
    "convert": "convert_seconds", "integer_ops": "integer_ops", "float_ops": "float_ops",
    "nan_or_inf": "non_finite_count",
}


_ALSO_NAMED = ("memory_bytes", "rmse", "max_abs_error_lsb", "mean_abs_error", "cosine_similarity",
               "delta")
"""Figures that stand elsewhere on the page."""


def _helps(comparison: Comparison, variant: Variant | None) -> dict[str, str]:
    """Return, by column, its formula with a variant's values put in."""
    if variant is None:
        return {}
    return {
        column: f"{formula_help(comparison, variant, key)}\n\n(values of {variant.recipe})"
        for column, key in _FORMULAS.items()
    }


def _columns(unit: str, time: str, helps: Mapping[str, str]) -> dict[str, Any]:
    column = st.column_config
    number = column.NumberColumn
    digits = "%.3f" if time == "ms" else "%.2f"
    return {
        "model": column.TextColumn("Model", pinned=True),
        "status": column.TextColumn("Status", width="small"),
        "size": number(f"Size {unit}", format="%.1f", help=helps.get("size")),
        "gzip": number(f"gzip {unit}", format="%.1f", help=helps.get("gzip")),
        "smaller": number("Smaller", format=_FACTOR, help=helps.get("smaller")),
        "p50": number(f"p50 {time}", format=digits, help=helps.get("p50")),
        "p90": number(f"p90 {time}", format=digits, help=helps.get("p90")),
        "p99": number(f"p99 {time}", format=digits, help=helps.get("p99")),
        "faster": number("Faster", format=_FACTOR, help=helps.get("faster")),
        "sqnr": column.TextColumn("SQNR", help=helps.get("sqnr")),
        "max_error": column.TextColumn("Max error", help=helps.get("max_error")),
        "agreement": number("Agrees", format="percent", help=helps.get("agreement")),
        "nan_or_inf": number("NaN or Inf", format="%d", help=helps.get("nan_or_inf")),
        "accuracy": number("Accuracy", format="percent", help=helps.get("accuracy")),
        "rmse_labels": number("RMSE to labels", format="%.4g", help=helps.get("rmse_labels")),
        "memory": number(f"Peak memory {unit}", format="%.0f", help=helps.get("memory")),
        "init": number("Load ms", format="%.2f", help=helps.get("init")),
        "convert": number("Convert s", format="%.2f", help=helps.get("convert")),
        "integer_ops": number("Integer ops", format="%d", help=helps.get("integer_ops")),
        "float_ops": number("Float ops", format="%d", help=helps.get("float_ops")),
        "reason": column.TextColumn("Reason", width="large"),
    }
