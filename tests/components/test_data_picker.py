"""The label columns that the page offers are those that the run will read."""

from __future__ import annotations

import pytest

from components.data_picker import label_columns
from converter.csv_table import read_table
from converter.uploads import StoredFile


def stored(path, content):
    path.write_bytes(content)
    return StoredFile(path, "mine.csv", "0" * 64, len(content))


@pytest.mark.parametrize(
    "content",
    [
        b"a,b,kind\n1,2,x\n",
        b"a;b;kind\n1;2;x\n",
        "größe\tb\tkind\n1\t2\tx\n".encode("utf-16"),
        "größe,b,kind\n1,2,x\n".encode("latin-1"),
        b'\xef\xbb\xbf\n"a, or b", b,b\n1,2,x\n',
        b"0,1,label\n5.1,3.5,7\n",
    ],
    ids=["comma", "semicolon", "utf-16", "latin-1", "quotes and twins", "numbered"],
)
def test_columns_are_those_of_the_table(tmp_path, content):
    file = stored(tmp_path / "hash.csv", content)
    assert label_columns(file) == list(read_table(file.path, file.name).frame.columns)
    assert len(label_columns(file)) == 3


@pytest.mark.parametrize(
    "content",
    [b"5.1,3.5,setosa\n4.9,3.0,setosa\n", b"", b"\n\n", b"\xff\xfe", b"a" * 9_000_000],
    ids=["no header", "empty", "blank", "mark alone", "one endless line"],
)
def test_only_automatic_is_left_where_there_is_no_header(tmp_path, content):
    found = label_columns(stored(tmp_path / "hash.csv", content))
    assert len(found) <= 1


def test_too_many_columns_are_no_choice(tmp_path, monkeypatch):
    monkeypatch.setenv("LITEDRIFT_CSV_COLUMNS", "2")
    assert label_columns(stored(tmp_path / "hash.csv", b"a,b,c\n1,2,3\n")) == []


def test_a_column_without_a_name_is_not_offered(tmp_path):
    assert label_columns(stored(tmp_path / "hash.csv", b"a,b,\n1,2,\n3,4,\n")) == ["a", "b"]
