"""All formulas of a variant's figures, for who wants to check them by hand."""

from __future__ import annotations

import streamlit as st

from components.formulas import list_formulas
from components.plain_text import escape_markdown
from converter.comparison import Comparison, Variant


def render_formulas(comparison: Comparison, variant: Variant) -> None:
    """Show each formula with the variant's own values put in."""
    with st.expander(f"Formulas with {escape_markdown(variant.recipe)}'s values put in",
                     icon=":material/function:"):
        st.table(
            [
                {
                    "Metric": escape_markdown(formula.label),
                    "Formula": escape_markdown(formula.formula),
                    "Here": escape_markdown(formula.worked or "not measured"),
                    "Meaning": escape_markdown(formula.meaning),
                }
                for formula in list_formulas(comparison, variant).values()
            ],
            border="horizontal", hide_index=True,
            alt=f"Formulas of the figures of {variant.recipe}",
        )
