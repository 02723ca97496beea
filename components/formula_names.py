"""The names of figures, each of which opens its formula with the values of what is shown put in."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from components.formulas import Formula, list_formulas
from components.plain_text import code_span, escape_markdown
from converter.comparison import Comparison, Variant
from converter.metrics import METRICS

_MOST_OWNERS = 8


def render_names(formulas: Iterable[Formula]) -> None:
    """Show a row of names; a click or a key on one opens what it means.

    Formulas of one figure and of several owners open behind one name, each owner on a line.
    """
    grouped: dict[str, list[Formula]] = {}
    for formula in formulas:
        grouped.setdefault(formula.key, []).append(formula)
    if not grouped:
        return
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        st.caption("Formulas:", width="content")
        for key, found in grouped.items():
            # A badge keeps its colour: Streamlit darkens the text of an open tertiary button, which
            # on a dark ground hides it.
            label = f":gray-badge[{escape_markdown(METRICS[key].label)}]"
            with st.popover(label, type="tertiary"):
                st.markdown(describe(found))


def formula_help(
    comparison: Comparison, variant: Variant, key: str, text: str = ""
) -> str:
    """Return what a pointer on a name shows, as Markdown; `text` alone for a figure without one.

    Args:
        comparison: The run's result.
        variant: Whose values are put in.
        key: Of the figure.
        text: What the place says of it, in place of its meaning.
    """
    formula = list_formulas(comparison, variant).get(key)
    return text if formula is None else describe([formula], text)


def describe(found: list[Formula], text: str = "") -> str:
    """Return what opens on a name, as Markdown: meaning, formula, source, and the values put in.

    Args:
        found: The figure of one owner or several; at least one.
        text: In place of its meaning.
    """
    metric = METRICS[found[0].key]
    source = f" ({escape_markdown(metric.source)})" if metric.source else ""
    parts = [text or metric.meaning, f"{code_span(metric.formula)}{source}"]
    for formula in found[:_MOST_OWNERS]:
        whose = f"{escape_markdown(formula.owner)}: " if formula.owner else "Here: "
        note = f" ({escape_markdown(formula.note)})" if formula.note else ""
        parts.append(f"{whose}{code_span(formula.worked or 'not measured')}{note}")
    if len(found) > _MOST_OWNERS:
        parts.append(f"and {len(found) - _MOST_OWNERS} more")
    return "\n\n".join(parts)
