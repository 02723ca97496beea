"""Compare: what the variants gain and cost against the original TensorFlow model."""

import streamlit as st

from components.charts import render_charts
from components.conditions import render_conditions
from components.format import shorten
from components.frame import ensure_frame
from components.latency_details import render_further_latency, render_latency_explanation
from components.plain_text import code_span, show_warning
from components.run_resume import render_last_attempt
from components.run_states import open_run
from components.session import RUN_PARAMETER, VARIANT_PARAMETER
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
from converter.run_store import load_request
from converter.verdict import judge

ensure_frame()

run = open_run("Compare")
comparison, files = run.comparison, run.files
samples_ms = load_latency_samples(files)

st.title(f"Compare {code_span(shorten(comparison.model.name, 48))}", anchor=False)
render_last_attempt(run.run_id, run.progress)
verdict = judge(comparison)
render_verdict(comparison, verdict)
for warning in comparison.reference.warnings:
    show_warning(warning)
variant = pick_variant(comparison, verdict.recipe)
if variant is not None:
    render_headline(comparison, variant)
    render_variant_downloads(files, comparison, variant, place="headline")
render_link({RUN_PARAMETER: run.run_id, VARIANT_PARAMETER: variant.recipe if variant else None})
render_charts(comparison, samples_ms)
render_latency_explanation(comparison, variant)
render_further_latency(comparison)
render_table(comparison, variant)
render_output_drift(comparison)
render_variants(files, comparison)
render_run_downloads(files, comparison, samples_ms, load_request(run.run_id))
render_conditions(comparison)
