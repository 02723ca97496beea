"""The model and the data in hand, kept in the address: a refresh or a link finds them again."""

from __future__ import annotations

import streamlit as st

from components.model_picker import chosen_sample
from components.session import FILE, MODEL_SOURCE_KEY, SAMPLE, ChosenModel, Session
from converter.run_store import find_upload
from converter.sample_models import list_samples

MODEL_PARAMETER, DATA_PARAMETER = "model", "data"


def sync_choice_with_address(session: Session) -> None:
    """Take up what the address names where nothing is in hand yet, else write it there."""
    if session.model is None:
        _take_up(session)
    model = session.model
    if model is None:
        return
    st.query_params[MODEL_PARAMETER] = model.sample or model.sha256
    if session.uploaded_data is not None:
        st.query_params[DATA_PARAMETER] = session.uploaded_data.sha256


def _take_up(session: Session) -> None:
    data = find_upload(st.query_params.get(DATA_PARAMETER, ""))
    if data is not None:
        session.choose_data_file(data)
    wanted = st.query_params.get(MODEL_PARAMETER, "")
    sample = next((sample for sample in list_samples() if sample.name == wanted), None)
    if sample is not None:
        session.choose_model(chosen_sample(sample))
        st.session_state[MODEL_SOURCE_KEY] = SAMPLE
        return
    upload = find_upload(wanted)
    if upload is not None:
        session.choose_model(
            ChosenModel(path=upload.path, name=upload.name, sha256=upload.sha256)
        )
        st.session_state[MODEL_SOURCE_KEY] = FILE
