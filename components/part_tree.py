"""A file's parts as a tree that opens by click or key, each line with its bytes."""

from __future__ import annotations

import html

import streamlit as st

from components.format import format_bytes, format_count, format_percent, shorten
from components.part_colors import ROLE_COLORS
from components.visible_text import visible_text
from converter.anatomy import AnatomyNode, leaf

_MOST_LINES = 2000
"""Further parts are shown without their own parts, with how many there are."""
_NAME_LENGTH, _DETAIL_LENGTH = 160, 90
_STYLE = """<style>
.parts{font-size:.875rem;line-height:1.4}
.parts details>.in{margin-left:.55rem;padding-left:.65rem;border-left:1px solid
  color-mix(in srgb,currentColor 18%,transparent)}
.parts summary,.parts .leaf{display:grid;grid-template-columns:1fr 4.6rem 3.6rem;gap:.6rem;
  align-items:baseline;padding:.22rem .3rem;border-radius:4px}
.parts summary{cursor:pointer;list-style:none}
.parts summary::-webkit-details-marker{display:none}
.parts summary:hover{background:color-mix(in srgb,currentColor 7%,transparent)}
.parts summary:focus-visible{outline:2px solid currentColor;outline-offset:-2px}
.parts .name{min-width:0;display:flex;align-items:baseline;gap:.45em}
.parts .name>span{min-width:0;overflow-wrap:break-word}
.parts .name::before{content:"";flex:none;width:.7em}
.parts summary .name::before{content:"▸"}
.parts details[open]>summary .name::before{content:"▾"}
.parts i{flex:none;width:.65em;height:.65em;border-radius:2px}
.parts .detail{opacity:.78;font-size:.8rem;margin-left:.5em}
.parts .bytes,.parts .share{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.parts .share{opacity:.78}
</style>"""


def render_part_tree(root: AnatomyNode) -> None:
    """Show the tree, opened at its first level."""
    tree = _Tree(root.size_bytes or 1)
    st.html(f"{_STYLE}<div class='parts' role='group' "
            f"aria-label='Parts of {_text(root.name, _NAME_LENGTH)}, each with its bytes and its "
            f"share of the file'>{tree.node(root, is_open=True)}</div>")


class _Tree:
    def __init__(self, total: int) -> None:
        self._total = total
        self._lines = 0

    def node(self, node: AnatomyNode, *, is_open: bool = False) -> str:
        self._lines += 1
        if node.children and self._lines > _MOST_LINES:
            parts = f"{format_count(len(node.children))} parts"
            node = leaf(node.name, node.role, node.size_bytes, node.detail or parts)
        line = self._line(node)
        if not node.children:
            return f"<div class='leaf'>{line}</div>"
        inner = "".join(map(self.node, node.children))
        return (f"<details{' open' * is_open}><summary>{line}</summary>"
                f"<div class='in'>{inner}</div></details>")

    def _line(self, node: AnatomyNode) -> str:
        detail = f"<span class='detail'>{_text(node.detail, _DETAIL_LENGTH)}</span>" \
            if node.detail else ""
        color = ROLE_COLORS.get(node.role, "")
        return (f"<span class='name'><i style='background:{color}' title='{_text(node.role, 40)}'>"
                f"</i><span>{_text(node.name, _NAME_LENGTH)}{detail}</span></span>"
                f"<span class='bytes' title='{node.size_bytes:,} bytes'>"
                f"{format_bytes(node.size_bytes)}</span>"
                f"<span class='share'>{format_percent(node.size_bytes / self._total)}</span>")


def _text(words: str, length: int) -> str:
    return html.escape(shorten(visible_text(words), length), quote=True)
