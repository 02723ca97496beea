"""Folders that arrive file by file: one zip for one content, and no path that leads elsewhere."""

from __future__ import annotations

import io
import zipfile

import pytest

from converter.errors import ModelFileError
from converter.folder_upload import pack_folder
from converter.model_file import inspect_model
from converter.uploads import find_upload, store_folder

MIB = 1024 * 1024


class Stream(io.RawIOBase):
    """Content that is never whole in memory, and notes the largest piece asked of it."""

    def __init__(self, size):
        self.left, self.largest = size, 0

    def read(self, count=-1):
        self.largest = max(self.largest, count if count >= 0 else self.left)
        given = min(self.left, count)
        self.left -= given
        return b"\0" * given


def pack(files, max_bytes=MIB):
    target = io.BytesIO()
    name = pack_folder([(n, io.BytesIO(c)) for n, c in files], target, max_bytes)
    return name, target.getvalue()


def names_of(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return archive.namelist()


FILES = [("m/saved_model.pb", b"graph"), ("m/variables/v.data", b""), ("m/assets/ü <b>.txt", b"x")]


def test_a_folder_is_packed_below_its_name():
    name, content = pack(FILES)
    assert name == "m"
    assert names_of(content) == ["assets/ü <b>.txt", "saved_model.pb", "variables/v.data"]


def test_the_same_content_is_the_same_zip_whatever_order_and_name():
    renamed = [("other" + name[1:], content) for name, content in reversed(FILES)]
    assert pack(FILES)[1] == pack(renamed)[1]
    assert pack(FILES)[1] != pack([*FILES[:2], ("m/assets/ü <b>.txt", b"y")])[1]


@pytest.mark.parametrize(
    "names",
    [["saved_model.pb"], ["a/saved_model.pb", "b/x"], ["a/saved_model.pb", "x"]],
    ids=["bare", "two", "beside"],
)
def test_without_one_common_folder_paths_stay(names):
    name, content = pack([(name, b"") for name in names])
    assert name == "folder"
    assert names_of(content) == sorted(names)


@pytest.mark.parametrize(
    "name",
    ["m/../../etc/passwd", "../m/x", "m/a/../../x", "/etc/passwd", "m//etc/passwd", "m/", "",
     "m/a\\..\\..\\x", "..\\x", "m/C:/x", "C:/m/x", "m/./x", "m/x\0.pb", "./x", "m/a//b", "m/.."],
)  # fmt: skip
def test_paths_that_lead_elsewhere_are_refused(name):
    for files in ([(name, b"")], [("m/saved_model.pb", b""), (name, b"")]):
        with pytest.raises(ModelFileError, match="expected paths inside the folder"):
            pack(files)


@pytest.mark.parametrize("name", ["m/..x", "m/x..", "m/...", "m/a b/ \N{RIGHT-TO-LEFT OVERRIDE}"])
def test_odd_paths_that_stay_are_kept(name):
    assert names_of(pack([(name, b"1")])[1]) == [name[2:]]


def test_a_path_given_twice_is_refused():
    with pytest.raises(ModelFileError, match="the same path twice"):
        pack([("m/a", b"1"), ("m/a", b"2")])


def test_an_empty_folder_is_refused():
    with pytest.raises(ModelFileError, match="The folder is empty"):
        pack([])


def test_too_many_files_are_refused(monkeypatch):
    monkeypatch.setenv("LITEDRIFT_ARCHIVE_MEMBERS", "2")
    with pytest.raises(ModelFileError, match="m: expected a folder of at most 2 files, found 3"):
        pack(FILES)


def test_too_large_a_folder_is_refused_as_soon_as_it_shows():
    first, second = Stream(3 * MIB), Stream(10**15)
    with pytest.raises(ModelFileError, match="m: expected a folder of at most 4194304 bytes"):
        pack_folder([("m/a", first), ("m/b", second)], io.BytesIO(), 4 * MIB)
    assert second.left > 10**15 - 3 * MIB


def test_files_are_read_in_blocks(tmp_path):
    stream = Stream(20 * MIB)
    with (tmp_path / "f.zip").open("wb") as target:
        pack_folder([("m/a", stream)], target, 100 * MIB)
    assert stream.left == 0
    assert stream.largest <= MIB
    assert zipfile.ZipFile(tmp_path / "f.zip").getinfo("a").file_size == 20 * MIB


class TestStored:
    @pytest.fixture(autouse=True)
    def home(self, tmp_path, monkeypatch):
        monkeypatch.setenv("LITEDRIFT_HOME", str(tmp_path / "home"))
        return tmp_path / "home"

    def test_a_saved_model_folder_is_a_model_file(self, saved_model_folder):
        files = [
            (f"my <model>/{file.relative_to(saved_model_folder).as_posix()}", file.open("rb"))
            for file in saved_model_folder.rglob("*")
            if file.is_file()
        ]
        stored = store_folder(files)
        assert stored.name == "my <model>"
        assert stored.path.suffix == ".zip"
        model, folder = inspect_model(stored.path), inspect_model(saved_model_folder)
        assert model.sha256 == stored.sha256
        assert model.format == "saved_model"
        assert model.notes == folder.notes
        assert model.unpacked_bytes == folder.unpacked_bytes
        assert model.inputs == folder.inputs
        assert find_upload(stored.sha256) == stored

    def test_what_is_refused_leaves_nothing_behind(self, home, monkeypatch):
        monkeypatch.setenv("LITEDRIFT_UPLOAD_BYTES", "3")
        store_folder([("m/a", io.BytesIO(b"12")), ("m/b", io.BytesIO(b"3"))])
        (kept,) = (home / "uploads").iterdir()
        with pytest.raises(ModelFileError, match="LITEDRIFT_UPLOAD_BYTES"):
            store_folder([("m/a", io.BytesIO(b"12")), ("m/b", io.BytesIO(b"34"))])
        with pytest.raises(ModelFileError, match="expected paths inside"):
            store_folder([("m/..", io.BytesIO(b""))])
        assert list((home / "uploads").iterdir()) == [kept]
