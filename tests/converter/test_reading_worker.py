"""The sandboxed child that reads data: its answers reach pages and runs as JSON and files."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from converter.child_process import Worker
from converter.errors import DataError
from converter.inspection import inspect_data_file
from converter.model_traits import ModelTraits
from converter.request import DataOptions
from converter.sample_arrays import load_arrays
from converter.sandbox import Permissions
from converter.signature import TensorSpec

FLAT = TensorSpec("features", (None, 3), "float32")
MODEL = {
    "inputs": [FLAT.to_json()],
    "outputs": [{"name": "kind", "shape": [None, 3], "dtype": "float32"}],
    "details": {"layers": ["InputLayer", "Dense"]},
}


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data"
    with path.open("wb") as stream:
        np.savez(stream, x=np.full((30, 3), 2.0), y=np.array(["a", "b", "c"] * 10))
    return path


@pytest.mark.parametrize("traits", [None, ModelTraits(layers=("Dense",)).to_json()])
def test_a_runs_notes_hold_what_looks_wrong(tmp_path, data, traits):
    target = tmp_path / "scratch"
    target.mkdir()
    permissions = Permissions(read=(data,), write=(target,))
    fields = {} if traits is None else {"traits": traits}
    with Worker("converter.workers.reading", "reading it", permissions=permissions) as worker:
        answer = worker.ask(
            "read_samples", 60, path=str(data), name="d.npz", inputs=[FLAT.to_json()],
            options=asdict(DataOptions()), rescales=False, target=str(target), **fields,
        )  # fmt: skip
    notes = " ".join(answer["notes"])
    assert "All values of x are 2: on a constant" in notes
    assert "the classes: a = 0, b = 1, c = 2" in notes
    assert load_arrays(target / "inputs")["features"].shape == (30, 3)
    assert load_arrays(target / "labels")["y"].tolist() == [0, 1, 2] * 10


def test_a_page_gets_strict_json(data):
    facts = inspect_data_file(data, "d.npz", MODEL, DataOptions())
    json.dumps(facts, allow_nan=False)
    assert facts["samples"] == 30
    assert facts["distributions"][0]["fed"]["samples"] == 7
    assert any("All values of x are 2" in text for text in facts["warnings"])


def test_unknown_image_options_are_one_sentence(tmp_path):
    import zipfile

    path = tmp_path / "hash.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", b"no image")
    model = {**MODEL, "inputs": [TensorSpec("i", (None, 8, 8, 3), "float32").to_json()]}
    with pytest.raises(DataError, match=r"^mine\.zip: the image resizing is one of stretch"):
        inspect_data_file(path, "mine.zip", model, DataOptions(image_resize="<b>"))
