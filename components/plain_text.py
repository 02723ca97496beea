"""Text that others wrote (file names, error messages, notes), shown as text and as nothing else."""

from __future__ import annotations

import re

import streamlit as st

from components.visible_text import visible_text

_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$^=&:@\"'/])")
_SHORTCODE = re.compile(r":(?=[\w+\-/]+:)")
_ADDRESS = re.compile(r"(?i)\b(?:https?|ftp|www|mailto|xmpp)(?=[:.])|(?<=[\w.+-])@")
_MOST_CHARACTERS = 1000
_WORD_JOINER = "\N{WORD JOINER}"


def escape_markdown(text: str) -> str:
    """Return Markdown that displays exactly `text`, on one line.

    Emoji shortcodes and bare addresses are found after backslashes are gone, so an invisible
    joiner keeps them apart as well.
    """
    line = visible_text(text)
    for pattern in (_SHORTCODE, _ADDRESS):
        line = pattern.sub(rf"\g<0>{_WORD_JOINER}", line)
    return _MARKUP.sub(r"\\\1", line)


def code_span(text: str) -> str:
    """Return `text` as inline code, in which nothing is interpreted."""
    line = visible_text(text) or " "
    fence = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def choice_label(markdown: str) -> str:
    """Return the label of a choice in the colour of text, chosen or not.

    Streamlit writes the chosen one in the primary colour, on a tint of it: too faint to read on a
    dark ground. The tint and the border still mark it.
    """
    return f":gray[{markdown}]"


def show_error(error: Exception | str) -> None:
    """Show the one sentence of an error as plain text."""
    st.error(escape_markdown(_bounded(_capitalized(str(error)))), icon=":material/error:")


def show_warning(text: str) -> None:
    """Show a sentence that a person must not miss."""
    st.warning(escape_markdown(text), icon=":material/warning:")


def show_notes(notes: list[str]) -> None:
    """Show sentences of lesser weight, one a line."""
    for note in notes:
        st.caption(escape_markdown(_bounded(note)))


def _bounded(text: str) -> str:
    # A name inside a sentence may be as long as a file: the page must not be.
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]} …"


def _capitalized(text: str) -> str:
    # A sentence that begins with a file name keeps it as it is.
    first = text.split(" ", 1)[0]
    return text if any(mark in first for mark in "._:/") else text[:1].upper() + text[1:]
