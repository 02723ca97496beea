"""Every name of a figure on every page opens its formula, with this run's own values put in.

One real run, looked into and studied, is opened on each page. All names that stand there are read
off the page: titles of figures and columns of tables. A name is either one of `NO_FIGURES`, each
with what it is, or it must open a formula on the same page; so that a new column needs a decision.
"""

from __future__ import annotations

import re
import time

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from components.session import RUN_PARAMETER, VARIANT_PARAMETER, widget_key
from converter import run_store
from converter.analysis_jobs import start_analysis
from converter.analysis_kinds import Analysis
from converter.calibration_study import study_calibration
from converter.child_process import PROJECT_ROOT
from converter.glossary import find_terms
from converter.metrics import METRICS
from converter.recipe import PRESETS
from converter.request import RunRequest
from converter.start_cost import START_COST_FILE
from tests.components.test_execution_figures import COSTS
from tests.components.worked_value import compute, equations, shown
from tests.pages.opened_names import opened

APP = PROJECT_ROOT / "app.py"
PAGES = ("compare", "samples", "layers", "side_by_side", "history", "model_size", "execution",
         "operators", "story", "file_format", "explore", "flags")  # fmt: skip
NO_FIGURES = {
    # which thing it is
    "Model", "Variant", "Row", "Label", "Layer", "Operator", "Tensor", "#", "Kind", "File", "Step",
    "Operation", "name", "model", "data", "tags", "pinned", "started", "CPU", "Machine", "LiteRT",
    "TensorFlow", "From", "Nearest way", "Shape", "Stored as", "Original", "Measured",
    # what became of it, and why
    "Status", "status", "Reason", "Why", "Not timed because", "Problem", "What it is",
    "Range set by", "Float (builtins)", "Can be", "Precision", "Why not",
    # settings of the flags that can be crossed
    "representative data", "per-tensor weights",
    # a setting, a count of rows or runs
    "Cores", "Threads", "Timed runs", "Runs", "Candidates",
    # scales as they are stored, whose ratio has a formula
    "First", "Second",
}  # fmt: skip
CHARTS = {
    # title of a chart or a card: the figure that it draws; None where it draws none or has a table
    "Size": "Size", "Drift": "SQNR", "Latency": "Median latency", "Accuracy": "Accuracy",
    "Largest error": "Max error", "Size, latency and drift at once": "SQNR",
    "Can they be told apart?": "McNemar's test", "Output values": None, "Errors": "Bias",
    "Agreement": "Limits of agreement", "Classes": None, "Each class": "Recall of a class",
    "Drift in legs": "SQNR of a leg", "Error by layer": "SQNR born here",
    "Cost by operator": "Share of a type", "What makes the difference": "Cost change",
    "Drift against number of calibration samples": "SQNR by samples",
    "Two disjoint halves": "Gap of the halves", "Values beyond the ranges": "Cut off",
    "From the original's file to this one": "Size step",
    "What the file holds, by layer": "Overhead", "Predicted and actual": "Predicted",
    "Which kernels run": "Delegated", "How much": "Arena by plan",
    "What lives at once": "Activations at the peak",
    "Lifetimes": "Bytes of a tensor", "Load, first, warm": "First over warm",
    "Time to import": "Import", "Memory that it takes": "Memory of an import",
    "Latency measurements": "Fastest variant",
    "The original file": "Bytes of a part", "The .tflite file": "Bytes of a part",
    "What the bytes are for": "Bytes of a part", "Bytes by layer": "Stored",
    "Against the run's files": "Size", "Where you have been": "SQNR",
    "Effect of each flag": "Effect of a flag",
    # what can be done, and what a chart says in words
    "Choose": None, "Run this": None, "In words": None,
    # conditions of a run
    "Model": None, "Data and protocol": None, "Machine": None,
}  # fmt: skip
ALSO_CALLED = {
    # column of a data frame: what its header says
    "size": "Size", "gzip": "gzip", "smaller": "Smaller", "p50": "p50", "p90": "p90", "p99": "p99",
    "faster": "Faster", "sqnr": "SQNR", "max_error": "Max error", "agreement": "Agrees",
    "nan_or_inf": "NaN or Inf", "accuracy": "Accuracy", "rmse_labels": "RMSE to labels",
    "memory": "Peak memory", "init": "Load", "convert": "Convert", "integer_ops": "Integer ops",
    "float_ops": "Float ops", "reason": "Reason", "Variant": "Variant",
}  # fmt: skip


def finish(job_id):
    end = time.monotonic() + 180
    while (progress := run_store.follow_run(job_id)).is_active:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert progress.status == "done", progress.error


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    """A run of a sample model with all that pages can show of it."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LITEDRIFT_HOME", str(home))
        (home / "welcome").touch()
        st.cache_data.clear()
        sample = PROJECT_ROOT / "sample_models" / "digits_cnn"
        run_id = run_store.start_run(RunRequest(
            model_path=sample / "digits_cnn.keras", model_name="digits_cnn.keras",
            data_path=sample / "data.npz", data_name="data.npz", samples=60,
            calibration_samples=20, runs=5, recipes=(PRESETS["float32"], PRESETS["int8"]),
        ))  # fmt: skip
        finish(run_id)
        finish(start_analysis(Analysis(run_id=run_id, recipe="int8")))
        files = run_store.run_files(run_id)
        study = study_calibration(files, "int8", work=home)
        run_store.keep_file(run_id, study.save(home))
        COSTS.save(home)
        run_store.keep_file(run_id, home / START_COST_FILE)
        yield run_id


def open_page(page, run_id):
    app = AppTest.from_file(str(APP), default_timeout=120)
    app.query_params[RUN_PARAMETER] = run_id
    app.run()
    app.query_params[RUN_PARAMETER] = run_id
    app.query_params[VARIANT_PARAMETER] = "int8"
    if page == "side_by_side":
        app.query_params["runs"] = run_id
        app.query_params["variants"] = ["0.float32", "0.int8"]
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    assert not app.error
    return app


def names(app) -> set[str]:
    """Return the names of figures that stand on the page, without their units."""
    found = {str(metric.label) for metric in app.metric}
    for frame in app.dataframe:
        found |= {str(column) for column in frame.value.columns}
    found = {ALSO_CALLED.get(name, name) for name in found}
    found |= {CHARTS[title.value] or "Row" for title in app.subheader}
    for block in app.get("html"):
        found |= set(re.findall(r"<p class='story-label'>([^<]+)</p>", block.proto.body))
        found |= set(re.findall(r"<li>(Downloads|Processor time|Memory):", block.proto.body))
    return {re.sub(r",? (?:kB|MB|ms|µs)$", "", name) for name in found} - NO_FIGURES


@pytest.mark.parametrize("place", PAGES)
def test_every_name_opens_its_formula_with_values(whole_run, place):
    app = open_page(place, whole_run)
    behind = opened(app)
    by_label = {metric.label: metric for metric in METRICS.values()}
    open_names = {
        name for label in behind if label in by_label
        for name in (label, *by_label[label].names)
    }
    targets = {column for frame in app.dataframe for column in frame.value.columns
               if place == "operators" and column not in {"Operation", "Count"}}
    assert names(app) - open_names - targets == set()
    told = {label: text for label, text in behind.items() if label in by_label}
    assert told, f"{place} names no figure"
    for label, text in told.items():
        assert by_label[label].formula in text
        assert by_label[label].meaning.split(":")[0] in text
        assert label in find_terms(label), label


@pytest.mark.parametrize("place", PAGES)
def test_what_is_put_in_gives_what_is_shown(whole_run, place):
    held = 0
    for text in opened(open_page(place, whole_run)).values():
        for worked in re.findall(r": `([^`]+)`", text):
            for left, right in equations(worked):
                value, rounding = shown(right)
                assert compute(left) == pytest.approx(value, abs=1.01 * rounding, rel=1e-6), worked
                held += 1
    assert held, place


def test_the_layers_page_puts_in_what_its_figures_show(whole_run):
    app = open_page("layers", whole_run)
    behind = opened(app)
    for title, label in (("From the input on", "SQNR from the input on"),
                         ("Born here", "SQNR born here"), ("RMSE / scale", "RMSE / scale")):
        figure = next(each.value for each in app.metric if each.label == title)
        assert f"= {figure}" in behind[label]


def test_a_run_keeps_the_terms_so_that_none_is_missing(whole_run):
    for place in ("compare", "samples", "layers"):
        for label, text in opened(open_page(place, whole_run)).items():
            assert "not kept in this run" not in text, (place, label)


@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_the_lessons_names_open_their_formulas(whole_run, step):
    app = AppTest.from_file(str(APP), default_timeout=120)
    app.run()
    app.query_params["step"] = str(step)
    app.switch_page("pages/learn.py").run()
    app.radio[0].set_value(app.radio[0].options[0]).run()
    behind = opened(app)
    by_label = {metric.label: metric for metric in METRICS.values()}
    open_names = {n for label in behind for n in (label, *by_label[label].names)}
    titles = {metric.label for metric in app.metric}
    assert titles
    assert titles <= open_names


def test_the_model_pages_names_open_their_formulas(whole_run):
    app = AppTest.from_file(str(APP), default_timeout=120)
    app.run()
    app.switch_page("pages/model.py").run()
    app.button(key=widget_key("model", "sample.digits_cnn")).click().run()
    behind = opened(app)
    by_label = {metric.label: metric for metric in METRICS.values()}
    open_names = {n for label in behind if label in by_label
                  for n in (label, *by_label[label].names)}
    counts = {"Samples", "Labels", "Classes"}  # of the data: no formula but counting
    titles = {metric.label for metric in app.metric} - counts
    assert {"Parameters", "On disk", "Compared"} <= titles
    assert titles <= open_names
