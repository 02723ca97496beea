"""The one alternative that damaged input leaves: it is read, or refused in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from converter.errors import LiteDriftError


def read_or_refused(read: Callable[[], Any], *begins: str) -> Any:
    """Return what `read` gives, or None where it refuses in one line that begins like one of these.

    Any other exception than `LiteDriftError` is a failure of the test.
    """
    try:
        return read()
    except LiteDriftError as refused:
        message = str(refused)
    assert message.startswith(begins), message
    assert "\n" not in message
    return None
