"""Compare: what the variants gain and cost against the original TensorFlow model."""

import streamlit as st

from components.charts import render_charts
from components.conditions import render_conditions
from components.format import shorten
from components.frame import ensure_frame
from components.latency_details import render_further_latency, render_latency_explanation
from components.plain_text import code_span, show_error
from components.run_resume import render_last_attempt
from components.run_states import pick_run, render_no_run, render_without_result
from components.session import RUN_PARAMETER, VARIANT_PARAMETER, Session
from components.share_link import render_link
from components.variant_details import (
    render_output_drift,
    render_run_downloads,
    render_variant_downloads,
    render_variants,
)
from components.variant_table import render_table
from components.verdict_card import pick_variant, render_headline, render_verdict
from converter.comparison import load_latency_samples
from converter.errors import LiteDriftError
from converter.run_store import follow_run, load_comparison, load_request, run_files
from converter.verdict import judge

ensure_frame()

run_id = pick_run(Session())
if run_id is None:
    render_no_run()
    st.stop()

try:
    progress = follow_run(run_id)
    if progress.status != "done":
        render_without_result(run_id, progress)
        st.stop()
    comparison = load_comparison(run_id)
    files = run_files(run_id)
    samples_ms = load_latency_samples(files)
except LiteDriftError as error:
    show_error(error)
    render_no_run()
    st.stop()

st.title(f"Compare {code_span(shorten(comparison.model.name, 48))}", anchor=False)
render_last_attempt(run_id, progress)
verdict = judge(comparison)
render_verdict(comparison, verdict)
variant = pick_variant(comparison, verdict.recipe)
if variant is not None:
    render_headline(comparison, variant)
    render_variant_downloads(files, comparison, variant, place="headline")
render_link({RUN_PARAMETER: run_id, VARIANT_PARAMETER: variant.recipe if variant else None})
render_charts(comparison, samples_ms)
render_latency_explanation(comparison, variant)
render_further_latency(comparison)
render_table(comparison)
render_output_drift(comparison)
render_variants(files, comparison)
render_run_downloads(files, comparison, samples_ms, load_request(run_id))
render_conditions(comparison)
