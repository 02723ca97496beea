"""Taking in a bundle that another installation made."""

from __future__ import annotations

import streamlit as st

from components.plain_text import show_error
from components.routes import COMPARE_PAGE
from components.session import RUN_PARAMETER, Session, widget_key
from components.upload_intake import take_upload
from converter.errors import LiteDriftError

_COUNT = widget_key("history", "import_count")


def render_bundle_import(session: Session) -> None:
    """Ask for a bundle; when it is taken in, go to its result."""
    # Each bundle gets an uploader of its own: one that was taken in leaves an empty one behind.
    number = st.session_state.setdefault(_COUNT, 0)
    upload = st.file_uploader(
        "Bundle: the `.zip` that the Compare page or `python -m converter bundle` makes",
        key=widget_key("history", f"import.{number}"),
    )
    if upload is None or not session.is_new_upload("bundle", upload.file_id):
        return
    from converter.bundle_import import import_bundle  # only for who imports one

    try:
        stored = take_upload(upload)
        with st.spinner("Unpacking the bundle and checking each of its files"):
            run_id = import_bundle(stored.path, stored.name)
    except LiteDriftError as error:
        show_error(error)
        return
    st.session_state[_COUNT] += 1
    session.open_run(run_id)
    st.switch_page(COMPARE_PAGE, query_params={RUN_PARAMETER: run_id})
