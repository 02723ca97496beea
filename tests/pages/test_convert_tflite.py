"""The Convert page where a `.tflite` is in hand, and files of a person's own beside a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.format import format_bytes
from components.session import DATA_SOURCE_KEY, ChosenModel, widget_key
from converter.model_file import file_sha256
from converter.recipe import (
    AS_GIVEN,
    FURTHER_PRESETS,
    PRESETS,
    SELECT_TF_PRESET,
    TFLITE_DEFAULTS,
    TFLITE_PRESETS,
)
from tests.converter.example_tflites import as_int8, write_classifier
from tests.pages.synthetic import write_run

HOSTILE = "../../My <b>net</b> **x** :tada:.tflite"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tflites")
    float_file = write_classifier(folder / "float.tflite")
    return {"float": float_file, "int8": as_int8(float_file, folder / "int8.tflite")}


@pytest.fixture
def open_convert(app):
    """Return a function that opens the Convert page with a model in hand."""

    def _open(path, name=None):
        app.run()
        sha256 = file_sha256(path) if path.is_file() else "ab" * 32
        app.session_state["litedrift.model"] = ChosenModel(
            path=path, name=name or path.name, sha256=sha256
        )
        app.session_state[DATA_SOURCE_KEY] = "random"
        return app.switch_page("pages/convert.py").run()

    return _open


@pytest.fixture
def started(monkeypatch, home):
    """What was asked of the run store."""
    requests = []

    def start(request, owner):
        requests.append(request)
        write_run(home, "abc123")
        return "abc123"

    monkeypatch.setattr("components.run_starter.start_run", start)
    return requests


def presets(app):
    return {t.key.rsplit(".", 1)[1]: t.value for t in app.toggle if ".preset." in t.key}


def start_button(app):
    return app.button(key=widget_key("convert", "start"))


def give(app, name, content, number=0):
    app.file_uploader(key=widget_key("convert", f"given.{number}")).upload(name, content)
    return app.run()


def shown(app):
    texts = [*app.markdown, *app.caption, *app.info, *app.warning, *app.error]
    return " ".join(text.value.replace("\\", "") for text in texts)


class TestFloatTflite:
    def test_offers_what_litert_quantizer_makes(self, open_convert, files):
        app = open_convert(files["float"])
        assert not app.exception
        found = presets(app)
        assert list(found) == [*TFLITE_PRESETS, *FURTHER_PRESETS]
        assert {name for name, on in found.items() if on} == {*TFLITE_DEFAULTS}
        assert "drift is held against the file itself" in shown(app)

    def test_asks_for_what_is_switched_on(self, open_convert, files, started):
        app = open_convert(files["float"])
        app.toggle(key=widget_key("convert", "preset.int8x4")).set_value(True).run()
        start_button(app).click().run()
        assert not app.exception
        assert [r.name for r in started[0].recipes] == [*TFLITE_DEFAULTS, "int8x4"]

    def test_a_custom_recipe_can_have_four_bits(self, open_convert, files, started):
        app = open_convert(files["float"])
        app.selectbox(key=widget_key("convert", "custom.weight_bits")).set_value(4).run()
        app.button(key=widget_key("convert", "add_custom")).click().run()
        start_button(app).click().run()
        assert started[0].recipes[-1].weight_bits == 4

    def test_what_needs_the_tensorflow_model_is_refused_in_the_form(self, open_convert, files):
        app = open_convert(files["float"])
        app.session_state[widget_key("convert", "custom.allow_custom_ops")] = True
        app.run()
        assert app.button(key=widget_key("convert", "add_custom")).disabled
        assert "custom ops allowed can only be had from the TensorFlow model" in shown(app)

    def test_a_custom_recipe_of_another_model_is_left_out_with_its_reason(
        self, open_convert, files, started, app
    ):
        app.run()
        app.session_state["litedrift.custom_recipes"] = [SELECT_TF_PRESET]
        app = open_convert(files["float"])
        assert "Left out" in shown(app)
        start_button(app).click().run()
        assert SELECT_TF_PRESET not in started[0].recipes


class TestQuantizedTflite:
    def test_offers_no_recipe_and_says_why(self, open_convert, files, started):
        app = open_convert(files["int8"])
        assert presets(app) == {}
        assert "quantized already (int8)" in shown(app)
        assert start_button(app).label == "Measure this file"
        start_button(app).click().run()
        assert started[0].recipes == (AS_GIVEN,)

    def test_can_be_compared_with_other_files(self, open_convert, files, started):
        app = give(open_convert(files["int8"]), "mine.tflite", files["float"].read_bytes())
        assert start_button(app).label == "Compare it with 1 file"
        start_button(app).click().run()
        assert [file.name for file in started[0].given_variants] == ["mine.tflite"]


class TestFilesOfOnesOwn:
    @pytest.fixture
    def convert(self, open_convert):
        return open_convert(Path("/nowhere/net.keras"))

    def test_an_upload_is_kept_on_disk_and_asked_for(self, convert, files, started, home):
        content = files["float"].read_bytes()
        app = give(convert, HOSTILE, content)
        assert not app.exception
        (stored,) = (home / "uploads").iterdir()
        assert stored.read_bytes() == content
        assert start_button(app).label == f"Convert and compare {len(PRESETS) + 1} variants"
        start_button(app).click().run()
        (given,) = started[0].given_variants
        assert (given.path, given.name, given.sha256) == (stored, HOSTILE, stored.stem)

    def test_it_is_shown_with_name_size_and_hash_as_text(self, convert, files):
        app = give(convert, HOSTILE, files["float"].read_bytes())
        sha256 = file_sha256(files["float"])
        assert f"`{HOSTILE}`" in shown(app)
        size = format_bytes(files["float"].stat().st_size)
        assert f"{size} · SHA-256 {sha256[:8]}" in shown(app)
        assert "**b_x_tada**" in shown(app)
        assert not any("<b>" in markdown.value.replace(f"`{HOSTILE}`", "")
                       for markdown in app.markdown)

    def test_several_are_added_and_one_is_removed(self, convert, files, started):
        app = give(convert, "one.tflite", files["float"].read_bytes())
        app = give(app, "two.tflite", files["int8"].read_bytes(), number=1)
        key = widget_key("convert", f"remove_given.{file_sha256(files['float'])}")
        app.button(key=key).click().run()
        start_button(app).click().run()
        assert [file.name for file in started[0].given_variants] == ["two.tflite"]

    def test_the_same_content_is_not_added_twice(self, convert, files):
        app = give(convert, "one.tflite", files["float"].read_bytes())
        app = give(app, "again.tflite", files["float"].read_bytes(), number=1)
        assert not app.exception
        assert "in the list already" in shown(app)
        assert len(app.session_state["litedrift.given_files"]) == 1

    def test_they_alone_are_enough(self, convert, files, started):
        app = give(convert, "one.tflite", files["float"].read_bytes())
        for name in PRESETS:
            app.toggle(key=widget_key("convert", f"preset.{name}")).set_value(False)
        app.run()
        assert start_button(app).label == "Compare 1 variant"
        start_button(app).click().run()
        assert started[0].recipes == ()

    def test_a_full_disk_is_one_sentence(self, convert, files, monkeypatch):
        from converter.errors import StoreError

        def refuse(upload):
            raise StoreError("one.tflite: the upload could not be kept (No space left).")

        monkeypatch.setattr("components.given_files.take_upload", refuse)
        app = give(convert, "one.tflite", b"x")
        assert not app.exception
        assert "No space left" in app.error[0].value
