"""More runs to tell the effects of flags from: of the same model, data and conditions."""

from __future__ import annotations

import streamlit as st

from components.format import format_date, shorten
from components.plain_text import escape_markdown
from components.session import Session, widget_key
from components.whose_runs import visible_runs
from converter.comparison import Comparison
from converter.errors import LiteDriftError
from converter.flag_study import same_conditions
from converter.history import DONE
from converter.run_store import load_comparison

MOST_OFFERED = 8
"""Runs that are read to see whether they fit: a page must not read a whole history."""


def pick_further_runs(session: Session, run_id: str, comparison: Comparison) -> list[Comparison]:
    """Offer finished runs under the same conditions, and return those that a person adds."""
    fitting = _fitting(session, run_id, comparison)
    if not fitting:
        return []
    chosen = st.multiselect(
        "Also take the variants of", list(fitting), key=widget_key("flags", f"further.{run_id}"),
        format_func=lambda other: _label(fitting[other]), placeholder="Runs of the same model",
        help="Runs of the same model on the same data under the same conditions. More variants "
        "make more pairs; latencies of different runs were not taken in turns.",
    )
    return [fitting[other] for other in chosen]


def _fitting(session: Session, run_id: str, comparison: Comparison) -> dict[str, Comparison]:
    found: dict[str, Comparison] = {}
    try:
        records = visible_runs(session)
    except LiteDriftError:
        return {}  # the History page tells what is wrong with it
    alike = [r for r in records if r.status == DONE and r.run_id != run_id
             and r.model_sha256 == comparison.model.sha256]
    for record in alike[:MOST_OFFERED]:
        try:
            other = load_comparison(record.run_id)
        except LiteDriftError:
            continue
        if same_conditions([comparison, other]) is None:
            found[record.run_id] = other
    return found


def _label(comparison: Comparison) -> str:
    names = ", ".join(variant.recipe for variant in comparison.variants)
    return escape_markdown(f"{format_date(comparison.created)}: {shorten(names, 60)}")
