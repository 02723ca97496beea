"""What becomes of a state: a full run that measures it, its file, its recipe."""

from __future__ import annotations

import json
from functools import partial

import streamlit as st

from components.explore.bench import Bench
from components.explore.warm_sessions import warm_sessions
from components.plain_text import code_span, show_error
from components.routes import CONVERT_PAGE
from components.session import Session, widget_key
from converter.candidate_choices import name_state
from converter.candidate_run import request_candidate_run
from converter.errors import LiteDriftError
from converter.run_store import load_request, start_run


def render_take_along(bench: Bench, problem: str | None) -> None:
    """Offer the run and the downloads of the present state.

    Args:
        bench: Of the run.
        problem: Why the state cannot be used; None where it can.
    """
    choices = dict(bench.state.steps.now)
    name = name_state(bench.layers, choices)
    with st.container(border=True, gap="small"):
        st.subheader("Run this", anchor=False)
        st.markdown(f"A full run of {code_span(name)} beside the float32 file, on the same data: "
                    "measured latency, memory, drift and accuracy on all evaluation samples.")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            pressed = st.button("Run this", type="primary", icon=":material/play_arrow:",
                                disabled=problem is not None or not choices,
                                key=widget_key("explore", "run"))
            if choices and problem is None:
                st.download_button(
                    "The file (.tflite)", data=partial(_file, bench.run_id, choices),
                    file_name=f"{name}.tflite", icon=":material/download:", on_click="ignore",
                    key=widget_key("explore", "file"))
                st.download_button(
                    "Its recipe (JSON)", data=partial(_recipe, bench.run_id, choices),
                    file_name=f"{name}.recipe.json", mime="application/json",
                    icon=":material/data_object:", on_click="ignore",
                    key=widget_key("explore", "recipe"),
                    help="In litert-quantizer's own form: Quantizer(float_file, this_file) makes "
                         "the same with the run's calibration samples.")
        if not choices:
            st.caption("Every layer is float32: choose a precision first.")
    if pressed:
        _run(bench, choices, name)


def _run(bench: Bench, choices: dict[int, str], name: str) -> None:
    session = Session()
    try:
        request = request_candidate_run(
            load_request(bench.run_id), bench.source, _file(bench.run_id, choices), name
        )
        run_id = start_run(request, session.visitor)
    except LiteDriftError as error:
        show_error(error)
        return
    session.open_run(run_id)
    session.expect(run_id)
    st.switch_page(CONVERT_PAGE)


def _file(run_id: str, choices: dict[int, str]) -> bytes:
    return warm_sessions.ask(run_id, lambda session: session.write(choices))[0]


def _recipe(run_id: str, choices: dict[int, str]) -> bytes:
    rules = warm_sessions.ask(run_id, lambda session: session.write(choices))[1]
    return json.dumps(rules, indent=1).encode()
