"""Side by side: two or more runs, or variants of them, in the same charts."""

import streamlit as st

from components.frame import ensure_frame
from components.plain_text import show_error
from components.session import Session
from components.share_link import render_link
from components.side_by_side_choice import ask_runs, ask_variants, choice_parameters
from components.side_by_side_view import (
    read_entries,
    render_differences,
    render_nothing_to_compare,
    render_runs_in_view,
    render_side_by_side,
)
from converter.errors import LiteDriftError

ensure_frame()

st.title("Side by side", anchor=False)
try:
    runs = ask_runs(Session())
except LiteDriftError as error:
    show_error(error)
    st.stop()
if runs is None:
    render_nothing_to_compare()
    st.stop()
if not runs:
    st.info("Choose two or more runs above: two checkpoints, two machines, before and after.",
            icon=":material/view_column_2:")
    st.stop()

pairs = ask_variants(runs)
render_link(choice_parameters())
render_runs_in_view(runs)
if len(runs) == 1 and len(pairs) < 2:
    st.info("Choose another run, or a second variant of this one.",
            icon=":material/view_column_2:")
render_differences(runs, pairs)
if pairs:
    render_side_by_side(read_entries(runs, pairs))
else:
    st.info("Choose variants above to see their figures.", icon=":material/insert_chart:")
