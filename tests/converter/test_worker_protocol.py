"""What all workers share: timing that does not count a cold start.

The clock is a made-up one that moves by what a call says it costs: how busy the machine is that
runs the tests must not decide whether they pass.
"""

import time

import pytest

from converter.workers.protocol import time_calls

MILLISECOND = 1_000_000


class Work:
    """A call that costs so many milliseconds, first the listed ones, then always `usual`."""

    def __init__(self, usual, first=()):
        self.usual = usual
        self.costs = list(first)
        self.calls = 0
        self.now = 10**15  # clocks of this kind start anywhere

    def __call__(self):
        cost = self.costs[self.calls] if self.calls < len(self.costs) else self.usual
        self.calls += 1
        self.now += int(cost * MILLISECOND)

    def clock(self):
        return self.now


def timed(work, runs, seconds=0.0):
    return time_calls(work, runs, seconds, clock=work.clock)


def test_exactly_so_many_calls_are_counted_after_five_that_are_not():
    work = Work(0.1)
    assert timed(work, 7) == pytest.approx([0.1] * 7)
    assert work.calls == 5 + 7


def test_at_least_so_long():
    work = Work(2.0)
    assert timed(work, 1, seconds=0.03) == pytest.approx([2.0] * 15)


def test_the_count_holds_where_the_time_is_over_sooner():
    assert len(timed(Work(2.0), 20, seconds=0.03)) == 20


@pytest.mark.parametrize(
    ("cold_calls", "counted"), [(5, 0), (8, 3)], ids=["all before counting", "longer than that"]
)
def test_cold_calls_at_the_start_of_a_turn_are_not_counted(cold_calls, counted):
    samples = timed(Work(0.01, first=[0.8] * cold_calls), 20)
    assert samples == pytest.approx([0.8] * counted + [0.01] * (20 - counted))


def test_a_slow_model_is_not_made_to_run_five_more_times():
    work = Work(20.0)
    assert timed(work, 3) == pytest.approx([20.0] * 3)
    assert work.calls == 4


def test_without_a_clock_of_ones_own_it_is_real_time():
    slept = 0.002
    samples = time_calls(lambda: time.sleep(slept), 2, 0.0)
    assert all(sample >= slept * 1000 for sample in samples)  # a machine can only be slower
