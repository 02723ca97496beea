"""The Execution page: empty, with a run's figures, and with what was measured before."""

from __future__ import annotations

import pytest

from components.session import RUN_PARAMETER, widget_key
from converter import run_store
from converter.analysis_kinds import STARTS, Analysis
from converter.history import CANCELLED, DONE
from converter.measurement_lock import measuring_alone
from converter.recipe import PRESETS
from converter.request import RunRequest
from converter.start_cost import START_COST_FILE
from tests.components.test_execution_figures import COSTS
from tests.converter.example_tflites import write_classifier
from tests.converter.following_jobs import finish
from tests.pages.synthetic import make_comparison, make_hard_case, write_run

START = widget_key("starts", "start")


def open_page(app, run_id=None):
    app.run()
    if run_id is not None:
        app.query_params[RUN_PARAMETER] = run_id
    return app.switch_page("pages/execution.py").run()


def test_without_a_run_it_leads_to_a_model(app):
    open_page(app)
    assert not app.exception
    assert app.title[0].value == "Execution"
    assert app.header[0].value == "Nothing to compare yet"


def test_it_is_measured_while_the_page_is_left(app, home):
    run_id = "r1"
    write_run(home, run_id, *make_comparison())
    app.default_timeout = 120
    open_page(app, run_id)
    with measuring_alone():
        app.button(key=START).click().run()
        assert not app.exception
        assert any("what starting costs" in header.value for header in app.header)
        assert START not in [button.key for button in app.button]
        app.switch_page("pages/history.py").run()  # left: it is found there
        assert [b.label for b in app.button if "cancel.history" in b.key] == ["Cancel"]
        open_page(app, run_id)  # and come back to
        [cancel] = [b for b in app.button if "cancel.starts" in b.key]
        cancel.click().run()
    job_id = Analysis(run_id=run_id, kind=STARTS).job_id
    assert finish(job_id).status == CANCELLED
    open_page(app, run_id)
    assert app.button(key=START).label == "Start again"
    app.button(key=START).click().run()
    assert finish(job_id).status == DONE
    open_page(app, run_id)
    assert not app.exception
    assert "Time to import" in [card.value for card in app.subheader]
    assert app.button(key=START).label == "Measure again"


@pytest.mark.parametrize("make", [make_comparison, make_hard_case])
def test_a_run_shows_what_is_known_and_offers_to_measure(app, home, make):
    write_run(home, "r1", *make())
    open_page(app, "r1")
    assert not app.exception
    assert "Load, first, warm" in [card.value for card in app.subheader]
    assert app.button(key=START).label == "Measure it here"


def test_what_was_measured_is_kept_with_the_run(app, home, tmp_path):
    write_run(home, "r1", *make_comparison())
    COSTS.save(tmp_path)
    run_store.keep_file("r1", tmp_path / START_COST_FILE)
    open_page(app, "r1")
    assert not app.exception
    assert "Time to import" in [card.value for card in app.subheader]
    assert app.button(key=START).label == "Measure again"


def test_memory_is_told_in_levels_with_their_conditions(app, tmp_path):
    run_id = run_store.start_run(RunRequest(
        model_path=write_classifier(tmp_path / "net.tflite"), model_name="net.tflite", samples=4,
        calibration_samples=2, runs=1, recipes=(PRESETS["float32"], PRESETS["int8"]),
    ))  # fmt: skip
    assert finish(run_id).status == DONE
    open_page(app, run_id)
    assert not app.exception
    assert not app.error
    assert "How much" in [card.value for card in app.subheader]
    captions = " ".join(caption.value for caption in app.caption)
    for words in ("**Arena by plan**", "**Built\\-in kernels**", "XNNPACK off"):
        assert words in captions


def test_a_damaged_file_is_told_and_can_be_measured_anew(app, home, tmp_path):
    write_run(home, "r1", *make_comparison())
    (tmp_path / START_COST_FILE).write_text("{")
    run_store.keep_file("r1", tmp_path / START_COST_FILE)
    open_page(app, "r1")
    assert not app.exception
    assert any("damaged" in error.value for error in app.error)
    assert app.button(key=START)
