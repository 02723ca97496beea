"""`.tflite` files of a person's own, compared beside what the run converts."""

from __future__ import annotations

import streamlit as st

from components.format import format_bytes, shorten
from components.palette import custom_names, recipe_color
from components.plain_text import code_span, escape_markdown, show_error
from components.session import Session, widget_key
from components.upload_intake import take_upload
from converter.errors import LiteDriftError
from converter.given_variant import GivenVariant, variant_names
from converter.recipe import Recipe

_COUNT = widget_key("convert", "given_count")
_PROBLEM = widget_key("convert", "given_problem")


def pick_given_files(session: Session, recipes: list[Recipe]) -> list[GivenVariant]:
    """Show the files added so far with an uploader for one more, and return them.

    Args:
        session: Keeps the files.
        recipes: What else is in the run; their names are taken.
    """
    given = [
        GivenVariant(path=file.path, name=file.name, sha256=file.sha256)
        for file in session.given_files
    ]
    taken = [recipe.name for recipe in recipes]
    names = variant_names(given, taken)
    custom = custom_names([*taken, *names])
    for file, name in zip(session.given_files, names, strict=True):
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            swatch = f':color[●]{{foreground="{recipe_color(name, custom)}"}}'
            with st.container(gap=None):
                st.markdown(f"{swatch} **{escape_markdown(name)}**")
                st.markdown(f":small[{code_span(shorten(file.name, 60))}]")
                st.caption(f"{format_bytes(file.size_bytes)} · SHA-256 {file.sha256[:8]}…")
            st.button("Remove", icon=":material/close:", type="tertiary",
                      key=widget_key("convert", f"remove_given.{file.sha256}"),
                      on_click=session.remove_given_file, args=(file.sha256,))
    _render_upload(session)
    return given


def _render_upload(session: Session) -> None:
    # Each file gets an uploader of its own, which is empty again once the file is in the list.
    number = st.session_state.setdefault(_COUNT, 0)
    key = widget_key("convert", f"given.{number}")
    st.file_uploader(
        "Add a .tflite of your own: it is measured and compared like the variants made here",
        key=key, on_change=_take, args=(session, key),
    )
    problem = st.session_state.pop(_PROBLEM, None)
    if problem:
        show_error(problem)


def _take(session: Session, key: str) -> None:
    """Copy an upload to disk at once and add it to the list."""
    upload = st.session_state.get(key)
    if upload is None:
        return
    try:
        stored = take_upload(upload)
    except LiteDriftError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    if session.add_given_file(stored):
        st.session_state[_COUNT] += 1
    else:
        st.session_state[_PROBLEM] = f"{stored.name[:80]}: this file is in the list already."
