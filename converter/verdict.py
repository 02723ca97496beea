"""The one sentence that a comparison comes to, and the rule by which it is found."""

from __future__ import annotations

import math
from dataclasses import dataclass

from converter.comparison import Comparison, Variant
from converter.drift import Drift
from converter.recipe import AS_GIVEN

MIN_AGREEMENT = 0.99
"""Least share of samples with the same top class for a variant to count as faithful."""
MIN_SQNR_DB = 30.0
"""Least SQNR where outputs have no classes: an error of about 3 % of the signal."""

_LEAST_FACTOR = 1.05
"""Smaller differences would be told as "1.0 times"."""

FEW_SAMPLES = 100
"""Below this the 99 % of the rule cannot be told from 100 %."""

RULE = (
    "Rule: of the variants that keep the top class on at least 99 % of the evaluation samples "
    "(for each output without classes: an SQNR of at least 30 dB), the smallest; at equal size, "
    "the faster."
)


@dataclass(frozen=True)
class Verdict:
    """What the run comes to.

    Attributes:
        sentence: For a person, with figures.
        recipe: The variant it recommends; None where none can be.
        tone: `good`, `caution` (every smaller variant drifts), `bad` (nothing runs) or `measured`
            (a quantized file alone: nothing to choose between).
    """

    sentence: str
    recipe: str | None
    tone: str


def is_faithful(variant: Variant) -> bool:
    """Whether the drift of every output is within the rule."""
    drift = variant.drift
    if drift is None or drift.non_finite_count:
        return False
    return all(_keeps_rule(each) for each in variant.output_drift.values() or [drift])


def _keeps_rule(drift: Drift) -> bool:
    if drift.top1_agreement is not None:
        return drift.top1_agreement >= MIN_AGREEMENT
    return drift.sqnr_db >= MIN_SQNR_DB


def size_ratio(comparison: Comparison, variant: Variant) -> float:
    """Return the original's bytes, optimizer state left out, over the variant's."""
    if not variant.size_bytes:
        return math.nan
    return comparison.model.size_without_optimizer_bytes / variant.size_bytes


def speed_ratio(comparison: Comparison, variant: Variant) -> float:
    """Return the original's median latency over the variant's; NaN where one is missing."""
    reference = comparison.reference.latency
    if reference is None or variant.latency is None or variant.latency.p50_ms == 0:
        return math.nan
    return reference.p50_ms / variant.latency.p50_ms


def judge(comparison: Comparison) -> Verdict:
    """Return the verdict on a comparison by `RULE`."""
    usable = [v for v in comparison.usable if v.drift is not None]
    others = [v for v in usable if not v.is_original]
    if not others and any(variant.recipe == AS_GIVEN.name for variant in usable):
        return Verdict(_measured_as_it_is(comparison, usable[0]), usable[0].recipe, "measured")
    usable = others or usable
    if not usable:
        return Verdict(_nothing_runs(comparison), None, "bad")
    faithful = [variant for variant in _distinct(usable) if is_faithful(variant)]
    if faithful:
        best = min(faithful, key=_cost)
        tail = _caution(comparison)
        return Verdict(_praise(comparison, best) + tail, best.recipe, "caution" if tail else "good")
    best = max(usable, key=_fidelity)
    return Verdict(
        f"No variant is faithful by the rule; {best.recipe} comes nearest: "
        f"{_describe(comparison, best)}.",
        best.recipe,
        "caution",
    )


def _measured_as_it_is(comparison: Comparison, variant: Variant) -> str:
    """A quantized file alone: nothing to choose between, so only what was measured."""
    latency, accuracy = variant.latency, comparison.reference.accuracy
    measured = [f"{(variant.size_bytes or 0) / 1e3:,.1f} kB"]
    measured += [] if latency is None else [f"{latency.p50_ms:.3g} ms an inference"]
    if accuracy is not None and accuracy.top1 is not None:
        measured.append(f"{_share(accuracy.top1)} of {accuracy.samples} samples right")
    return (
        "The given file is quantized already, so it was measured as it is: "
        f"{', '.join(measured)}. Bring the original model to see what quantizing it cost."
    )


def _caution(comparison: Comparison) -> str:
    """Say what the data cannot show: nothing on random ones, little on few."""
    samples = comparison.data.evaluation_samples
    if comparison.data.source == "random":
        return " On random samples this says little about real inputs."
    if samples < FEW_SAMPLES:
        # The rule of three (Hanley and Lippman-Hand 1983): a share of 3/n may go unseen in n.
        unseen = min(1.0, 3 / samples)
        return f" On only {samples} samples, up to {unseen:.0%} of inputs may still go differently."
    return ""


def _distinct(variants: list[Variant]) -> list[Variant]:
    """Leave out files that equal an earlier one: between them only noise would decide."""
    first: dict[str, Variant] = {}
    for variant in variants:
        first.setdefault(variant.content_sha256 or variant.recipe, variant)
    return list(first.values())


def _cost(variant: Variant) -> tuple[float, float]:
    return (variant.size_bytes or 0, variant.latency.p50_ms if variant.latency else math.inf)


def _nothing_runs(comparison: Comparison) -> str:
    size_only = [v.recipe for v in comparison.variants if v.status == "ok"]
    if size_only and len(size_only) == len(comparison.variants):
        return (
            f"{', '.join(size_only)} could be converted but not run here; the table gives the "
            "reason."
        )
    if size_only:
        return (
            f"{', '.join(size_only)} could be converted but not run here, the other variants not "
            "even that; the table gives the reason for each."
        )
    return (
        f"None of the {len(comparison.variants)} variants could be converted and run here; the "
        "table gives the reason for each."
    )


def _fidelity(variant: Variant) -> tuple[float, float]:
    drift = variant.drift
    if drift is None:
        return (-math.inf, -math.inf)
    agreement = drift.top1_agreement if drift.top1_agreement is not None else 0.0
    sqnr = drift.sqnr_db if not math.isnan(drift.sqnr_db) else -math.inf
    return (agreement, sqnr)


def _praise(comparison: Comparison, variant: Variant) -> str:
    if size_ratio(comparison, variant) < 1:
        return (
            f"No faithful variant is smaller than {comparison.original}; {variant.recipe} is the "
            f"smallest: {_describe(comparison, variant)}."
        )
    return f"{variant.recipe} is the variant to take: {_describe(comparison, variant)}."


def _describe(comparison: Comparison, variant: Variant) -> str:
    parts = [_times(size_ratio(comparison, variant), "smaller", "larger")]
    speed = speed_ratio(comparison, variant)
    if not math.isnan(speed):
        parts.append(_times(speed, "faster", "slower"))
    gains = " and ".join(parts)
    return f"against {comparison.original} it is {gains}, and {_closeness(comparison, variant)}"


def _times(ratio: float, better: str, worse: str) -> str:
    word, factor = (better, ratio) if ratio > 1 else (worse, 1 / ratio)
    if factor < _LEAST_FACTOR:
        return f"about as {'fast' if better == 'faster' else 'large'}"
    # Three digits at most: more than that no latency measurement can promise.
    digits = f"{factor:.0f}" if factor >= 100 else f"{factor:.1f}"
    return f"{digits} times {word}"


def _share(value: float) -> str:
    # 99.97 % must not be rounded up to a perfect score.
    return "all" if value == 1 else f"{min(value, 0.999):.1%}"


def _closeness(comparison: Comparison, variant: Variant) -> str:
    drift = variant.drift
    samples = comparison.data.evaluation_samples
    if drift is None:
        return "its drift was not measured"
    if drift.top1_samples and drift.top1_agreement is not None:
        samples = drift.top1_samples
    if drift.non_finite_count:
        return f"{drift.non_finite_count} of its output values are NaN or infinite"
    if drift.top1_agreement is not None:
        agrees = f"it agrees with it on {_share(drift.top1_agreement)} of {samples} samples"
        values = [d.sqnr_db for d in variant.output_drift.values() if d.top1_agreement is None]
        worst = f", its other outputs at {min(values):.0f} dB SQNR or better" if values else ""
        return agrees + worst
    if drift.sqnr_db == math.inf:
        return f"its outputs are identical on {samples} samples"
    if drift.sqnr_db == -math.inf:
        return (
            f"its outputs have nothing in common with those of {comparison.original} on {samples} "
            "samples"
        )
    if math.isnan(drift.sqnr_db):
        return (
            f"its drift cannot be told, because {comparison.original} gives values that are no "
            "numbers"
        )
    return (
        f"its error lies {drift.sqnr_db:.0f} dB below the signal (SQNR) on {samples} samples"
        if drift.sqnr_db > 0
        else f"its error is larger than the signal on {samples} samples"
    )
