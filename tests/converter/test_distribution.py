"""Distributions: ranges of everything, histograms that hold every value, whatever the numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from converter import distribution
from converter.distribution import BINS, describe_distribution, describe_fed, measure_range


def describe(values):
    """Return the description after a trip through strict JSON."""
    return json.loads(json.dumps(describe_distribution(np.asarray(values)), allow_nan=False))


def test_range_mean_and_counts_are_those_of_numpy():
    values = np.random.default_rng(0).normal(3, 2, (500, 7)).astype(np.float32)
    found = describe(values)
    assert found["min"] == pytest.approx(float(values.min()))
    assert found["max"] == pytest.approx(float(values.max()))
    assert found["mean"] == pytest.approx(float(values.mean(dtype=np.float64)))
    assert (found["values"], found["dtype"]) == (3500, "float32")
    counts, edges = np.histogram(values.astype(np.float64), BINS)
    assert found["histogram"]["counts"] == counts.tolist()
    np.testing.assert_allclose(found["histogram"]["edges"], edges)


def test_what_is_not_finite_is_counted_and_left_out_of_the_figures():
    found = describe(np.array([1.0, np.nan, 3.0, np.inf, -np.inf, np.nan]))
    assert (found["nan"], found["infinite"]) == (2, 2)
    assert (found["min"], found["max"], found["mean"]) == (1.0, 3.0, 2.0)
    assert sum(found["histogram"]["counts"]) == 2


@pytest.mark.parametrize("values", [[], [np.nan, np.inf], np.zeros((0, 4))], ids=str)
def test_without_a_finite_value_there_is_no_histogram(values):
    found = describe(np.array(values, np.float64))
    assert found["histogram"] is None
    assert found["min"] is found["mean"] is None


@pytest.mark.parametrize(
    ("values", "edges", "counts"),
    [
        ([0, 1, 1, 3], [-0.5, 0.5, 1.5, 2.5, 3.5], [1, 2, 0, 1]),
        (np.array([2.0, 4.0], np.float32), [1.5, 2.5, 3.5, 4.5], [1, 0, 1]),
        ([True, False, True], [-0.5, 0.5, 1.5], [1, 2]),
        ([7, 7], [6.5, 7.5], [2]),
    ],
    ids=["integers", "whole floats", "truth values", "one integer"],
)
def test_whole_numbers_have_a_bar_each(values, edges, counts):
    found = describe(values)["histogram"]
    assert (found["edges"], found["counts"]) == (edges, counts)


def test_many_whole_numbers_share_bars_of_equal_width():
    found = describe(np.arange(256, dtype=np.uint8))["histogram"]
    widths = np.diff(found["edges"])
    assert len(found["counts"]) <= BINS
    assert set(widths) == {7.0}
    assert set(found["counts"][:-1]) == {7}
    assert sum(found["counts"]) == 256


def test_a_constant_fraction_has_one_bar_around_it():
    found = describe(np.full(5, 0.3))["histogram"]
    (low, high), counts = found["edges"], found["counts"]
    assert low < 0.3 < high
    assert counts == [5]


@pytest.mark.parametrize(
    "values",
    [
        np.array([1.7e308, -1.7e308, 0.5]),
        np.array([1.79e308, 1.79e308]),
        np.array([5e-324, 0.0]),
        np.array([1.0, np.nextafter(1, 2)]),
        np.array([-(2**63), 2**63 - 1]),
        np.array([0, 2**64 - 1], np.uint64),
        np.array([60000, 1e-7], np.float16),
        np.array([1, 0.5], np.longdouble) * np.longdouble("1e4000"),
    ],
    ids=["ends", "largest", "denormal", "neighbours", "int64", "uint64", "float16", "longdouble"],
)
def test_extremes_are_described_in_strict_json(values):
    found = describe(values)
    if found["histogram"] is not None:
        assert sum(found["histogram"]["counts"]) == found["values"]
        assert found["min"] <= found["mean"] <= found["max"]


@settings(max_examples=200, deadline=None)
@given(
    arrays.arrays(
        st.sampled_from(["f2", "f4", "f8", "i1", "u2", "i8", "?"]),
        arrays.array_shapes(max_dims=3, max_side=6),
    )
)
def test_any_array_has_every_finite_value_in_one_bar(values):
    found = describe(values)
    finite = values[np.isfinite(values)]
    assert found["nan"] + found["infinite"] + finite.size == found["values"]
    if finite.size:
        histogram = found["histogram"]
        assert sum(histogram["counts"]) == finite.size == histogram["counted"]
        assert len(histogram["edges"]) == len(histogram["counts"]) + 1 <= BINS + 1
        assert histogram["edges"] == sorted(histogram["edges"])


def test_of_many_values_the_range_is_of_all_and_the_histogram_of_a_part(monkeypatch):
    monkeypatch.setattr(distribution, "HISTOGRAM_VALUES", 1000)
    monkeypatch.setattr(distribution, "_BLOCK", 777)
    values = np.random.default_rng(1).random((300, 40))
    values[299, 39] = 50.0
    found = describe(values)
    assert found["max"] == 50.0
    assert found["mean"] == pytest.approx(values.mean())
    assert found["histogram"]["counted"] == 1000
    assert found == describe(values), "drawn by a seed"


def test_the_part_is_drawn_from_all_columns(monkeypatch):
    monkeypatch.setattr(distribution, "HISTOGRAM_VALUES", 100)
    columns = np.tile(np.arange(4, dtype=np.float32), (100, 1))
    assert min(describe(columns)["histogram"]["counts"]) > 5


def test_the_order_in_memory_does_not_matter():
    values = np.random.default_rng(2).random((30, 20))
    assert describe(values) == describe(np.asfortranarray(values))


def test_each_input_that_was_fed_is_described_with_its_samples():
    fed = describe_fed({"a": np.ones((3, 2), np.float32), "b": np.arange(3)})
    assert list(fed) == ["a", "b"]
    assert (fed["a"]["samples"], fed["a"]["shape"], fed["a"]["dtype"]) == (3, [3, 2], "float32")
    assert fed["b"]["max"] == 2
    assert measure_range(np.arange(3))["mean"] == 1.0
