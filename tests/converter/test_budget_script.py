"""The scripts of a solver's answers, each run in a process that knows nothing of LiteDrift."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from converter.__main__ import main
from converter.analysed_run import files_of
from converter.budget import Budget
from converter.budget_script import build_budget_script
from converter.budget_solution import BudgetQuestion
from converter.budget_solver import solve_budget
from converter.candidate_session import CandidateSession
from converter.precision import PRECISIONS
from tests.converter.example_tflites import features, write_classifier

CALIBRATED = {name for name, each in PRECISIONS.items() if each.needs_calibration}


@pytest.fixture(scope="module", params=["tflite", "keras"])
def run_folder(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(f"script_{request.param}")
    arguments = ["--samples", "40", "--calibration-samples", "10", "--runs", "1"]
    if request.param == "tflite":
        model = write_classifier(folder / "net.tflite")
        np.save(folder / "x.npy", features(60))
        arguments += ["--data", str(folder / "x.npy"), "--recipes", "int8"]
    else:
        model = request.getfixturevalue("mlp_keras_file")
        arguments += ["--recipes", "float32,int8"]
    assert main(["run", str(model), *arguments, "--out", str(folder / "run")]) == 0
    (folder / "source").symlink_to(
        model if request.param == "tflite" else folder / "run" / "float32.tflite"
    )
    return folder / "run"


def run_script(script, run_folder, out, *, calibrates):
    """Run a script isolated, in a folder of its own: nothing of LiteDrift can be imported."""
    arguments = [str(run_folder.parent / "source")]
    arguments += [str(run_folder / "calibration.npz")] if calibrates else []
    return subprocess.run(
        [sys.executable, "-I", str(script), *arguments, "-o", str(out)],
        cwd=out.parent, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def mixtures(session):
    """Return choices of every kind: each precision alone, and several side by side."""
    layers = [layer for layer in session.layers if layer.has_weights]
    names = list(dict.fromkeys(name for layer in layers for name in layer.offered))
    found = [{layer.number: name for layer in layers if name in layer.offered} for name in names]
    for shift in (1, 4):
        found.append({
            layer.number: layer.offered[(layer.number * 3 + shift) % len(layer.offered)]
            for layer in layers
        })  # fmt: skip
    return found


def test_every_choice_is_made_again_in_a_clean_process_to_the_same_bytes(run_folder, tmp_path):
    with CandidateSession(files_of(run_folder), tmp_path) as session:
        made = []
        for number, choices in enumerate(mixtures(session)):
            content, rules = session.write(choices)
            script = tmp_path / f"budget_{number}.py"
            script.write_text(build_budget_script(session, script.stem, content, rules))
            made.append((script, content, bool(CALIBRATED & set(choices.values()))))
    assert any(calibrates for *_, calibrates in made)
    assert any(not calibrates for *_, calibrates in made)
    for script, content, calibrates in made:
        out = tmp_path / "again.tflite"
        found = run_script(script, run_folder, out, calibrates=calibrates)
        assert found.returncode == 0, found.stderr
        assert hashlib.sha256(out.read_bytes()).digest() == hashlib.sha256(content).digest(), script


def test_each_answer_comes_with_a_script_that_makes_it_again(run_folder, tmp_path):
    question = BudgetQuestion(budget=Budget(least_sqnr_db=25.0), most_evaluations=40)
    solution = solve_budget(files_of(run_folder), question, out=tmp_path)
    assert solution.files
    for stem, answer in zip(solution.files, solution.answers.answers, strict=True):
        out = tmp_path / "again.tflite"
        found = run_script(
            tmp_path / f"{stem}.py", run_folder, out,
            calibrates=bool(CALIBRATED & {name for _, name in answer.evaluation.choice}),
        )  # fmt: skip
        assert found.returncode == 0, found.stderr
        assert out.read_bytes() == (tmp_path / f"{stem}.tflite").read_bytes()


def test_another_model_is_refused(run_folder, tmp_path):
    with CandidateSession(files_of(run_folder), tmp_path) as session:
        content, rules = session.write({})
        script = tmp_path / "budget_1.py"
        script.write_text(build_budget_script(session, "budget_1", content, rules))
    (tmp_path / "other.tflite").write_bytes(b"another")
    found = subprocess.run(
        [sys.executable, "-I", str(script), str(tmp_path / "other.tflite")],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert found.returncode == 1
    assert "not the model of the run" in found.stderr
