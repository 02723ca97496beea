"""Values of data as people read them."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

import pytest

from components.data_format import describe_values, format_range, format_value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (0.0, "0"), (1.0, "1"), (0.30461, "0.3046"), (-1.5, "−1.5"), (3432.0, "3432"),
        (34321.4, "34,321"), (999_999.0, "999,999"), (1.7e308, "1.7e+308"), (1e-9, "1e−09"),
    ],
)
def test_values_have_four_digits(value, text):
    assert format_value(value) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(0, 255, "0 to 255"), (-1, 1, "−1 to 1"), (3, 3, "all 3"), (None, None, "no finite value")],
)
def test_ranges(low, high, text):
    assert format_range({"min": low, "max": high}) == text


def facts(**changes):
    return {"dtype": "float32", "values": 1000, "nan": 0, "infinite": 0, "min": 0.0, "max": 1.0,
            "mean": 0.25, "histogram": {"edges": [0, 1], "counts": [1000], "counted": 1000},
            **changes}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "float32 · 0 to 1 · mean 0.25 · 1,000 values"),
        ({"nan": 3, "infinite": 1},
         "float32 · 0 to 1 · mean 0.25 · 3 NaN · 1 infinite · 1,000 values"),
        ({"min": 2.0, "max": 2.0, "mean": 2.0}, "float32 · all 2 · 1,000 values"),
        ({"drawn": True}, "float32 · 0 to 1 · mean 0.25 · 1,000 values drawn"),
        ({"values": 5000}, "float32 · 0 to 1 · mean 0.25 · 5,000 values, 1,000 drawn"),
        ({"min": None, "max": None, "mean": None, "histogram": None, "nan": 1000},
         "float32 · no finite value · 1,000 NaN · 1,000 values"),
        ({"values": 1}, "float32 · 0 to 1 · mean 0.25 · 1 value"),
    ],
    ids=["plain", "gaps", "constant", "images", "large", "nothing", "one"],
)
def test_a_distribution_on_a_line(changes, text):
    assert describe_values(facts(**changes)) == text
