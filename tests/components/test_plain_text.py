"""Text from outside stays text."""

from __future__ import annotations

import re

import pytest

from components.plain_text import code_span, escape_markdown, visible_text

HOSTILE = [
    "*bold* _it_ ~~no~~", "[link](http://e.com)", "![i](x.png)", "<b>html</b>", "# head", "- item",
    ":red[x]", "$a$ and $b$", "`code`", "a | b", "1. one", "a\\b", "q -> r", "&amp;",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_every_mark_of_markdown_is_escaped(text):
    escaped = escape_markdown(text)
    assert not re.search(r"(?<!\\)(?:\\\\)*[*_\[\]<>`$#|~&]", escaped)
    assert re.sub(r"\\(.)", r"\1", escaped).replace("\N{WORD JOINER}", "") == text


@pytest.mark.parametrize("text", [":tada:", ":material/home:", "x :+1: y"])
def test_shortcodes_are_broken(text):
    bare = escape_markdown(text).replace("\\", "")
    assert not re.search(r":[\w+/]+:", bare)


@pytest.mark.parametrize("text", ["see http://e.com now", "www.e.com", "a@b.com"])
def test_bare_addresses_are_broken(text):
    bare = escape_markdown(text).replace("\\", "")
    assert not re.search(r"https?://|www\.|\w@\w", bare)


def test_lines_are_joined_so_that_no_block_begins():
    assert "\n" not in escape_markdown("one\n\n# two\n    code")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\nc", "a b c"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}sarek.net", "\ufffdsarek.net"),
        ("a\N{LEFT-TO-RIGHT ISOLATE}b\N{ZERO WIDTH SPACE}c", "a\ufffdb\ufffdc"),
        ("\x1b[31m\x00", "\ufffd[31m\ufffd"),
        ("half \ud800", "half \ufffd"),
        *((text, text) for text in ("\u06cc\u200c\u062e", "\U0001f469\u200d\U0001f4bb")),
    ],
    ids=["blank", "override", "isolate", "control", "half", "persian", "emoji"],
)
def test_what_cannot_be_seen_is_marked(text, shown):
    assert visible_text(text) == shown
    assert code_span(text) == f"`{shown}`"
    assert re.sub(r"\\(.)", r"\1", escape_markdown(text)).replace("\N{WORD JOINER}", "") == shown


@pytest.mark.parametrize(
    ("text", "span"),
    [("a.keras", "`a.keras`"), ("a`b", "``a`b``"), ("`x`", "`` `x` ``"), ("", "` `")],
)
def test_code_spans_outlast_backticks(text, span):
    assert code_span(text) == span
