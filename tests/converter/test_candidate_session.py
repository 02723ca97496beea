"""A warm session on a finished run: halves, labels, what is refused, what is left behind."""

from __future__ import annotations

import hashlib
import re
import threading

import numpy as np
import psutil
import pytest

from converter.__main__ import main
from converter.analysed_run import files_of
from converter.candidate_session import REPORT, SEARCH, CandidateSession
from converter.candidate_source import find_labels
from converter.comparison import CALIBRATION_FILE, COMPARISON_FILE, Comparison
from converter.errors import DataError, SettingError, WorkerError
from converter.kept_samples import EVALUATION_FILE, load_kept
from tests.converter.example_tflites import features, write_classifier


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("session")
    model = write_classifier(folder / "net.tflite")
    x = features(60)
    np.savez(folder / "data.npz", x=x, y=np.arange(60) % 3)
    assert main(["run", str(model), "--data", str(folder / "data.npz"), "--recipes", "int8",
                 "--samples", "41", "--calibration-samples", "10", "--runs", "1",
                 "--out", str(folder / "run")]) == 0  # fmt: skip
    return folder / "run"


def test_labels_are_those_of_the_samples(run_folder):
    files = files_of(run_folder)
    found = find_labels(files, Comparison.load(run_folder / COMPARISON_FILE), 41)
    kept = next(iter(load_kept(files[EVALUATION_FILE]).values()))
    data = features(60)
    expected = [int(np.flatnonzero((data == row).all(axis=1))[0]) % 3 for row in kept]
    assert found.tolist() == expected


def test_halves_do_not_overlap_and_figures_are_those_of_the_file(run_folder):
    with CandidateSession(files_of(run_folder), run_folder) as session:
        assert session.samples == {SEARCH: 20, REPORT: 21}
        (layer, *_) = [each for each in session.layers if "dynamic_int8" in each.offered]
        choices = {layer.number: "dynamic_int8"}
        content, rules = session.write(choices)
        sha256, figures = session.figures(choices, SEARCH)
        assert hashlib.sha256(content).hexdigest() == sha256
        assert (figures.size_bytes, figures.problem) == (len(content), None)
        assert 0 <= figures.accuracy <= 1
        assert len(rules) == 1
        exact = session.figures({}, REPORT)[1]
        assert exact.sqnr_db > 100
        few = session.figures(choices, SEARCH, samples=3)[1]
        assert few.accuracy * 3 == pytest.approx(round(few.accuracy * 3))
    assert not list(run_folder.glob(".candidates-*"))


def test_a_precision_that_does_not_exist_is_the_candidates_problem(run_folder):
    with CandidateSession(files_of(run_folder), run_folder) as session:
        number = session.layers[0].number
        figures = session.figures({number: "int3"}, SEARCH)[1]
        assert figures.problem
        assert session.figures({}, SEARCH)[1].problem is None


def test_a_child_that_dies_of_a_candidate_costs_that_candidate_alone(run_folder):
    with CandidateSession(files_of(run_folder), run_folder) as session:
        layer = next(each for each in session.layers if "dynamic_int8" in each.offered)
        choices = {layer.number: "dynamic_int8"}
        before = session.figures(choices, SEARCH, predict=True)
        child = psutil.Process(session._worker._process.pid)
        child.suspend()
        threading.Timer(0.5, child.kill).start()
        figures = session.figures({}, SEARCH)[1]
        assert "litert-quantizer" in figures.problem
        assert session.is_alive
        assert session.figures(choices, SEARCH, predict=True) == before
    assert session.is_alive is False


def test_a_closed_session_says_so(run_folder):
    session = CandidateSession(files_of(run_folder), run_folder)
    session.close()
    with pytest.raises(WorkerError, match="closed"):
        session.figures({}, SEARCH)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"expected comparison\.json in the run's folder"):
        CandidateSession({}, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_cost_table_is_held_against_whole_files(run_folder):
    with CandidateSession(files_of(run_folder), run_folder) as session:
        found = session.check_costs()
        assert {"float32", "dynamic_int8"} <= {check.label for check in found.checks}
        assert all(check.measured_ms > 0 for check in found.checks)
        assert found.error is not None
        numbers = {layer.number for layer in session.layers if layer.has_weights}
        assert {n for n, name in found.cost_ms if name == "float32"} >= numbers
        predicted = session.predict({})
        figures = session.figures({}, SEARCH, predict=True)[1]
        assert figures.predicted_ms == predicted.predicted_ms
        float32 = next(check for check in found.checks if check.label == "float32")
        assert predicted.predicted_ms == float32.predicted_ms
        assert session.figures({}, SEARCH)[1].predicted_ms is None


def test_threads_that_find_the_child_dead_share_the_next_one(run_folder):
    with CandidateSession(files_of(run_folder), run_folder) as session:
        expected = session.figures({}, SEARCH)
        found, opened = [], []
        started = session._open
        session._open = lambda: opened.append(1) or started()

        def ask():
            found.append([session.figures({}, SEARCH) for _ in range(4)][-1])

        for _ in range(2):
            session._worker.kill()
            people = [threading.Thread(target=ask) for _ in range(4)]
            for each in people:
                each.start()
            for each in people:
                each.join(60)
        assert found == [expected] * 8
        assert len(opened) == 2


def test_one_that_cannot_be_opened_again_does_not_pass_for_one_that_answers(run_folder):
    with CandidateSession(files_of(run_folder), run_folder) as session:
        session._opening["binding"] = {}
        session._worker.kill()
        for _ in range(2):
            with pytest.raises(WorkerError):
                session.figures({}, SEARCH)
        assert not session.is_alive


def test_a_pattern_is_matched_in_bounded_time(run_folder):
    with CandidateSession(files_of(run_folder), run_folder) as session:
        first = session.layers[0]
        assert first.number in session.match(re.escape(first.name))
        assert session.match("no such layer") == []
        with pytest.raises(SettingError, match="expected a regular expression"):
            session.match("(")
        with pytest.raises(SettingError, match=r"matched within 2 s.*fewer repetitions"):
            session.match(r"^((.*)*)*\1!$")
        assert session.figures({}, SEARCH)[1].problem is None  # by another child


def test_what_litert_quantizer_refuses_is_the_candidates_problem(run_folder):
    files = files_of(run_folder)
    del files[CALIBRATION_FILE]
    with CandidateSession(files, run_folder) as session:
        (layer, *_) = [each for each in session.layers if each.has_weights]
        assert "int8" not in layer.offered
        assert session.figures({layer.number: "int8"}, SEARCH)[1].problem
