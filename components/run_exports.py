"""Buttons that export a run; each file is made on the click, because it takes time and memory."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import streamlit as st

from components.session import widget_key
from converter.comparison import Comparison
from converter.rebuild_parts import has_rebuild_script


def render_export_buttons(
    comparison: Comparison, samples_ms: Mapping[str, np.ndarray]
) -> None:
    """Offer the tables and, where the run made a variant, the notebook that rebuilds it."""
    st.download_button(
        "Tables (CSV, Parquet)", data=partial(_tables, comparison, samples_ms),
        file_name="tables.zip", mime="application/zip", icon=":material/table:",
        on_click="ignore", key=widget_key("compare", "export.tables"),
        help="Every figure and each timed run, for spreadsheets and for programs.",
    )
    if any(has_rebuild_script(variant) for variant in comparison.variants):
        st.download_button(
            "Notebook", data=partial(_notebook, comparison),
            file_name="rebuild.ipynb", mime="application/x-ipynb+json", icon=":material/menu_book:",
            on_click="ignore", key=widget_key("compare", "export.notebook"),
            help="Rebuilds every variant without LiteDrift and says which are equal.",
        )


def _tables(comparison: Comparison, samples_ms: Mapping[str, np.ndarray]) -> bytes:
    from converter.run_export import tables_zip  # pandas and pyarrow: not for every page view

    return tables_zip(comparison, samples_ms)


def _notebook(comparison: Comparison) -> bytes:
    from converter.rebuild_notebook import build_rebuild_notebook

    return build_rebuild_notebook(comparison)
