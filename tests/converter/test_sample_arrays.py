"""Named arrays on disk."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from converter.sample_arrays import load_arrays, save_arrays, save_npz

ARRAYS = {
    "plain": np.arange(6, dtype=np.float32).reshape(2, 3),
    "../escape": np.array([1, 2], np.int64),
    "a/b": np.array([[True]]),
    "输入": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "none": np.zeros((0, 3), np.float32),
    "file": np.array([255], np.uint8),
}


def test_any_name_and_any_array_survive(tmp_path):
    save_arrays(tmp_path / "new" / "folder", ARRAYS)
    read = load_arrays(tmp_path / "new" / "folder")
    assert list(read) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].dtype == array.dtype


def test_names_do_not_become_paths(tmp_path):
    save_arrays(tmp_path / "folder", ARRAYS)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert all(path.is_file() for path in (tmp_path / "folder").iterdir())


def test_loaded_arrays_are_mapped_and_read_only(tmp_path):
    save_arrays(tmp_path, {"x": np.ones((4, 4))})
    read = load_arrays(tmp_path)["x"]
    assert isinstance(read, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        read[0, 0] = 2


def test_objects_are_refused(tmp_path):
    with pytest.raises(ValueError, match="allow_pickle"):
        save_arrays(tmp_path, {"x": np.array([{}], dtype=object)})


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(
        st.text(
            st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
            min_size=1,
            max_size=8,
        ),
        arrays.arrays(st.sampled_from([np.float32, np.int8]), arrays.array_shapes(max_dims=3)),
        max_size=3,
    )
)
def test_an_npz_is_read_by_numpy(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    save_npz(path, values)
    with np.load(path, allow_pickle=False) as archive:
        assert archive.files == list(values)
        for name, array in values.items():
            np.testing.assert_array_equal(archive[name], array)
