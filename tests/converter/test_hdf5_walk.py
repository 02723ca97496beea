"""A walk through an HDF5 file that ends on any file, and finds each object once."""

import io

import h5py
import numpy as np
import pytest

from converter.errors import ModelFileError
from converter.hdf5_walk import MAX_DEPTH, walk_hdf5


@pytest.fixture
def file():
    with h5py.File(io.BytesIO(), "w") as opened:
        yield opened


def places(file):
    return sorted(place for place, _, _ in walk_hdf5(file, "m.h5"))


def test_every_object_is_found_with_its_place(file):
    file["layers/dense/vars/0"] = np.zeros(3)
    file["seed"] = 1
    assert places(file) == ["layers", "layers/dense", "layers/dense/vars", "layers/dense/vars/0",
                            "seed"]  # fmt: skip
    found = {place: item for place, _, item in walk_hdf5(file, "m.h5")}
    assert found["layers/dense/vars/0"].shape == (3,)


def test_an_empty_file_has_none(file):
    assert places(file) == []


def test_a_group_within_itself_is_found_once(file):
    group = file.create_group("a/b")
    group["again"] = file["a"]
    assert places(file) == ["a", "a/b"]


def test_links_that_lead_elsewhere_have_no_object(file):
    file["soft"] = h5py.SoftLink("/nowhere")
    file["external"] = h5py.ExternalLink("/etc/passwd", "/x")
    found = {place: (link, item) for place, link, item in walk_hdf5(file, "m.h5")}
    assert isinstance(found["soft"][0], h5py.SoftLink)
    assert found["external"][0].filename == "/etc/passwd"
    assert [item for _, item in found.values()] == [None, None]


def nest(group, depth):
    for _ in range(depth):
        group = group.create_group("g")


def test_groups_as_deep_as_any_models_are_walked(file):
    nest(file, MAX_DEPTH)
    assert len(places(file)) == MAX_DEPTH


def test_deeper_groups_are_refused(file):
    nest(file, MAX_DEPTH + 1)
    with pytest.raises(ModelFileError, match=r"^m\.h5: expected HDF5 weights in at most 200"):
        places(file)


def test_more_objects_than_models_have_are_refused(file, monkeypatch):
    monkeypatch.setattr("converter.hdf5_walk.MAX_OBJECTS", 5)
    for index in range(6):
        file[str(index)] = index
    with pytest.raises(ModelFileError, match="and 5 objects, found more"):
        places(file)
