"""The Layers page: what it says where there is nothing to look into, and a real look."""

from __future__ import annotations

import time

from components.session import RUN_PARAMETER, widget_key
from converter import run_store
from converter.recipe import PRESETS
from converter.request import RunRequest
from tests.converter.example_tflites import write_classifier
from tests.pages.synthetic import make_comparison, write_run


def open_layers(app, run_id):
    app.query_params[RUN_PARAMETER] = run_id
    app.run()
    app.query_params[RUN_PARAMETER] = run_id
    return app.switch_page("pages/layers.py").run()


def test_without_a_run_it_leads_to_a_model(app):
    app.run()
    app.switch_page("pages/layers.py").run()
    assert not app.exception
    assert app.title[0].value == "Layers"
    assert app.header[0].value == "Nothing to compare yet"


def test_a_run_without_samples_says_why_it_cannot_be_looked_into(app, home):
    write_run(home, "r1", *make_comparison("<b>x</b>.keras"))
    open_layers(app, "r1")
    assert not app.exception
    assert "No variant of this run can be looked into" in app.info[0].value


def test_a_look_is_taken_once_and_kept_with_the_run(app, home, tmp_path):
    run_id = run_store.start_run(
        RunRequest(
            model_path=write_classifier(tmp_path / "net.tflite"), model_name="net.tflite",
            samples=4, calibration_samples=2,
            runs=1, recipes=(PRESETS["float32"], PRESETS["int8"]),
        )
    )
    end = time.monotonic() + 90
    while run_store.follow_run(run_id).is_active:
        assert time.monotonic() < end
        time.sleep(0.03)
    app.default_timeout = 120
    open_layers(app, run_id)
    assert not app.exception
    app.button(key=widget_key("layers", "start")).click().run()
    assert not app.exception
    assert not app.error
    assert "layers_int8.json" in run_store.run_files(run_id)
    assert {"Drift in legs", "Error by layer", "Cost by operator"} <= {
        card.value for card in app.subheader
    }
    open_layers(app, run_id)
    assert not [b for b in app.button if b.key == widget_key("layers", "start")]
    app.button(key=widget_key("calibration", "start")).click().run()
    assert not app.exception
    assert "calibration_int8.json" in run_store.run_files(run_id)
    assert "Two disjoint halves" in [card.value for card in app.subheader]
