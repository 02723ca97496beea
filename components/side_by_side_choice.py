"""Which runs and variants stand side by side: asked here, kept in the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st

from components.format import shorten
from components.plain_text import show_warning, visible_text
from components.session import Session, widget_key
from components.whose_runs import visible_runs
from converter.comparison import Comparison
from converter.condition_differences import default_pairs
from converter.errors import LiteDriftError
from converter.history import RunRecord
from converter.run_store import load_comparison, load_record

RUNS_PARAMETER, VARIANTS_PARAMETER = "runs", "variants"
MOST = 6
"""Runs, and variants, that can be told apart side by side."""
_RUNS, _VARIANTS = widget_key("side", "runs"), widget_key("side", "variants")
_WRITTEN = widget_key("side", "written")
"""The runs that this page wrote into the address last: others there are a link that was followed.
"""


@dataclass(frozen=True)
class ChosenRun:
    """A run that stands side by side with others, under a letter."""

    letter: str
    record: RunRecord
    comparison: Comparison


def ask_runs(session: Session) -> list[ChosenRun] | None:
    """Ask for finished runs and return those that can be read; None where there are none."""
    records = {r.run_id: r for r in visible_runs(session) if r.status == "done"}
    linked = _split(st.query_params.get(RUNS_PARAMETER, ""))
    for run_id in dict.fromkeys([*linked, *st.session_state.get(_RUNS, [])]):
        _add_linked(records, run_id)
    if _is_new_link() or _RUNS not in st.session_state:
        first = linked or [session.run_id or ""]
        st.session_state[_RUNS] = list(dict.fromkeys(r for r in first if r in records))[:MOST]
    st.session_state[_RUNS] = [r for r in st.session_state[_RUNS] if r in records]
    if not records:
        return None
    chosen = st.multiselect(
        "Runs", list(records), key=_RUNS, max_selections=MOST, persist_state="session",
        format_func=lambda run_id: _run_label(records[run_id]),
        placeholder="Choose two or more", select_all=False,
    )
    return _read(chosen, records)


def ask_variants(runs: Sequence[ChosenRun]) -> list[tuple[int, str]]:
    """Ask for variants of the runs; each is the number of its run and its name."""
    offered = {
        f"{index}.{variant.recipe}": (index, variant.recipe)
        for index, run in enumerate(runs)
        for variant in run.comparison.variants
        if variant.status == "ok" and variant.size_bytes
    }
    # Another choice of runs begins with its own variants.
    key = f"{_VARIANTS}.{'.'.join(run.record.run_id for run in runs)}"
    if _is_new_link() or key not in st.session_state:
        asked = st.query_params.get_all(VARIANTS_PARAMETER) if _is_new_link() else []
        linked = [name for name in asked if name in offered]
        first = [f"{index}.{name}" for index, name in
                 default_pairs([run.comparison for run in runs], MOST)]
        st.session_state[key] = (linked or first)[:MOST]
    chosen = st.multiselect(
        "Variants", list(offered), key=key, max_selections=MOST, select_all=False,
        persist_state="session", placeholder="Choose variants of these runs",
        format_func=lambda name: f"{runs[offered[name][0]].letter} · {offered[name][1]}",
    )
    runs_value = ",".join(run.record.run_id for run in runs)
    st.session_state[_WRITTEN] = runs_value
    _write(RUNS_PARAMETER, runs_value)
    _write(VARIANTS_PARAMETER, chosen)
    return [offered[name] for name in chosen]


def choice_parameters() -> Mapping[str, str | list[str] | None]:
    """Return the choice as it stands in the address."""
    return {
        RUNS_PARAMETER: st.query_params.get(RUNS_PARAMETER),
        VARIANTS_PARAMETER: st.query_params.get_all(VARIANTS_PARAMETER),
    }


def _is_new_link() -> bool:
    linked = st.query_params.get(RUNS_PARAMETER, "")
    return bool(linked) and linked != st.session_state.get(_WRITTEN)


def _split(value: str) -> list[str]:
    return [part for part in value.split(",") if part]


def _add_linked(records: dict[str, RunRecord], run_id: str) -> None:
    """Offer a run that a link names, though it is not listed here."""
    if run_id in records:
        return
    try:
        record = load_record(run_id)
    except LiteDriftError as error:
        show_warning(str(error))
        return
    if record.status == "done":
        records[run_id] = record
    else:
        show_warning(f"{record.name[:80]}: this run has no result yet, so it is left out; open it "
                     "on the History page.")


def _read(chosen: Sequence[str], records: Mapping[str, RunRecord]) -> list[ChosenRun]:
    runs = []
    for run_id in chosen:
        try:
            comparison = load_comparison(run_id)
        except LiteDriftError as error:
            show_warning(f"{records[run_id].name[:80]} is left out: {error}")
            continue
        runs.append(ChosenRun("ABCDEF"[len(runs)], records[run_id], comparison))
    return runs


def _run_label(record: RunRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return f"{shorten(visible_text(record.name), 32)} · {moment:%Y-%m-%d %H:%M}"


def _write(name: str, value: str | list[str]) -> None:
    if value:
        st.query_params[name] = value
    elif name in st.query_params:
        del st.query_params[name]
