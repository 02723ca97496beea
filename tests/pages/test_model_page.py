"""The Model page: samples, uploads, data, and what it says of files that cannot be used."""

from __future__ import annotations

import io

import numpy as np
import pytest

from components.session import DATA_SOURCE_KEY, MODEL_SOURCE_KEY, widget_key
from converter.errors import DataError, ModelFileError
from converter.sample_models import list_samples

FACTS = {
    "name": "net.keras", "format": "keras", "sha256": "ab" * 32, "size_bytes": 2_000_000,
    "size_without_optimizer_bytes": 700_000, "optimizer_bytes": 1_300_000, "parameters": 160_298,
    "parameter_bytes": 641_192, "details": {}, "notes": ["A note with *stars*."],
    "inputs": [{"name": "scan", "shape": [None, 8, 8, 1], "dtype": "float32"}],
    "outputs": [{"name": "digit", "shape": [None, 10], "dtype": None}],
}
DATA_FACTS = {
    "samples": 540, "labelled": True, "label_names": ["y"], "notes": [],
    "inputs": [{"name": "scan", "shape": [540, 8, 8, 1], "dtype": "float32", "min": 0.0,
                "max": 1.0, "mean": 0.3}],
}


@pytest.fixture
def readers(monkeypatch):
    monkeypatch.setattr("components.model_facts.inspect_model_file",
                        lambda path, name, options: {**FACTS, "name": name})
    monkeypatch.setattr("components.data_facts.inspect_data_file",
                        lambda path, name, model, options: DATA_FACTS)
    return monkeypatch


def npz_bytes() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, x=np.zeros((3, 8, 8, 1), np.float32))
    return buffer.getvalue()


def upload_model(app, name="my_net.keras", content=b"PK\x03\x04 model"):
    app.run()
    app.session_state[MODEL_SOURCE_KEY] = "file"
    app.run()
    app.file_uploader(key=widget_key("model", "upload")).upload(name, content)
    return app.run()


def messages(elements):
    return " ".join(element.value.replace("\\", "") for element in elements)


def test_first_visit_offers_samples_and_asks_for_nothing_else(app):
    app.run()
    assert not app.exception
    assert app.title[0].value == "Bring a model"
    offers = [button for button in app.button if button.label == "Use this model"]
    assert len(offers) == len(list_samples()) > 0
    assert widget_key("model", "next") not in {button.key for button in app.button}


def test_one_click_takes_a_sample_with_its_own_data(app):
    """Not faked: the bundled file is read by the real child process."""
    sample = next(s for s in list_samples() if s.name == "digits_cnn")
    app.run()
    app.button(key=widget_key("model", "sample.digits_cnn")).click().run()
    assert not app.exception
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Parameters"] == f"{sample.card['parameters'] / 1000:.0f} k"
    assert metrics["Samples"] == "540"
    assert metrics["On disk"] != metrics["Compared"]
    assert app.session_state[DATA_SOURCE_KEY] == "sample"
    assert not app.button(key=widget_key("model", "next")).disabled


def test_an_upload_survives_a_page_switch(app, readers, home):
    upload_model(app)
    assert not app.exception
    assert [path.suffix for path in (home / "uploads").iterdir()] == [".keras"]
    app.switch_page("pages/convert.py").run()
    app.switch_page("pages/model.py").run()
    assert not app.exception
    assert any("In use" in text.value and "my_net.keras" in text.value for text in app.markdown)
    assert {metric.label: metric.value for metric in app.metric}["Compared"] == "700 kB"


def test_random_data_carries_a_warning(app, readers):
    upload_model(app)
    assert app.session_state[DATA_SOURCE_KEY] == "random"
    assert "says little about real inputs" in messages(app.warning)
    assert not app.button(key=widget_key("model", "next")).disabled


def test_missing_data_closes_the_way_on_with_its_reason(app, readers):
    upload_model(app)
    app.session_state[DATA_SOURCE_KEY] = "file"
    app.run()
    assert app.button(key=widget_key("model", "next")).disabled
    assert "Upload data, or choose random samples." in messages(app.caption)


def test_data_that_does_not_fit_is_one_sentence(app, readers):
    def refuse(path, name, model, options):
        raise DataError("d.npz: expected x of shape (samples, 8, 8, 1), found (3, 7, 7, 1).")

    readers.setattr("components.data_facts.inspect_data_file", refuse)
    upload_model(app)
    app.session_state[DATA_SOURCE_KEY] = "file"
    app.run()
    app.file_uploader(key=widget_key("model", "data_upload")).upload("d.npz", npz_bytes())
    app.run()
    assert not app.exception
    assert messages(app.error) == (
        "d.npz: expected x of shape (samples, 8, 8, 1), found (3, 7, 7, 1)."
    )
    assert app.button(key=widget_key("model", "next")).disabled


def test_a_csv_asks_for_its_label_column(app, readers):
    upload_model(app)
    app.session_state[DATA_SOURCE_KEY] = "file"
    app.run()
    app.file_uploader(key=widget_key("model", "data_upload")).upload("t.csv", b"a,b,kind\n1,2,0\n")
    app.run()
    box = next(box for box in app.selectbox if box.label == "Label column")
    assert list(box.options) == ["automatic", "a", "b", "kind"]
    box.select("kind").run()
    assert not app.exception
    assert app.session_state["litedrift.data_options"].label_column == "kind"


@pytest.mark.parametrize("name", ["<b>net</b>.keras", "*net* :tada: [x](http://e.com).keras"])
def test_a_file_that_is_no_model_is_one_plain_sentence(app, readers, name):
    def refuse(path, shown, options):
        raise ModelFileError(f"{shown}: expected a .keras file, found other content.")

    readers.setattr("components.model_facts.inspect_model_file", refuse)
    upload_model(app, name, b"hello")
    assert not app.exception
    (error,) = app.error
    assert "<b>" not in error.value
    assert "[x]" not in error.value
    assert error.value.replace("\\", "").replace("\N{WORD JOINER}", "") == (
        f"{name}: expected a .keras file, found other content."
    )
    assert app.session_state["litedrift.model"].name == name, "the upload is not lost"
