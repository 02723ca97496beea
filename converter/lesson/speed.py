"""Step 5: what a run measured of time, and what it knows of who runs a variant's operators."""

from __future__ import annotations

from dataclasses import dataclass

from converter.comparison import REFERENCE, Comparison, Variant
from converter.further_latency import KERNEL_SETS, THREADS
from converter.kernels import Kernels
from converter.latency import LatencyStats
from converter.latency_explanation import FLOAT32, is_slower

SLOWER, FASTER, SAME = "slower", "faster", "not distinguishable"


@dataclass(frozen=True)
class Setting:
    """How latencies were taken.

    Attributes:
        kind: `default`, or a kind of `further_latency`.
        value: The thread count or the set of kernels; empty for the default.
    """

    kind: str = "default"
    value: str = ""

    @property
    def label(self) -> str:
        """What a person reads."""
        if self.kind == THREADS:
            return f"{self.value} thread{'' if self.value == '1' else 's'}"
        if self.kind == KERNEL_SETS:
            return "built-in kernels" if self.value == Kernels.BUILTIN else f"{self.value} kernels"
        return "as usual"


DEFAULT = Setting()


def measured_settings(comparison: Comparison) -> list[Setting]:
    """Return the settings with which variants of a run were timed, the default first."""
    further = [
        Setting(each.kind, each.setting)
        for each in comparison.further_latency
        if each.kind in (THREADS, KERNEL_SETS) and each.latency is not None
    ]
    return list(dict.fromkeys([DEFAULT, *further]))


def latencies(comparison: Comparison, setting: Setting = DEFAULT) -> dict[str, LatencyStats]:
    """Return what was measured with a setting, by recipe; the original under its own name."""
    if setting == DEFAULT:
        found = {REFERENCE: comparison.reference.latency}
        found |= {variant.recipe: variant.latency for variant in comparison.variants}
    else:
        found = {
            each.candidate: each.latency
            for each in comparison.further_latency
            if (each.kind, each.setting) == (setting.kind, setting.value)
        }
    return {name: stats for name, stats in found.items() if stats is not None}


@dataclass(frozen=True)
class Speed:
    """One median against float32's, measured alike.

    Attributes:
        factor: How many times slower or faster, at least 1.
        word: `SLOWER`, `FASTER`, or `SAME` where the 95 % intervals overlap.
    """

    factor: float
    word: str


def speed_against(own: LatencyStats, base: LatencyStats) -> Speed:
    """Return how a variant's latency compares with float32's."""
    ratio = own.p50_ms / base.p50_ms
    word = SLOWER if is_slower(own, base) else FASTER if is_slower(base, own) else SAME
    return Speed(max(ratio, 1 / ratio), word)


def base_of(found: dict[str, LatencyStats]) -> str | None:
    """Return whose latency the others are held against: float32's, else the original's."""
    return next((name for name in (FLOAT32, REFERENCE) if name in found), None)


@dataclass(frozen=True)
class OperatorCount:
    """How many of a variant's operators something is true of; None where that is not known."""

    label: str
    count: int | None
    total: int


def operator_counts(variant: Variant) -> list[OperatorCount]:
    """Return who runs a variant's operators, and what they compute on.

    The first two are read off the timed process and count the first subgraph, the others are the
    audit's and count the file.
    """
    found, audit = variant.delegation, variant.audit
    whole = 0 if found is None else found.operators
    return [
        OperatorCount("run by XNNPACK", None if found is None else found.delegated, whole),
        OperatorCount("run by built-in kernels",
                      None if found is None else found.operators - found.delegated, whole),
        OperatorCount("compute on integers", audit.integer_ops, audit.total_ops),
        OperatorCount("compute on floats", audit.float_ops, audit.total_ops),
        OperatorCount("of those: unpack integers", audit.hybrid_ops, audit.total_ops),
        OperatorCount("convert at a border", audit.border_ops, audit.total_ops),
    ]  # fmt: skip
