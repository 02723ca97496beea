"""The way from one page to the next, closed with its reason while something is missing."""

from __future__ import annotations

from typing import Any

import streamlit as st

from components.plain_text import escape_markdown
from components.routes import CONVERT_PAGE, MODEL_PAGE
from components.session import ChosenData, widget_key


def render_next_step(
    facts: dict[str, Any], data: ChosenData | None, data_error: Exception | None
) -> None:
    """Offer the Convert page, or say why not yet."""
    reason = reason_to_wait(facts, data, data_error)
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
    if facts["format"] == "tflite":
        return "A .tflite file is converted already; bring the TensorFlow model that it came from."
    if data_error is not None:
        return "The data does not fit the model; choose other data or random samples."
    if data is None:
        return "Upload data, or choose random samples."
    return None


def render_no_model() -> None:
    """Say what to do on the Convert page where no model was chosen."""
    with st.container(border=True, horizontal_alignment="center"):
        st.subheader("Nothing to convert yet", anchor=False, text_alignment="center")
        st.markdown("Pick a sample model or upload your own first.", text_alignment="center")
        st.page_link(MODEL_PAGE, label="Pick a model", icon=":material/deployed_code:")
