"""What the watchdog complains of, and how often it looks."""

import os

from converter.limits import Limits
from converter.sandbox import WITHOUT_LAYERS
from converter.watchdog import Watchdog

ME = os.getpid()


def test_a_process_within_its_limits_is_left_alone(tmp_path):
    assert Watchdog(ME, Limits(), tmp_path).complaint() is None


def test_memory():
    limits = Limits(memory_bytes=2_000_000)
    assert Watchdog(ME, limits, None).complaint() == "took more than 2 MB of memory"


def test_memory_is_not_watched_where_the_operator_says_so(monkeypatch):
    monkeypatch.setenv(WITHOUT_LAYERS, "landlock,memory_watchdog")
    assert Watchdog(ME, Limits(memory_bytes=2_000_000), None).complaint() is None


def test_the_disk(tmp_path):
    limits = Limits(free_disk_bytes=2**60)
    assert "MB free on the disk" in Watchdog(ME, limits, tmp_path).complaint()
    assert Watchdog(ME, limits, None).complaint() is None
    assert Watchdog(ME, limits, tmp_path / "gone").complaint() is None


def test_a_process_that_is_gone_takes_nothing():
    assert Watchdog(2**22 + 1, Limits(memory_bytes=1), None).complaint() is None


def test_it_looks_at_most_ten_times_a_second(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("converter.watchdog.time.monotonic", lambda: clock[0])
    watchdog = Watchdog(ME, Limits(memory_bytes=1), None)
    said = []
    for _ in range(100):
        said.append(watchdog.complaint())
        clock[0] += 0.01
    assert sum(word is not None for word in said) == 10
