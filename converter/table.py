"""A comparison as a table of text, for people at a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from converter.accuracy import Accuracy
from converter.comparison import Comparison, Variant
from converter.latency import LatencyStats
from converter.verdict import judge, size_ratio, speed_ratio

HEADER = (
    "recipe",
    "size",
    "smaller",
    "p50",
    "faster",
    "SQNR",
    "max error",
    "agreement",
    "accuracy",
)


def format_comparison(comparison: Comparison) -> str:
    """Return the verdict, the table, and the reason of each variant that failed."""
    rows = [HEADER, _reference_row(comparison)]
    rows += [_variant_row(comparison, variant) for variant in comparison.variants]
    lines = [judge(comparison).sentence, "", *_align(rows), "", _conditions(comparison)]
    lines += _identities(comparison)
    lines += _output_lines(comparison)
    lines += [f"warning: {warning}" for warning in comparison.reference.warnings]
    notes = [*comparison.model.notes, *comparison.data.notes, *comparison.reference.notes]
    lines += [f"note: {note}" for note in notes]
    lines += [f"failed: {v.error}" for v in comparison.variants if v.status != "ok"]
    lines += [
        f"{v.recipe}: {note}"
        for v in comparison.variants
        if v.status == "ok" and not v.runnable
        for note in v.audit.notes
    ]
    return "\n".join(lines)


def _reference_row(comparison: Comparison) -> tuple[str, ...]:
    latency, accuracy = comparison.reference.latency, comparison.reference.accuracy
    return (
        "original",
        _bytes(comparison.model.size_without_optimizer_bytes),
        "1.0x",
        _milliseconds(latency),
        "1.0x",
        "-",
        "-",
        "-",
        _accuracy(accuracy),
    )


def _variant_row(comparison: Comparison, variant: Variant) -> tuple[str, ...]:
    drift, latency, accuracy = variant.drift, variant.latency, variant.accuracy
    agreement = drift.top1_agreement if drift else None
    return (
        variant.recipe if variant.status == "ok" else f"{variant.recipe} (failed)",
        _bytes(variant.size_bytes),
        _times(size_ratio(comparison, variant)),
        _milliseconds(latency),
        _times(speed_ratio(comparison, variant)),
        f"{drift.sqnr_db:.1f} dB" if drift else "-",
        f"{drift.max_abs_error:.2g}" if drift else "-",
        "-" if agreement is None else f"{agreement:.1%}",
        _accuracy(accuracy),
    )


def _accuracy(accuracy: Accuracy | None) -> str:
    if accuracy is None:
        return "-"
    if accuracy.top1 is not None:
        return f"{accuracy.top1:.1%}"
    return "-" if accuracy.mae is None else f"MAE {accuracy.mae:.3g}"


def _milliseconds(latency: LatencyStats | None) -> str:
    if latency is None:
        return "-"
    p50 = latency.p50_ms
    return f"{p50:.3f} ms" if p50 >= 0.1 else f"{1000 * p50:.2f} us"


def _output_lines(comparison: Comparison) -> list[str]:
    """With several outputs the table has the worst of each figure; here each is by itself."""
    if len(comparison.model.outputs) < 2:
        return []
    lines = ["the table has the worst output, figure by figure; by itself each has:"]
    for variant in comparison.variants:
        for name, drift in variant.output_drift.items():
            accuracy = variant.output_accuracy.get(name)
            agreement = drift.top1_agreement
            figures = [f"{drift.sqnr_db:.1f} dB", f"max error {drift.max_abs_error:.2g}"]
            figures += [] if agreement is None else [f"agreement {agreement:.1%}"]
            figures += [] if accuracy is None else [f"accuracy {_accuracy(accuracy)}"]
            lines.append(f"  {variant.recipe}, {name}: {', '.join(figures)}")
    return lines


def _conditions(comparison: Comparison) -> str:
    data, environment = comparison.data, comparison.environment
    kind = "random samples" if data.source == "random" else f"samples of {data.name}"
    baseline = "a warmed tf.function"
    if comparison.starts_from_tflite:
        baseline = "the given file, run like the others"
    return (
        f"{data.evaluation_samples} {kind}, {data.calibration_samples} others for calibration; "
        f"batch {comparison.settings['batch']}, {environment['threads']} thread(s) on "
        f"{environment['cores']} core(s), {environment['cpu']}; "
        f"the original is {baseline}"
    )


def _identities(comparison: Comparison) -> list[str]:
    """Return what was analysed, by its content: names can be given twice."""
    model, data = comparison.model, comparison.data
    files = [(model.name, model.sha256), (data.name, data.sha256)]
    return [f"{name}: SHA-256 {sha256}" for name, sha256 in files if name and sha256]


def _bytes(size: int | None) -> str:
    if size is None:
        return "-"
    return f"{size / 1e6:.2f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"


def _times(ratio: float) -> str:
    return "-" if math.isnan(ratio) else f"{ratio:.1f}x"


def _align(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
