"""The figures that a reader takes away, each with how sure it is, where the run can tell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from components.format import (
    MISSING,
    format_bytes,
    format_count,
    format_db,
    format_ms,
    format_percent,
    format_points,
    format_ratio,
)
from converter.accuracy import wilson_interval
from converter.comparison import REFERENCE, Comparison, Variant
from converter.drift import Drift
from converter.verdict import Verdict, size_ratio, speed_ratio

_LEAST_SAMPLES = 10
"""Fewer runs have no tenth and ninetieth percentile to speak of."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One headline figure: what it is, its value, what it rests on, and how sure it is."""

    label: str
    value: str
    detail: str
    certainty: str = ""


def headline_variant(comparison: Comparison, verdict: Verdict) -> Variant | None:
    """Return the variant that the verdict names, else the first that was converted, else None."""
    converted = [v for v in comparison.variants if v.status == "ok" and v.size_bytes]
    named = [v for v in converted if v.recipe == verdict.recipe]
    return next(iter(named or converted), None)


def headline_figures(
    comparison: Comparison, variant: Variant, samples_ms: Mapping[str, np.ndarray]
) -> list[Figure]:
    """Return a variant's gains and costs against the original.

    Args:
        comparison: The run's result.
        variant: One that was converted.
        samples_ms: Raw latency samples in milliseconds by candidate, each of shape `(runs,)`.
    """
    figures = [_size(comparison, variant), _speed(comparison, variant, samples_ms)]
    if not variant.is_original:
        figures.append(_closeness(comparison, variant))
    if variant.accuracy is not None:
        figures.append(_accuracy(comparison, variant))
    return [*figures, _memory(variant)]


def agreement_interval(drift: Drift) -> tuple[float, float] | None:
    """Return the 95 % Wilson score interval of the agreement; None where there is none."""
    if drift.top1_agreement is None or not drift.top1_samples:
        return None
    return wilson_interval(drift.top1_agreement * drift.top1_samples, drift.top1_samples)


def format_interval(bounds: tuple[float, float] | None) -> str:
    """Return a 95 % interval of a share; empty for None."""
    if bounds is None:
        return ""
    return f"{format_percent(bounds[0])} to {format_percent(bounds[1])}"


def _size(comparison: Comparison, variant: Variant) -> Figure:
    if variant.is_original:
        return Figure(label="Size", value=format_bytes(variant.size_bytes),
                      detail=f"{format_bytes(variant.gzip_bytes)} gzipped", certainty="exact")
    ratio = size_ratio(comparison, variant)
    if not ratio > 0:
        return Figure(label="Size", value=format_bytes(variant.size_bytes),
                      detail="the original's is not known", certainty="exact")
    original = format_bytes(comparison.model.size_without_optimizer_bytes)
    return Figure(
        label="Larger by" if ratio < 1 else "Smaller by",
        value=format_ratio(1 / ratio if ratio < 1 else ratio),
        detail=f"{original} → {format_bytes(variant.size_bytes)}", certainty="file sizes, exact",
    )


def _speed(
    comparison: Comparison, variant: Variant, samples_ms: Mapping[str, np.ndarray]
) -> Figure:
    stats, reference = variant.latency, comparison.reference.latency
    if stats is None:
        return Figure(label="Latency", value=MISSING,
                      detail="not measured" if variant.runnable else "not run here")
    certainty = _spread(samples_ms.get(variant.recipe), stats.runs, stats.p90_ms)
    ratio = speed_ratio(comparison, variant)
    if variant.is_original or reference is None or math.isnan(ratio) or ratio == 0:
        return Figure(label="Latency", value=format_ms(stats.p50_ms),
                      detail="median of one inference", certainty=certainty)
    other = _spread(samples_ms.get(REFERENCE), reference.runs, reference.p90_ms)
    return Figure(
        label="Slower by" if ratio < 1 else "Faster by",
        value=format_ratio(1 / ratio if ratio < 1 else ratio),
        detail=f"medians {format_ms(reference.p50_ms)} → {format_ms(stats.p50_ms)}",
        certainty=f"{certainty}; {comparison.original}, {other}",
    )


def _spread(samples: np.ndarray | None, runs: int, p90_ms: float) -> str:
    """Say how single runs scatter: a spread of runs, not an error of the median."""
    if samples is not None:
        values = np.asarray(samples, dtype=np.float64).ravel()
        values = values[np.isfinite(values)]
        if values.size >= _LEAST_SAMPLES:
            low, high = (float(value) for value in np.percentile(values, [10, 90]))
            counted = format_count(values.size)
            return f"80 % of {counted} runs: {format_ms(low)} to {format_ms(high)}"
    return f"90 % of {format_count(runs)} runs: up to {format_ms(p90_ms)}"


def _closeness(comparison: Comparison, variant: Variant) -> Figure:
    drift = variant.drift
    if drift is None:
        return Figure(label="Drift", value=MISSING,
                      detail="not measured" if variant.runnable else "not run here")
    bad = ""
    if drift.non_finite_count:
        bad = f"{format_count(drift.non_finite_count)} output values are NaN or infinite"
    if drift.top1_agreement is not None:
        samples = drift.top1_samples or comparison.data.evaluation_samples
        interval = format_interval(agreement_interval(drift))
        return Figure(label="Agrees on", value=format_percent(drift.top1_agreement),
                      detail=f"of {format_count(samples)} samples, the top class",
                      certainty=bad or (f"95 % interval {interval}" if interval else ""))
    return Figure(
        label="Signal to error",
        value="exact" if drift.sqnr_db == math.inf else format_db(drift.sqnr_db),
        detail=f"SQNR on {format_count(comparison.data.evaluation_samples)} samples",
        certainty=bad,
    )


def _accuracy(comparison: Comparison, variant: Variant) -> Figure:
    found, reference = variant.accuracy, comparison.reference.accuracy
    assert found is not None  # noqa: S101 - asked by the caller
    if found.top1 is None:
        other = "" if reference is None or reference.rmse is None else (
            f", {comparison.original} {reference.rmse:.4g}")
        return Figure(label="RMSE to the labels",
                      value=MISSING if found.rmse is None else f"{found.rmse:.4g}",
                      detail=f"on {format_count(found.samples)} samples{other}")
    detail = f"of {format_count(found.samples)} labelled samples"
    if not variant.is_original and reference is not None:
        detail = (f"{format_points(found.delta)}, {comparison.original} "
                  f"{format_percent(reference.top1)}")
    interval = format_interval(found.ci95)
    return Figure(label="Accuracy", value=format_percent(found.top1), detail=detail,
                  certainty=f"95 % interval {interval}" if interval else "")


def _memory(variant: Variant) -> Figure:
    peak, bare = variant.peak_memory_bytes, variant.runtime_memory_bytes
    if peak is None:
        return Figure(label="Memory", value=MISSING,
                      detail="not measured" if variant.runnable else "not run here")
    if bare is None:
        return Figure(label="Memory", value=format_bytes(peak), detail="peak of a fresh process",
                      certainty="one process, measured once")
    return Figure(label="Memory", value=format_bytes(peak - bare),
                  detail=f"above the bare runtime's {format_bytes(bare)}",
                  certainty="one process, measured once")
