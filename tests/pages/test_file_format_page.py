"""The File format page: empty, on a real small run, and where files are gone or have changed."""

from __future__ import annotations

import time

import pytest

from components.session import RUN_PARAMETER, VARIANT_PARAMETER
from converter import __main__ as command_line
from converter import run_store
from converter.bundle import bundle_run_folder
from converter.bundle_import import import_bundle
from converter.child_process import PROJECT_ROOT
from converter.graph_nodes import GRAPH_FILE, load_nodes
from converter.recipe import PRESETS
from converter.request import RunRequest
from tests.converter.example_tflites import write_classifier
from tests.pages.synthetic import make_comparison, make_hard_case, write_run


def open_page(app, run_id=None, **parameters):
    app.run()
    if run_id is not None:
        app.query_params[RUN_PARAMETER] = run_id
    for name, value in parameters.items():
        app.query_params[name] = value
    return app.switch_page("pages/file_format.py").run()


def html(app):
    return "".join(block.proto.body for block in app.get("html"))


@pytest.fixture
def finished(app, tmp_path):
    """A finished run from a small `.tflite`, and the file."""
    path = write_classifier(tmp_path / "net.tflite")
    run_id = run_store.start_run(RunRequest(
        model_path=path, model_name="<b>net</b>.tflite", samples=4, calibration_samples=2, runs=1,
        recipes=(PRESETS["float16"], PRESETS["int8"]),
    ))  # fmt: skip
    end = time.monotonic() + 90
    while run_store.follow_run(run_id).is_active:
        assert time.monotonic() < end
        time.sleep(0.03)
    return run_id, path


def test_without_a_run_it_leads_to_a_model(app):
    open_page(app)
    assert not app.exception
    assert app.header[0].value == "Nothing to compare yet"


def test_files_that_are_gone_or_damaged_are_told(app, home):
    for number, make in enumerate((make_comparison, make_hard_case)):
        write_run(home, f"r{number}", *make())
        open_page(app, f"r{number}")
        assert not app.exception
        told = [each.value for each in app.info]
        assert any("The original file is gone" in text for text in told)
        assert any("operations are not kept" in text for text in told)
        assert len(app.error) == 1  # the variant of a made-up run is no whole file


def test_a_run_shows_both_files_and_what_became_of_each_operation(app, finished):
    run_id, path = finished
    open_page(app, run_id, **{VARIANT_PARAMETER: "int8"})
    assert not app.exception
    assert not app.error
    assert {"The original file", "The .tflite file", "What the bytes are for"} <= {
        card.value for card in app.subheader
    }
    content = html(app)
    assert "&lt;b&gt;net&lt;/b&gt;.tflite" in content
    assert "<b>net" not in content
    size = run_store.run_files(run_id)["int8.tflite"].stat().st_size
    captions = " ".join(each.value for each in app.caption)
    assert f"{path.stat().st_size:,} bytes" in captions
    assert f"{size:,} bytes" in captions
    assert "2 added" in content  # QUANTIZE at the beginning, DEQUANTIZE at the end
    assert "float32 → int8" in content
    assert app.query_params[VARIANT_PARAMETER] in ("int8", ["int8"])


def test_an_original_that_has_changed_is_not_taken_for_what_it_was(app, finished):
    run_id, path = finished
    path.write_bytes(path.read_bytes() + bytes(16))
    open_page(app, run_id)
    assert not app.exception
    assert "has changed since the run" in app.warning[0].value
    titles = {card.value for card in app.subheader}
    assert "The .tflite file" in titles
    assert "The original file" not in titles


def test_a_run_from_a_bundle_shows_the_graph_of_tensorflow(app, home, tmp_path, monkeypatch):
    """Another installation ran a Keras model; here only its bundle is known."""
    sample = PROJECT_ROOT / "sample_models" / "digits_cnn" / "digits_cnn.keras"
    code = command_line.main(["run", str(sample), "--recipes", "float32", "--samples", "4",
                              "--runs", "1", "--out", str(tmp_path / "theirs")])  # fmt: skip
    assert code == 0
    bundle_run_folder(tmp_path / "theirs", tmp_path / "theirs.zip")
    kinds = {node.op for node in load_nodes(tmp_path / "theirs" / GRAPH_FILE)}
    run_id = import_bundle(tmp_path / "theirs.zip", "theirs.zip")
    open_page(app, run_id, **{VARIANT_PARAMETER: "float32"})
    assert not app.exception
    assert not any("operations are not kept" in each.value for each in app.info)
    assert {"Conv2D", "MatMul"} <= kinds
    assert "Conv2D" in html(app)  # the original's side
    assert "CONV_2D" in html(app)  # the variant's
