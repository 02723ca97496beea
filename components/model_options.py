"""What a model file leaves to the person: its signature, the ends of its graph, open sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from components.format import format_shape, shorten
from components.model_facts import read_model_facts
from components.open_sizes import ask_sizes
from components.plain_text import escape_markdown, visible_text
from components.session import ChosenModel, Session, widget_key
from converter.errors import LiteDriftError
from converter.inspection import list_graph_tensors
from converter.model_options import DEFAULT_OPTIONS, ModelOptions

MOST_SIGNATURES = 200
_LABEL_LENGTH = 72


def ask_model_options(session: Session, model: ChosenModel) -> ChosenModel:
    """Ask what the file leaves open, keep the answers, and return the model with them.

    Raises:
        ModelFileError: When it is not a usable model file.
    """
    # What can be chosen is the file's, whatever was chosen of it before.
    facts = read_model_facts(replace(model, options=DEFAULT_OPTIONS))
    chosen = model.options
    options = ModelOptions(unroll=chosen.unroll)
    if len(facts["details"].get("signatures", [])) > 1:
        options = replace(options, signature=_ask_signature(model, facts["details"]))
    elif facts["format"] == "frozen_graph":
        inputs, outputs = _ask_ends(model, facts)
        options = replace(options, input_tensors=inputs, output_tensors=outputs)
    try:
        declared = read_model_facts(replace(model, options=options))["inputs"]
    except LiteDriftError:
        # The page reads the model with these options and tells what is wrong with them.
        options = replace(options, dimensions=chosen.dimensions)
    else:
        if facts["format"] != "tflite":  # its sizes are as they are
            sizes = ask_sizes(declared, chosen.dimensions, replace(model, options=options).token)
            options = replace(options, dimensions=sizes)
    session.choose_options(options)
    return replace(model, options=options)


def _ask_signature(model: ChosenModel, details: dict[str, Any]) -> str | None:
    """Return the signature that the person took; None for the default."""
    default = details["signature"]
    keys = [default, *(key for key in details["signatures"] if key != default)][:MOST_SIGNATURES]
    labels = _distinct([_signature_label(key, details) for key in keys])
    wanted = model.options.signature
    with st.container(border=True):
        index = st.selectbox(
            "Signature", range(len(keys)), format_func=labels.__getitem__,
            index=keys.index(wanted) if wanted in keys else 0,
            key=widget_key("model", f"signature.{model.sha256[:12]}"), persist_state="session",
        )
        text = f"{escape_markdown(shorten(default, 60))} is used unless you choose another."
        left_out = len(details["signatures"]) - len(keys)
        if left_out > 0:
            text += f" {left_out} more signatures are not listed; the command line takes any."
        st.caption(text)
    return None if index == 0 else keys[index]


def _signature_label(key: str, details: dict[str, Any]) -> str:
    tensors = details.get("signature_tensors", {}).get(key)
    name = shorten(visible_text(key), 60)
    if tensors is None:
        return name
    return f"{name}: {_few(tensors['inputs'])} → {_few(tensors['outputs'])}"


def _few(names: Sequence[str]) -> str:
    shown = [shorten(visible_text(name), 24) for name in names[:4]]
    return ", ".join([*shown, "…"] if len(names) > 4 else shown) or "nothing"


def _ask_ends(
    model: ChosenModel, facts: dict[str, Any]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the tensors to feed and to fetch; empty where the graph's own are meant."""
    offer = _list_tensors(model.sha256, model.name, model.path)
    with st.container(border=True, gap="small"):
        with st.grid(2, min_column_width=280, gap="small"):
            inputs = _ask_tensors(
                model, "inputs", offer, model.options.input_tensors,
                "needed placeholders" if facts["inputs"] else None,
            )
            outputs = _ask_tensors(
                model, "outputs", offer, model.options.output_tensors,
                "unconsumed nodes" if facts["outputs"] else None,
            )
        left_out = max(offer["left_out"].values())
        more = f"; {left_out:,} nodes are not listed" if left_out else ""
        st.caption(
            "Left empty, the outputs are the nodes that nothing consumes, and the inputs the "
            "placeholders that they need. Any other node can be typed in by its name, or with a "
            f"number for a further result (split:1){more}."
        )
    return inputs, outputs


def _ask_tensors(
    model: ChosenModel, kind: str, offer: dict[str, Any], wanted: tuple[str, ...],
    default: str | None,
) -> tuple[str, ...]:
    known = {tensor["tensor"]: _tensor_label(tensor) for tensor in offer[kind]}
    known |= {name: shorten(visible_text(name), _LABEL_LENGTH)
              for name in wanted if name not in known}
    labels = dict(zip(known, _distinct(list(known.values())), strict=True))
    field = widget_key("model", f"{kind}.{model.sha256[:12]}")
    st.session_state.setdefault(field, list(wanted))
    chosen = st.multiselect(
        kind.capitalize(), list(labels), key=field,
        format_func=lambda name: labels.get(name, name), accept_new_options=True,
        filter_mode="contains", select_all=False, persist_state="session",
        placeholder=f"Default: {default}" if default else f"Choose or type the {kind}",
    )
    names = (name if name in labels else name.strip() for name in chosen)  # typed ones have edges
    return tuple(dict.fromkeys(name for name in names if name))


def _tensor_label(tensor: dict[str, Any]) -> str:
    parts = [visible_text(tensor["operator"])[:40], tensor["dtype"] or ""]
    if tensor["shape"] is not None:
        parts.append(format_shape(tensor["shape"]))
    told = ", ".join(part for part in parts if part)
    return f"{shorten(visible_text(tensor['tensor']), _LABEL_LENGTH)} ({told})"


def _distinct(labels: list[str]) -> list[str]:
    """Number labels that shortening made equal: a choice is known by its label."""
    seen: dict[str, int] = {}
    result = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        result.append(label if seen[label] == 1 else f"{label} #{seen[label]}")
    return result


@st.cache_data(max_entries=64, show_spinner="Listing the graph's tensors …")
def _list_tensors(sha256: str, name: str, _path: Path) -> dict[str, Any]:
    return list_graph_tensors(_path, name)
