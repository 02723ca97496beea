"""Buttons that export a run; each file is made on the click, because it takes time and memory."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st

from components.session import widget_key
from converter.comparison import Comparison
from converter.rebuild_parts import has_rebuild_script
from converter.request import RunRequest


def render_export_buttons(
    files: Mapping[str, Path],
    comparison: Comparison,
    samples_ms: Mapping[str, np.ndarray],
    request: RunRequest,
) -> None:
    """Offer the bundle, the tables and, where the run made a variant, the notebook for it."""
    if request.model_path.exists():
        st.download_button(
            "Bundle", data=partial(_bundle, files, request, comparison),
            file_name="bundle.zip", mime="application/zip", icon=":material/inventory_2:",
            on_click="ignore", key=widget_key("compare", "export.bundle"),
            help="Model, data, variants and results in one zip, which another LiteDrift imports "
                 "and `python -m converter verify` runs again.",
        )
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


def _bundle(files: Mapping[str, Path], request: RunRequest, comparison: Comparison) -> bytes:
    from converter.bundle import write_bundle

    stream = io.BytesIO()
    write_bundle(files, request, comparison, stream)
    return stream.getvalue()


def _notebook(comparison: Comparison) -> bytes:
    from converter.rebuild_notebook import build_rebuild_notebook

    return build_rebuild_notebook(comparison)
