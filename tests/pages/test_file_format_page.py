"""The File format page: empty, on a real small run, and where files are gone."""

from __future__ import annotations

import time

from components.session import RUN_PARAMETER
from converter import run_store
from converter.recipe import PRESETS
from converter.request import RunRequest
from tests.converter.example_tflites import write_classifier
from tests.pages.synthetic import make_comparison, make_hard_case, write_run


def open_page(app, run_id=None):
    app.run()
    if run_id is not None:
        app.query_params[RUN_PARAMETER] = run_id
    return app.switch_page("pages/file_format.py").run()


def test_without_a_run_it_leads_to_a_model(app):
    open_page(app)
    assert not app.exception
    assert app.header[0].value == "Nothing to compare yet"


def test_files_that_are_gone_or_damaged_are_told(app, home):
    for number, make in enumerate((make_comparison, make_hard_case)):
        write_run(home, f"r{number}", *make())
        open_page(app, f"r{number}")
        assert not app.exception
        assert any("not kept with this run" in each.value for each in app.info)


def test_a_run_shows_both_files_and_what_became_of_each_part(app, tmp_path):
    run_id = run_store.start_run(RunRequest(
        model_path=write_classifier(tmp_path / "net.tflite"), model_name="<b>net</b>.tflite",
        samples=4, calibration_samples=2, runs=1, recipes=(PRESETS["int8"],),
    ))  # fmt: skip
    end = time.monotonic() + 90
    while run_store.follow_run(run_id).is_active:
        assert time.monotonic() < end
        time.sleep(0.03)
    open_page(app, run_id)
    assert not app.exception
    assert not app.error
    titles = [card.value for card in app.subheader]
    assert {"The original file", "The .tflite file", "What the bytes are for"} <= set(titles)
