"""The Model size page: a finished run taken apart, and what it says where there is none."""

from __future__ import annotations

import pytest

from components.format import TIMES
from components.session import RUN_PARAMETER, VARIANT_PARAMETER, widget_key
from converter.run_store import run_files
from converter.size_steps import size_steps
from converter.tflite_size_anatomy import read_size_anatomy
from tests.converter.example_tflites import write_classifier
from tests.pages import synthetic
from tests.pages.synthetic import make_comparison, write_run

HOSTILE = "<b>x</b> *y* :tada: [z](http://e.com)"


def open_page(app, run_id, **address):
    app.query_params[RUN_PARAMETER] = run_id
    app.run()
    app.query_params[RUN_PARAMETER] = run_id
    for name, value in address.items():
        app.query_params[name] = value
    return app.switch_page("pages/model_size.py").run()


@pytest.fixture
def sized_run(home, tmp_path, monkeypatch):
    """A finished run all of whose variants are one real file, with its true size."""
    content = write_classifier(tmp_path / "net.tflite", names=(HOSTILE, "scores")).read_bytes()
    comparison, samples = make_comparison(f"{HOSTILE}.keras")
    for variant in comparison.variants:
        variant.size_bytes = len(content)
    keep = synthetic.keep_file

    def keep_real(run_id, path):
        if path.suffix == ".tflite":
            path.write_bytes(content)
        keep(run_id, path)

    monkeypatch.setattr(synthetic, "keep_file", keep_real)
    write_run(home, "r1", comparison, samples)
    return comparison


def test_without_a_run_it_leads_to_a_model(app):
    app.run()
    app.switch_page("pages/model_size.py").run()
    assert not app.exception
    assert app.title[0].value == "Model size"
    assert app.header[0].value == "Nothing to compare yet"


def test_a_finished_run_is_taken_apart(app, sized_run):
    open_page(app, "r1", **{VARIANT_PARAMETER: "float16"})
    assert not app.exception
    assert not app.error
    assert app.query_params[VARIANT_PARAMETER] == "float16"
    anatomy = read_size_anatomy(run_files("r1")["float16.tflite"])
    assert app.header[0].value.startswith("Where did the bytes go")
    assert any("weights are stored in float32" in item.value for item in app.markdown)
    cards = [card.value for card in app.subheader]
    assert cards == ["From the original's file to this one", "What the file holds, by layer",
                     "Predicted and actual"]  # fmt: skip
    steps, parts, _ = (frame.value for frame in app.dataframe)
    assert steps["After it (bytes)"].iloc[-1] == anatomy.size_bytes
    assert steps["After it (bytes)"].iloc[0] == sized_run.model.size_bytes
    assert parts["Bytes"].sum() == anatomy.size_bytes
    assert f"serving_default_{HOSTILE}:0" in set(parts["Layer"])  # in a table, all is text


def test_the_chart_can_begin_with_a_later_amount(app, sized_run):
    open_page(app, "r1", **{VARIANT_PARAMETER: "int8"})
    start = app.segmented_control(key=widget_key("size", "start.int8"))
    # The file's weights are float32, which save nothing: they are no amount of their own.
    assert start.options == [":gray[Original file]", ":gray[Its parameters]",
                             ":gray[Weights in float32]"]  # fmt: skip
    places = {step.what: place for place, step in enumerate(steps_of(sized_run))}
    start.set_value(places["float32"]).run()
    assert not app.exception
    assert app.segmented_control(key=widget_key("size", "start.int8")).value == places["float32"]


def steps_of(comparison):
    return size_steps(comparison.model, read_size_anatomy(run_files("r1")["int8.tflite"]))


def test_another_variant_is_taken_up_in_the_address(app, sized_run):
    open_page(app, "r1")
    app.segmented_control(
        key=widget_key("compare", f"variant.{sized_run.created}")
    ).set_value("int16x8").run()
    assert not app.exception
    assert app.query_params[VARIANT_PARAMETER] == "int16x8"


def test_the_prediction_is_shown_beside_the_actual_size(app, sized_run):
    open_page(app, "r1")
    table = app.dataframe[-1].value
    row = table[table["Variant"] == "int8"].iloc[0]
    size = sized_run.variant("int8").size_bytes
    assert row["Predicted"].replace("\N{NO-BREAK SPACE}", " ") == f"102,762 {TIMES} 1 B = 103 kB"
    assert row["Error"].startswith(f"\N{MINUS SIGN}{100 * (1 - size / 102_762):.1f}")


def test_names_of_others_are_text_in_the_title(app, sized_run):
    open_page(app, "r1")
    assert app.title[0].value.startswith("Size of `")


def test_a_file_that_cannot_be_read_is_said_and_the_prediction_still_shown(app, home):
    write_run(home, "r1", *make_comparison(HOSTILE))
    open_page(app, "r1", **{VARIANT_PARAMETER: "int8"})
    assert not app.exception
    assert "expected" in app.error[0].value
    assert [card.value for card in app.subheader] == ["Predicted and actual"]


def test_a_run_without_a_converted_variant(app, home):
    comparison, samples = make_comparison()
    for variant in list(comparison.variants):
        synthetic.fail(comparison, variant.recipe, "it failed")
    write_run(home, "r1", comparison, samples)
    open_page(app, "r1")
    assert not app.exception
    assert "No variant of this run was converted" in app.info[0].value
