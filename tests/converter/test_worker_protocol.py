"""What all workers share: timing that does not count a cold start.

The clock is a made-up one that moves by what a call says it costs: how busy the machine is that
runs the tests must not decide whether they pass.
"""

import time

import pytest

from converter.workers.protocol import time_calls, time_turn, warm_up

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


def test_exactly_so_many_warm_ups_where_nobody_asks_for_stability():
    calls = []
    assert warm_up(lambda: calls.append(1), 5, 0.0, 0.0) == {"runs": 5, "settled": None}
    assert len(calls) == 5


class FakeClock:
    """A clock that calls move on, so that no test waits or depends on the machine."""

    def __init__(self, monkeypatch, milliseconds):
        self.now, self.next = 0, iter(milliseconds)
        monkeypatch.setattr(time, "perf_counter_ns", lambda: self.now)

    def call(self):
        self.now += round(next(self.next) * 1e6)


def test_warming_up_ends_when_two_windows_agree(monkeypatch):
    # 25 ms a call: a window is four calls; the third agrees with the fourth.
    times = [75, 75, *[50] * 2, *[25] * 4, *[25.5] * 4, *[99] * 50]
    clock = FakeClock(monkeypatch, times)
    answer = warm_up(clock.call, 5, 0.2, 5.0)
    assert answer == {"runs": 12, "settled": True}


def test_warming_up_is_given_up_and_says_so(monkeypatch):
    growing = (30 * 1.06**n for n in range(1000))
    clock = FakeClock(monkeypatch, growing)
    answer = warm_up(clock.call, 5, 0.5, 2.0)
    assert answer["settled"] is False
    assert answer["runs"] >= 10
    assert 2.0e9 <= clock.now < 2.3e9


def test_a_slow_model_warms_up_ten_times_at_most(monkeypatch):
    clock = FakeClock(monkeypatch, (1000 * 1.1**n for n in range(100)))
    assert warm_up(clock.call, 5, 0.5, 2.0) == {"runs": 10, "settled": False}


def test_a_turn_tells_what_the_process_used():
    turn = time_turn(lambda: sum(range(20_000)), 50, 0.0)
    assert len(turn["samples_ms"]) == 50
    assert turn["wall_seconds"] * 1e3 >= sum(turn["samples_ms"])
    assert 0 < turn["cpu_seconds"] <= turn["wall_seconds"] + 0.05
    assert turn["switches"] >= 0
