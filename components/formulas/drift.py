"""The formulas of a variant's output drift."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

import math

from components.format import format_count, format_error, format_percent
from components.formulas.formula import NOT_STORED, Formula, ratio, root_mean, sqnr, term
from converter.accuracy import wilson_interval
from converter.comparison import Comparison, Variant
from converter.drift import Drift

_KEYS = ("sqnr_db", "rmse", "max_abs_error", "max_abs_error_lsb", "mean_abs_error",
         "cosine_similarity", "top1_agreement")  # fmt: skip


def drift_formulas(comparison: Comparison, variant: Variant, owner: str = "") -> list[Formula]:
    """Return a variant's drift with its sums put in, each figure of the output that it is of."""
    if variant.drift is None:
        return [Formula(key=key, owner=owner) for key in _KEYS]
    samples = comparison.data.evaluation_samples
    found = []
    for key in _KEYS:
        drift, output = _of_output(variant, key)
        worked, note = _WAYS[key](drift, samples) if drift is not None else ("", "")
        said = "; ".join(part for part in (note, output) if part)
        found.append(Formula(key=key, worked=worked, note=said if worked else "", owner=owner))
    return found


def _of_output(variant: Variant, key: str) -> tuple[Drift | None, str]:
    """Return the drift whose figure is shown: of several outputs the worst one's."""
    if len(variant.output_drift) < 2:
        return next(iter(variant.output_drift.values()), variant.drift), ""
    shown = getattr(variant.drift, key)
    for name, drift in variant.output_drift.items():
        if getattr(drift, key) == shown:
            return drift, f"output {name[:40]}, the worst of {len(variant.output_drift)}"
    return variant.drift, f"the worst of {len(variant.output_drift)} outputs"


def _sqnr(drift: Drift, samples: int) -> tuple[str, str]:
    worked, note = sqnr(drift.signal_square_sum, drift.error_square_sum, drift.sqnr_db)
    return worked, note or _over(drift, samples)


def _rmse(drift: Drift, samples: int) -> tuple[str, str]:
    worked, note = root_mean(drift.error_square_sum, drift.values, drift.rmse)
    return worked, note or _over(drift, samples)


def _mean(drift: Drift, samples: int) -> tuple[str, str]:
    shown = format_error(drift.mean_abs_error)
    if drift.error_sum is None or not drift.values:
        return shown, NOT_STORED
    return ratio(drift.error_sum, drift.values, shown), _over(drift, samples)


def _max(drift: Drift, samples: int) -> tuple[str, str]:
    return format_error(drift.max_abs_error), _over(drift, samples)


def _steps(drift: Drift, samples: int) -> tuple[str, str]:  # noqa: ARG001 - one of a kind
    steps = drift.max_abs_error_lsb
    if not steps or not math.isfinite(steps):
        return "", ""
    scale = drift.max_abs_error / steps
    return f"{term(drift.max_abs_error)} / {term(scale)} = {steps:.2f} steps", ""


def _cosine(drift: Drift, samples: int) -> tuple[str, str]:
    return f"{drift.cosine_similarity:.6f}", (
        f"mean of {format_count(samples)} samples, the worst {drift.worst_cosine_similarity:.6f}")


def _agreement(drift: Drift, samples: int) -> tuple[str, str]:  # noqa: ARG001 - one of a kind
    if drift.top1_agreement is None or not drift.top1_samples:
        return "", ""
    agreeing = drift.top1_agreement * drift.top1_samples
    low, high = wilson_interval(agreeing, drift.top1_samples)
    return (ratio(agreeing, drift.top1_samples, format_percent(drift.top1_agreement)),
            f"95 % interval {format_percent(low)} to {format_percent(high)}")


def _over(drift: Drift, samples: int) -> str:
    values = "all" if drift.values is None else format_count(drift.values)
    return f"over {values} values of {format_count(samples)} samples"


_WAYS = {
    "sqnr_db": _sqnr, "rmse": _rmse, "max_abs_error": _max, "max_abs_error_lsb": _steps,
    "mean_abs_error": _mean, "cosine_similarity": _cosine, "top1_agreement": _agreement,
}
