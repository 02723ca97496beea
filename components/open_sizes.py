"""The sizes that a model's inputs leave open, asked of the person; each has a stated default."""

from __future__ import annotations

import re
from typing import Any

import streamlit as st

from components.format import TIMES, format_shape, shorten
from components.plain_text import code_span, show_error
from components.session import widget_key
from converter.model_options import LARGEST_DIMENSION, default_size
from converter.signature import Shape

MOST_FIELDS = 24
LARGEST_BATCH = 1024
_MOST_RANK = 8
Dimensions = tuple[tuple[str, Shape], ...]


def ask_sizes(
    inputs: list[dict[str, Any]], chosen: Dimensions, token: str
) -> Dimensions:
    """Ask for the sizes behind the batch that inputs leave open, and take up the batch.

    Args:
        inputs: Of `inspect_model_file`'s answer, as the file declares them.
        chosen: What was chosen before, of this model or of another.
        token: Keeps the widgets of different models apart.

    Returns:
        `ModelOptions.dimensions`: the inputs of which a size was chosen.
    """
    batch = st.session_state.get(_batch_key(token), _earlier_batch(chosen))
    asked = _ask_open_sizes(inputs, dict(chosen), token)
    sizes = []
    for tensor in inputs:
        name, declared = tensor["name"], tensor["shape"]
        rest = asked.get(name, () if declared is None else (None,) * (len(declared) - 1))
        is_open = declared[:1] == [None] if declared is not None else bool(rest)
        if (is_open and batch > 1) or any(size is not None for size in rest):
            sizes.append((name, (batch if is_open and batch > 1 else None, *rest)))
    return tuple(sizes)


def render_batch(inputs: list[dict[str, Any]], chosen: Dimensions, token: str) -> None:
    """Offer another batch than 1, where an input leaves it open.

    Args:
        inputs: As the file declares them.
        chosen: What was chosen so far.
        token: As for `ask_sizes`.
    """
    if not any(tensor["shape"] is None or tensor["shape"][:1] == [None] for tensor in inputs):
        return
    batch = st.session_state.get(_batch_key(token), _earlier_batch(chosen))
    with st.popover(f"Batch: {batch}", icon=":material/layers:", type="tertiary"):
        st.session_state.setdefault(_batch_key(token), batch)
        st.number_input(
            "Samples in one call", min_value=1, max_value=LARGEST_BATCH, step=1,
            key=_batch_key(token), persist_state="session",
            help="Variants are built for this one batch; latency is that of a whole call. 1 is "
            "what most devices use, and what some operators need.",
        )


def _batch_key(token: str) -> str:
    return widget_key("model", f"batch.{token}")


def _earlier_batch(chosen: Dimensions) -> int:
    batch = next((shape[0] for _, shape in chosen if shape and shape[0]), 1)
    return min(batch, LARGEST_BATCH)


def _ask_open_sizes(
    inputs: list[dict[str, Any]], earlier: dict[str, Shape], token: str
) -> dict[str, Shape]:
    """Return the sizes behind the batch of each input that has open ones, None for its default."""
    asked = [tensor for tensor in inputs if tensor["shape"] is None or None in tensor["shape"][1:]]
    if not asked:
        return {}
    found: dict[str, Shape] = {}
    left = MOST_FIELDS
    with st.container(border=True, gap="small"):
        st.caption(
            "The model leaves sizes of its inputs open. A field that stays empty is filled by the "
            "data; where the data are random, it takes the size that it shows."
        )
        for index, tensor in enumerate(asked):
            left -= 1 if tensor["shape"] is None else tensor["shape"][1:].count(None)
            if left < 0:
                st.caption(f"{len(asked) - index} more inputs have open sizes, which take their "
                           "defaults; the command line's `--shape` sets them.")
                break
            ask = _ask_shape if tensor["shape"] is None else _ask_fields
            key = f"{token}.{index}"
            found[tensor["name"]] = ask(tensor, earlier.get(tensor["name"], ()), key)
    return found


def _ask_fields(tensor: dict[str, Any], earlier: Shape, key: str) -> Shape:
    declared = tensor["shape"]
    fits = len(earlier) == len(declared)
    sizes: list[int | None] = []
    with st.container(gap="xxsmall"):
        st.markdown(f"{code_span(shorten(tensor['name'], 60))} :small[:gray["
                    f"{format_shape(declared)}]]")
        with st.container(horizontal=True, gap="small"):
            for place, size in list(enumerate(declared))[1:]:
                if size is not None:
                    sizes.append(None)
                    continue
                # The value before is no `value=`: to that, clearing the field would go back.
                field = widget_key("model", f"size.{key}.{place}")
                st.session_state.setdefault(field, earlier[place] if fits else None)
                value = st.number_input(
                    f"Dimension {place}", min_value=1, max_value=LARGEST_DIMENSION, step=1,
                    value=None, placeholder=str(default_size(len(declared))), width=150, key=field,
                    persist_state="session",
                )
                sizes.append(None if value is None else int(value))
    return tuple(sizes)


def _ask_shape(tensor: dict[str, Any], earlier: Shape, key: str) -> Shape:
    """Ask for the whole shape of one sample, where not even the rank is known."""
    field = widget_key("model", f"shape.{key}")
    st.session_state.setdefault(field, ", ".join(str(size) for size in earlier[1:] if size))
    text = st.text_input(
        f"Shape of one sample of {code_span(shorten(tensor['name'], 60))}", max_chars=80,
        placeholder="64, 64, 3 (empty: one number)", key=field, width=320,
        persist_state="session",
    )
    words = re.split(rf"[\s,x{TIMES}]+", text.strip()) if text.strip() else []
    if len(words) > _MOST_RANK or not all(re.fullmatch(r"[1-9]\d{0,5}", word) for word in words):
        show_error(f"Expected sizes such as 64, 64, 3 (up to {_MOST_RANK}, each from 1 to "
                   f"999,999), found {text!r}; correct them.")
        return ()
    return tuple(int(word) for word in words)
