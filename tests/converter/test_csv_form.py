"""How a CSV is written: encoding, separator and header by its beginning."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.csv_form import find_form, find_separator, is_number, text_encoding
from converter.errors import DataError


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1;2\n", ";"),
        ("a\tb\n1\t2\n", "\t"),
        ("a|b\n1|2\n", "|"),
        ("a;b\n1,5;2,5\n3,5;4,5\n", ";"),
        ("1,5;2,5\n3,5;4,5\n", ";"),
        ("1,5\t2,5\n3,5\t4,5\n", "\t"),
        ('name;size\n"Doe, Jane";1\n"Roe, Jim";2\n', ";"),
        ('name,size\n"a;b;c",1\n"d;e;f",2\n', ","),
        ("a|b, c|d\n1|2|3\n", "|"),
        ("value\n1\n2\n", ","),
        ("", ","),
        ("a;b;c\n1;2;3\n4;5", ";"),
    ],
)
def test_the_separator_gives_even_rows_of_numbers(text, separator):
    assert find_separator(text) == separator


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(",;\t|"),
    st.lists(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), min_size=1, max_size=20),
)
def test_any_table_of_numbers_is_taken_apart(separator, rows):
    text = "\n".join(separator.join(map(repr, row)) for row in rows) + "\n"
    assert find_separator(text) == separator


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        (b"a,b\n", "utf-8-sig"),
        ("a;b\n1;2".encode("utf-16"), "utf-16"),
        ("größe;b\n1;2".encode("utf-16-le"), "utf-16-le"),
        ("größe;b\n1;2".encode("utf-16-be"), "utf-16-be"),
        (b"\x00\x01\x02\x03", None),
        (b"a\x00b\x01c\x00", None),
        (np.arange(1, 99, dtype="<f4").tobytes(), None),
        (np.arange(1, 99, dtype="<u2").tobytes(), None),
        (b"PNG\0\0\0\0\0\0", None),
    ],
    ids=["ASCII", "marked", "little", "big", "counting", "mixed", "floats", "words", "zeros"],
)
def test_text_is_told_from_bytes(head, encoding):
    assert text_encoding(head) == encoding


def test_excels_first_line_names_the_separator(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("sep=;\na;b,c\n1;2\n")
    form = find_form(path, "a.csv")
    assert (form.separator, form.skipped, form.headless) == (";", 1, False)


@pytest.mark.parametrize(
    ("first", "headless"),
    [
        ("a,b", False),
        ("1,2", True),
        ("1,2,setosa", True),
        ("0,1,label", False),
        ("feature_1,1_000", False),
        ("1,5;x", True),
        ("nan,1", True),
    ],
)
def test_a_first_row_of_numbers_is_a_sample(tmp_path, first, headless):
    path = tmp_path / "a.csv"
    path.write_text(f"{first}\n{first}\n")
    assert find_form(path, "a.csv").headless == headless


@pytest.mark.parametrize(
    ("cell", "separator", "expected"),
    [
        ("1.5", ",", True),
        ("1,5", ";", True),
        (",5", ";", True),
        ("-1,5e-3", "\t", True),
        ("1,5", ",", False),
        ("1_000", ";", False),
        ("1,5,6", ";", False),
        ("", ";", False),
    ],
)
def test_numbers(cell, separator, expected):
    assert is_number(cell, separator) == expected


def test_too_many_columns_are_refused_by_the_first_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(",".join(map(str, range(200_000))))
    with pytest.raises(DataError, match="at most 10000 columns, found"):
        find_form(path, "a.csv")
