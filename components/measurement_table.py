"""A run's latency measurements: each with its date, its conditions and its medians."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from components.format import MISSING, format_date, format_ms
from components.formula_names import render_names
from components.formulas.overview import measured_formulas
from components.plain_text import escape_markdown, visible_text
from converter.comparison import REFERENCE
from converter.errors import LiteDriftError
from converter.history import Measurement, RunRecord
from converter.run_store import list_measurements, load_comparison


def render_measurements(record: RunRecord) -> None:
    """Show the measurements of a finished run, the newest first, and which one Compare shows."""
    try:
        measurements = list_measurements(record.run_id)
        shown = _shown_date(record)
    except LiteDriftError:
        return  # the panel's other parts report a damaged result
    if not measurements and shown is None:
        return
    st.subheader("Latency measurements", anchor=False)
    if shown is not None:
        source = "" if measurements else ", made by another run of exactly these files"
        st.caption(escape_markdown(f"Compare shows the measurement of {shown}{source}."))
    if measurements:
        st.dataframe(
            [measurement_row(measurement) for measurement in measurements], hide_index=True,
            alt="Latency measurements of this run with their date, medians and conditions",
        )
        medians = {name: median for name, value in measurements[0].figures.items()
                   if (median := _median(value)) is not None}
        original = medians.pop(REFERENCE, None)
        render_names(measured_formulas(medians, original))


def measurement_row(measurement: Measurement) -> dict[str, str]:
    """Return a measurement as a row of text."""
    medians = {name: _median(value) for name, value in measurement.figures.items()}
    original = medians.pop(REFERENCE, None)
    timed = {name: median for name, median in medians.items() if median is not None}
    fastest = min(timed, key=timed.__getitem__, default=None)
    conditions = measurement.conditions
    return {
        "Measured": f"{datetime.fromtimestamp(measurement.created, UTC):%Y-%m-%d %H:%M} UTC",
        "Original, p50": format_ms(original),
        "Fastest, p50": MISSING if fastest is None
        else f"{visible_text(fastest)}, {format_ms(timed[fastest])}",
        "Candidates": str(len(measurement.figures)),
        "Threads": _text(conditions.get("threads")),
        "Timed runs": _protocol(conditions.get("protocol")),
        "CPU": _text(conditions.get("cpu")),
        "Machine": _text(conditions.get("machine")),
        "LiteRT": _text(conditions.get("ai_edge_litert")),
    }


def _shown_date(record: RunRecord) -> str | None:
    if record.status != "done":
        return None
    measured = load_comparison(record.run_id).settings.get("latency_measured")
    return format_date(str(measured)) if measured else None


def _median(value: Any) -> float | None:  # noqa: ANN401 - JSON
    stats = value.get("latency") if isinstance(value, Mapping) else None
    found = stats.get("p50_ms") if isinstance(stats, Mapping) else None
    return float(found) if isinstance(found, int | float) else None


def _protocol(value: Any) -> str:  # noqa: ANN401 - JSON
    if not isinstance(value, Mapping):
        return MISSING
    runs, seconds = value.get("runs"), value.get("seconds")
    return f"at least {runs} and {seconds:g} s" if seconds else f"exactly {runs}"


def _text(value: object) -> str:
    return MISSING if value is None else visible_text(str(value))
