"""A study of the calibration: real quantizations, draws that repeat, halves that share nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest

from converter.__main__ import main
from converter.analysed_run import files_of
from converter.calibration_study import (
    CalibrationStudy,
    load_study,
    study_calibration,
    study_counts,
    study_file,
)
from converter.comparison import CALIBRATION_FILE
from converter.errors import DataError, LiteDriftError, RecipeError
from converter.kept_samples import EVALUATION_FILE
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
    assert "samples  draw  SQNR dB  agreement" in out
    assert "Two disjoint halves of 12" in out
    assert main(["calibration", str(run_folder), "--recipe", "dynamic_range"]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: calibration: dynamic_range: expected")
