"""Named arrays on disk."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from converter import sample_arrays
from converter.sample_arrays import (
    RELEASE_BYTES,
    ArrayWriter,
    PageReleaser,
    load_arrays,
    save_arrays,
    save_npz,
    write_rows,
)

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


class TestArrayWriter:
    @pytest.mark.parametrize("sizes", [[1], [3, 1], [50, 50, 7], [1] * 12], ids=str)
    def test_blocks_are_read_back_as_one_array(self, tmp_path, sizes):
        random = np.random.default_rng(0)
        blocks = [
            {"a/b": random.random((n, 2, 3)).astype("float32"), "n": np.arange(n, dtype="int8")}
            for n in sizes
        ]
        with ArrayWriter(tmp_path) as writer:
            for block in blocks:
                writer.append(block)
        found = load_arrays(tmp_path)
        for name in ("a/b", "n"):
            expected = np.concatenate([block[name] for block in blocks])
            assert found[name].dtype == expected.dtype
            np.testing.assert_array_equal(found[name], expected)

    def test_after_a_restart_only_what_came_later_counts(self, tmp_path):
        with ArrayWriter(tmp_path) as writer:
            writer.append({"y": np.zeros((90, 4))})
            writer.restart()
            writer.append({"y": np.ones((2, 3), np.float32)})
        assert load_arrays(tmp_path)["y"].tolist() == [[1, 1, 1], [1, 1, 1]]

    @pytest.mark.parametrize(
        "second",
        [{"y": np.zeros((1, 3))}, {"y": np.zeros((1, 2), "float32")}, {"z": np.zeros((1, 2))}],
        ids=["shape", "type", "name"],
    )
    def test_another_shape_type_or_name_is_refused(self, tmp_path, second):
        with ArrayWriter(tmp_path) as writer:
            writer.append({"y": np.zeros((1, 2))})
            with pytest.raises(ValueError, match="expected"):
                writer.append(second)

    def test_blocks_without_rows_and_no_block_at_all(self, tmp_path):
        with ArrayWriter(tmp_path / "rows") as writer:
            for rows in (0, 2, 0, 1):
                writer.append({"y": np.full((rows, 3), rows, np.int16)})
        assert load_arrays(tmp_path / "rows")["y"].tolist() == [[2] * 3, [2] * 3, [1] * 3]
        with ArrayWriter(tmp_path / "empty") as writer:
            writer.append({"y": np.zeros((0, 3))})
        assert load_arrays(tmp_path / "empty")["y"].shape == (0, 3)
        with ArrayWriter(tmp_path / "nothing"):
            pass
        assert load_arrays(tmp_path / "nothing") == {}

    def test_a_restart_may_leave_nothing_or_fewer_arrays(self, tmp_path):
        for name, last in (("nothing", None), ("fewer", {"b": np.ones((1, 2))})):
            with ArrayWriter(tmp_path / name) as writer:
                writer.append({"a": np.zeros((9, 9)), "b": np.zeros((9, 9))})
                writer.restart()
                writer.restart()
                if last is not None:
                    writer.append(last)
            found = load_arrays(tmp_path / name)
            assert {key: array.tolist() for key, array in found.items()} == (
                {} if last is None else {"b": [[1, 1]]}
            )

    def test_what_was_broken_off_cannot_be_taken_for_whole(self, tmp_path):
        def break_off():
            with ArrayWriter(tmp_path) as writer:
                writer.append({"y": np.zeros((5, 2))})
                raise RuntimeError

        with pytest.raises(RuntimeError):
            break_off()
        with pytest.raises(FileNotFoundError):
            load_arrays(tmp_path)

    def test_scalars_big_endian_and_strided_arrays(self, tmp_path):
        whole = np.arange(24, dtype=">f4").reshape(4, 6)
        with ArrayWriter(tmp_path) as writer:
            for part in (slice(0, 1), slice(1, 4)):
                writer.append({"strided": whole[part, ::-2], "flat": whole[part, 0]})
        found = load_arrays(tmp_path)
        np.testing.assert_array_equal(found["strided"], whole[:, ::-2])
        np.testing.assert_array_equal(found["flat"], [0, 6, 12, 18])


def test_given_back_pages_are_read_again(tmp_path):
    save_arrays(tmp_path, {"x": np.arange(1000.0)})
    mapped = load_arrays(tmp_path)["x"]
    PageReleaser([mapped[3:], np.zeros(2)]).note(RELEASE_BYTES)
    assert mapped.tolist() == list(range(1000))


@pytest.mark.parametrize("count", [1, 7, 5000])
def test_rows_of_mapped_arrays_are_written_block_by_block(tmp_path, monkeypatch, count):
    named = {"x": np.arange(5000 * 6, dtype=np.float32).reshape(5000, 2, 3), "n": np.arange(5000)}
    save_arrays(tmp_path / "all", named)
    rows = np.sort(np.random.default_rng(0).permutation(5000)[:count])
    monkeypatch.setattr(sample_arrays, "RELEASE_BYTES", 1 << 12)
    write_rows(tmp_path / "some", load_arrays(tmp_path / "all"), rows)
    found = load_arrays(tmp_path / "some")
    for name, array in named.items():
        np.testing.assert_array_equal(found[name], array[rows])
