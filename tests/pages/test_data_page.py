"""The data's part of the Model page: image options, warnings, charts and pictures."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from components.data_facts import count_samples
from components.session import (
    DATA_SOURCE_KEY,
    FILE,
    RANDOM,
    ChosenData,
    ChosenModel,
    widget_key,
)
from converter.distribution import describe_distribution, describe_fed
from converter.errors import DataError
from converter.uploads import StoredFile
from tests.pages.test_model_page import FACTS, messages, npz_bytes, upload_model


def png():
    stream = io.BytesIO()
    Image.fromarray(np.full((9, 9, 3), 200, np.uint8)).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def describe(names=("scan",), **changes):
    array = np.linspace(0, 1, 64).reshape(4, 4, 4, 1).astype(np.float32)
    return {
        "samples": 540, "labelled": True, "label_names": ["y"], "notes": [], "warnings": [],
        "labels": [{"name": "y", "kind": "classes", "classes": 10}], "preview": None,
        "split": {"calibration": 100, "evaluation": 440, "seed": 0},
        "inputs": [{"name": name, "shape": [540, 8, 8, 1], "dtype": "float32", "min": 0.0,
                    "max": 1.0, "mean": 0.3} for name in names],
        "distributions": [{"name": name, "file": describe_distribution(array),
                           "fed": describe_fed({name: array})[name]} for name in names],
        **changes,
    }


@pytest.fixture
def show(app, monkeypatch):
    """Return a function that opens the page with such facts of an uploaded file."""
    monkeypatch.setattr("components.model_facts.inspect_model_file",
                        lambda path, name, options: {**FACTS, "name": name})
    asked = []

    def open_with(facts, upload="d.npz"):
        def inspect(path, name, model, options):
            asked.append(options)
            if isinstance(facts, Exception):
                raise facts
            return facts

        monkeypatch.setattr("components.data_facts.inspect_data_file", inspect)
        upload_model(app)
        app.session_state[DATA_SOURCE_KEY] = "file"
        app.run()
        app.file_uploader(key=widget_key("model", "data_upload")).upload(upload, npz_bytes())
        app.run()
        assert not app.exception
        return app

    open_with.asked = asked
    return open_with


def selectbox(app, label):
    return next(box for box in app.selectbox if box.label == label)


def pictures(app):
    return [image for element in app.get("image") for image in element.proto.imgs]


def test_charts_of_the_file_and_of_what_is_fed_stand_under_the_data(show):
    app = show(describe())
    assert "What the model is fed" in [header.value for header in app.header]
    assert len(app.get("plotly_chart")) == 2
    text = messages(app.markdown) + messages(app.caption)
    assert "In the file" in text
    assert "Fed in calibration: 4 samples" in text
    assert "draws 100 samples to calibrate on and 440 others" in text
    assert {metric.label: metric.value for metric in app.metric}["Classes"] == "10"


def test_the_file_is_told_by_its_content(show):
    app = show(describe())
    stored = app.session_state["litedrift.uploaded_data"]
    assert stored.sha256 in [code.value for code in app.code]


def test_random_samples_have_no_charts(show):
    app = show(describe())
    app.session_state[DATA_SOURCE_KEY] = "random"
    app.run()
    assert not app.exception
    assert app.get("plotly_chart") == []
    assert "What the model is fed" not in [header.value for header in app.header]


def test_of_many_inputs_one_is_chosen(show):
    app = show(describe([f"input {n}" for n in range(5)]))
    assert len(app.get("plotly_chart")) == 2
    box = selectbox(app, "Input")
    assert len(box.options) == 5
    box.select(3).run()
    assert not app.exception
    assert "input 3" in messages(app.subheader)


def test_a_warning_is_shown_and_does_not_close_the_way_on(show):
    app = show(describe(warnings=["The labels <b>y</b> fit nothing: give others."]))
    assert messages(app.warning) == "The labels <b>y</b> fit nothing: give others."
    assert not app.button(key=widget_key("model", "next")).disabled


def test_several_warnings_share_one_box(show):
    app = show(describe(warnings=[f"Mistake {n}: do *that*." for n in range(20)]))
    (box,) = app.warning
    assert "Mistake 0" in box.value
    assert "and 8 more" in box.value
    assert r"\*that\*" in box.value


@pytest.mark.parametrize(
    ("labels", "metric"),
    [
        ([{"name": "y", "kind": "classes", "classes": 3}], ("Classes", "3")),
        ([{"name": "y", "kind": "values", "classes": None}], ("Labels", "values")),
        ([{"name": "a", "kind": "classes", "classes": 2},
          {"name": "b", "kind": "values", "classes": None}], ("Sets of labels", "2")),
    ],
)
def test_labels_are_told_by_kind(show, labels, metric):
    app = show(describe(labels=labels))
    assert metric in [(found.label, found.value) for found in app.metric]


class TestImages:
    def test_each_option_reaches_the_reader(self, show):
        app = show(describe(), "photos.zip")
        for label, value in (("Resizing", "crop"), ("Image values", "-1..1"), ("Channels", "BGR")):
            selectbox(app, label).select(value).run()
            assert not app.exception
        chosen = show.asked[-1]
        assert (chosen.image_resize, chosen.image_scale, chosen.channel_order) == (
            "crop", "-1..1", "BGR")
        assert app.session_state["litedrift.data_options"] == chosen

    def test_other_data_is_asked_for_no_image_options(self, show):
        app = show(describe())
        assert "Resizing" not in [box.label for box in app.selectbox]

    def test_pictures_go_to_the_browser_as_they_are_with_the_class_as_text(self, show):
        preview = {"how": "", "pictures": [
            {"sample": 0, "caption": "<b>cat</b> :tada:", "original": png(), "fed": png()},
            {"sample": 1, "caption": "", "original": png(), "fed": png()},
        ]}
        app = show(describe(preview=preview), "photos.zip")
        urls = [image.url for image in pictures(app)]
        assert urls == [f"data:image/png;base64,{png()}"] * 4
        captions = messages(app.caption).replace("\N{WORD JOINER}", "")
        assert "<b>cat</b>" in captions
        assert "sample 2" in captions

    def test_anything_but_a_small_png_is_not_passed_on(self, show):
        contents = [
            "data:text/html,<script>", "/etc/passwd", "https://example.org/x.png", "", None, 5,
            "iVBORw0KGgo", png() + "\n<svg>", "iVBORw0KGgo" + "A" * 300_000,
            base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg'/>").decode(),
        ]
        preview = {"how": "", "pictures": [
            {"sample": n, "caption": "a", "original": content, "fed": content}
            for n, content in enumerate([*contents, png()])]}
        app = show(describe(preview=preview), "photos.zip")
        assert [image.url for image in pictures(app)] == [f"data:image/png;base64,{png()}"] * 2


class TestCount:
    MODEL = ChosenModel(path=None, name="net.keras", sha256="ab" * 32)

    def data(self, tmp_path):
        file = StoredFile(tmp_path / "d.npz", "d.npz", "cd" * 32, 5)
        return ChosenData(source=FILE, file=file)

    @pytest.fixture
    def read(self, monkeypatch, home):
        monkeypatch.setattr("components.model_facts.inspect_model_file",
                            lambda path, name, options: FACTS)
        return lambda answer: monkeypatch.setattr(
            "components.data_facts.inspect_data_file", answer)

    def test_the_samples_of_a_file_are_counted(self, read, tmp_path):
        read(lambda *_: describe())
        assert count_samples(self.MODEL, self.data(tmp_path)) == 540

    def test_random_ones_and_what_does_not_fit_are_not(self, read, tmp_path):
        def refuse(*_):
            raise DataError("d.npz: expected something else.")

        read(refuse)
        assert count_samples(self.MODEL, self.data(tmp_path)) is None
        assert count_samples(self.MODEL, ChosenData(source=RANDOM)) is None
        assert count_samples(self.MODEL, None) is None


def test_the_real_child_describes_a_samples_own_data(app):
    """Not faked: digits are read, drawn and charted."""
    app.run()
    app.button(key=widget_key("model", "sample.digits_cnn")).click().run()
    assert not app.exception
    assert len(app.get("plotly_chart")) == 2
    assert len(pictures(app)) == 8
    assert app.warning == []
