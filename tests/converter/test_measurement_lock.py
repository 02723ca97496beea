"""Two runs never measure at once, and a run that dies does not block the next."""

import subprocess
import sys
import threading
import time

import pytest

from converter.child_process import PROJECT_ROOT
from converter.errors import RunCancelledError
from converter.measurement_lock import building, lock_path, measuring_alone

HOLDER = """
import sys, time
from converter.measurement_lock import measuring_alone
with measuring_alone():
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER], cwd=PROJECT_ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_second_measurement_waits_until_the_first_is_over(holder):
    asked = []

    def check():
        asked.append(True)
        if len(asked) == 3:
            holder.stdin.write("go on\n")
            holder.stdin.flush()

    with measuring_alone(check):
        assert len(asked) >= 3
        assert holder.wait(10) == 0


def test_a_run_that_dies_frees_the_machine(holder):
    holder.kill()
    with measuring_alone():
        assert lock_path().is_file()


def test_a_run_that_waits_can_be_cancelled(holder):
    def cancel():
        raise RunCancelledError("The run was cancelled.")

    with pytest.raises(RunCancelledError), measuring_alone(cancel):
        pytest.fail("the machine was taken")


def held(kind, seconds=0.3):
    """Whether this process gets the machine within a moment."""
    end = time.monotonic() + seconds

    def give_up():
        if time.monotonic() > end:
            raise RunCancelledError("gave up")

    try:
        with kind(give_up):
            return True
    except RunCancelledError:
        return False


def test_nobody_builds_beside_a_measurement(holder):
    assert not held(building)


@pytest.fixture
def builder(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER.replace("measuring_alone", "building")],
        cwd=PROJECT_ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_many_build_side_by_side_and_a_measurement_waits_for_all(builder):
    assert held(building)
    assert not held(measuring_alone)
    builder.kill()
    builder.wait()
    assert held(measuring_alone)


def test_a_measurement_that_waits_lets_nobody_new_begin_to_build(builder):
    waits = threading.Event()
    done = threading.Event()

    def measure():
        with measuring_alone(waits.set):
            done.set()

    thread = threading.Thread(target=measure)
    thread.start()
    assert waits.wait(10)
    assert not held(building)
    assert not done.is_set()
    builder.kill()
    builder.wait()
    thread.join(10)
    assert done.is_set()
    assert held(building)
