"""The way from one page to the next, closed with its reason while something is missing."""

from __future__ import annotations

from typing import Any

import streamlit as st

from components.model_facts import is_float
from components.model_picker import chosen_sample
from components.plain_text import escape_markdown
from components.routes import CONVERT_PAGE, MODEL_PAGE
from components.session import ChosenData, Session, widget_key
from converter.sample_models import list_samples

_TFLITE_OUTLOOK = (
    "This file is the original here: litert-quantizer makes smaller variants of it, and size, "
    "latency and drift are told against the file itself."
)


def render_next_step(
    facts: dict[str, Any], data: ChosenData | None, data_error: Exception | None
) -> None:
    """Offer the Convert page, or say why not yet."""
    reason = reason_to_wait(facts, data, data_error)
    if facts["format"] == "tflite" and is_float(facts):  # else a note says what will be done
        st.info(_TFLITE_OUTLOOK, icon=":material/deployed_code:")
    with st.container(horizontal=True, vertical_alignment="center"):
        go = st.button("Choose flags", type="primary", icon=":material/arrow_forward:",
                       icon_position="right", disabled=reason is not None,
                       key=widget_key("model", "next"))
        if reason:
            st.caption(escape_markdown(reason))
    if go:
        st.switch_page(CONVERT_PAGE, query_params=st.query_params.to_dict())


def reason_to_wait(
    facts: dict[str, Any], data: ChosenData | None, data_error: Exception | None
) -> str | None:
    """Return why a model cannot be converted yet; None where it can."""
    if facts["format"] == "frozen_graph" and not (facts["inputs"] and facts["outputs"]):
        return "Choose the inputs and outputs of the graph first."
    if facts["details"].get("missing_kernels"):
        return "LiteRT has no kernel for some of its operators; the file can only be inspected."
    if data_error is not None:
        return "The data does not fit the model; choose other data or random samples."
    if data is None:
        return "Upload data, or choose random samples."
    return None


def render_no_model(session: Session) -> None:
    """Say what to do on the Convert page where no model was chosen, and offer the samples."""
    st.header("Nothing to convert yet", anchor=False)
    st.markdown("Take a sample model, or bring your own on the Model page.")
    with st.grid(3, min_column_width=240, gap="small"):
        for sample in list_samples():
            st.button(escape_markdown(sample.title), width="stretch", wrap=True,
                      key=widget_key("convert", f"sample.{sample.name}"),
                      on_click=session.choose_model, args=(chosen_sample(sample),))
    st.page_link(MODEL_PAGE, label="Bring your own model", icon=":material/upload:")
