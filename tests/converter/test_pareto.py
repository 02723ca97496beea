"""The Pareto frontier against brute force."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.pareto import dominates, frontier_recipes, pareto_frontier, variant_point
from tests.converter.example_comparisons import (
    make_drift,
    make_failed,
    make_latency,
    make_variant,
)

COORDINATE = st.one_of(st.integers(0, 3).map(float), st.sampled_from([math.inf, -math.inf]))
POINTS = st.lists(st.tuples(COORDINATE, COORDINATE, COORDINATE), max_size=8)


@settings(max_examples=100, deadline=None)
@given(POINTS)
def test_the_frontier_equals_brute_force(points):
    expected = []
    for point in points:
        beaten = False
        for other in points:
            no_worse = sum(o <= p for o, p in zip(other, point, strict=True)) == 3
            beaten = beaten or (no_worse and other != point)
        expected.append(not beaten)
    assert pareto_frontier(points) == expected


@settings(max_examples=50, deadline=None)
@given(POINTS, st.randoms(use_true_random=False))
def test_the_order_of_the_points_does_not_matter(points, random):
    order = list(range(len(points)))
    random.shuffle(order)
    shuffled = pareto_frontier([points[index] for index in order])
    assert [pareto_frontier(points)[index] for index in order] == shuffled


@settings(max_examples=50, deadline=None)
@given(POINTS.filter(bool))
def test_a_point_with_nan_is_off_and_keeps_no_other_off(points):
    assert pareto_frontier([*points, (-math.inf, -math.inf, math.nan)]) == [
        *pareto_frontier(points),
        False,
    ]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((1.0, 1.0), (1.0, 2.0), True),
        ((1.0, 1.0), (1.0, 1.0), False),
        ((0.0, 2.0), (1.0, 1.0), False),
    ],
    ids=["better in one", "equal", "better and worse"],
)
def test_dominates(one, other, expected):
    assert dominates(one, other) is expected


def test_points_of_different_length_are_refused():
    with pytest.raises(ValueError, match=r"shorter|longer"):
        dominates((1.0,), (1.0, 2.0))


def test_a_variant_is_a_point_in_which_less_is_better():
    variant = make_variant(
        size_bytes=10, latency=make_latency(2.0), drift=make_drift(sqnr_db=math.inf)
    )
    assert variant_point(variant) == (10.0, 2.0, -math.inf)


def test_the_frontier_is_named_smallest_first_without_what_failed():
    big = make_variant("float32", size_bytes=100, drift=make_drift(sqnr_db=math.inf))
    small = make_variant("int8", size_bytes=25, drift=make_drift(sqnr_db=30.0))
    beaten = make_variant("dynamic_range", size_bytes=30, drift=make_drift(sqnr_db=29.0))
    broken = make_variant("int16x8", size_bytes=1, drift=make_drift(sqnr_db=math.nan))
    failed = make_failed("int8_full")
    assert frontier_recipes([big, failed, small, beaten, broken]) == ["int8", "float32"]
