"""Two runs never measure at once, and a run that dies does not block the next."""

import subprocess
import sys

import pytest

from converter.child_process import PROJECT_ROOT
from converter.errors import RunCancelledError
from converter.measurement_lock import lock_path, measuring_alone

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
