"""The Layers page: what it says where there is nothing to look into, and a real look."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from components.session import RUN_PARAMETER, widget_key
from converter import run_store
from converter.analysis_kinds import CALIBRATION, Analysis
from converter.history import CANCELLED, FAILED, INTERRUPTED, RUNNING
from converter.installation import history
from converter.kept_samples import EVALUATION_FILE, keep_first
from converter.measurement_lock import measuring_alone
from converter.progress import Progress, write_progress
from converter.recipe import PRESETS
from converter.request import RunRequest
from converter.run_store import keep_file
from tests.converter.example_tflites import write_classifier
from tests.converter.following_jobs import finish
from tests.pages.synthetic import make_comparison, write_run

START = widget_key("layers", "start")


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
    finish(run_id)
    app.default_timeout = 120
    open_layers(app, run_id)
    assert not app.exception
    with measuring_alone():
        app.button(key=START).click().run()
        assert not app.exception
        assert "Looking into" in app.header[0].value or "Waiting to look" in app.header[0].value
        assert not [b for b in app.button if b.key == START]
        open_layers(app, run_id)  # left, and come back to
        assert [b.label for b in app.button if "cancel.layers" in b.key] == ["Cancel"]
        app.switch_page("pages/history.py").run()
        assert [b.label for b in app.button if "cancel.history" in b.key] == ["Cancel"]
    finish(Analysis(run_id=run_id, recipe="int8").job_id)
    open_layers(app, run_id)
    assert not app.exception
    assert not app.error
    assert {"Drift in legs", "Error by layer", "Cost by operator"} <= {
        card.value for card in app.subheader
    }
    assert not [b for b in app.button if b.key == START]
    study = widget_key("calibration", "start")
    with measuring_alone():
        app.button(key=study).click().run()
        assert not app.exception
        assert study not in [button.key for button in app.button]
        open_layers(app, run_id)
        assert [b.label for b in app.button if "cancel.calibration" in b.key] == ["Cancel"]
    finish(Analysis(run_id=run_id, kind=CALIBRATION, recipe="int8").job_id)
    open_layers(app, run_id)
    assert not app.exception
    assert not app.error
    assert "calibration_int8.json" in run_store.run_files(run_id)
    assert "Values beyond the ranges" in {card.value for card in app.subheader}
    assert "Two disjoint halves" in [card.value for card in app.subheader]


@pytest.mark.usefixtures("jobs_alive")
def test_an_onlooker_sees_how_far_it_is_and_cannot_cancel_it(app, home):
    run_id = kept_run(home)
    job_id = submit_row(run_id, RUNNING, owner="somebody else")
    folder = home / "runs" / job_id
    folder.mkdir()
    write_progress(folder, Progress("running", "comparing the layers", done=30, total=100))
    open_layers(app, run_id)
    assert not app.exception
    assert "Looking into" in app.header[0].value
    assert not [b for b in app.button if "cancel" in (b.key or "")]
    assert not [b for b in app.button if b.key == START]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (INTERRUPTED, "The analysis was interrupted: its process ended; start it again."),
        (FAILED, "<b>x</b>.tflite: not measured"),
        (CANCELLED, None),
    ],
)
def test_one_that_ended_early_says_so_and_can_be_started_again(app, home, status, error):
    run_id = kept_run(home)
    submit_row(run_id, status, error=error)
    open_layers(app, run_id)
    assert not app.exception
    assert app.button(key=START).label == "Start again"
    assert any(status.capitalize() in each.value for each in app.markdown)
    assert len(app.error) == (1 if error else 0)


def kept_run(home):
    """Put a run into the history whose int8 variant can be looked into."""
    write_run(home, "r1", *make_comparison("net.keras"))
    keep_first(home / EVALUATION_FILE, {"image": np.zeros((2, 3), np.float32)})
    keep_file("r1", home / EVALUATION_FILE)
    return "r1"


def submit_row(run_id, status, **fields):
    job_id = Analysis(run_id=run_id, recipe="dynamic_range").job_id
    record = history().run(run_id)
    request = {"analysis_of": run_id, "recipe": "dynamic_range"}
    history().add_run(replace(record, **{
        "run_id": job_id, "request": request, "status": status, **fields}))
    return job_id
