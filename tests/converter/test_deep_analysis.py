"""Deep analysis of a finished run, from the command line to the file beside it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from converter.analysed_run import analyse_run, can_be_analysed
from converter.comparison import Comparison
from converter.deep_analysis import Subject, analyse_variant
from converter.errors import DataError, GateError, ModelFileError, RunCancelledError
from converter.kept_samples import EVALUATION_FILE, REFERENCE_FILE, keep_first, load_kept
from converter.layer_analysis import LayerAnalysis
from converter.pipeline import run_comparison
from converter.recipe import find_recipes
from converter.request import RunRequest
from converter.tensor_binding import Binding
from tests.converter import example_tflites as examples

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run from a `.tflite` with a float32 and an int8 variant."""
    folder = tmp_path_factory.mktemp("run")
    model = examples.write_classifier(folder / "model.tflite")
    data = folder / "data.npz"
    np.savez(data, x=examples.features(120))
    run_comparison(
        RunRequest(model_path=model, model_name="model.tflite", data_path=data,
                   data_name="data.npz", recipes=tuple(find_recipes(["float32", "int8"])), runs=5),
        folder / "out",
    )
    return folder / "out"


@pytest.fixture
def copy(run, tmp_path):
    return shutil.copytree(run, tmp_path / "out")


def test_a_run_keeps_its_first_evaluation_samples_and_the_originals_outputs(run):
    kept, outputs = load_kept(run / EVALUATION_FILE), load_kept(run / REFERENCE_FILE)
    samples = Comparison.load(run / "comparison.json").data.evaluation_samples
    assert kept["features"].shape == (samples, 8)
    assert outputs["scores"].shape == (samples, 3)


def test_what_is_kept_is_bounded_and_never_nothing(tmp_path):
    arrays = {"a": np.zeros((100, 250), np.float32), "b": np.zeros((100, 250), np.float32)}
    assert keep_first(tmp_path / "x.npz", arrays, most_bytes=10_000) == 5
    assert load_kept(tmp_path / "x.npz")["b"].shape == (5, 250)
    assert keep_first(tmp_path / "x.npz", arrays, most_bytes=1) == 1
    assert load_kept(tmp_path / "none.npz") == {}


def test_the_command_line_prints_a_table_and_leaves_a_file(run):
    answer = subprocess.run(
        [sys.executable, "-m", "converter", "layers", str(run), "--recipe", "int8"],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )
    assert answer.returncode == 0, answer.stderr
    for words in ("Ledger, 64 samples", "Layers, 64 of 64", "FULLY_CONNECTED", "of the whole"):
        assert words in answer.stdout
    assert "comparing the layers" in answer.stderr
    found = LayerAnalysis.load(run / "layers_int8.json")
    json.loads((run / "layers_int8.json").read_text(), parse_constant=pytest.fail)
    comparison = Comparison.load(run / "comparison.json")
    assert found.sha256 == comparison.variant("int8").sha256
    assert found.reference_sha256 == comparison.model.sha256
    assert len(found.costs.operators) == comparison.variant("int8").audit.total_ops
    assert found.reference_costs.parts_ms > 0
    assert found.notes == []
    assert LayerAnalysis.from_json(found.to_json()) == found
    # Of a run that starts from a .tflite the leg from TensorFlow is not known.
    assert [bool(leg.drift) for leg in found.ledger.legs] == [False, True, True]


def test_the_file_itself_stands_in_for_a_float32_that_was_not_asked_for(copy, run):
    (copy / "float32.tflite").unlink()
    with pytest.raises(ModelFileError, match="--original"):
        analyse_run(copy, "int8")
    with pytest.raises(ModelFileError, match="found another one"):
        analyse_run(copy, "int8", original=copy / "int8.tflite")
    found = analyse_run(copy, "int8", original=run.parent / "model.tflite", most_samples=3)
    assert found.drift.samples == 3
    assert found.ledger.samples == 3


def test_what_is_missing_is_said_in_one_sentence(copy, tmp_path):
    with pytest.raises(GateError, match="found no 'nine'"):
        analyse_run(copy, "nine")
    with pytest.raises(GateError, match=r"comparison\.json"):
        analyse_run(tmp_path, "int8")
    (copy / EVALUATION_FILE).write_bytes(b"PK broken")
    with pytest.raises(DataError, match="damaged"):
        analyse_run(copy, "int8")
    (copy / EVALUATION_FILE).unlink()
    with pytest.raises(DataError, match="run it again"):
        analyse_run(copy, "int8")
    comparison = Comparison.load(copy / "comparison.json")
    files = {path.name: path for path in copy.iterdir()}
    assert "no evaluation samples" in can_be_analysed(files, comparison, comparison.variant("int8"))


def test_a_file_that_kills_its_reader_costs_its_own_parts(tmp_path):
    source = examples.write_classifier(tmp_path / "float.tflite")
    deadly = examples.write_crash_when_prepared(tmp_path / "deadly.tflite")
    subject = Subject(recipe="deadly", variant=deadly, binding=Binding(label="deadly"),
                      reference=source, reference_binding=Binding(label="float32"))
    inputs = {"features": examples.features(3), "x": np.zeros((3, 4), "f4")}
    found = analyse_variant(subject, inputs, {}, tmp_path)
    assert (found.drift, found.ledger, found.costs) == (None, None, None)
    assert found.reference_costs is not None
    assert len(found.notes) == 3
    assert all(note.startswith("Not measured: ") for note in found.notes)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["deadly.tflite", "float.tflite"]


def test_a_listener_that_raises_ends_it_and_leaves_nothing(tmp_path):
    source = examples.write_classifier(tmp_path / "float.tflite")
    subject = Subject(recipe="float32", variant=source, binding=Binding(label="x"),
                      reference=source, reference_binding=Binding(label="x"))

    def stop(stage, _share):
        if stage.startswith("running"):
            raise RunCancelledError("enough")

    with pytest.raises(RunCancelledError, match="enough"):
        analyse_variant(subject, {"features": examples.features(2)}, {}, tmp_path, listener=stop)
    assert [p.name for p in tmp_path.iterdir()] == ["float.tflite"]


def test_an_analysis_of_another_form_is_refused(tmp_path):
    path = tmp_path / "layers_int8.json"
    for content in ("{}", '{"schema": 99}', "[", '{"schema": 1, "drift": 3}'):
        path.write_text(content)
        with pytest.raises(GateError, match="analyse the variant again"):
            LayerAnalysis.load(path)
    path.unlink()
    with pytest.raises(GateError, match="analyse the variant first"):
        LayerAnalysis.load(path)
