"""What all workers share: timing that does not count a cold start, and cheap imports."""

import time

import pytest

from converter.workers.protocol import time_calls


def test_exactly_so_many_calls_are_counted():
    calls = []
    samples = time_calls(lambda: calls.append(1), 7, 0.0)
    assert len(samples) == 7
    assert len(calls) > 7
    assert all(sample >= 0 for sample in samples)


def test_at_least_so_long():
    samples = time_calls(lambda: time.sleep(0.002), 1, 0.03)
    assert len(samples) > 1
    assert sum(samples) >= 25


@pytest.mark.parametrize(
    ("cold_calls", "counted"), [(5, 0), (8, 3)], ids=["all before counting", "longer than that"]
)
def test_cold_calls_at_the_start_of_a_turn_are_not_counted(cold_calls, counted):
    calls = []

    def call():
        calls.append(1)
        if len(calls) <= cold_calls:
            time.sleep(0.0008)

    samples = time_calls(call, 20, 0.0)
    assert sum(sample > 0.7 for sample in samples) == counted


def test_a_slow_model_is_not_made_to_run_five_more_times():
    calls = []

    def call():
        calls.append(1)
        time.sleep(0.02)

    assert len(time_calls(call, 3, 0.0)) == 3
    assert len(calls) == 4
