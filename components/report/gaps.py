"""What a run did not measure: every figure that is null with its reason, and how far the rest goes.

Reasons are the run's own notes. Limits follow from the run's data and environment; what does not
apply is not said.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from components.format import format_count
from components.report.tables import failure
from converter.comparison import REFERENCE, Comparison, Variant
from converter.drift import METRICS, Drift

EVERY_FIGURE = "every figure"
NO_REASON = "The run recorded no reason."
_NAN = "NaN or infinite"


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Figures that are missing for the same reason.

    Attributes:
        figures: What was not measured.
        owners: The variants, or `original`.
        reason: Why, in a sentence.
    """

    figures: list[str]
    owners: list[str]
    reason: str

    @property
    def title(self) -> str:
        """The figures, as a heading."""
        text = ", ".join(self.figures)
        return text[:1].upper() + text[1:]


def list_gaps(comparison: Comparison) -> list[Gap]:
    """Return every missing figure, those with the same reason and owners together."""
    found: dict[tuple[str, str], list[str]] = {}
    for owner, figure, reason in [
        *_original_gaps(comparison),
        *(gap for variant in comparison.variants for gap in _variant_gaps(variant)),
    ]:
        found.setdefault((reason, figure), []).append(owner)
    grouped: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (reason, figure), owners in found.items():
        grouped.setdefault((reason, tuple(owners)), []).append(figure)
    return [
        Gap(figures=figures, owners=list(owners), reason=reason)
        for (reason, owners), figures in grouped.items()
    ]


def list_limits(comparison: Comparison) -> list[str]:
    """Return, as sentences, how far the figures that there are reach."""
    warnings = comparison.reference.warnings
    return [*warnings, *_machine_limits(comparison), *_data_limits(comparison)]


def _original_gaps(comparison: Comparison) -> Iterable[tuple[str, str, str]]:
    reference, model = comparison.reference, comparison.model
    if model.baseline_gzip_bytes is None:
        yield (REFERENCE, "gzip size without optimizer state",
               "The file holds optimizer state, which the compressed size cannot be told apart "
               "from.")
    if reference.latency is None:
        yield REFERENCE, "latency", _told("latency", reference.notes) or NO_REASON
    if reference.accuracy is None:
        reason = _told("accuracy", reference.notes)
        if reason is None:
            reason = (next(iter(reference.notes), NO_REASON) if comparison.data.labelled
                      else "No labels were given.")
        yield REFERENCE, "accuracy", reason
    if reference.peak_memory_bytes is None:
        reason = _told("peak_memory_bytes", reference.notes)
        if reason is None:
            reason = (NO_REASON if comparison.starts_from_tflite else
                      "Memory is measured of LiteRT processes; the original runs in TensorFlow.")
        yield REFERENCE, "peak memory", reason


def _variant_gaps(variant: Variant) -> Iterable[tuple[str, str, str]]:
    if variant.status != "ok":
        reason = failure(variant)
        yield variant.recipe, EVERY_FIGURE, reason[:1].upper() + reason[1:]
        return
    for key, label, is_missing in _FIGURES:
        if is_missing(variant):
            yield variant.recipe, label, _reason(variant, key)
    if variant.drift is not None:
        steps, largest = variant.drift.max_abs_error_lsb, variant.drift.max_abs_error
        if steps is None and not math.isnan(largest):
            yield variant.recipe, "max error in steps", "The outputs are floats, without steps."
        for name, info in METRICS.items():
            value = getattr(variant.drift, name)
            if value is None or math.isnan(value):
                # Abbreviations keep their capitals.
                label = info.label if info.label[1:2].isupper() else info.label.lower()
                yield variant.recipe, label, _drift_reason(variant, variant.drift, name)


_FIGURES: list[tuple[str, str, Callable[[Variant], bool]]] = [
    ("size_bytes", "size", lambda v: v.size_bytes is None),
    ("gzip_bytes", "gzip size", lambda v: v.gzip_bytes is None),
    ("convert_seconds", "conversion time", lambda v: v.convert_seconds is None),
    ("latency", "latency", lambda v: v.latency is None),
    ("latency.init_ms", "loading time", lambda v: v.latency is not None
     and v.latency.init_ms is None),
    ("latency.first_ms", "first inference", lambda v: v.latency is not None
     and v.latency.first_ms is None),
    ("drift", "drift", lambda v: v.drift is None),
    ("accuracy", "accuracy", lambda v: v.accuracy is None),
    ("accuracy.top1", "top-1 accuracy", lambda v: v.accuracy is not None
     and v.accuracy.top1 is None),
    ("accuracy.r2", "R²", lambda v: v.accuracy is not None
     and v.accuracy.task == "regression" and v.accuracy.r2 is None),
    ("peak_memory_bytes", "peak memory", lambda v: v.peak_memory_bytes is None),
    ("runtime_memory_bytes", "memory of the runtime alone", lambda v: v.peak_memory_bytes
     is not None and v.runtime_memory_bytes is None),
]


def _reason(variant: Variant, key: str) -> str:
    notes = variant.audit.notes
    told = _told(key, notes)
    if told is not None:
        return told
    if key == "convert_seconds" and variant.given_name is not None:
        return "The file was given; nothing was converted."
    if key == "convert_seconds" and variant.is_original:
        return "It is the given file itself; nothing was converted."
    if key == "accuracy.r2":
        return "The labels are all alike, so there is nothing to explain."
    if not variant.runnable:
        return next((note for note in notes if note.startswith("Size only")),
                    next(iter(notes), NO_REASON))
    return NO_REASON


def _drift_reason(variant: Variant, drift: Drift, name: str) -> str:
    notes = variant.audit.notes
    told = _told(name, notes)
    if told is not None:
        return told
    if drift.non_finite_count:
        return next((note for note in notes if _NAN in note),
                    f"{drift.non_finite_count} output values are NaN or infinite.")
    if getattr(drift, name) is not None:
        return "The outputs of the original are no numbers, or the figure has no value on them."
    return NO_REASON


def _told(key: str, notes: Iterable[str]) -> str | None:
    """Return the reason in a note of the form `figure is null: reason`."""
    for note in notes:
        head, colon, reason = note.partition(" is null: ")
        if colon and head == key:
            return reason[:1].upper() + reason[1:]
    return None


def _machine_limits(comparison: Comparison) -> Iterable[str]:
    environment = comparison.environment
    timed = [v.latency for v in comparison.variants if v.latency is not None]
    if comparison.reference.latency is not None:
        timed.append(comparison.reference.latency)
    if not timed:
        return
    machine = " ".join(str(environment[key]) for key in ("cpu", "system") if environment.get(key))
    yield (
        f"Latency and memory are those of this machine's processor ({machine or 'unknown'}). No "
        "phone, no board, no GPU and no other accelerator took part: on those the order of the "
        "variants may be another."
    )
    threads = sorted({stats.threads for stats in timed})
    batch = comparison.settings.get("batch") or 1
    counts = " and ".join(_counted(count, "thread") for count in threads)
    yield f"Other settings than {counts} at batch {batch} were not timed."
    least = min(stats.runs for stats in timed)
    yield (
        f"The latencies come from one session, at least {_counted(least, 'run')} each: how they "
        "vary from day to day was not measured."
    )
    if any(variant.peak_memory_bytes for variant in comparison.variants):
        yield "Peak memory was taken once for each variant: it has no spread."


def _data_limits(comparison: Comparison) -> Iterable[str]:
    data = comparison.data
    samples = _counted(data.evaluation_samples, "sample")
    if any(variant.drift is not None for variant in comparison.variants):
        if data.source == "random":
            yield (f"Drift was measured on {samples} of random numbers: it says little about real "
                   "inputs.")
        else:
            yield (f"Drift was measured on {samples} of {data.name or 'the data file'}: inputs "
                   "unlike those were not tried.")
        if data.evaluation_samples:
            unseen = min(1.0, 3 / data.evaluation_samples)
            yield (
                f"What goes wrong on up to {100 * unseen:.2g} % of all inputs may not have shown "
                "on so few (rule of three, at 95 %)."
            )
    if not data.labelled:
        yield ("Without labels nothing tells whether the original or a variant is right, only "
               "whether they agree.")
    if comparison.starts_from_tflite:
        yield ("The run began with a .tflite: what that file lost against the TensorFlow model it "
               "was made from is not known.")
    size_only = [v.recipe for v in comparison.variants if v.status == "ok" and not v.runnable]
    if size_only:
        yield f"Size alone is known of {', '.join(size_only)}: it was not run here."


def _counted(count: int, word: str) -> str:
    return f"{format_count(count)} {word}{'' if count == 1 else 's'}"


def format_owners(owners: list[str], comparison: Comparison) -> str:
    """Return the owners of a gap in words: all variants, or their names."""
    names = [variant.recipe for variant in comparison.variants]
    if len(owners) > 2 and owners == names:
        return f"all {format_count(len(owners))} variants"
    if len(owners) > 2 and owners == [REFERENCE, *names]:
        return "the original and all variants"
    return ", ".join(owners)
