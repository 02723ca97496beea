"""Latency statistics against the standard library; the protocol's arithmetic."""

from __future__ import annotations

import json
import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.latency import LatencyProtocol, LatencyStats
from tests.converter.example_comparisons import make_latency

MILLISECONDS = st.lists(st.floats(1e-4, 1e5), min_size=2, max_size=60)


@settings(max_examples=50, deadline=None)
@given(MILLISECONDS)
def test_statistics_equal_those_of_the_standard_library(samples):
    stats = LatencyStats.from_samples(samples, threads=2, warmup_runs=7)
    cuts = statistics.quantiles(samples, n=100, method="inclusive")
    assert stats.p50_ms == pytest.approx(statistics.median(samples))
    assert stats.p90_ms == pytest.approx(cuts[89])
    assert stats.p99_ms == pytest.approx(cuts[98])
    assert stats.mean_ms == pytest.approx(statistics.fmean(samples))
    assert stats.stdev_ms == pytest.approx(statistics.stdev(samples), abs=1e-9)
    assert (stats.runs, stats.threads, stats.warmup_runs) == (len(samples), 2, 7)


def test_a_single_run_has_no_spread():
    stats = LatencyStats.from_samples([3.0], threads=1, warmup_runs=5, init_ms=1.0, first_ms=2.0)
    assert (stats.p50_ms, stats.p99_ms, stats.stdev_ms) == (3.0, 3.0, 0.0)
    assert (stats.init_ms, stats.first_ms) == (1.0, 2.0)


@pytest.mark.parametrize("samples", [[], np.zeros(0)], ids=["list", "array"])
def test_no_sample_is_refused(samples):
    with pytest.raises(ValueError, match="at least one latency sample"):
        LatencyStats.from_samples(samples, threads=1, warmup_runs=5)


def test_json_round_trip():
    stats = LatencyStats.from_samples(np.array([1.0, 2.0]), threads=1, warmup_runs=5)
    assert LatencyStats.from_json({**stats.to_json(), "a_field_of_later": 1}) == stats
    plain = {int, float, type(None), tuple}
    assert all(type(value) in plain for value in stats.to_json().values())


@pytest.mark.parametrize("runs", [1, 4, 5, 6, 50, 51])
def test_exactly_so_many_runs_after_five_warm_ups(runs):
    protocol = LatencyProtocol.exactly(runs)
    shares = protocol.round_shares()
    assert sum(count for count, _ in shares) == runs
    assert all(count >= 1 for count, _ in shares)
    assert (protocol.warmup_runs, protocol.warmup_seconds, protocol.seconds) == (5, 0.0, 0.0)


def test_the_full_protocol_is_the_documented_one():
    protocol = LatencyProtocol()
    assert (protocol.warmup_runs, protocol.warmup_seconds) == (5, 0.5)
    assert (protocol.runs, protocol.seconds) == (50, 1.0)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 500), st.integers(1, 20), st.floats(0, 10))
def test_rounds_share_the_whole_evenly(runs, rounds, seconds):
    shares = LatencyProtocol(runs=runs, rounds=rounds, seconds=seconds).round_shares()
    counts = [count for count, _ in shares]
    assert (len(shares), sum(counts)) == (rounds, runs)
    assert max(counts) - min(counts) <= 1
    assert math.fsum(share for _, share in shares) == pytest.approx(seconds)


def test_turns_give_intervals_that_hold_the_percentile_and_survive_json():
    samples = np.random.default_rng(0).lognormal(size=1000)
    stats = LatencyStats.from_samples(
        samples, threads=1, warmup_runs=5, turn_runs=[100] * 10, warmup_settled=True,
        noise=["drifting"],
    )
    for name in ("p50", "p90", "p99"):
        low, high = getattr(stats, f"{name}_ci95_ms")
        assert low <= getattr(stats, f"{name}_ms") <= high
    assert LatencyStats.from_json(json.loads(json.dumps(stats.to_json()))) == stats


def test_results_of_earlier_versions_have_no_intervals():
    old = {
        key: value for key, value in make_latency().to_json().items()
        if key not in {"p50_ci95_ms", "p90_ci95_ms", "p99_ci95_ms", "turn_runs", "noise",
                       "warmup_settled"}
    }
    assert LatencyStats.from_json(old) == make_latency()
