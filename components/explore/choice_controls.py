"""Choosing: which layers (all, picked, by type, by name), then a precision, which acts at once."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from components.explore.bench import Bench
from components.explore.warm_sessions import warm_sessions
from components.format import TIMES
from components.palette import precision_color
from components.plain_text import choice_label, escape_markdown, show_error
from components.session import widget_key
from converter.candidate_choices import (
    MOST_PATTERN_CHARACTERS,
    all_numbers,
    apply_precision,
    count_types,
    describe_change,
    numbers_of_types,
    offered_anywhere,
)
from converter.candidate_layers import CandidateLayer
from converter.errors import LiteDriftError
from converter.precision import PRECISIONS

ALL, PICKED, TYPES, NAMES = "all", "picked", "types", "names"
_SCOPES = {ALL: "All", PICKED: "Picked", TYPES: "By type", NAMES: "By name"}
_NAME_LENGTH = 44
_SCOPE_HEIGHT = 118


def render_choices(bench: Bench) -> None:
    """Show the controls, and what the last change did."""
    with st.container(border=True, gap="small"):
        st.subheader("Choose", anchor=False)
        st.session_state.setdefault(_key(bench, "scope"), ALL)
        scope = st.segmented_control(
            "Layers", list(_SCOPES), required=True, key=_key(bench, "scope"),
            format_func=lambda name: choice_label(_SCOPES[name]),
        )
        # Of one height, so that the bars below do not move away under a person's clicks.
        with st.container(height=_SCOPE_HEIGHT, border=False, gap="xsmall"):
            numbers = _ask_numbers(bench, scope)
        offered = offered_anywhere(bench.layers)
        st.pills(
            f"Precision for {len(numbers)} of {len(bench.layers)} layers", offered,
            format_func=_precision_label, key=_key(bench, "precision"),
            on_change=partial(_apply, bench, numbers), disabled=not numbers,
            help="A click gives it to the layers chosen above, where it changes them.",
        )
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button("Undo", icon=":material/undo:", key=_key(bench, "undo"),
                      on_click=bench.state.undo, disabled=not bench.state.steps.behind)
            st.button("Start over", icon=":material/restart_alt:", key=_key(bench, "over"),
                      on_click=bench.state.start_over, disabled=not bench.state.steps.now)
        _show_told(bench)


def pick(bench: Bench, numbers: list[int]) -> None:
    """Choose layers by a click elsewhere on the page; to be called back by that."""
    st.session_state[_key(bench, "scope")] = PICKED
    st.session_state[_key(bench, "picked")] = numbers


def toggle(bench: Bench, number: int) -> None:
    """Add a layer to those picked, or take it out."""
    now = picked(bench)
    pick(bench, [n for n in now if n != number] if number in now else sorted([*now, number]))


def picked(bench: Bench) -> list[int]:
    """Return the numbers of the layers that are picked; none while others are chosen."""
    if st.session_state.get(_key(bench, "scope")) != PICKED:
        return []
    return list(st.session_state.get(_key(bench, "picked"), []))


def _ask_numbers(bench: Bench, scope: str | None) -> list[int]:
    if scope == PICKED:
        labels = {layer.number: _layer_label(layer) for layer in bench.layers}
        return list(st.multiselect(
            "Picked layers", list(labels), format_func=labels.__getitem__,
            key=_key(bench, "picked"), placeholder="Click bars or rows below, or choose here",
        ))
    if scope == TYPES:
        counts = count_types(bench.layers)
        chosen = st.pills(
            "Operator types", list(counts), selection_mode="multi", key=_key(bench, "types"),
            format_func=lambda name: choice_label(
                f"{escape_markdown(name)} {TIMES} {counts[name]}"),
        ) or []
        return numbers_of_types(bench.layers, chosen)
    if scope == NAMES:
        return _ask_pattern(bench)
    counts = ", ".join(f"{count} {name}" for name, count in count_types(bench.layers).items())
    st.caption(escape_markdown(f"In the order of execution, {counts}."))
    return all_numbers(bench.layers)


def _ask_pattern(bench: Bench) -> list[int]:
    pattern = st.text_input(
        "Pattern", key=_key(bench, "pattern"), max_chars=MOST_PATTERN_CHARACTERS,
        placeholder="block_(1|2)_.*expand", width=420,
        help="A regular expression, looked for anywhere in the layer's name.",
    )
    if not pattern:
        st.caption("The names stand in the table below.")
        return []
    try:
        return warm_sessions.ask(bench.run_id, lambda session: session.match(pattern))
    except LiteDriftError as error:
        show_error(error)
        return []


def _apply(bench: Bench, numbers: list[int]) -> None:
    key = _key(bench, "precision")
    precision = st.session_state.get(key)
    st.session_state[key] = None  # it acts like a button: the same one can be pressed again
    if precision is None:
        return
    try:
        change = apply_precision(
            bench.layers, bench.state.steps.now, numbers, precision, bench.refused
        )
    except LiteDriftError as error:
        bench.state.refuse(str(error))
        return
    bench.state.go(change.choices, describe_change(bench.layers, change, precision))


def _show_told(bench: Bench) -> None:
    if bench.state.problem is not None:
        show_error(bench.state.problem)
    for sentence in bench.state.told:
        st.caption(escape_markdown(sentence))
    if not any(PRECISIONS[name].needs_calibration for name in offered_anywhere(bench.layers)):
        st.caption("Integer activations are not offered: this run kept no calibration samples. "
                   "Run it again with a recipe that calibrates, such as int8.")
    for name, reason in bench.refused.items():
        st.caption(escape_markdown(f"{PRECISIONS[name].label} is not offered: {reason}"))


def _precision_label(name: str) -> str:
    return f':color[●]{{foreground="{precision_color(name)}"}} ' + \
        choice_label(escape_markdown(PRECISIONS[name].label))


def _layer_label(layer: CandidateLayer) -> str:
    name = layer.name
    end = name if len(name) <= _NAME_LENGTH else f"…{name[1 - _NAME_LENGTH:]}"
    return f"{layer.number + 1}. {layer.operator} · {end}"


def _key(bench: Bench, name: str) -> str:
    return widget_key("explore", f"{name}.{bench.run_id}")


def row_click(bench: Bench, key: str) -> None:
    """Pick the layers whose rows are selected in a table of all layers."""
    selection: Any = st.session_state[key].selection
    pick(bench, [bench.layers[row].number for row in selection.rows if row < len(bench.layers)])


def bar_click(bench: Bench, key: str) -> None:
    """Add the layer whose bar was clicked to those picked, or take it out."""
    points = st.session_state[key].selection.points
    known = set(all_numbers(bench.layers))
    for number in {_number_of(point) for point in points}:
        if number in known:
            toggle(bench, number)


def _number_of(point: Any) -> int:  # noqa: ANN401 - what the browser sent
    value = point.get("customdata")
    value = value[0] if isinstance(value, list) and value else value
    return value if type(value) is int else -1
