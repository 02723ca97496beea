"""A link that brings another person, or this one tomorrow, to the same view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

Parameters = Mapping[str, str | Sequence[str] | None]


def render_link(parameters: Parameters) -> None:
    """Offer the link to copy; it holds what the view needs and nothing else of the address."""
    with st.popover("Copy link", icon=":material/link:", type="tertiary"):
        st.caption("Whoever has this link sees the same view.")
        st.code(view_link(st.context.url, parameters), language=None, wrap_lines=True)


def render_present_link(parameters: Parameters) -> None:
    """Offer the view alone, without navigation, for a screen that many look at."""
    if st.context.is_embedded:
        return
    address = view_link(st.context.url, {**parameters, "embed": "true"})
    st.link_button("Present in full screen", address, icon=":material/present_to_all:")
    st.caption("Opens this view alone; F11 fills the screen.")


def view_link(address: str | None, parameters: Parameters) -> str:
    """Return a page's address with the parameters that restore a view of it.

    Args:
        address: The page's own; what stands behind `?` or `#` in it is left out.
        parameters: By name; empty ones are left out, of several values each is named.

    Example:
        >>> view_link("http://host/compare?x=1", {"run": "ab", "variant": None})
        'http://host/compare?run=ab'
    """
    parts = urlsplit(address or "")
    query = urlencode({name: value for name, value in parameters.items() if value}, doseq=True)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
