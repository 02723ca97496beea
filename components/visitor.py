"""Who looks on: one browser, told apart from others without an account."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping

COOKIE = "_streamlit_xsrf"
"""Set by Streamlit, and sent by the browser again after a refresh and from a second tab, until it
is closed. Its value is `2|mask|masked token|time`: masked anew each time, the token stays."""


def visitor_token(cookies: Mapping[str, str]) -> str:
    """Return a token for the browser that sent the cookies; a random one where none tells.

    It is a hash: the cookie is a secret of the browser, and the token lies in the history.
    """
    known = _unmask(cookies.get(COOKIE, "")) or secrets.token_bytes(16)
    return hashlib.sha256(b"visitor " + known).hexdigest()[:24]


def _unmask(value: str) -> bytes | None:
    try:
        version, mask, masked, _ = value.strip('"').split("|")
        pattern, token = bytes.fromhex(mask), bytes.fromhex(masked)
    except ValueError:
        return None
    if version != "2" or not pattern or not token:
        return None
    return bytes(byte ^ pattern[index % len(pattern)] for index, byte in enumerate(token))
