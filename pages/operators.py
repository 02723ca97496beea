"""Operations: which of the model's operations work on which target, and the nearest way."""

import streamlit as st

from components.format import shorten
from components.frame import ensure_frame
from components.operator_support import render_operator_support
from components.plain_text import code_span, show_error
from components.run_states import open_run
from converter.errors import LiteDriftError

ensure_frame()

run = open_run("Operations")

st.title(f"Operations of {code_span(shorten(run.comparison.model.name, 48))}", anchor=False)
try:
    render_operator_support(run)
except LiteDriftError as error:
    show_error(error)
