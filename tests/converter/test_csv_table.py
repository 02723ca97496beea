"""CSV tables: numbers read right, and said how; what is mixed is refused."""

from __future__ import annotations

import numpy as np
import pytest

from converter.csv_table import column_names, read_columns, read_table
from converter.errors import DataError


def read(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    return read_table(path, "t.csv")


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a;b\n1,5;2\n3;4,25\n", [[1.5, 2], [3, 4.25]]),
        ("1,5;2\n3;4,25\n", [[1.5, 2], [3, 4.25]]),
        ("a\tb\n1,5\t2\n3\t4,25\n", [[1.5, 2], [3, 4.25]]),
        ('a,b\n"1,5","2,0"\n"3,0","4,25"\n', [[1.5, 2], [3, 4.25]]),
        ("a;b\n1.234,5;2.000\n3,0;1.500\n", [[1234.5, 2000], [3, 1500]]),
        ('a,b\n"1,234","2"\n"3","1,234,567"\n', [[1234, 2], [3, 1234567]]),
        ("a;b\n1 234,5;2\n3,5;4\n", [[1234.5, 2], [3.5, 4]]),
        ("a;b\n1,5;\n;2,5\n", [[1.5, None], [None, 2.5]]),
        ("a;b\n1,5;True\n2,5;False\n", [[1.5, 1], [2.5, 0]]),
    ],
    ids=["header", "no header", "tabs", "quoted", "points between thousands", "commas between",
         "spaces between", "gaps", "truth values"],
)  # fmt: skip
def test_numbers_with_commas_are_read_and_noted(tmp_path, text, rows):
    table = read(tmp_path, text)
    expected = np.array(rows, dtype=float)
    np.testing.assert_allclose(table.frame.to_numpy(dtype=float), expected)
    assert any("were read as" in note for note in table.notes)


def test_a_table_of_plain_numbers_needs_no_word(tmp_path):
    assert read(tmp_path, "a,b\n1.5,2\n").notes == ()


def test_labels_of_text_stay_text_beside_decimal_commas(tmp_path):
    table = read(tmp_path, "a;kind\n1,5;x, y\n2,5;3 z\n")
    assert table.frame["a"].tolist() == [1.5, 2.5]
    assert table.frame["kind"].tolist() == ["x, y", "3 z"]


def test_commas_that_appear_late_are_found(tmp_path):
    text = "a;b\n" + "1;2\n" * 30_000 + "0,5;2\n"
    assert read(tmp_path, text).frame["a"].iloc[-1] == 0.5


def test_two_decimal_signs_in_one_file_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"one decimal sign, found commas .* \(as in '2\.5'\)"):
        read(tmp_path, "a;b\n1,5;2.5\n2,5;3.5\n")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_encodings(tmp_path, encoding):
    table = read(tmp_path, "größe;b\n1,5;2\n", encoding)
    assert list(table.frame.columns) == ["größe", "b"]
    assert table.frame.iloc[0].tolist() == [1.5, 2.0]


def test_excels_first_line_is_no_row(tmp_path):
    table = read(tmp_path, "sep=;\na;b\n1;2\n")
    assert list(table.frame.columns) == ["a", "b"]
    assert read_columns(tmp_path / "t.csv", "t.csv") == ["a", "b"]


def test_a_row_of_another_length_is_told_by_its_line(tmp_path):
    with pytest.raises(
        DataError, match=r"^t\.csv: expected 2 cells in every row, found 3 in line 3"
    ):
        read(tmp_path, "a,b\n1,2\n1,2,3\n4,5\n")


def test_an_open_quote_is_told(tmp_path):
    with pytest.raises(DataError, match="quotes in pairs"):
        read(tmp_path, 'a,b\n1,2\n"1,2\n4,5\n')


def test_columns_without_a_header_get_names():
    assert column_names(3) == ["column 1", "column 2", "column 3"]
