"""The first thing on the Compare page: one sentence, how it was found, and the headline figures."""

from __future__ import annotations

import math

import streamlit as st

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
from components.formula_names import formula_help
from components.plain_text import escape_markdown, show_warning
from components.session import VARIANT_PARAMETER, widget_key
from components.variant_label import variant_labels
from converter.comparison import Comparison, Variant
from converter.verdict import RULE, Verdict, size_ratio, speed_ratio

_TONES = {
    "good": ("Recommended", ":material/verified:", "green"),
    "caution": ("With caution", ":material/warning:", "orange"),
    "measured": ("Measured as it is", ":material/straighten:", "blue"),
    "bad": ("Nothing runs here", ":material/error:", "red"),
}


def render_verdict(comparison: Comparison, verdict: Verdict) -> None:
    """Show the verdict's sentence with its tone and its rule."""
    if comparison.data.source == "random":
        show_warning(
            "Measured on random samples: sizes and latencies hold, but drift on random data says "
            "little about real inputs."
        )
    word, icon, color = _TONES.get(verdict.tone, _TONES["caution"])
    with st.container(border=True, gap="xxsmall"):
        st.badge(word, icon=icon, color=color)
        st.header(escape_markdown(verdict.sentence), anchor=False)
        if verdict.tone != "measured":
            with st.popover("How this was decided", type="tertiary", icon=":material/gavel:"):
                st.text(RULE)


def pick_variant(comparison: Comparison, recommended: str | None) -> Variant | None:
    """Ask which variant the headline tells about; the recommended one first.

    Returns:
        None where nothing was converted.
    """
    converted = [v for v in comparison.variants if v.status == "ok" and v.size_bytes]
    if not converted:
        return None
    names = [v.recipe for v in converted]
    # The key holds the run's date: another run begins with its own recommendation.
    key = widget_key("compare", f"variant.{comparison.created}")
    first = recommended if recommended in names else names[0]
    if st.session_state.get(key) not in names:
        linked = st.query_params.get(VARIANT_PARAMETER)
        st.session_state[key] = linked if linked in names else first
    chosen = st.segmented_control(
        "Variant", names, key=key, required=True,
        format_func=variant_labels([v.recipe for v in comparison.variants], recommended), wrap=True,
        label_visibility="collapsed",
    )
    chosen = chosen if chosen in names else first
    st.query_params[VARIANT_PARAMETER] = chosen
    return comparison.variant(chosen)


def render_headline(comparison: Comparison, variant: Variant) -> None:
    """Show a variant's gains and costs against the original, with their conditions."""
    with st.grid(4, min_column_width=150, gap="small"):
        if variant.is_original:
            _own_metrics(comparison, variant)
        else:
            _size_metric(comparison, variant)
            _speed_metric(comparison, variant)
            _closeness_metric(comparison, variant)
        _last_metric(comparison, variant)
    line = conditions_line(comparison)
    st.caption(escape_markdown(line.partition(": ")[2] if variant.is_original else line))
    if not variant.runnable and variant.status == "ok":
        reason = next(iter(variant.audit.notes), "Size only: it cannot be run here.")
        st.info(escape_markdown(reason), icon=":material/info:")


def conditions_line(comparison: Comparison) -> str:
    """Return the conditions under which the headline figures hold."""
    data, environment = comparison.data, comparison.environment
    threads = environment.get("threads", 1)
    kind = "random evaluation samples" if data.source == "random" else "evaluation samples"
    parts = [
        f"{format_count(data.evaluation_samples)} {kind}",
        f"{threads} thread{'s' if threads != 1 else ''}",
        "batch 1" if _batch(comparison) == 1 else f"batch {_batch(comparison)}",
        str(environment.get("cpu", "unknown CPU")),
    ]
    timed = [v.latency for v in comparison.variants if v.latency is not None]
    if comparison.reference.latency is not None:
        least = min(stats.runs for stats in [comparison.reference.latency, *timed])
        parts.append(f"medians of at least {format_count(least)} runs")
    against = "the given file" if comparison.starts_from_tflite else "the original TensorFlow model"
    return f"Against {against}: " + " · ".join(parts)


def _batch(comparison: Comparison) -> int:
    return int(comparison.settings.get("batch") or 1)


def _metric(
    label: str, value: str, detail: str, text: str,
    about: tuple[Comparison, Variant, str] | None = None,
) -> None:
    # Grey and without an arrow: the detail is a comparison, not a change for better or worse.
    # Its name opens the formula with this variant's values put in.
    opened = text if about is None else formula_help(*about, text)
    st.metric(label, value, delta=detail or None, delta_color="off", delta_arrow="off",
              border=True, height="stretch", help=opened)


def _own_metrics(comparison: Comparison, variant: Variant) -> None:
    """The file against itself says nothing, so its figures stand alone."""
    latency = variant.latency
    _metric("Size", format_bytes(variant.size_bytes), f"{format_bytes(variant.gzip_bytes)} gzipped",
            "The file as it was given.", (comparison, variant, "size_bytes"))
    _metric("Latency", format_ms(latency and latency.p50_ms),
            f"p90 {format_ms(latency.p90_ms)}" if latency else "not measured",
            "Median time of one inference in LiteRT.", (comparison, variant, "p50_ms"))
    _metric("Load", format_ms(latency and latency.init_ms), "and allocate tensors",
            "Loading the file and allocating its tensors.", (comparison, variant, "init_ms"))


def _size_metric(comparison: Comparison, variant: Variant) -> None:
    ratio = size_ratio(comparison, variant)
    original = comparison.model.size_without_optimizer_bytes
    larger = ratio < 1
    _metric(
        "Larger by" if larger else "Smaller by",
        format_ratio(1 / ratio if larger else ratio),
        f"{format_bytes(original)} → {format_bytes(variant.size_bytes)}",
        "The given file against this one." if comparison.starts_from_tflite
        else "The original's file without optimizer state against the converted file.",
        (comparison, variant, "size_ratio"),
    )


def _speed_metric(comparison: Comparison, variant: Variant) -> None:
    ratio = speed_ratio(comparison, variant)
    reference = comparison.reference.latency
    detail = "not run here" if not variant.runnable else "not measured"
    if reference is not None and variant.latency is not None:
        detail = f"{format_ms(reference.p50_ms)} → {format_ms(variant.latency.p50_ms)}"
    slower = ratio < 1
    baseline = "the given file" if comparison.starts_from_tflite else "a warmed tf.function"
    _metric(
        "Slower by" if slower else "Faster by",
        format_ratio(1 / ratio if slower else ratio), detail,
        f"Median time of one inference: {baseline} against the LiteRT interpreter, on the same "
        "threads.", (comparison, variant, "speed_ratio"),
    )


def _closeness_metric(comparison: Comparison, variant: Variant) -> None:
    drift = variant.drift
    samples = comparison.data.evaluation_samples
    if drift is None:
        _metric("Agrees on", MISSING, "not run here" if not variant.runnable else "not measured",
                "Needs a run of the converted file.", (comparison, variant, "top1_agreement"))
    elif drift.top1_agreement is not None:
        _metric("Agrees on", format_percent(drift.top1_agreement),
                f"of {format_count(drift.top1_samples or samples)} samples",
                "Samples on which the top class is the original's.",
                (comparison, variant, "top1_agreement"))
    else:
        exact = drift.sqnr_db == math.inf
        _metric("Signal to error", "exact" if exact else format_db(drift.sqnr_db),
                f"SQNR on {format_count(samples)} samples",
                "Signal power over error power, in decibels: 30 dB is an error of about 3 %, "
                "60 dB of 0.1 %.", (comparison, variant, "sqnr_db"))


def _last_metric(comparison: Comparison, variant: Variant) -> None:
    """Accuracy where there are labels, otherwise memory."""
    accuracy = variant.accuracy
    reference = comparison.reference.accuracy
    top1 = None if reference is None else reference.top1
    if accuracy is not None and accuracy.top1 is not None:
        detail = f"{format_points(accuracy.delta)}, original {format_percent(top1)}"
        if variant.is_original:
            detail = f"of {format_count(accuracy.samples)} labelled samples"
        _metric("Accuracy", format_percent(accuracy.top1), detail,
                "Share of labelled evaluation samples that are right.",
                (comparison, variant, "top1"))
        return
    memory = variant.peak_memory_bytes
    if memory is not None and variant.runtime_memory_bytes is not None:
        _metric("Memory", format_bytes(memory - variant.runtime_memory_bytes),
                "above the bare runtime",
                "Peak resident memory of a fresh process that loads and runs the file once, less "
                "what the process takes before.", (comparison, variant, "memory_bytes"))
        return
    _metric("Memory", format_bytes(memory), "" if memory else "not measured",
            "Peak resident memory of a fresh process that loads and runs the file once.",
            (comparison, variant, "peak_memory_bytes"))
