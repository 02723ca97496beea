"""What pages ask about files: answers from a child, sentences that name the person's own file."""

import numpy as np
import pytest

from converter.child_process import PROJECT_ROOT
from converter.errors import DataError, ModelFileError
from converter.inspection import inspect_data_file, inspect_model_file, inspect_size
from converter.request import DataOptions
from converter.tflite_size_anatomy import read_size_anatomy
from tests.converter.example_tflites import write_classifier

CANCER = PROJECT_ROOT / "sample_models" / "cancer_mlp"


def test_a_model_is_described_under_the_name_a_person_gave_it():
    facts = inspect_model_file(CANCER / "cancer_mlp.h5", "mine.h5")
    assert (facts["name"], facts["format"], facts["parameters"]) == ("mine.h5", "h5", 4158)


def test_a_sentence_names_the_upload_and_not_its_hash(tmp_path):
    path = tmp_path / ("0f" * 32 + ".keras")
    path.write_text("no model")
    with pytest.raises(ModelFileError, match=r"^mine\.keras: expected") as caught:
        inspect_model_file(path, "mine.keras")
    assert "0f0f" not in str(caught.value)


def test_data_is_described_for_a_model():
    model = inspect_model_file(CANCER / "cancer_mlp.h5", "m.h5")
    facts = inspect_data_file(CANCER / "data.npz", "d.npz", model, DataOptions())
    with np.load(CANCER / "data.npz") as archive:
        assert facts["samples"] == len(archive["x"])
        assert facts["inputs"][0]["max"] == pytest.approx(float(archive["x"].max()))
    assert facts["labelled"] is True


def test_data_that_does_not_fit_is_refused_under_its_own_name(tmp_path):
    model = inspect_model_file(CANCER / "cancer_mlp.h5", "m.h5")
    path = tmp_path / "hash.npy"
    np.save(path, np.zeros((3, 4), "f"))
    with pytest.raises(DataError, match=r"^mine\.npy: expected x of shape \(samples, 30\)"):
        inspect_data_file(path, "mine.npy", model, DataOptions())


def test_a_size_is_taken_apart_in_a_child_as_here(tmp_path):
    path = write_classifier(tmp_path / "net.tflite")
    assert inspect_size(path, "net.tflite") == read_size_anatomy(path)


def test_a_file_that_is_none_is_refused_under_its_own_name(tmp_path):
    path = tmp_path / ("0f" * 32)
    path.write_bytes(b"\x1c\0\0\0TFL3" + b"\0" * 64)
    with pytest.raises(ModelFileError, match=r"^int8\.tflite: expected") as caught:
        inspect_size(path, "int8.tflite")
    assert "0f0f" not in str(caught.value)
