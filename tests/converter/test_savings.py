"""Savings are plain arithmetic on the run's figures, with their intervals."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.savings import count_savings
from tests.pages.synthetic import make_comparison


def test_bytes_and_hours_by_hand():
    comparison, _ = make_comparison()
    variant = comparison.variant("int8")
    found = count_savings(comparison, variant, users=1000, inferences=60)
    assert found.bytes_each == comparison.model.size_without_optimizer_bytes - variant.size_bytes
    assert found.bytes_all == 1000 * found.bytes_each
    each = comparison.reference.latency.p50_ms - variant.latency.p50_ms
    assert found.hours == pytest.approx(60_000 * each / 1000 / 3600)


@given(low=st.floats(0.01, 1), width=st.floats(0, 1), other=st.floats(0.01, 1))
def test_the_interval_holds_the_figure(low, width, other):
    comparison, _ = make_comparison()
    variant = comparison.variant("int8")
    before, after = comparison.reference.latency, variant.latency
    comparison.reference.latency = replace(
        before, p50_ms=low + width / 2, p50_ci95_ms=(low, low + width)
    )
    variant.latency = replace(after, p50_ms=other, p50_ci95_ms=(other, other + width))
    found = count_savings(comparison, variant, users=7, inferences=3)
    least, most = found.hours_interval
    assert least - 1e-12 <= found.hours <= most + 1e-12


def test_what_was_not_timed_is_not_told():
    comparison, _ = make_comparison()
    variant = comparison.variant("int8")
    variant.latency = None
    found = count_savings(comparison, variant, users=1, inferences=1)
    assert (found.hours, found.hours_interval) == (None, None)
    comparison, _ = make_comparison()
    variant = comparison.variant("int8")
    variant.latency = replace(variant.latency, p50_ci95_ms=None)
    assert count_savings(comparison, variant, users=1, inferences=1).hours_interval is None
