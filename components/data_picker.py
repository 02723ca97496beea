"""Choosing the data by which a model is judged: its own, an upload, or seeded random samples."""

from __future__ import annotations

import streamlit as st

from components.plain_text import choice_label, code_span, show_error, show_warning
from components.session import (
    DATA_SOURCE_KEY,
    FILE,
    RANDOM,
    SAMPLE,
    ChosenData,
    ChosenModel,
    Session,
    widget_key,
)
from components.upload_intake import take_upload
from converter.errors import LiteDriftError
from converter.request import DataOptions
from converter.uploads import StoredFile

_LABELS = {
    SAMPLE: ":material/database: " + choice_label("The sample's own"),
    FILE: f":material/upload: {choice_label('Your file')}",
    RANDOM: f":material/casino: {choice_label('Random')}",
}
RANDOM_WARNING = (
    "Random samples: sizes and latencies will hold, but drift on random data says little about "
    "real inputs, and there is no accuracy. Bring a few hundred real samples if you can."
)
_SCALES = {
    "auto": "automatic", "0..1": "0 to 1", "-1..1": "\N{MINUS SIGN}1 to 1", "0..255": "0 to 255",
    "imagenet": "ImageNet mean and deviation", "imagenet-caffe": "0 to 255 less ImageNet mean",
}
_RESIZES = {"stretch": "stretch", "crop": "crop the middle", "pad": "fit in, pad with black"}
_ORDERS = {"auto": "automatic", "RGB": "RGB", "BGR": "BGR"}
_MOST_COLUMNS = 1000
_AUTO_LABEL = "automatic"


def pick_data(session: Session, model: ChosenModel) -> ChosenData | None:
    """Ask for the data and return what was chosen; None while an upload is missing."""
    sources = [SAMPLE, FILE, RANDOM] if model.sample_data else [FILE, RANDOM]
    if st.session_state.get(DATA_SOURCE_KEY) not in sources:
        st.session_state[DATA_SOURCE_KEY] = sources[0]
    source = st.segmented_control(
        "Where the samples come from", sources, format_func=_LABELS.__getitem__,
        key=DATA_SOURCE_KEY, required=True, label_visibility="collapsed",
        persist_state="session",
    )
    if source == RANDOM:
        show_warning(RANDOM_WARNING)
    elif source == FILE:
        _render_upload(session)
    return session.data


def label_columns(file: StoredFile) -> list[str]:
    """Return the columns of an uploaded CSV that may hold the labels, as the run will read them."""
    from converter.csv_table import read_columns  # pandas: only where there is a table

    try:
        return read_columns(file.path, file.name)[:_MOST_COLUMNS]
    except LiteDriftError:
        return []  # the check of the data tells what is wrong with it


def _render_upload(session: Session) -> None:
    upload = st.file_uploader(
        "Data file: `.npz` with `x` and optional `y`, `.npy`, `.csv`, or a zip of images",
        key=widget_key("model", "data_upload"),
    )
    if upload is not None and session.is_new_upload("data", upload.file_id):
        try:
            session.choose_data_file(take_upload(upload))
        except LiteDriftError as error:
            show_error(error)
            return
    file = session.uploaded_data
    if file is None:
        return
    if upload is None:
        st.markdown(f":material/check_circle: In use: {code_span(file.name)}")
    session.data_options = _ask_options(file, session.data_options)


def _ask_options(file: StoredFile, current: DataOptions) -> DataOptions:
    suffix = file.path.suffix
    if suffix == ".csv":
        columns = [_AUTO_LABEL, *label_columns(file)]
        # The key holds the file's hash: another file begins with its own columns.
        column = st.selectbox(
            "Label column", columns, key=widget_key("model", f"label.{file.sha256[:12]}"),
            index=columns.index(current.label_column) if current.label_column in columns else 0,
            help="The column that holds the right answer; automatic takes one named like a "
            "label, or the one that the model's input leaves over.",
        )
        return DataOptions(label_column=None if column == _AUTO_LABEL else column)
    if suffix == ".zip":
        return _ask_image_options(file, current)
    return DataOptions()


def _ask_image_options(file: StoredFile, current: DataOptions) -> DataOptions:
    """Ask how images are to be brought into the model's form; its size decides the rest."""
    with st.grid(3, min_column_width=170, gap="small"):
        resize = _choose("Resizing", "resize", file, _RESIZES, current.image_resize,
                         "Of images whose size is not the model's. Bilinear in each case.")
        scale = _choose("Image values", "scale", file, _SCALES, current.image_scale,
                        "The range that the model was trained on; automatic looks whether the "
                        "model rescales by itself.")
        order = _choose("Channels", "order", file, _ORDERS, current.channel_order,
                        "In which order the model takes colours: BGR for models trained with "
                        "OpenCV or Caffe.")
    return DataOptions(image_scale=scale, image_resize=resize, channel_order=order)


def _choose(
    label: str, name: str, file: StoredFile, labels: dict[str, str], current: str, text: str
) -> str:
    options = list(labels)
    chosen = st.selectbox(
        label, options, index=options.index(current) if current in options else 0,
        format_func=labels.__getitem__, key=widget_key("model", f"{name}.{file.sha256[:12]}"),
        help=text,
    )
    return chosen or options[0]
