"""How safe it is to bring a model here: the sandbox's level, the limits, the warning where weak."""

from __future__ import annotations

import math
import os

import streamlit as st
from streamlit import config

from components.plain_text import (
    choice_label,
    code_span,
    escape_markdown,
    show_error,
    show_warning,
)
from components.safety_words import RULE, SETTING_PREFIX, layer_rows, limit_rows, warning_text
from converter.errors import LiteDriftError
from converter.limits import MB, current_limits, setting_name
from converter.sandbox import skipped_layers
from converter.sandbox_report import ON, PROMISES, SandboxReport
from converter.trust import learn_walls, trusts_uploads, walls_if_known

_POLL_SECONDS = 0.5


def render_safety() -> None:
    """Draw the sandbox's level in the sidebar and, where it is too weak, a warning on the page.

    The walls are tried in a child process, once in the life of the server; nobody waits for it.
    """
    try:
        skipped_layers()
        trusted = trusts_uploads()
        _pass_upload_limit_on(current_limits().upload_bytes)
    except LiteDriftError as wrong_setting:
        show_error(wrong_setting)
        return
    report = walls_if_known()
    if report is None:
        learn_walls()
    else:
        warning = warning_text(report, trusts_uploads=trusted)
        if warning:
            show_warning(warning)
    with st.sidebar:
        every = _POLL_SECONDS if report is None else None
        st.fragment(_draw_status, run_every=every)(was_known=report is not None)


def _pass_upload_limit_on(limit: int) -> None:
    """Let Streamlit's uploader state and keep the limit that the operator has set for ours."""
    if setting_name("upload_bytes") in os.environ:
        # It counts in MiB and writes MB: the number that it shows is the one that holds.
        config.set_option("server.maxUploadSize", math.ceil(limit / MB))


def _draw_status(*, was_known: bool) -> None:
    report = walls_if_known()
    if report is None:
        st.caption(":material/shield: Sandbox: being tried")
        return
    if not was_known:
        st.rerun()
    strong = report.is_enough_for_strangers
    icon, color = ("verified_user", "gray") if strong else ("gpp_maybe", "orange")
    # In a colour of its own: Streamlit's for an open popover is too faint on a dark ground.
    label = f":{color}[:material/{icon}: Sandbox: {report.level}]"
    with st.popover(label, type="tertiary"):
        tabs = ("What is kept out", "Layers", "Limits")
        promises, layers, limits = st.tabs([choice_label(tab) for tab in tabs])
        with promises:
            _draw_promises(report)
        with layers:
            _draw_layers(report)
        with limits:
            _draw_limits()


def _draw_promises(report: SandboxReport) -> None:
    for promise in PROMISES:
        if promise.is_kept(report.held):
            st.markdown(f":green[:material/check:] {promise.holds}")
        else:
            st.markdown(f":orange[:material/close:] {promise.broken}")
    st.caption(escape_markdown(RULE))


def _draw_layers(report: SandboxReport) -> None:
    for words, state in layer_rows(report).items():
        if state == ON:
            st.markdown(f":green[:material/check:] {words}")
        else:
            st.markdown(f":orange[:material/close:] {words}  \n:small[{escape_markdown(state)}]")


def _draw_limits() -> None:
    st.caption("What is over a limit is refused, or stopped, with the reason. The operator sets "
               f"another in the environment, under {code_span(SETTING_PREFIX)} and its name.")
    rows = limit_rows(current_limits())
    st.table([{**row, "Setting": code_span(row["Setting"])} for row in rows], border="horizontal",
             hide_index=True, alt="Limits, their values and the settings that change them")
