"""A study of the calibration: real quantizations, draws that repeat, halves that share nothing."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from converter.__main__ import main
from converter.analysed_run import files_of
from converter.calibration_findings import CalibrationStudy, load_study, study_file
from converter.calibration_study import study_calibration, study_counts
from converter.calibration_table import format_study
from converter.comparison import CALIBRATION_FILE
from converter.errors import DataError, LiteDriftError, RecipeError
from converter.kept_samples import EVALUATION_FILE
from converter.tflite_file import read_tflite
from tests.converter.example_tflites import features, write_classifier


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    model = write_classifier(folder / "net.tflite")
    data = folder / "x.npy"
    values = features(60)
    values[-1] *= 40  # one sample far out of the others' range
    np.save(data, values)
    out = folder / "run"
    assert main(["run", str(model), "--data", str(data), "--recipes", "int8,dynamic_range",
                 "--samples", "30", "--calibration-samples", "24", "--runs", "1",
                 "--out", str(out)]) == 0  # fmt: skip
    return out


@pytest.fixture(scope="module")
def found(run_folder):
    made = study(run_folder, "int8")
    made.save(run_folder)
    return made


def study(folder, recipe, **more):
    return study_calibration(files_of(folder), recipe, work=folder, **more)


def test_every_number_of_samples_is_drawn_and_all_are_taken_once(found):
    assert study_counts(24) == [1, 2, 5, 10, 20, 24]
    assert study_counts(1) == [1]
    draws = {c: [p.draw for p in found.points if p.samples == c] for c in study_counts(24)}
    assert draws == {1: [0, 1, 2], 2: [0, 1, 2], 5: [0, 1, 2], 10: [0, 1, 2], 20: [0, 1, 2],
                     24: [0]}  # fmt: skip
    assert (found.calibration_samples, found.evaluation_samples) == (24, 30)
    assert all(p.problem is None and p.sqnr_db > 0 for p in found.points)


def test_all_samples_give_the_run_s_own_figure(found, run_folder):
    # Both quantize the same file with the same ranges of the same samples.
    assert (found.engine, found.is_variant) == ("litert_quantizer", True)
    comparison = json.loads((run_folder / "comparison.json").read_text())
    drift = next(v for v in comparison["variants"] if v["recipe"] == "int8")["drift"]
    assert found.points[-1].sqnr_db == pytest.approx(drift["sqnr_db"], abs=1e-6)


def test_one_sample_is_worse_than_all(found):
    single = np.median([p.sqnr_db for p in found.points if p.samples == 1])
    assert single < found.points[-1].sqnr_db


def test_halves_are_two_files_whose_scales_and_outputs_differ(found):
    halves = found.halves
    assert halves.samples == 12
    assert halves.between_db < np.inf
    assert halves.compared >= len(halves.tensors) > 0
    ratios = [t.ratio for t in halves.tensors]
    assert ratios == sorted(ratios, reverse=True)
    for tensor in halves.tensors:
        larger, smaller = max(tensor.first, tensor.second), min(tensor.first, tensor.second)
        assert tensor.ratio == pytest.approx(larger / smaller)


def test_it_repeats_is_kept_and_read_again(found, run_folder):
    kept = load_study(run_folder / study_file("int8"))
    assert kept == found == CalibrationStudy.from_json(found.to_json())
    again = study(run_folder, "int8")
    assert (again.points, again.halves) == (found.points, found.halves)
    (run_folder / "broken.json").write_text("[]")
    with pytest.raises(DataError, match=r"broken\.json: expected a study"):
        load_study(run_folder / "broken.json")


def test_values_beyond_the_ranges_are_counted_as_by_hand(found, run_folder):
    # The input's own range, against the samples themselves; TFLite's quantizer is not asked.
    stored = next(o.outputs[0] for o in read_tflite(run_folder / "int8.tflite").operators
                  if o.name == "QUANTIZE")  # fmt: skip
    scale, zero_point = stored.quantization
    with np.load(run_folder / EVALUATION_FILE) as kept:
        values = kept["features"]
    low, high = (-128 - zero_point - 0.5) * scale, (127 - zero_point + 0.5) * scale
    expected = ((values < low).mean(), (values > high).mean())
    clipping = found.clipping
    assert clipping.samples == len(values) == 30
    assert clipping.compared >= clipping.clipped == len(clipping.tensors)
    shares = [t.clipped for t in clipping.tensors]
    assert shares == sorted(shares, reverse=True)
    own = {t.name: (t.clipped_low, t.clipped_high) for t in clipping.tensors}
    assert own.get(stored.name, (0, 0)) == pytest.approx(expected)
    assert sum(expected) > 0  # the example has such values


def test_a_study_of_a_tensorflow_run_uses_tensorflow_s_own_quantizer(mlp_keras_file, tmp_path):
    out = tmp_path / "run"
    assert main(["run", str(mlp_keras_file), "--recipes", "float32,int8", "--samples", "20",
                 "--calibration-samples", "6", "--runs", "1", "--out", str(out)]) == 0  # fmt: skip
    found = study(out, "int8")
    assert (found.engine, found.is_variant) == ("tflite_converter", True)
    assert [p.samples for p in found.points] == [1, 1, 1, 2, 2, 2, 5, 5, 5, 6]
    comparison = json.loads((out / "comparison.json").read_text())
    drift = next(v for v in comparison["variants"] if v["recipe"] == "int8")["drift"]
    assert found.points[-1].sqnr_db == pytest.approx(drift["sqnr_db"], abs=1e-6)
    assert found.halves.samples == 3
    assert found.notes == []


def test_the_variant_is_not_claimed_where_the_file_is_another(run_folder, tmp_path):
    copy = shutil.copytree(run_folder, tmp_path / "run")
    text = (copy / "comparison.json").read_text()
    values = json.loads(text)
    for variant in values["variants"]:
        variant["content_sha256"] = "0" * 64
    (copy / "comparison.json").write_text(json.dumps(values))
    made = study(copy, "int8")
    assert made.is_variant is False
    assert "differs from what the run's own variant holds" in format_study(made)
    values["data"]["calibration_samples"] = 1000
    (copy / "comparison.json").write_text(json.dumps(values))
    assert study(copy, "int8").is_variant is None


def test_progress_is_told_and_can_end_it(run_folder):
    class EnoughError(Exception):
        pass

    def stop(stage, share):
        if share > 0.5:
            raise EnoughError(stage)

    with pytest.raises(EnoughError):
        study(run_folder, "int8", listener=stop)
    assert not list(run_folder.glob(".calibration-*"))


def test_what_was_not_calibrated_is_refused(run_folder):
    with pytest.raises(RecipeError, match="expected a variant that was calibrated"):
        study(run_folder, "dynamic_range")
    with pytest.raises(LiteDriftError):
        study(run_folder, "nosuch")


@pytest.mark.parametrize("missing", [CALIBRATION_FILE, EVALUATION_FILE])
def test_a_run_without_samples_says_so(run_folder, missing, tmp_path):
    path = run_folder / missing
    path.rename(tmp_path / missing)
    try:
        with pytest.raises(DataError, match="run it again"):
            study(run_folder, "int8")
    finally:
        (tmp_path / missing).rename(path)


def test_the_command_prints_a_table_and_refuses_in_one_line(run_folder, capsys):
    assert main(["calibration", str(run_folder), "--recipe", "int8"]) == 0
    out = capsys.readouterr().out
    assert "samples  draws  mean SQNR dB  range dB" in out
    assert "Beyond the ranges of the run's variant on 30 evaluation samples" in out
    assert "Two disjoint halves of 12" in out
    assert main(["calibration", str(run_folder), "--recipe", "dynamic_range"]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: calibration: dynamic_range: expected")
