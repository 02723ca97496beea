"""Why a variant is as fast as it is here: sentences out of what was measured and audited."""

from __future__ import annotations

from converter.comparison import Comparison, Variant
from converter.delegation import Delegation
from converter.latency import LatencyStats

FLOAT32 = "float32"
_INT8_DOT = ("avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm")
_FLOAT16 = ("avx512_fp16", "asimdhp")
_MOST_NAMES = 4


def is_slower(variant: LatencyStats, base: LatencyStats) -> bool:
    """Whether a median is higher than another beyond both intervals.

    Where an interval is missing, the bare medians are compared with a margin of 5 %.
    """
    if variant.p50_ci95_ms is None or base.p50_ci95_ms is None:
        return variant.p50_ms > 1.05 * base.p50_ms
    return variant.p50_ci95_ms[0] > base.p50_ci95_ms[1]


def float32_of(comparison: Comparison) -> Variant | None:
    """Return the measured float32 variant that others are held against."""
    return next(
        (v for v in comparison.variants if v.recipe == FLOAT32 and v.latency is not None), None
    )


def needs_explanation(comparison: Comparison, variant: Variant) -> bool:
    """Whether a variant is slower than float32 beyond the intervals."""
    base = float32_of(comparison)
    if base is None or base.latency is None or variant.latency is None or variant is base:
        return False
    return is_slower(variant.latency, base.latency)


def explain_latency(comparison: Comparison, variant: Variant) -> list[str]:
    """Return what is known of why a variant takes the time it takes on this machine.

    Each sentence rests on a figure of this run: the two medians, the operators that the delegate
    took over (read off the timed process), the audit's counts, the processor and the threads.
    """
    if variant.latency is None:
        return []
    sentences = [
        _against_float32(comparison, variant, variant.latency),
        _delegation(variant, float32_of(comparison)),
        *_operators(variant),
        _instructions(comparison, variant),
        _threads(comparison, variant.latency),
        _elsewhere(comparison),
    ]
    return [sentence for sentence in sentences if sentence]


def _against_float32(comparison: Comparison, variant: Variant, own: LatencyStats) -> str:
    base = float32_of(comparison)
    if base is None or base.latency is None or base is variant:
        return ""
    other = base.latency
    figures = f"{_median(own)} against float32's {_median(other)}"
    if is_slower(own, other):
        return f"{own.p50_ms / other.p50_ms:.2g} times slower than float32: {figures}."
    if is_slower(other, own):
        return f"{other.p50_ms / own.p50_ms:.2g} times faster than float32: {figures}."
    return f"Not distinguishable from float32: {figures}."


def _delegation(variant: Variant, base: Variant | None) -> str:
    found = variant.delegation
    if found is None:
        return (
            "Which operators the delegate took over is not known: LiteRT lists the nodes of a "
            "file's first subgraph alone, and here another one was run or nothing was timed."
        )
    sentence = f"XNNPACK, the fast path, runs {_share(found)}"
    if found.partitions > 1:
        sentence += (
            f" in {found.partitions} pieces, between which tensors change hands "
            f"{found.partitions - 1} times"
        )
    if found.left_names:
        sentence += f"; built-in kernels run the rest ({_names(found.left_names)})"
    other = base.delegation if base is not None and base is not variant else None
    return sentence + (f". For float32 it is {_share(other)}." if other is not None else ".")


def _operators(variant: Variant) -> list[str]:
    audit = variant.audit
    sentences = []
    if audit.hybrid_ops:
        sentences.append(
            f"{audit.hybrid_ops} operators store integers and compute on float activations: each "
            "inference quantizes the activations or unpacks the weights anew."
        )
    left = audit.float_ops - audit.hybrid_ops
    if audit.integer_ops and left > 0:
        sentences.append(f"{left} operators were left in float ({_names(audit.float_op_names)}).")
    if audit.border_ops:
        sentences.append(
            f"{audit.border_ops} of {audit.total_ops} operators only convert between float and "
            "integer."
        )
    return sentences


def _instructions(comparison: Comparison, variant: Variant) -> str:
    known = comparison.environment.get("instruction_sets") or []
    cpu = str(comparison.environment.get("cpu", "This processor"))[:80]
    if variant.audit.integer_ops or variant.audit.hybrid_ops:
        found = [name for name in known if name in _INT8_DOT]
        if found:
            return f"{cpu} has instructions for int8 dot products ({', '.join(found)})."
        return (
            f"{cpu} names no instructions for int8 dot products ({', '.join(known) or 'none told'})"
            ": integers are widened first, which costs what their size saves."
        )
    if "float16" in variant.flags.get("supported_types", ()):
        found = [name for name in known if name in _FLOAT16]
        if not found:
            return (
                f"{cpu} names no float16 arithmetic: the weights are stored in 16 bits and the "
                "sums are done in float32, so the file is smaller and not faster."
            )
        return f"{cpu} has float16 arithmetic ({', '.join(found)})."
    return ""


def _threads(comparison: Comparison, own: LatencyStats) -> str:
    cores = comparison.environment.get("cores")
    runs = f"Measured with {own.threads} thread{'' if own.threads == 1 else 's'}"
    return f"{runs} on {cores} cores." if cores else f"{runs}."


def _elsewhere(comparison: Comparison) -> str:
    system = str(comparison.environment.get("system", ""))[:40]
    return (
        f"This is {system or 'this machine'}, not a phone: caches, instructions and kernels differ "
        "there, so neither the times nor which variant is faster carry over; measure on the device."
    )


def _median(stats: LatencyStats) -> str:
    interval = stats.p50_ci95_ms
    if interval is None:
        return f"{stats.p50_ms:.4g} ms"
    return f"{stats.p50_ms:.4g} ms (95 % interval {interval[0]:.4g} to {interval[1]:.4g})"


def _share(found: Delegation) -> str:
    return f"{found.delegated} of {found.operators} operators ({found.share:.0%})"


def _names(counts: dict[str, int]) -> str:
    shown = list(counts.items())[:_MOST_NAMES]
    more = len(counts) - len(shown)
    text = ", ".join(f"{count} {name[:40]}" for name, count in shown)
    return f"{text} and {more} other kinds" if more else text
