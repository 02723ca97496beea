"""Text of others on one line, with nothing in it that hides or turns what stands beside it."""

from __future__ import annotations

import re

# Control characters, those that turn the writing round or cannot be seen, and halves of characters,
# which cannot be sent to a browser at all. The joiners of Persian and Indic writing stay.
_UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def visible_text(text: str) -> str:
    """Return text on one line, with a mark in place of each character that would hide or turn it.

    Without it a right-to-left override in a file's name turns round what we write behind it.
    """
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.split()))
