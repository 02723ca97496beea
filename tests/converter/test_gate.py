"""Gate: every bound, on the bound, beyond it and without a figure."""

from __future__ import annotations

import math

import pytest

from converter.accuracy import Accuracy
from converter.gate import Bounds, gate_violations
from tests.converter.example_comparisons import (
    make_accuracy,
    make_drift,
    make_failed,
    make_latency,
    make_variant,
)

VARIANT = make_variant(
    size_bytes=1000,
    latency=make_latency(2.0),
    drift=make_drift(sqnr_db=30.0, top1_agreement=0.95),
    accuracy=make_accuracy(0.90, delta=-0.05),
)
BOUNDS = {
    "max_size_bytes": ("size_bytes", 1000, 999),
    "max_p50_ms": ("p50_ms", 2.0, 1.9),
    "min_sqnr_db": ("sqnr_db", 30.0, 30.1),
    "min_top1_agreement": ("top1_agreement", 0.95, 0.96),
    "max_accuracy_drop": ("accuracy_drop", 0.05, 0.04),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_a_figure_on_the_bound_holds(name):
    assert gate_violations(VARIANT, Bounds(**{name: BOUNDS[name][1]})) == []


@pytest.mark.parametrize("name", BOUNDS)
def test_a_figure_beyond_the_bound_is_one_violation_that_names_both(name):
    figure, value, bound = BOUNDS[name]
    (violation,) = gate_violations(VARIANT, Bounds(**{name: bound}))
    assert violation.startswith(f"int8: {figure} is {value:g}")
    assert violation.endswith(f"{bound:g}")


@pytest.mark.parametrize("name", BOUNDS)
def test_a_figure_that_was_not_measured_is_a_violation(name):
    bare = make_variant(size_bytes=None, latency=None, drift=None, accuracy=None)
    (violation,) = gate_violations(bare, Bounds(**{name: 0}))
    assert f"{BOUNDS[name][0]} was not measured" in violation


@pytest.mark.parametrize("name", BOUNDS)
def test_a_nan_bound_never_holds(name):
    assert gate_violations(VARIANT, Bounds(**{name: math.nan})) != []


def test_a_nan_figure_holds_no_bound():
    variant = make_variant(drift=make_drift(sqnr_db=math.nan))
    (violation,) = gate_violations(variant, Bounds(min_sqnr_db=-math.inf))
    assert "not measured" in violation


def test_identical_outputs_hold_every_sqnr_bound():
    variant = make_variant(drift=make_drift(sqnr_db=math.inf))
    assert gate_violations(variant, Bounds(min_sqnr_db=1e9)) == []


def test_all_violations_are_listed_in_order():
    bounds = Bounds(**{name: bound for name, (_, _, bound) in BOUNDS.items()})
    figures = [line.split()[1] for line in gate_violations(VARIANT, bounds)]
    assert figures == [figure for figure, _, _ in BOUNDS.values()]


def test_a_failed_variant_holds_nothing_and_says_why():
    violations = gate_violations(make_failed(), Bounds(max_size_bytes=10**9))
    assert "the variant failed: int8_full: it crashed." in violations[0]


def test_sizes_are_told_to_the_byte():
    (violation,) = gate_violations(
        make_variant(size_bytes=1_234_568), Bounds(max_size_bytes=1_234_567)
    )
    assert "1234568" in violation.replace(",", "")
    assert "1234567" in violation.replace(",", "")


@pytest.mark.parametrize(("top1", "drop"), [(0.97, 0.01), (0.91, 0.07), (0.95, 0.03)], ids=str)
def test_a_drop_of_exactly_the_bound_holds_in_spite_of_binary_fractions(top1, drop):
    variant = make_variant(accuracy=make_accuracy(top1, delta=top1 - 0.98))
    assert gate_violations(variant, Bounds(max_accuracy_drop=drop)) == []


def test_a_gain_in_accuracy_is_no_drop():
    variant = make_variant(accuracy=make_accuracy(0.99, delta=0.01))
    assert gate_violations(variant, Bounds(max_accuracy_drop=0.0)) == []


def test_a_regression_has_no_accuracy_drop():
    variant = make_variant(accuracy=Accuracy(task="regression", samples=5, mae=1.0))
    (violation,) = gate_violations(variant, Bounds(max_accuracy_drop=0.5))
    assert "accuracy_drop was not measured" in violation


def test_bounds_know_whether_anything_is_asked():
    assert Bounds().is_empty
    assert not Bounds(max_accuracy_drop=0.0).is_empty
