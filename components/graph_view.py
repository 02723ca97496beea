"""Both graphs side by side, layer by layer: what became of each operation, and what is new."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Sequence

import streamlit as st

from components.format import TIMES, format_count, shorten
from components.part_colors import FATE_COLORS, FATE_MARKS
from components.session import widget_key
from components.visible_text import visible_text
from converter.graph_blocks import Block, cut_into_blocks
from converter.graph_map import ADDED, ADDED_MEANING, FATES, GraphMap, MappedNode, MappedOperator

_PAGE = "file_format"
_MOST_BLOCKS, _MOST_LINES, _MOST_OPEN = 300, 200, 8
_LAYERS, _KINDS, _NAMES = 3, 6, 6
_STYLE = """<style>
.graphs{font-size:.875rem;line-height:1.45}
.graphs .head,.graphs summary{display:grid;gap:.2rem 1rem;align-items:baseline;
  grid-template-columns:minmax(0,5fr) minmax(0,4fr) minmax(0,4fr)}
.graphs .head{font-weight:600;padding:0 .5rem .35rem 1.7rem}
.graphs details{border-top:1px solid color-mix(in srgb,currentColor 16%,transparent)}
.graphs summary{cursor:pointer;list-style:none;padding:.42rem .5rem .42rem 1.7rem;
  position:relative;border-radius:4px}
.graphs summary::-webkit-details-marker{display:none}
.graphs summary::before{content:"▸";position:absolute;left:.5rem}
.graphs details[open]>summary::before{content:"▾"}
.graphs summary:hover{background:color-mix(in srgb,currentColor 6%,transparent)}
.graphs summary:focus-visible{outline:2px solid currentColor;outline-offset:-2px}
.graphs b{font-weight:600}
.graphs .names,.graphs td{overflow-wrap:anywhere}
.graphs .soft{opacity:.78;font-size:.8rem;display:block}
.graphs .fate{white-space:nowrap;margin-right:.8em;display:inline-block}
.graphs .fate i{font-style:normal;display:inline-block;width:1.1em;font-weight:700}
.graphs .wide{overflow-x:auto;margin:.1rem 0 .7rem 1.7rem}
.graphs table{border-collapse:collapse;width:100%;font-size:.8125rem;margin-bottom:.6rem}
.graphs th,.graphs td{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0;border:0}
.graphs th{font-weight:600;opacity:.85}
@media (max-width:640px){
 .graphs .wide{margin-left:.2rem}
 .graphs th,.graphs td{padding-right:.5rem}
 .graphs td .fate{margin-right:0}
 .graphs .head{display:none}
 .graphs summary{grid-template-columns:minmax(0,1fr)}
}
</style>"""


def render_graph_map(found: GraphMap) -> None:
    """Show the sums, what the words mean, and the blocks that a person asks for."""
    counts = {fate: count for fate, count in found.counts().items() if count}
    told = " ".join(_fate(fate, f"{format_count(count)} {fate}") for fate, count in counts.items())
    st.html(f"{_STYLE}<div class='graphs'><p style='margin:0 0 .3rem'>"
            f"{format_count(len(found.nodes))} operations of the original beside "
            f"{format_count(len(found.operators))} operators of the variant.</p>"
            f"<p style='margin:0'>{told}</p></div>")
    with st.expander("What the words mean, and how it is known"):
        meanings = "".join(
            f"<p style='margin:.15rem 0'>{_fate(fate, fate)}{html.escape(meaning)}.</p>"
            for fate, meaning in {**FATES, ADDED: ADDED_MEANING}.items()
        )
        st.html(f"{_STYLE}<div class='graphs'>{meanings}</div>")
        st.caption("The converter names a tensor after the operations that it stands for; these "
                   "names, the dtypes and the flow of values are all that this is told from. "
                   "Constants and inputs are no operations.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        words = st.text_input("Find a layer, operation or operator",
                              key=widget_key(_PAGE, "find"), width=320)
        fates = st.pills("Only", list(counts), selection_mode="multi",
                         key=widget_key(_PAGE, "fates"))
    is_narrowed = bool(words.strip() or fates)
    blocks = [b for b in cut_into_blocks(found) if not is_narrowed or _fits(b, words, fates)]
    if not blocks:
        st.info("No layer fits.", icon=":material/search_off:")
        return
    _render_blocks(blocks, opened=is_narrowed and len(blocks) <= _MOST_OPEN)


def _fits(block: Block, words: str, fates: Sequence[str]) -> bool:
    """Whether a block holds the words in one name, and one of the fates."""
    texts = [*block.layers, *(text for node in block.nodes for text in (node.name, node.op)),
             *(operator.name for operator in block.operators)]
    wanted = words.strip().casefold()
    if wanted and not any(wanted in text.casefold() for text in texts):
        return False
    here = {*(node.fate for node in block.nodes),
            *(o.fate for o in block.operators if o.fate == ADDED)}
    return not fates or bool(here & set(fates))


def _render_blocks(blocks: Sequence[Block], *, opened: bool) -> None:
    shown = "".join(_block(block, opened=opened) for block in blocks[:_MOST_BLOCKS])
    with st.container(border=True, height=620 if len(blocks) > 14 else "content"):
        st.html(
            f"{_STYLE}<div class='graphs' role='group' aria-label='The layers of the original, "
            "what became of their operations, and the operators of the variant, in order'>"
            "<div class='head'><span>Original, by layer</span><span>What became of it</span>"
            f"<span>Variant</span></div>{shown}</div>"
        )
    if len(blocks) > _MOST_BLOCKS:
        st.caption(f"{format_count(len(blocks) - _MOST_BLOCKS)} more layers are not shown; find "
                   "them by name.")


def _block(block: Block, *, opened: bool) -> str:
    counts = Counter(node.fate for node in block.nodes)
    added = sum(operator.fate == ADDED for operator in block.operators)
    fates = "".join(_fate(fate, f"{counts[fate]} {fate}") for fate in FATES if counts[fate])
    fates += _fate(ADDED, f"{added} added") if added else ""
    if not fates:
        fates = "<span class='soft'>not traced to the original</span>"
    return (
        f"<details{' open' * opened}><summary><span class='names'>{_left(block)}</span>"
        f"<span>{fates}</span><span class='names'>{_right(block.operators)}</span></summary>"
        f"<div class='wide'>{_nodes_table(block.nodes)}{_operators_table(block.operators)}</div>"
        "</details>"
    )


def _left(block: Block) -> str:
    if not block.nodes:
        return "<span class='soft'>nothing in the original</span>"
    names = [f"<b>{_text(layer, 60)}</b>" for layer in block.layers[:_LAYERS]]
    if len(block.layers) > _LAYERS:
        names.append(f"{len(block.layers) - _LAYERS} more")
    title = " + ".join(names) or "<b>outside of any layer</b>"
    return f"{title}<span class='soft'>{_kinds(node.op for node in block.nodes)}</span>"


def _right(operators: Sequence[MappedOperator]) -> str:
    if not operators:
        return "<span class='soft'>no operator</span>"
    detail = f"<span class='soft'>{_text(operators[0].detail, 80)}</span>" \
        if operators[0].detail else ""
    return (f"<b>{_kinds(o.name for o in operators)}</b>"
            f"<span class='soft'>{_numbers(operators)}</span>{detail}")


def _numbers(operators: Sequence[MappedOperator]) -> str:
    first, last = operators[0].number + 1, operators[-1].number + 1
    if first == last:
        return f"operator {first}"
    if last - first == len(operators) - 1:
        return f"operators {first} to {last}"
    return f"{len(operators)} operators from {first} on"


def _kinds(names: Iterable[str]) -> str:
    counts = Counter(names)
    shown = [f"{count} {TIMES} {_text(name, 40)}" if count > 1 else _text(name, 40)
             for name, count in list(counts.items())[:_KINDS]]
    return ", ".join(shown) + (" …" if len(counts) > _KINDS else "")


def _nodes_table(nodes: Sequence[MappedNode]) -> str:
    if not nodes:
        return ""
    rows = "".join(
        f"<tr><td>{_text(node.op, 40)}</td><td>{_fate(node.fate, node.fate)}</td>"
        f"<td>{', '.join(str(n + 1) for n in node.operators[:_NAMES])}</td>"
        f"<td title='{_text(node.name, 240)}'>{_broken(_below_model(node))}</td></tr>"
        for node in nodes[:_MOST_LINES]
    )
    return ("<table><thead><tr><th scope='col'>Operation</th><th scope='col'>Became</th>"
            "<th scope='col'>Operator</th><th scope='col'>Name</th></tr></thead>"
            f"<tbody>{rows}</tbody></table>{_more(len(nodes), 'operations')}")


def _below_model(node: MappedNode) -> str:
    """Return a name from its layer on; what comes before is the same for all."""
    place = node.name.find(f"/{node.layer}/") if node.layer else -1
    return node.name[place + 1 :]


def _broken(name: str) -> str:
    """Return a name that is broken behind its slashes first."""
    return _text(name, 160).replace("/", "/<wbr>").replace(";", ";<wbr>")


def _operators_table(operators: Sequence[MappedOperator]) -> str:
    if not operators:
        return ""
    rows = "".join(
        f"<tr><td>{operator.number + 1}</td><td>{_text(operator.name, 40)}</td>"
        f"<td>{_fate(operator.fate, operator.fate)}</td><td>{_stands_for(operator)}</td></tr>"
        for operator in operators[:_MOST_LINES]
    )
    return ("<table><thead><tr><th scope='col'>#</th><th scope='col'>Operator</th>"
            "<th scope='col'>Is</th><th scope='col'>Stands for</th></tr></thead>"
            f"<tbody>{rows}</tbody></table>{_more(len(operators), 'operators')}")


def _stands_for(operator: MappedOperator) -> str:
    if operator.detail:
        return _text(operator.detail, 80)
    names = [
        _text("; ".join(part.rsplit("/", 1)[-1] for part in name.split(";")), 120)
        for name in operator.stands_for[:_NAMES]
    ]
    return ", ".join(names) + (" …" if len(operator.stands_for) > _NAMES else "")


def _more(count: int, what: str) -> str:
    return f"<p class='soft'>{count - _MOST_LINES} more {what}</p>" if count > _MOST_LINES else ""


def _fate(fate: str, words: str) -> str:
    return (f"<span class='fate'><i style='color:{FATE_COLORS[fate]}'>{FATE_MARKS[fate]}</i>"
            f"{html.escape(words)}</span>")


def _text(words: str, length: int) -> str:
    return html.escape(shorten(visible_text(words), length), quote=True)
