"""What all workers share: timing that does not count a cold start, and cheap imports."""

import time

import pytest

from converter.workers.protocol import time_calls, time_turn, warm_up


class FakeClock:
    """A clock that calls move on, so that no test waits or depends on the machine."""

    def __init__(self, monkeypatch, milliseconds):
        self.now, self.next = 0, iter(milliseconds)
        monkeypatch.setattr(time, "perf_counter_ns", lambda: self.now)

    def call(self):
        self.now += round(next(self.next) * 1e6)


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
def test_cold_calls_at_the_start_of_a_turn_are_not_counted(cold_calls, counted, monkeypatch):
    clock = FakeClock(monkeypatch, [0.8] * cold_calls + [0.01] * 100)
    samples = time_calls(clock.call, 20, 0.0)
    assert sum(sample > 0.7 for sample in samples) == counted


def test_a_slow_model_is_not_made_to_run_five_more_times():
    calls = []

    def call():
        calls.append(1)
        time.sleep(0.02)

    assert len(time_calls(call, 3, 0.0)) == 3
    assert len(calls) == 4


def test_exactly_so_many_warm_ups_where_nobody_asks_for_stability():
    calls = []
    assert warm_up(lambda: calls.append(1), 5, 0.0, 0.0) == {"runs": 5, "settled": None}
    assert len(calls) == 5


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
