"""Explore: precision by layer, with size, predicted latency and drift that follow at once."""

import streamlit as st

from components.explore.bench import judge_or_explain, open_bench
from components.explore.bench_state import STATE_PARAMETER
from components.explore.choice_controls import render_choices
from components.explore.state_charts import render_layer_chart, render_layer_table, render_places
from components.explore.state_figures import render_figures
from components.explore.take_along import render_take_along
from components.format import shorten
from components.frame import ensure_frame
from components.plain_text import code_span
from components.run_states import open_run
from components.session import RUN_PARAMETER
from components.share_link import render_link

ensure_frame()

run = open_run("Explore")
head = st.container(horizontal=True, vertical_alignment="bottom")
head.title(f"Explore {code_span(shorten(run.comparison.model.name, 48))}", anchor=False)
bench = open_bench(run.run_id)
if bench is None:
    st.stop()
bench.state.write_address()
with head:
    render_link({RUN_PARAMETER: run.run_id, STATE_PARAMETER: bench.state.code})
judged = judge_or_explain(bench)
if judged is not None:
    render_figures(bench, *judged)
render_choices(bench)
render_layer_chart(bench)
render_layer_table(bench)
if judged is not None:
    render_places(bench, run.comparison, judged[0])
    render_take_along(bench, judged[0].figures.problem)
