"""The Operations page: without a run, without a list, and of a model that TFLite cannot take."""

from __future__ import annotations

import pytest

from components.session import RUN_PARAMETER, widget_key
from converter import run_store
from converter.analysis_kinds import OPERATORS, Analysis
from converter.graph_nodes import GRAPH_FILE, GraphNode, save_nodes
from converter.history import DONE
from converter.measurement_lock import measuring_alone
from converter.recipe import PRESETS
from converter.request import RunRequest
from converter.run_operators import PROBE_FILE
from tests.converter import odd_operations
from tests.converter.following_jobs import finish
from tests.pages.synthetic import fail, make_comparison, write_run

PROBE_BUTTON = widget_key("operators", "start")
ONLY_PROBLEMS = widget_key("operators", "problems")
REFUSED = "TF Select ops: Erf\nCustom ops: Acosh"


def open_operations(app, run_id):
    app.query_params[RUN_PARAMETER] = run_id
    app.run()
    app.query_params[RUN_PARAMETER] = run_id
    app.switch_page("pages/operators.py").run()
    assert not app.exception
    return app


def matrix(app):
    return app.dataframe[0].value.set_index("Operation")


def keep_graph(folder, run_id, nodes):
    save_nodes(nodes, folder / GRAPH_FILE)
    run_store.keep_file(run_id, folder / GRAPH_FILE)


def test_without_a_run_it_leads_to_a_model(app):
    app.run()
    app.switch_page("pages/operators.py").run()
    assert not app.exception
    assert app.title[0].value == "Operations"
    assert app.header[0].value == "Nothing to compare yet"


def test_a_run_from_a_tflite_says_what_to_bring(app, home):
    comparison, samples = make_comparison("net.tflite")
    comparison.model.format = "tflite"
    write_run(home, "r1", comparison, samples)
    open_operations(app, "r1")
    assert "Bring the TensorFlow model" in app.info[0].value
    assert not app.button


def test_an_older_run_offers_a_probe(app, home):
    write_run(home, "r1", *make_comparison())
    open_operations(app, "r1")
    assert "has kept no list" in app.error[0].value
    app.button(key=PROBE_BUTTON).click().run()
    assert not app.exception
    assert "expected the model that this run is of" in app.error[-1].value


def test_failed_variants_tell_what_they_know(app, home, tmp_path):
    comparison, samples = make_comparison("<b>x</b>.keras")
    for name in ("float32", "int8_full"):
        fail(comparison, name, f"{name}: TFLite has no builtin operator.", REFUSED)
        next(v for v in comparison.variants if v.recipe == name).file = None
    write_run(home, "r1", comparison, samples)
    nodes = [GraphNode("x", "Placeholder"), GraphNode("top/<i>Erf</i>/Erf", "Erf", ("x",)),
             GraphNode("top/Acosh", "Acosh", ("x",)), GraphNode("top/Abs", "Abs", ("x",))]
    keep_graph(tmp_path, "r1", nodes)
    open_operations(app, "r1")
    table = matrix(app)
    assert list(table.index) == ["Acosh", "Erf", "Abs"]
    assert table.loc["Erf", "Builtins, float32"] == "▲ needs Select TF"
    assert table.loc["Acosh", "int8 only"] == "✕ custom"
    assert table.loc["Abs", "Builtins, float32"] == "○ not refused"
    assert table.loc["Erf", "With Select TF"] == "▲ needs Select TF (expected)"
    assert table.loc["Abs", "int8, float fallback"] == "? not told"  # its file cannot be read
    app.toggle(key=ONLY_PROBLEMS).set_value(True).run()
    assert list(matrix(app).index) == ["Acosh", "Erf"]


def test_a_model_without_problems_says_so(app, home, tmp_path):
    write_run(home, "r1", *make_comparison())
    keep_graph(tmp_path, "r1", [GraphNode("x", "Placeholder"), GraphNode("a", "Abs", ("x",))])
    open_operations(app, "r1")
    app.toggle(key=ONLY_PROBLEMS).set_value(True).run()
    assert not app.exception
    assert not app.dataframe
    assert "No operation is a problem" in app.info[0].value


def test_a_damaged_list_is_an_error_of_the_page(app, home, tmp_path):
    write_run(home, "r1", *make_comparison())
    (tmp_path / GRAPH_FILE).write_text("no JSON")
    run_store.keep_file("r1", tmp_path / GRAPH_FILE)
    open_operations(app, "r1")
    assert GRAPH_FILE.split(".", 1)[0] in app.error[0].value


@pytest.mark.usefixtures("home")
def test_a_model_that_tflite_cannot_take_is_probed_and_that_is_kept(app, tmp_path):
    run_id = run_store.start_run(
        RunRequest(
            model_path=odd_operations.error_function(tmp_path), model_name="error_function",
            samples=4, calibration_samples=2, runs=1, recipes=(PRESETS["float32"],),
        )
    )
    finish(run_id)
    open_operations(app, run_id)
    assert matrix(app).loc["Erf", "Builtins, float32"] == "▲ needs Select TF"
    assert matrix(app).loc["MatMul", "With Select TF"] == "? not tried"
    with measuring_alone():
        app.button(key=PROBE_BUTTON).click().run()
        assert not app.exception
        assert PROBE_BUTTON not in [button.key for button in app.button]
        open_operations(app, run_id)  # left, and come back to
        assert [b.label for b in app.button if "cancel.operators" in b.key] == ["Cancel"]
        assert matrix(app).loc["MatMul", "With Select TF"] == "? not tried"
    assert finish(Analysis(run_id=run_id, kind=OPERATORS).job_id).status == DONE
    open_operations(app, run_id)
    assert not app.error
    assert PROBE_FILE in run_store.run_files(run_id)
    assert matrix(app).loc["MatMul", "With Select TF"] == "✓ builtin"
    assert matrix(app).loc["Erf", "int8 only"] == "▲ needs Select TF"
    assert PROBE_BUTTON not in [button.key for button in app.button]
