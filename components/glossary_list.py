"""The glossary, to be searched."""

from __future__ import annotations

import streamlit as st

from components.plain_text import escape_markdown
from components.session import widget_key
from converter.glossary import find_terms


def render_glossary() -> None:
    """Show the field's words, those that match what is typed."""
    st.header("Glossary", anchor=False)
    words = st.text_input("Search", placeholder="scale, XNNPACK, drift …", width=320,
                          icon=":material/search:", key=widget_key("learn", "glossary"))
    found = find_terms(words or "")
    if not found:
        st.info("No term has these words; take fewer.")
        return
    with st.expander(f"{len(found)} terms", expanded=bool(words)):
        for term, text in found.items():
            st.markdown(f"**{escape_markdown(term)}**: {escape_markdown(text)}")
