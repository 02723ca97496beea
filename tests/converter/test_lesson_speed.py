"""Step 5: what of a run is shown, and that nothing is made up where it was not measured."""

from __future__ import annotations

import numpy as np
import pytest

from converter.comparison import Audit
from converter.delegation import Delegation
from converter.further_latency import CALLS, KERNEL_SETS, THREADS, FurtherLatency
from converter.latency import LatencyStats
from converter.lesson.speed import (
    DEFAULT,
    FASTER,
    SAME,
    SLOWER,
    Setting,
    base_of,
    latencies,
    measured_settings,
    operator_counts,
    speed_against,
)
from tests.pages.synthetic import fail, make_comparison


def stats(median, half_width):
    samples = median + half_width * np.linspace(-1, 1, 201)
    found = LatencyStats.from_samples(samples, threads=1, warmup_runs=5)
    return LatencyStats(**{**vars(found),
                           "p50_ci95_ms": (median - half_width, median + half_width)})  # fmt: skip


@pytest.fixture
def comparison():
    made, _ = make_comparison()
    made.further_latency = [
        FurtherLatency(kind=THREADS, candidate="int8", setting="2", latency=stats(0.05, 0.001)),
        FurtherLatency(kind=THREADS, candidate="float32", setting="2", latency=stats(0.1, 0.001)),
        FurtherLatency(kind=KERNEL_SETS, candidate="int8", setting="reference",
                       latency=stats(3.0, 0.1)),
        FurtherLatency(kind=KERNEL_SETS, candidate="int8", setting="no-xnnpack", error="it died"),
        FurtherLatency(kind=CALLS, candidate="original", setting="predict", latency=stats(9, 1)),
    ]
    return made


def test_only_what_was_measured_can_be_chosen(comparison):
    assert [s.label for s in measured_settings(comparison)] == [
        "as usual", "2 threads", "reference kernels"]
    assert Setting(KERNEL_SETS, "no-xnnpack").label == "built-in kernels"
    assert Setting(THREADS, "1").label == "1 thread"
    assert set(latencies(comparison, Setting(THREADS, "2"))) == {"int8", "float32"}
    assert latencies(comparison, Setting(THREADS, "3")) == {}
    usual = latencies(comparison)
    assert list(usual) == ["original", *(v.recipe for v in comparison.variants)]
    assert usual["int8"] is comparison.variants[3].latency


def test_a_failed_variant_has_no_time(comparison):
    fail(comparison, "int8", "int8: it crashed.")
    comparison.reference.latency = None
    assert "int8" not in latencies(comparison)
    assert "original" not in latencies(comparison)


def test_the_line_is_float32s_else_the_originals_else_none(comparison):
    usual = latencies(comparison)
    assert base_of(usual) == "float32"
    del usual["float32"]
    assert base_of(usual) == "original"
    assert base_of(latencies(comparison, Setting(KERNEL_SETS, "reference"))) is None


@pytest.mark.parametrize(
    ("own", "base", "word", "factor"),
    [((2.0, 0.1), (1.0, 0.1), SLOWER, 2.0), ((1.0, 0.1), (4.0, 0.1), FASTER, 4.0),
     ((1.1, 0.2), (1.0, 0.2), SAME, 1.1), ((1.0, 0.2), (1.1, 0.2), SAME, 1.1)],
)
def test_a_difference_within_the_intervals_is_none(own, base, word, factor):
    found = speed_against(stats(*own), stats(*base))
    assert (found.word, round(found.factor, 6)) == (word, factor)


def test_operators_are_counted_as_the_run_has_them():
    made, _ = make_comparison()
    variant = made.variants[3]
    variant.audit = Audit(total_ops=12, integer_ops=7, float_ops=3, hybrid_ops=1, border_ops=2)
    variant.delegation = Delegation(operators=11, delegated=8, partitions=2)
    found = [(each.count, each.total) for each in operator_counts(variant)]
    assert found == [(8, 11), (3, 11), (7, 12), (3, 12), (1, 12), (2, 12)]
    variant.delegation = None
    assert [each.count for each in operator_counts(variant)][:2] == [None, None]


def test_the_default_is_always_there():
    assert measured_settings(make_comparison()[0]) == [DEFAULT]
