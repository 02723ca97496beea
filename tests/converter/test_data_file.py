"""Data files of every kind, whole, damaged and hostile."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converter.data_file import read_data_file
from converter.errors import DataError
from converter.request import DataOptions
from converter.sample_fitting import fit_samples
from converter.samples import load_samples
from converter.signature import TensorSpec
from tests.converter.read_or_refused import read_or_refused

ONE = [TensorSpec("image", (None, 4), "float32")]
TWO = [TensorSpec("left", (None, 2), "float32"), TensorSpec("right", (None, 3), "float32")]
X = np.arange(12, dtype=np.float32).reshape(3, 4)


def read(path, inputs=ONE):
    return read_data_file(path, "data file", inputs, DataOptions(), rescales=False)


def refuse(path, message, inputs=ONE):
    with pytest.raises(DataError, match=message) as refused:
        read(path, inputs)
    assert str(refused.value).startswith("data file: ")


def npy_bytes(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npy_with_header(header, content=b"", version=(1, 0)):
    """Return `.npy` bytes with any text as header."""
    raw = header.encode("latin-1")
    raw += b" " * (-(len(raw) + 11) % 64) + b"\n"
    size = struct.pack("<H" if version == (1, 0) else "<I", len(raw))
    return b"\x93NUMPY" + bytes(version) + size + raw + content


def npz(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


class TestNpz:
    @pytest.mark.parametrize("name", ["x", "image", "anything"])
    def test_one_input_by_its_name_or_x_or_alone(self, tmp_path, name):
        path = tmp_path / "a"
        with path.open("wb") as stream:
            np.savez(stream, **{name: X, "y": np.array([0, 1, 2])})
        raw = read(path)
        np.testing.assert_array_equal(raw.inputs["image"], X)
        assert raw.labels["y"].tolist() == [0, 1, 2]

    def test_the_inputs_name_goes_before_x(self, tmp_path):
        path = tmp_path / "a.npz"
        np.savez(path, x=X * 0, image=X)
        raw = read(path)
        np.testing.assert_array_equal(raw.inputs["image"], X)
        assert raw.notes == ("The array x belongs to no input and no label: left out.",)

    def test_the_usual_halves_of_a_data_set_are_told_apart(self, tmp_path):
        path = tmp_path / "mnist.npz"
        test, train = np.arange(3), np.arange(9)
        np.savez(path, x_train=X * 0, y_train=train, x_test=X, y_test=test)
        raw = read(path)
        np.testing.assert_array_equal(raw.inputs["image"], X)
        assert raw.labels["y"].tolist() == test.tolist()
        assert any("x_train, y_train belong to no input" in note for note in raw.notes)

    def test_several_inputs_by_name(self, tmp_path):
        path = tmp_path / "a.npz"
        left, right = np.zeros((3, 2)), np.ones((3, 3))
        np.savez(path, right=right, left=left, y_cultivar=np.arange(3), y_alcohol=np.ones(3))
        raw = read(path, TWO)
        np.testing.assert_array_equal(raw.inputs["left"], left)
        np.testing.assert_array_equal(raw.inputs["right"], right)
        assert sorted(raw.labels) == ["alcohol", "cultivar"]

    def test_an_input_may_be_named_y(self, tmp_path):
        path = tmp_path / "a.npz"
        np.savez(path, y=X)
        raw = read(path, [TensorSpec("y", (None, 4), "float32")])
        assert list(raw.inputs) == ["y"]
        assert raw.labels == {}

    def test_compressed(self, tmp_path):
        path = tmp_path / "a.npz"
        np.savez_compressed(path, x=X)
        np.testing.assert_array_equal(read(path).inputs["image"], X)

    @pytest.mark.parametrize(
        ("names", "inputs", "message"),
        [
            (["a", "b"], ONE, r"expected x \(or image\), found a, b"),
            (["y"], ONE, "expected x .*found y"),
            (["left", "x"], TWO, "one array for each input: left, right, found left, x"),
        ],
        ids=["two unknown", "labels alone", "one input missing"],
    )
    def test_a_missing_input_is_refused_with_what_is_there(self, tmp_path, names, inputs, message):
        path = tmp_path / "a.npz"
        np.savez(path, **dict.fromkeys(names, X))
        refuse(path, message, inputs)

    def test_python_objects_are_refused_and_never_unpickled(self, tmp_path):
        class Bomb:
            def __reduce__(self):
                return (open, (str(tmp_path / "executed"), "w"))

        path = tmp_path / "a.npz"
        np.savez(path, x=np.array([Bomb()], dtype=object))
        refuse(path, "Python objects")
        assert not (tmp_path / "executed").exists()

    def test_labels_that_are_objects_are_refused(self, tmp_path):
        path = tmp_path / "a.npz"
        np.savez(path, x=X, y=np.array(["a", None, "b"], dtype=object))
        refuse(path, "Python objects")

    def test_a_deflate_bomb_is_refused_by_its_declared_size(self, tmp_path, monkeypatch):
        path = tmp_path / "a.npz"
        np.savez_compressed(path, x=np.zeros((1000, 1000)))
        assert path.stat().st_size < 20_000
        monkeypatch.setenv("LITEDRIFT_DATA_BYTES", "1000000")
        refuse(path, "at most 1000000 bytes once unpacked, found 8000128")

    def test_an_empty_archive_is_refused(self, tmp_path):
        refuse(npz(tmp_path / "a.npz", {}), "expected arrays")

    def test_a_truncated_file_is_refused(self, tmp_path):
        path = tmp_path / "a.npz"
        np.savez(path, x=X)
        content = path.read_bytes()
        for share in (0.1, 0.5, 0.9, 0.99):
            path.write_bytes(content[: int(len(content) * share)])
            with pytest.raises(DataError, match=r"a\.npz: expected a complete zip"):
                read(path)

    def test_damaged_compressed_content_is_refused(self, tmp_path):
        path = tmp_path / "a.npz"
        np.savez_compressed(path, x=np.random.default_rng(0).random((50, 4)))
        content = bytearray(path.read_bytes())
        content[100:300] = b"\xff" * 200
        path.write_bytes(content)
        with pytest.raises(DataError, match="readable"):
            read(path)

    def test_a_model_is_sent_to_the_models_side(self, tmp_path):
        path = tmp_path / "a.keras"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", "{}")
            archive.writestr("metadata.json", "{}")
        refuse(path, "found a model; give it on the model's side")


class TestNpy:
    @pytest.mark.parametrize(
        "array",
        [X, np.asfortranarray(X), X.astype(">f8"), X.astype(np.uint8), X.astype("<f2"), X > 3],
        ids=["float32", "fortran order", "big endian", "uint8", "float16", "bool"],
    )
    def test_one_array_for_one_input(self, tmp_path, array):
        path = tmp_path / "a.npy"
        np.save(path, array)
        found = load_samples(path, "a.npy", ONE)
        np.testing.assert_array_equal(found.inputs["image"], array.astype(np.float32))

    @pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)], ids=str)
    def test_every_version_of_the_format(self, tmp_path, version):
        path = tmp_path / "a.npy"
        with path.open("wb") as stream:
            np.lib.format.write_array(stream, X, version=version)
        np.testing.assert_array_equal(read(path).inputs["image"], X)

    def test_several_inputs_need_npz(self, tmp_path):
        path = tmp_path / "a.npy"
        np.save(path, X)
        refuse(path, "one array for each of the inputs left, right, found a single array", TWO)

    def test_python_objects_are_refused(self, tmp_path):
        path = tmp_path / "a.npy"
        np.save(path, np.array([{}], dtype=object))
        refuse(path, "Python objects")

    @pytest.mark.parametrize("missing", [1, 16, 47])
    def test_a_truncated_array_is_refused(self, tmp_path, missing):
        path = tmp_path / "a.npy"
        path.write_bytes(npy_bytes(X)[:-missing])
        refuse(path, "expected 48 bytes in x, found|promises 48")

    def test_no_rows_are_told_as_no_samples(self, tmp_path):
        path = tmp_path / "a.npy"
        np.save(path, np.zeros((0, 4), np.float32))
        with pytest.raises(DataError, match="at least one sample, found none"):
            load_samples(path, "a.npy", ONE)

    @pytest.mark.parametrize(
        "shape",
        ["(1000000000000,)", "(1 << 62,)", f"({2**62}, {2**62})", f"({10**30},)", "(3, 5)"],
        ids=["terabytes", "expression", "overflow", "beyond 64 bits", "a little more"],
    )
    def test_a_header_that_promises_more_than_there_is_is_refused(self, tmp_path, shape):
        path = tmp_path / "a.npy"
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
        path.write_bytes(npy_with_header(header, X.tobytes()))
        refuse(path, "promises|damaged|cut off")

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "{",
            "{}",
            "[]",
            "None",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4), }",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-3, -4), }",
            "{'descr': '<f4', 'fortran_order': False, 'shape': 3, }",
            "{'descr': '<f4', 'fortran_order': False, 'shape': ('3',), }",
            "{'descr': '<f4', 'fortran_order': 2, 'shape': (3, 4), }",
            "{'descr': 'nonsense', 'fortran_order': False, 'shape': (3, 4), }",
            "{'descr': 5, 'fortran_order': False, 'shape': (3, 4), }",
            "{'descr': [('a', 5)], 'fortran_order': False, 'shape': (3, 4), }",
            "{1: 2, 'descr': '<f4'}",
            "{[]: 1}",
            "__import__('os').system('true')",
            "((((((" * 200,
            "'" * 3,
            "\\",
        ],
        ids=[
            "empty",
            "brace",
            "no fields",
            "list",
            "None",
            "cut",
            "minus one",
            "negative",
            "number as shape",
            "text as shape",
            "no boolean",
            "unknown dtype",
            "number as dtype",
            "number as field",
            "mixed keys",
            "unhashable",
            "code",
            "deep",
            "open text",
            "backslash",
        ],
    )
    def test_a_header_that_is_none_is_refused(self, tmp_path, header):
        path = tmp_path / "a.npy"
        path.write_bytes(npy_with_header(header, X.tobytes()))
        refuse(path, "expected")

    @pytest.mark.parametrize(
        "dtype",
        ["V4", "S4", "U1", "M8[s]", "m8[s]", "c8", "V0", "i4,f4"],
    )
    def test_a_dtype_that_is_no_number_is_refused_by_the_fit(self, tmp_path, dtype):
        path = tmp_path / "a.npy"
        np.save(path, np.zeros((3, 4), dtype))
        with pytest.raises(DataError, match="expected"):
            load_samples(path, "a.npy", ONE)

    @settings(
        max_examples=200,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.data())
    def test_any_flipped_byte_is_read_or_refused(self, tmp_path, data):
        path = tmp_path / "a.npy"
        content = bytearray(npy_bytes(X))
        for _ in range(data.draw(st.integers(1, 3))):
            content[data.draw(st.integers(6, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(content)
        found = read_or_refused(lambda: fit_samples(read(path), "data file", ONE), "data file: ")
        assert found is None or found.inputs["image"].shape[1:] == (4,)

    def test_the_limit_on_bytes_holds(self, tmp_path, monkeypatch):
        path = tmp_path / "a.npy"
        np.save(path, np.zeros((100, 4), np.float32))
        monkeypatch.setenv("LITEDRIFT_DATA_BYTES", "1000")
        refuse(path, "at most 1000 bytes in x, found a header that promises 1600")


class TestOtherFiles:
    def test_a_missing_file(self, tmp_path):
        refuse(tmp_path / "none.npz", "found no such file")

    def test_a_folder(self, tmp_path):
        refuse(tmp_path, "found no such file")

    def test_an_empty_file(self, tmp_path):
        path = tmp_path / "a.npz"
        path.touch()
        refuse(path, r"found an empty file \(0 bytes\)")

    @pytest.mark.parametrize(
        "content",
        [
            b"\x89HDF\r\n\x1a\n",
            b"\x00\x01\x02\x03",
            b"\x89PNG\r\n\x1a\n\0\0\0",
            b"abc\0def",
            np.arange(1, 200, dtype="<u2").tobytes(),
        ],
        ids=["HDF5", "zeros", "PNG", "NUL", "small integers"],
    )
    def test_another_binary_kind(self, tmp_path, content):
        path = tmp_path / "a.npz"
        path.write_bytes(content)
        refuse(path, r"expected a \.npz, \.npy or \.csv file or a zip of images, found")

    @pytest.mark.parametrize("name", ["a.npz", "a", "a.txt", "a.csv"])
    def test_the_content_counts_not_the_name(self, tmp_path, name):
        path = tmp_path / name
        path.write_text("a,b,c,d\n1,2,3,4\n")
        np.testing.assert_array_equal(read(path).inputs["image"], [[1, 2, 3, 4]])

    @settings(
        max_examples=100,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.binary(min_size=1, max_size=200))
    def test_random_bytes_are_read_or_refused(self, tmp_path, content):
        path = tmp_path / "a.npz"
        path.write_bytes(content)
        found = read_or_refused(
            lambda: fit_samples(read(path), "data file", ONE), "data file: ", "a.npz: "
        )
        assert found is None or found.inputs["image"].shape[1] == 4
