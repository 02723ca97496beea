"""Model: which model, judged by which data, and what both are."""

import streamlit as st

from components.choice_address import write_choice
from components.data_facts import read_data_facts, render_data_facts
from components.data_picker import pick_data
from components.fed_data import render_fed_data
from components.frame import ensure_frame
from components.model_facts import read_model_facts, render_model_facts
from components.model_options import ask_model_options
from components.model_picker import pick_model
from components.plain_text import show_error
from components.session import Session
from components.steps import render_next_step
from converter.errors import LiteDriftError

ensure_frame()

st.title("Bring a model", anchor=False)
st.caption("Nothing in the file is executed on this page; it is only read.")

session = Session()
model = pick_model(session)
if model is None:
    st.stop()

try:
    model = ask_model_options(session, model)
    write_choice(session)
    facts = read_model_facts(model)
except LiteDriftError as error:
    show_error(error)
    st.stop()

st.header("What it is, and the data to judge it by", anchor=False)
data = pick_data(session, model)
left, right = st.columns(2)
with left:
    render_model_facts(model, facts, has_data=data is not None and data.file is not None)
with right:
    data_error = data_facts = None
    try:
        if data is not None:
            data_facts = read_data_facts(data, facts)
            render_data_facts(data, data_facts)
    except LiteDriftError as error:
        data_error = error
        show_error(error)

render_fed_data(data_facts)
render_next_step(facts, data, data_error)
