"""A rebuilt file against the run's: equal bytes, equal outputs, or by how much they differ."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from converter.evaluation import evaluate
from converter.model_file import file_sha256
from converter.rebuilt_file import (
    compare_with_run,
    describe_difference,
    load_samples,
    run_samples,
    wrong_model,
)
from converter.sample_arrays import save_npz
from tests.converter.example_tflites import (
    as_int8,
    features,
    write_classifier,
    write_custom,
    write_two_by_two,
    write_two_signatures,
)

KEY = "serving_default"


def open_file(content):
    return Interpreter(model_content=content)


def evaluated(path, samples):
    return evaluate(path, samples, 1, stateful=False)[0]["scores"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The run's file, its samples, and files that are not its."""
    place = tmp_path_factory.mktemp("rebuilt")
    write_classifier(place / "run.tflite")
    write_classifier(place / "other.tflite", seed=50)
    as_int8(place / "run.tflite", place / "int8.tflite")
    save_npz(place / "samples.npz", {"features": features(20)})
    return place


def check(folder, content, *, run="run.tflite", samples="samples.npz", expected=None, key=KEY):
    expected = expected or file_sha256(folder / run)
    return compare_with_run(content, expected, folder / run, folder / samples, key, open_file)


def test_equal_bytes_are_equal_without_any_other_file(folder, tmp_path):
    content = (folder / "run.tflite").read_bytes()
    expected = file_sha256(folder / "run.tflite")
    found = compare_with_run(content, expected, tmp_path / "a", tmp_path / "b", KEY, open_file)
    assert found == (True, "identical to the run's file")


def test_other_bytes_with_exactly_the_outputs_are_equal(folder):
    content = (folder / "run.tflite").read_bytes() + b"\0" * 16  # a flatbuffer may be followed
    equal, verdict = check(folder, content)
    assert equal
    assert verdict == "NOT the bytes of the run's file, but exactly its outputs on 20 samples"


@pytest.mark.parametrize("name", ["other", "int8"])
def test_other_outputs_are_told_by_how_much(folder, name):
    equal, verdict = check(folder, (folder / f"{name}.tflite").read_bytes())
    assert not equal
    most, sqnr = map(
        float, re.search(r"'scores' by at most (\S+) \(SQNR (\S+) dB\)", verdict).groups()
    )
    samples = {"features": features(20)}
    answers = [
        evaluated(folder / f"{each}.tflite", samples).astype(np.float64) for each in ("run", name)
    ]
    error = answers[1] - answers[0]
    assert most == pytest.approx(np.abs(error).max(), rel=0.01)
    expected = 10 * np.log10((answers[0] ** 2).sum() / (error**2).sum())
    assert sqnr == pytest.approx(expected, abs=0.06)
    assert "on 20 samples its outputs differ" in verdict


def test_what_is_missing_is_named_and_nothing_counts_as_equal(folder):
    content = (folder / "other.tflite").read_bytes()
    expected = file_sha256(folder / "run.tflite")
    assert check(folder, content, run="none.tflite", expected=expected) == (
        False,
        "NOT the bytes of the run's file; outputs not compared, for want of "
        f"{folder / 'none.tflite'}",
    )
    equal, verdict = check(folder, content, samples="none.npz")
    assert not equal
    assert "none.npz" in verdict


def test_a_file_that_is_not_the_run_s_is_not_compared_with(folder):
    content = (folder / "other.tflite").read_bytes()
    equal, verdict = check(folder, content, run="other.tflite", expected="0" * 64)
    assert not equal
    assert "is not the run's file either" in verdict


def test_what_cannot_be_run_is_told_in_a_sentence(folder, tmp_path):
    shutil.copy(folder / "samples.npz", tmp_path)
    write_custom(tmp_path / "run.tflite")
    equal, verdict = check(tmp_path, (folder / "run.tflite").read_bytes(), key=None)
    assert not equal
    assert "outputs not compared: " in verdict
    assert "\n" not in verdict


@pytest.mark.parametrize("name", ["run", "int8"])
def test_runs_like_the_evaluation_of_the_run(folder, name):
    samples = {"features": features(9)}
    content = (folder / f"{name}.tflite").read_bytes()
    found = run_samples(open_file(content), KEY, samples)["scores"].reshape(9, -1)
    expected = evaluated(folder / f"{name}.tflite", samples)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_takes_inputs_by_name_and_the_signature_by_key(tmp_path):
    two = write_two_by_two(tmp_path / "two.tflite")
    samples = {"apple": np.ones((3, 2), np.float32), "zebra": np.zeros((3, 3), np.float32)}
    assert sorted(run_samples(open_file(two.read_bytes()), KEY, samples)) == ["amount", "kind"]
    content = write_two_signatures(tmp_path / "signatures.tflite").read_bytes()
    answers = []
    for key in ("first", "second"):
        runner = open_file(content).get_signature_runner(key)
        fed = {name: features(2) for name in runner.get_input_details()}
        answers.append(next(iter(run_samples(open_file(content), key, fed).values())))
    assert not np.array_equal(*answers)


def test_differences_are_exact_about_nan_infinity_and_form():
    r = {"a": np.array([1.0, np.nan, np.inf])}
    assert describe_difference(r, r) == ""
    assert "nan" in describe_difference({"a": np.array([1.0, 2.0, np.inf])}, r)
    assert describe_difference({"b": r["a"]}, r) == "they have other names or shapes"
    assert describe_difference({"a": r["a"][:2]}, r) == "they have other names or shapes"
    small = describe_difference({"a": np.array([1.5])}, {"a": np.array([1.0])})
    assert small == "'a' by at most 0.5 (SQNR 6.0 dB)"


def test_a_wrong_or_missing_model_is_told(folder):
    path = folder / "run.tflite"
    assert wrong_model(path, file_sha256(path)) is None
    assert wrong_model(folder, "anything") is None  # a SavedModel's folder has no one hash
    assert "not the model of the run" in wrong_model(path, "0" * 64)
    assert "no such model file" in wrong_model(folder / "none", "0" * 64)


def test_samples_are_never_unpickled(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        load_samples(tmp_path / "a.npz")
