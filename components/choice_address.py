"""The model and the data in hand, kept in the address: a refresh or a link finds them again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TypeGuard

import streamlit as st

from components.model_facts import read_model_facts
from components.model_picker import chosen_sample
from components.session import FILE, MODEL_SOURCE_KEY, SAMPLE, ChosenModel, Session
from converter.errors import LiteDriftError
from converter.model_options import DEFAULT_OPTIONS, LARGEST_DIMENSION, ModelOptions
from converter.sample_models import list_samples
from converter.signature import Shape
from converter.uploads import find_upload

MODEL_PARAMETER, DATA_PARAMETER, OPTIONS_PARAMETER = "model", "data", "options"
_MOST_CHARACTERS = 4000
"""Of the options in an address: what is longer is not kept there, and not read."""


def sync_choice_with_address(session: Session) -> None:
    """Take up what the address names where nothing is in hand yet, else write it there."""
    if session.model is None:
        _take_up(session)
    write_choice(session)


def write_choice(session: Session) -> None:
    """Write the choice into the address."""
    model = session.model
    if model is None:
        return
    st.query_params[MODEL_PARAMETER] = model.sample or model.sha256
    if session.uploaded_data is not None:
        st.query_params[DATA_PARAMETER] = session.uploaded_data.sha256
    options = format_options(model.options)
    if options and len(options) <= _MOST_CHARACTERS:
        st.query_params[OPTIONS_PARAMETER] = options
    elif OPTIONS_PARAMETER in st.query_params:
        del st.query_params[OPTIONS_PARAMETER]


def format_options(options: ModelOptions) -> str:
    """Return options as the shortest JSON, empty where every choice is left to the file.

    What a run is asked on the Convert page (`unroll`) is no part of it.
    """
    values = replace(options, unroll=False).to_json()
    chosen = {name: value for name, value in values.items() if value}
    return json.dumps(chosen, separators=(",", ":")) if chosen else ""


def parse_options(text: str) -> ModelOptions:
    """Read `format_options`'s form; what is anything else is left to the file."""
    if not text or len(text) > _MOST_CHARACTERS:
        return DEFAULT_OPTIONS
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return DEFAULT_OPTIONS
    if not isinstance(values, dict):
        return DEFAULT_OPTIONS
    signature = values.get("signature")
    return ModelOptions(
        signature=signature if _is_name(signature) else None,
        input_tensors=_names(values.get("input_tensors")),
        output_tensors=_names(values.get("output_tensors")),
        dimensions=_dimensions(values.get("dimensions")),
    )


def _names(value: object) -> tuple[str, ...]:
    found = value if isinstance(value, list) else []
    return tuple(dict.fromkeys(name for name in found if _is_name(name)))


def _is_name(value: object) -> TypeGuard[str]:
    # Half a character, which JSON can spell, is no text that a file could hold.
    return (isinstance(value, str) and bool(value.strip())
            and not any("\ud800" <= character <= "\udfff" for character in value))


def _dimensions(value: object) -> tuple[tuple[str, Shape], ...]:
    found = {}
    for entry in value if isinstance(value, list) else []:
        if not (isinstance(entry, list) and len(entry) == 2):
            continue
        name, shape = entry
        if _is_name(name) and isinstance(shape, list) and all(map(_is_size, shape)):
            found[name] = tuple(shape)
    return tuple(found.items())


def _is_size(value: object) -> bool:
    # `True` is an int to Python, and no size.
    return value is None or (type(value) is int and 1 <= value <= LARGEST_DIMENSION)


def _take_up(session: Session) -> None:
    data = find_upload(st.query_params.get(DATA_PARAMETER, ""))
    if data is not None:
        session.choose_data_file(data)
    wanted = st.query_params.get(MODEL_PARAMETER, "")
    options = parse_options(st.query_params.get(OPTIONS_PARAMETER, ""))
    sample = next((sample for sample in list_samples() if sample.name == wanted), None)
    upload = find_upload(wanted) if sample is None else None
    if sample is not None:
        session.choose_model(_with_options(chosen_sample(sample), options))
        st.session_state[MODEL_SOURCE_KEY] = SAMPLE
    elif upload is not None:
        model = ChosenModel(path=upload.path, name=upload.name, sha256=upload.sha256)
        session.choose_model(_with_options(model, options))
        st.session_state[MODEL_SOURCE_KEY] = FILE


def _with_options(model: ChosenModel, options: ModelOptions) -> ChosenModel:
    """Return the model read as the address says, or as the file says where that does not fit."""
    if options == DEFAULT_OPTIONS:
        return model
    chosen = replace(model, options=options)
    try:
        read_model_facts(chosen)
    except LiteDriftError:
        return model
    return chosen
