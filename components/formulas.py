"""Every metric's formula, and the same with a variant's own values put in.

What stands on the right of each `=` is computed here out of the values that stand on its left, so
that a formula that does not give the figure shown would show it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from components.format import (
    format_bytes,
    format_count,
    format_db,
    format_error,
    format_ms,
    format_percent,
    format_ratio,
)
from converter.accuracy import wilson_interval
from converter.comparison import Comparison, Variant
from converter.drift import Drift

# ruff: noqa: RUF001, RUF003 - the signs are what a person reads


@dataclass(frozen=True, kw_only=True)
class Formula:
    """One metric.

    Attributes:
        key: Its name in `comparison.json`.
        label: What the interface calls it.
        formula: In symbols.
        worked: With the variant's values; empty where it was not measured.
        meaning: In one sentence.
    """

    key: str
    label: str
    formula: str
    worked: str
    meaning: str


def list_formulas(comparison: Comparison, variant: Variant) -> dict[str, Formula]:
    """Return the formula of every metric by its key, in the order of the interface.

    Args:
        comparison: The run's result.
        variant: Whose values are put in.
    """
    found = [*_sizes(comparison, variant), *_latencies(comparison, variant),
             *_drifts(comparison, variant), *_accuracies(comparison, variant)]
    return {formula.key: formula for formula in found}


def formula_help(comparison: Comparison, variant: Variant, key: str, text: str = "") -> str:
    """Return what opens on a metric's name, as Markdown: meaning, formula, and values put in."""
    formula = list_formulas(comparison, variant).get(key)
    if formula is None:
        return text
    parts = [text or formula.meaning, f"`{formula.formula}`"]
    if formula.worked:
        parts.append(f"Here: `{formula.worked}`")
    return "\n\n".join(parts)


def _sizes(comparison: Comparison, variant: Variant) -> list[Formula]:
    original, size = comparison.model.size_without_optimizer_bytes, variant.size_bytes
    peak, bare = variant.peak_memory_bytes, variant.runtime_memory_bytes
    return [
        Formula(
            key="size_ratio", label="Smaller", formula="original bytes / variant bytes",
            worked=f"{original:,} / {size:,} = {format_ratio(original / size)}" if size else "",
            meaning="How often the variant fits into the original, optimizer state left out.",
        ),
        Formula(
            key="gzip_bytes", label="gzip", formula="bytes after gzip level 6",
            worked="" if variant.gzip_bytes is None or not size else
            f"{variant.gzip_bytes:,} / {size:,} = {format_percent(variant.gzip_bytes / size)}",
            meaning="What a download takes where files are compressed on the way.",
        ),
        Formula(
            key="memory_bytes", label="Memory",
            formula="peak of the process − process before loading",
            worked="" if peak is None or bare is None else
            f"{peak:,} − {bare:,} = {format_bytes(peak - bare)}",
            meaning="Resident memory that loading and running the file once adds to the runtime.",
        ),
    ]


def _latencies(comparison: Comparison, variant: Variant) -> list[Formula]:
    own, base = variant.latency, comparison.reference.latency
    runs = "" if own is None else f"of {own.runs:,} runs = "
    interval = own.p50_ci95_ms if own is not None else None
    tail = "" if interval is None else (
        f", 95 % interval {format_ms(interval[0])} to {format_ms(interval[1])}")
    found = [
        Formula(
            key="p50_ms", label="Median latency", formula="median(time of one inference)",
            worked="" if own is None else f"median {runs}{format_ms(own.p50_ms)}{tail}",
            meaning="Half of the runs were faster. The interval comes from whole turns, resampled.",
        ),
        Formula(
            key="speed_ratio", label="Faster", formula="original's median / variant's median",
            worked="" if own is None or base is None or not own.p50_ms else
            f"{base.p50_ms:.4g} ms / {own.p50_ms:.4g} ms = "
            f"{format_ratio(base.p50_ms / own.p50_ms)}",
            meaning="Above 1 the variant is faster, on this machine.",
        ),
    ]
    for share, name in ((90, "p90_ms"), (99, "p99_ms")):
        value = None if own is None else getattr(own, name)
        found.append(Formula(
            key=name, label=f"p{share}", formula=f"{share}th percentile of the runs",
            worked="" if value is None else f"{share} % {runs}{format_ms(value)} or less",
            meaning=f"Of a hundred inferences {100 - share} take longer.",
        ))
    return found


def _drifts(comparison: Comparison, variant: Variant) -> list[Formula]:
    drift = variant.drift
    if len(variant.output_drift) == 1:
        drift = next(iter(variant.output_drift.values()))
    samples = comparison.data.evaluation_samples
    over = f"over all values of {samples:,} samples" if drift is not None else ""
    return [
        Formula(
            key="sqnr_db", label="SQNR", formula="10 · log₁₀(mean r² / mean (y − r)²)",
            worked=_worked_sqnr(drift),
            meaning="Signal power over error power: 6 dB halve the error. r: the original's "
                    "output, y: the variant's.",
        ),
        Formula(
            key="rmse", label="RMSE", formula="√ mean (y − r)²",
            worked="" if drift is None else
            f"√{drift.rmse**2:.4g} = {format_error(math.sqrt(drift.rmse**2))} {over}",
            meaning="Root mean square error of the outputs.",
        ),
        Formula(
            key="max_abs_error", label="Max error", formula="max |y − r|",
            worked="" if drift is None else f"{format_error(drift.max_abs_error)} {over}",
            meaning="The single worst output value.",
        ),
        Formula(
            key="max_abs_error_lsb", label="Max error in steps",
            formula="max |y − r| / output scale", worked=_worked_steps(drift),
            meaning="The largest error in steps of a quantized output; rounding alone: up to ½.",
        ),
        Formula(
            key="mean_abs_error", label="Mean error", formula="mean |y − r|",
            worked="" if drift is None else f"{format_error(drift.mean_abs_error)} {over}",
            meaning="The mean distance of an output value.",
        ),
        Formula(
            key="cosine_similarity", label="Cosine", formula="mean of y·r / (|y| · |r|)",
            worked="" if drift is None else
            f"{drift.cosine_similarity:.6f} over {samples:,} samples, the worst "
            f"{drift.worst_cosine_similarity:.6f}",
            meaning="Angle between the outputs of a sample; 1 is the same direction.",
        ),
        Formula(
            key="top1_agreement", label="Agrees",
            formula="samples with the original's top class / samples",
            worked=_worked_agreement(drift),
            meaning="How often the variant decides as the original; ties count by their overlap.",
        ),
    ]


def _worked_sqnr(drift: Drift | None) -> str:
    if drift is None:
        return ""
    if not math.isfinite(drift.sqnr_db) or not drift.rmse > 0 or not math.isfinite(drift.rmse):
        return format_db(drift.sqnr_db)
    noise = drift.rmse**2
    signal = noise * 10 ** (drift.sqnr_db / 10)
    return f"10 · log₁₀({signal:.4g} / {noise:.4g}) = {format_db(10 * math.log10(signal / noise))}"


def _worked_steps(drift: Drift | None) -> str:
    if drift is None or not drift.max_abs_error_lsb:
        return ""
    scale = drift.max_abs_error / drift.max_abs_error_lsb
    return f"{drift.max_abs_error:.4g} / {scale:.4g} = {drift.max_abs_error / scale:.2f} steps"


def _worked_agreement(drift: Drift | None) -> str:
    if drift is None or drift.top1_agreement is None or not drift.top1_samples:
        return ""
    agreeing = drift.top1_agreement * drift.top1_samples
    low, high = wilson_interval(agreeing, drift.top1_samples)
    return (f"{agreeing:,.6g} / {drift.top1_samples:,} = "
            f"{format_percent(agreeing / drift.top1_samples)}, 95 % interval "
            f"{format_percent(low)} to {format_percent(high)}")


def _accuracies(comparison: Comparison, variant: Variant) -> list[Formula]:
    own, base = variant.accuracy, comparison.reference.accuracy
    if own is None:
        return []
    found = []
    if own.top1 is not None:
        right = own.top1 * own.samples
        low, high = wilson_interval(right, own.samples)
        found.append(Formula(
            key="top1", label="Accuracy", formula="right samples / labelled samples",
            worked=f"{right:,.6g} / {own.samples:,} = {format_percent(right / own.samples)}, 95 % "
                   f"interval {format_percent(low)} to {format_percent(high)}",
            meaning="Share of labelled samples whose top class is the label (Wilson 1927).",
        ))
        if base is not None and base.top1 is not None and not variant.is_original:
            change = (own.top1 - base.top1) * 100
            found.append(Formula(
                key="delta", label="Accuracy change", formula="variant's accuracy − original's",
                worked=f"{own.top1 * 100:.2f} % − {base.top1 * 100:.2f} % = {change:+.2f} points",
                meaning="Below zero the variant is right less often.",
            ))
    if own.rmse is not None:
        found.append(Formula(
            key="accuracy_rmse", label="RMSE to labels", formula="√ mean (y − label)²",
            worked=f"{own.rmse:.4g} over {format_count(own.samples)} samples",
            meaning="Error against the labels, in their unit.",
        ))
    if own.r2 is not None:
        found.append(Formula(
            key="r2", label="R²", formula="1 − Σ(y − label)² / Σ(label − mean label)²",
            worked=f"{own.r2:.4f}", meaning="Share of the labels' variance that is explained.",
        ))
    if own.expected_calibration_error is not None:
        found.append(Formula(
            key="expected_calibration_error", label="Calibration error",
            formula="Σ share of bin · |accuracy of bin − confidence of bin|",
            worked=f"{own.expected_calibration_error:.4f} in 15 bins",
            meaning="How far confidences are from how often they are right (Guo et al. 2017).",
        ))
    return found
