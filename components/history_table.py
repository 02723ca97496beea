"""The table of runs on the History page; choosing a row brings the run into view."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from components.format import MISSING, byte_unit
from components.plain_text import visible_text
from components.session import Session, widget_key
from converter.history import RunRecord

SIGNS = {
    "queued": "◷ Waiting", "running": "▶ Running", "done": "✓ Finished", "failed": "✕ Failed",
    "cancelled": "⊘ Cancelled", "interrupted": "‖ Interrupted",
}
_MOST_HEIGHT = 402
"""Pixels: ten rows and the header; more scroll."""


def render_runs(session: Session, records: Sequence[RunRecord]) -> None:
    """Show the runs; the one in view is marked."""
    import pandas as pd

    ids = [record.run_id for record in records]
    # Rows are chosen by number, so another list of rows is another table; and another run in view,
    # opened by a link or deleted, begins with its own row.
    view = session.run_id if session.run_id in ids else ""
    token = hashlib.sha256(" ".join([*ids, view]).encode()).hexdigest()[:12]
    key = widget_key("history", f"table.{token}")
    rows = [ids.index(view)] if view else []
    unit, divisor = byte_unit(max(record.size_bytes for record in records))
    frame = pd.DataFrame([run_row(record) for record in records])
    frame["size"] = frame["size"] / divisor
    st.dataframe(
        frame, key=key, hide_index=True, placeholder=MISSING, column_config=_columns(unit),
        height=min(_MOST_HEIGHT, 37 + 35 * len(records)),
        selection_mode="single-row", selection_default={"selection": {"rows": rows}},
        on_select=lambda: _open_row(session, key, ids),
        alt="Runs with name, status, model, data, date, size, tags and whether they are pinned",
    )


def run_row(record: RunRecord) -> dict[str, Any]:
    """Return a run as a row; cells are text, not markup."""
    return {
        "name": visible_text(record.name),
        "status": SIGNS.get(record.status, record.status),
        "started": datetime.fromtimestamp(record.created, UTC),
        "model": visible_text(record.model_name),
        "data": visible_text(record.data_name or "random samples"),
        "size": float(record.size_bytes) or math.nan,
        "pinned": record.pinned,
        "tags": [visible_text(tag) for tag in record.tags],
    }


def _open_row(session: Session, key: str, ids: Sequence[str]) -> None:
    state = st.session_state.get(key) or {}
    rows = state.get("selection", {}).get("rows", [])
    if rows and 0 <= rows[0] < len(ids):
        session.open_run(ids[rows[0]])
    elif session.run_id in ids:
        session.leave_run()


def _columns(unit: str) -> dict[str, Any]:
    column = st.column_config
    return {
        "name": column.TextColumn("Run", width=150),
        "status": column.TextColumn("Status", width=104),
        "started": column.DatetimeColumn("Started (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC",
                                         width=132),
        "model": column.TextColumn("Model", width=96),
        "data": column.TextColumn("Data", width=76),
        "size": column.NumberColumn(f"Size, {unit}", format="%.1f", width=72,
                                    help="What runs share counts for each of them."),
        "pinned": column.CheckboxColumn("Pinned", width=58),
        "tags": column.ListColumn("Tags", width=110),
    }
