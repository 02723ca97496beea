"""Zip files from strangers: what could harm is refused before anything is unpacked."""

from __future__ import annotations

import contextlib
import stat
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converter.archive import content_members, extract_below, open_zip, read_member
from converter.errors import DataError, ModelFileError
from tests.converter.read_or_refused import read_or_refused


def make_zip(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def refuse(path, message, error=ModelFileError):
    with pytest.raises(error, match=message) as refused:
        open_zip(path, error)
    assert str(refused.value).startswith(f"{path.name}: ")


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "a/../../evil",
        "/etc/evil",
        "..\\evil",
        "\\evil",
        "C:/evil",
        "c:\\evil",
        "a//etc/evil",
        "a/\\evil",
    ],
    ids=[
        "parent",
        "inner parent",
        "absolute",
        "backslash parent",
        "backslash root",
        "drive",
        "drive with backslash",
        "hidden root",
        "hidden backslash root",
    ],
)
def test_a_member_outside_the_archives_folder_is_refused(tmp_path, name):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("placeholder")
        info.filename = name
        archive.writestr(info, b"x")
    refuse(path, "expected members inside the archive's own folder")


@pytest.mark.parametrize("name", ["a/b", "a..b", "..a", "ab:c", "ä", "a b"])
def test_an_ordinary_name_is_taken(tmp_path, name):
    path = make_zip(tmp_path / "a.zip", {name: b"x"})
    with open_zip(path, ModelFileError) as archive:
        assert archive.namelist() == [name]


def test_a_symbolic_link_is_refused(tmp_path):
    path = tmp_path / "a.zip"
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    refuse(path, "symbolic link")


@pytest.mark.parametrize(
    "name", ["a" * 256, "b/" + "ü" * 128, "c/" * 600 + "d"], ids=["part", "bytes", "whole"]
)
def test_a_name_that_no_disk_can_hold_is_refused(tmp_path, name):
    refuse(make_zip(tmp_path / "a.zip", {name: b"x"}), "names that a disk can hold, found '")


@pytest.mark.parametrize("names", [["v", "v/y"], ["v/y", "v"], ["a/v/x/y", "a/v"]], ids=str)
def test_a_name_of_both_a_file_and_a_folder_is_refused(tmp_path, names):
    path = make_zip(tmp_path / "a.zip", dict.fromkeys(names, b"1"))
    refuse(path, "expected a file or a folder of one name, found both for '(a/)?v'")


def test_a_folder_that_is_a_member_itself_is_taken(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"v/": b"", "v/y": b"1"})
    with open_zip(path, DataError) as archive:
        extract_below(archive, "", tmp_path / "out", DataError)
    assert (tmp_path / "out/v/y").read_bytes() == b"1"


def test_the_longest_names_are_taken(tmp_path):
    names = ["a" * 255, "c/" * 500 + "d"]
    with open_zip(make_zip(tmp_path / "a.zip", dict.fromkeys(names, b"x")), DataError) as archive:
        extract_below(archive, "", tmp_path / "out", DataError)
    assert all((tmp_path / "out" / name).is_file() for name in names)


def test_two_members_of_one_name_are_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", b"{}")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("config.json", b"[]")
    refuse(path, "expected each member once, found 'config.json' twice")


def test_an_encrypted_archive_is_refused(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"a": b"x"})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x03\x04") + 6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    refuse(path, "encrypted")


def test_more_than_the_allowed_bytes_are_refused_by_their_declared_size(tmp_path, monkeypatch):
    path = make_zip(tmp_path / "a.zip", {"a": bytes(600), "b": bytes(600)})
    monkeypatch.setenv("LITEDRIFT_UNPACKED_BYTES", "1199")
    refuse(path, "at most 1199 bytes once unpacked, found 1200", DataError)
    monkeypatch.setenv("LITEDRIFT_UNPACKED_BYTES", "1200")
    with open_zip(path, DataError) as archive:
        assert len(archive.namelist()) == 2


def test_too_many_members_are_refused(tmp_path, monkeypatch):
    path = make_zip(tmp_path / "a.zip", {str(n): b"" for n in range(4)})
    monkeypatch.setenv("LITEDRIFT_ARCHIVE_MEMBERS", "3")
    refuse(path, "at most 3 files in the archive, found 4")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9, 0.99], ids=str)
def test_a_truncated_archive_is_refused(tmp_path, share):
    path = make_zip(tmp_path / "a.zip", {"a": bytes(range(256)) * 20, "b": b"x"})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    refuse(path, "expected a complete zip archive")


def test_folders_and_bookkeeping_are_no_content(tmp_path):
    members = ["a/", "a/x", "__MACOSX/a/._x", "a/.DS_Store", "Thumbs.db", "a/__MACOSX/y"]
    path = make_zip(tmp_path / "a.zip", dict.fromkeys(members, b""))
    with open_zip(path, DataError) as archive:
        assert [member.filename for member in content_members(archive)] == ["a/x"]


class TestReadMember:
    def test_gives_the_bytes(self, tmp_path):
        path = make_zip(tmp_path / "a.zip", {"a": b"content"})
        with open_zip(path, DataError) as archive:
            assert read_member(archive, "a", DataError) == b"content"

    def test_a_missing_member_is_refused(self, tmp_path):
        path = make_zip(tmp_path / "a.zip", {"a": b""})
        with open_zip(path, DataError) as archive, pytest.raises(DataError, match=r"a\.zip: .* b "):
            read_member(archive, "b", DataError)

    def test_a_member_beyond_its_bound_is_refused(self, tmp_path):
        path = make_zip(tmp_path / "a.zip", {"a": bytes(11)})
        with (
            open_zip(path, DataError) as archive,
            pytest.raises(DataError, match="at most 10 bytes in a, found 11"),
        ):
            read_member(archive, "a", DataError, max_bytes=10)

    def test_no_more_is_inflated_than_was_declared(self, tmp_path):
        path = make_zip(tmp_path / "a.zip", {"a": bytes(100_000)})
        content = path.read_bytes().replace(
            (100_000).to_bytes(4, "little"), (10).to_bytes(4, "little")
        )
        path.write_bytes(content)
        with open_zip(path, DataError) as archive:
            found = read_or_refused(lambda: read_member(archive, "a", DataError), "a.zip: ")
        assert found is None or len(found) <= 10

    @pytest.mark.parametrize(
        "compression",
        [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA],
        ids=["stored", "deflated", "bzip2", "lzma"],
    )
    def test_damaged_content_is_refused(self, tmp_path, compression):
        noise = bytes((n * n * 7919 + n // 3) % 251 for n in range(4000))
        path = make_zip(tmp_path / "a.zip", {"a": noise}, compression)
        content = bytearray(path.read_bytes())
        for index in range(60, min(400, len(content) - 120)):
            content[index] ^= 0xFF
        path.write_bytes(content)
        with (
            open_zip(path, DataError) as archive,
            pytest.raises(DataError, match=r"a\.zip: expected a readable a inside"),
        ):
            read_member(archive, "a", DataError)

    @settings(
        max_examples=200,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.data())
    def test_any_flipped_byte_is_read_or_refused(self, tmp_path, data):
        path = make_zip(tmp_path / "a.zip", {"folder/a": bytes(range(256)), "b": b"x" * 50})
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 3))):
            index = data.draw(st.integers(0, len(content) - 1))
            content[index] = data.draw(st.integers(0, 255))
        path.write_bytes(content)

        def read():
            with open_zip(path, DataError) as archive:
                return sum(
                    len(read_member(archive, member.filename, DataError))
                    for member in content_members(archive)
                )

        total = read_or_refused(read, "a.zip: ")
        assert total is None or total <= 1000


class TestExtractBelow:
    def test_keeps_relative_paths_and_leaves_out_the_rest(self, tmp_path):
        path = make_zip(
            tmp_path / "a.zip",
            {"m/x": b"1", "m/v/y": b"2", "other": b"3", "__MACOSX/m/._x": b"4"},
        )
        target = tmp_path / "target"
        with open_zip(path, ModelFileError) as archive:
            extract_below(archive, "m/", target, ModelFileError)
        files = {
            p.relative_to(target).as_posix(): p.read_bytes()
            for p in target.rglob("*")
            if p.is_file()
        }
        assert files == {"x": b"1", "v/y": b"2"}

    def test_nothing_is_written_outside_the_target(self, tmp_path):
        evil = tmp_path / "evil"
        path = make_zip(tmp_path / "a.zip", {"m/x": b"1", f"m/{evil}": b"evil"})
        target = tmp_path / "target"
        with (
            contextlib.suppress(ModelFileError),
            open_zip(path, ModelFileError) as archive,
        ):
            extract_below(archive, "m/", target, ModelFileError)
        assert not evil.exists()

    def test_damaged_content_is_refused(self, tmp_path):
        path = make_zip(tmp_path / "a.zip", {"a": bytes(n * 31 % 251 for n in range(4000))})
        content = bytearray(path.read_bytes())
        content[40:80] = b"\xff" * 40
        path.write_bytes(content)
        with (
            open_zip(path, ModelFileError) as archive,
            pytest.raises(ModelFileError, match="cannot be unpacked"),
        ):
            extract_below(archive, "", tmp_path / "target", ModelFileError)
