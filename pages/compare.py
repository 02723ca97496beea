"""Compare: what the variants gain and cost against the original TensorFlow model."""

import streamlit as st

from components.charts import render_charts
from components.conditions import render_conditions
from components.frame import ensure_frame
from components.job_panel import render_progress
from components.plain_text import code_span, show_error, show_warning
from components.run_states import pick_run, render_ended_run, render_no_run
from components.session import Session
from components.variant_details import render_output_drift, render_run_downloads, render_variants
from components.variant_table import render_table
from components.verdict_card import pick_variant, render_headline, render_verdict
from converter.comparison import load_latency_samples
from converter.errors import LiteDriftError
from converter.run_store import follow_run, load_comparison, run_folder
from converter.verdict import judge

ensure_frame()

session = Session()
run_id = pick_run(session)
if run_id is None:
    render_no_run()
    st.stop()

try:
    progress = follow_run(run_id)
    if progress.is_active:
        st.title("Compare", anchor=False)
        render_progress(run_id)
        st.stop()
    if progress.status != "done":
        render_ended_run(run_id, progress)
        st.stop()
    comparison = load_comparison(run_id)
    samples_ms = load_latency_samples(run_folder(run_id))
except LiteDriftError as error:
    st.title("Compare", anchor=False)
    show_error(error)
    render_no_run()
    st.stop()

st.title(f"Compare {code_span(comparison.model.name)}", anchor=False)
if comparison.data.source == "random":
    show_warning(
        "Measured on random samples: sizes and latencies hold, but drift on random data says "
        "little about real inputs."
    )
verdict = judge(comparison)
render_verdict(verdict)
variant = pick_variant(comparison, verdict.recipe)
if variant is not None:
    render_headline(comparison, variant)
render_charts(comparison, samples_ms)
st.header("All figures", anchor=False)
render_table(comparison)
render_output_drift(comparison)
st.header("Variants and downloads", anchor=False)
render_variants(run_id, comparison)
render_run_downloads(run_id)
with st.expander("Conditions", icon=":material/science:"):
    render_conditions(comparison)
