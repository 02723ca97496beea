"""Choosing a model: one click on a sample, or an upload that is copied to disk at once."""

from __future__ import annotations

import re

import streamlit as st

from components.format import format_bytes, format_error, format_percent, shorten
from components.plain_text import choice_label, code_span, escape_markdown, show_error
from components.session import FILE, MODEL_SOURCE_KEY, SAMPLE, ChosenModel, Session, widget_key
from components.upload_intake import take_folder, take_upload
from converter.errors import LiteDriftError
from converter.limits import current_limits
from converter.sample_models import SampleModel, list_samples
from converter.uploads import StoredFile

_SOURCES = {
    SAMPLE: f":material/collections_bookmark: {choice_label('Sample models')}",
    FILE: f":material/upload: {choice_label('Your file')}",
}
_TASK_ICONS = {"classification": ":material/category:", "regression": ":material/show_chart:"}
UPLOAD_HINT = "`.keras`, `.h5`, a zipped SavedModel, a frozen `.pb`, or a `.tflite`"


def pick_model(session: Session) -> ChosenModel | None:
    """Ask for a model and return the one in hand."""
    model = session.model
    st.session_state.setdefault(
        MODEL_SOURCE_KEY, FILE if model is not None and model.sample is None else SAMPLE
    )
    source = st.segmented_control(
        "Where the model comes from", list(_SOURCES), format_func=_SOURCES.__getitem__,
        key=MODEL_SOURCE_KEY, required=True, label_visibility="collapsed",
        persist_state="session",
    )
    if source == FILE:
        _render_upload(session)
    else:
        _render_gallery(session)
    return session.model


def sample_metric(card: dict[str, object]) -> str:
    """Return a card's metric in a few words, such as `98.9 % accuracy`."""
    metric = card.get("metric")
    if not isinstance(metric, dict) or "value" not in metric:
        return ""
    name = re.sub(r"\s*\(.*?\)", "", str(metric.get("name", ""))).replace("_", " ")
    value = float(metric["value"])
    is_share = "accuracy" in name.lower() and 0 <= value <= 1
    return f"{format_percent(value) if is_share else format_error(value)} {name}".strip()


def first_sentence(text: str) -> str:
    """Return a text up to its first full stop, colon or semicolon that ends a clause."""
    return re.split(r"(?<=[.;:])\s", text, maxsplit=1)[0].rstrip(";:").rstrip(".") + "."


def short_origin(card: dict[str, object]) -> str:
    """Return the data set's name out of a card's full citation."""
    return re.split(r"\s*[(,;]", str(card.get("origin", "")), maxsplit=1)[0].strip()


def _about(sample: SampleModel) -> str:
    card = sample.card
    parts = [sample.description, f"Data: {card.get('origin', '')}", str(card.get("licence", ""))]
    return "\n\n".join(escape_markdown(part) for part in parts if part)


def _render_gallery(session: Session) -> None:
    samples = list_samples()
    if not samples:
        st.info("No sample models are installed; upload a model of your own.",
                icon=":material/info:")
        return
    with st.grid(3, min_column_width=260, gap="small"):
        for sample in samples:
            _render_card(session, sample)


def _render_card(session: Session, sample: SampleModel) -> None:
    chosen = session.model is not None and session.model.sample == sample.name
    card = sample.card
    with st.container(border=True, height="stretch", gap="xsmall"):
        icon = next((i for word, i in _TASK_ICONS.items() if word in sample.task.lower()),
                    ":material/deployed_code:")
        st.badge(escape_markdown(sample.task), icon=icon, color="gray")
        st.markdown(f"**{escape_markdown(sample.title)}**")
        st.caption(escape_markdown(first_sentence(sample.description)), help=_about(sample))
        facts = [sample_metric(card), format_bytes(card.get("size_bytes"))]
        line = escape_markdown(" · ".join(fact for fact in facts if fact))
        st.markdown(f":small[{line}]", wrap=False, width="stretch")
        st.caption(f":material/database: {escape_markdown(short_origin(card))}", wrap=False,
                   width="stretch")
        st.space("stretch")
        st.button(
            "Chosen" if chosen else "Use this model", width="stretch",
            key=widget_key("model", f"sample.{sample.name}"),
            icon=":material/check_circle:" if chosen else None,
            type="primary" if chosen else "secondary",
            on_click=session.choose_model, args=(chosen_sample(sample),),
        )


def chosen_sample(sample: SampleModel) -> ChosenModel:
    """Return a sample with its own data, as a model in hand."""
    data = StoredFile(
        sample.data_path, sample.data_path.name, f"data of {sample.name} {sample.card['sha256']}",
        sample.data_path.stat().st_size,
    )
    return ChosenModel(
        path=sample.model_path, name=sample.model_path.name,
        sha256=str(sample.card.get("sha256", sample.name)), sample=sample.name, sample_data=data,
    )


def _render_upload(session: Session) -> None:
    is_folder = st.toggle(
        "A SavedModel folder, not a file", key=widget_key("model", "is_folder"),
        persist_state="session",
    )
    try:
        has_upload = _take_folder(session) if is_folder else _take_file(session)
    except LiteDriftError as error:
        session.forget_upload("folder" if is_folder else "model")
        show_error(error)
        has_upload = False
    model = session.model
    if not has_upload and model is not None and model.sample is None:
        st.markdown(f":material/check_circle: In use: {code_span(shorten(model.name, 80))}")


def _take_file(session: Session) -> bool:
    """Show the uploader for one file and keep what arrives; True while it shows a file."""
    # No `type=`: a file of another kind gets our own sentence, which says what was found.
    upload = st.file_uploader(
        f"Model file: {UPLOAD_HINT}", key=widget_key("model", "upload"),
    )
    if upload is not None and session.is_new_upload("model", upload.file_id):
        _choose(session, take_upload(upload))
    return upload is not None


def _take_folder(session: Session) -> bool:
    """Show the uploader for a folder and keep what arrives; True while it shows one."""
    most = format_bytes(current_limits().upload_bytes)
    uploads = st.file_uploader(
        f"SavedModel folder: the one that holds `saved_model.pb`, up to {most} in all",
        accept_multiple_files="directory", key=widget_key("model", "folder"),
    )
    # The browser sends the files one by one: a folder is new when its last file is.
    arrived = ",".join(sorted(upload.file_id for upload in uploads))
    if uploads and session.is_new_upload("folder", arrived):
        _choose(session, take_folder(uploads))
    return bool(uploads)


def _choose(session: Session, stored: StoredFile) -> None:
    session.choose_model(ChosenModel(path=stored.path, name=stored.name, sha256=stored.sha256))
