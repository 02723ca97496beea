"""Execution: on what a model runs, which kernels take it, what memory and what start it needs."""

import streamlit as st

from components.execution_memory import render_memory
from components.execution_view import (
    render_delegation,
    render_imports,
    render_machine,
    render_starts,
)
from components.format import shorten
from components.frame import ensure_frame
from components.plain_text import code_span
from components.run_states import open_run
from components.verdict_card import pick_variant
from converter.verdict import judge

ensure_frame()

run = open_run("Execution")
comparison = run.comparison

st.title(f"Execution of {code_span(shorten(comparison.model.name, 48))}", anchor=False)
render_machine(comparison)
render_delegation(comparison)
variant = pick_variant(comparison, judge(comparison).recipe)
if variant is not None:
    render_memory(dict(run.files), comparison, variant)
render_starts(comparison)
render_imports(run.run_id, dict(run.files))
