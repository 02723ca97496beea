"""Numbers as people write them, in every country's way and in none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.csv_numbers import NumberForm, find_number_form


@pytest.mark.parametrize(
    ("cells", "separator", "value"),
    [
        (["1,5", "2"], ";", 1.5),
        (["1,5", "2"], ",", 1.5),
        (["-,5"], ";", -0.5),
        (["1,5e-3"], ";", 0.0015),
        (["1,234"], ";", 1.234),
        (["1,234"], ",", 1234.0),
        (["0,234"], ",", 0.234),
        (["1,234", "1,2"], ",", 1.234),
        (["1,234,567"], ";", 1234567.0),
        (["1,234.5"], ";", 1234.5),
        (["1.234,5", "3,25"], ";", 1234.5),
        (["1.234.567"], ";", 1234567.0),
        (["1 234,5"], ";", 1234.5),
        (["1\N{NO-BREAK SPACE}234.5"], ",", 1234.5),
        (["1\N{NARROW NO-BREAK SPACE}234"], ",", 1234.0),
        (["1'234.5"], ",", 1234.5),
        ([" 1,5 "], ";", 1.5),
    ],
    ids=str,
)
def test_the_form_of_numbers(cells, separator, value):
    form = find_number_form([cells], separator)
    assert form is not None
    assert form.read(cells[0]) == pytest.approx(value)


@pytest.mark.parametrize(
    "cells",
    [
        ["red"],
        ["1,5", "red"],
        ["1,5,6"],
        ["12 34"],
        ["2020-01-01"],
        ["1.2.2020"],
        ["12:30"],
        ["5 %"],
        ["\N{ARABIC-INDIC DIGIT FIVE},\N{ARABIC-INDIC DIGIT FIVE}"],
        ["1,5", "1.5"],
        [","],
        ["1e5,5"],
    ],
    ids=str,
)
def test_what_is_no_number_has_no_form(cells):
    assert find_number_form([cells], ";") is None


def test_one_form_holds_for_all_columns():
    assert find_number_form([["1,234"], ["1,5"]], ",") == NumberForm(",")
    assert find_number_form([["1,5"], ["1,234.5"]], ";") is None


@given(st.floats(-1e9, 1e9, allow_subnormal=False), st.sampled_from([" ", "'", "."]))
def test_any_number_is_read_as_it_was_written(value, mark):
    text = f"{value:,.4f}".replace(",", "T").replace(".", ",").replace("T", mark)
    form = find_number_form([[text]], ";")
    assert form is not None
    assert form.read(text) == pytest.approx(value, abs=1e-4)


def test_a_form_says_what_it_does_by_an_example():
    assert NumberForm(",", ".").describe(["3", "1.234,5"]) == (
        "Numbers such as 1.234,5 were read as 1234.5."
    )
