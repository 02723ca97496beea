"""Latency beyond the chart: why a variant is as fast as it is, and what was measured on request."""

from __future__ import annotations

import streamlit as st

from components.format import MISSING, format_ms
from components.plain_text import escape_markdown, show_notes
from converter.baselines import BASELINES
from converter.comparison import Comparison, Variant
from converter.further_latency import CALLS, KERNEL_SETS, THREADS, FurtherLatency
from converter.kernels import KERNELS
from converter.latency import LatencyStats
from converter.latency_explanation import explain_latency, needs_explanation

_TITLES = {
    THREADS: ("Thread sweep", "Threads"),
    KERNEL_SETS: ("Kernels", "Kernels"),
    CALLS: ("Calls of the TensorFlow model", "Call"),
}


def render_latency_explanation(comparison: Comparison, variant: Variant | None) -> None:
    """Say why a variant takes its time; open where it is slower than float32."""
    if variant is None or variant.latency is None:
        return
    slower = needs_explanation(comparison, variant)
    title = f"Why is {escape_markdown(variant.recipe)} {'slower' if slower else 'this fast'} here?"
    with st.expander(title, icon=":material/speed:", expanded=slower):
        lines = [f"- {escape_markdown(line)}" for line in explain_latency(comparison, variant)]
        st.markdown("\n".join(lines))


def render_further_latency(comparison: Comparison) -> None:
    """Show the latencies that were measured on request; nothing where there are none."""
    if not comparison.further_latency:
        return
    with st.expander("Further latencies", icon=":material/tune:"):
        st.caption("Each setting in a process of its own, all settings of a model in turns.")
        for kind, (title, column) in _TITLES.items():
            found = [each for each in comparison.further_latency if each.kind == kind]
            if found:
                _render_kind(kind, title, column, found)
        show_notes([
            f"{each.candidate}, {each.setting}: {note}"
            for each in comparison.further_latency
            for note in each.notes
        ])


def _render_kind(kind: str, title: str, column: str, found: list[FurtherLatency]) -> None:
    st.subheader(title, anchor=False)
    rows = [_row(each, column) for each in found]
    st.table(rows, border="horizontal", hide_index=True, alt=f"{title}, median latency")
    meanings = {KERNEL_SETS: KERNELS, CALLS: BASELINES}.get(kind, {})
    lines = [f"{each}: {meanings[each]}" for each in meanings if each in {f.setting for f in found}]
    lines += [f"{f.candidate}, {f.setting} was not measured: {f.error}" for f in found if f.error]
    if lines:
        st.caption("  \n".join(map(escape_markdown, lines)))


def _row(found: FurtherLatency, column: str) -> dict[str, str]:
    return {
        "Model": escape_markdown(found.candidate),
        column: escape_markdown(found.setting),
        "Median": format_ms(found.latency and found.latency.p50_ms),
        "95 % interval": interval_text(found.latency),
    }


def interval_text(stats: LatencyStats | None) -> str:
    """Return the interval of a median in words; a dash where there is none."""
    if stats is None or stats.p50_ci95_ms is None:
        return MISSING
    low, high = stats.p50_ci95_ms
    return f"{format_ms(low)} to {format_ms(high)}"
