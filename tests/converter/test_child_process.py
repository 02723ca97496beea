"""A worker may answer, refuse, crash, hang or die: the parent always gets a sentence."""

import os
import time

import psutil
import pytest

from converter.child_process import Worker, describe_exit
from converter.errors import ConversionError, WorkerError

STUB = "tests.converter.stub_worker"


@pytest.fixture
def worker():
    with Worker(STUB, "the converter", task="while building int8") as started:
        yield started


def test_answers_come_back_as_json(worker):
    assert worker.ask("echo", 10, value={"a": [1, 2]}) == {"value": {"a": [1, 2]}}


def test_noise_on_stdout_does_not_break_the_protocol(worker):
    assert worker.ask("noise", 10) == {"fine": True}
    assert "native noise" in worker.log_tail()


def test_a_refusal_keeps_its_class_sentence_and_details(worker):
    with pytest.raises(ConversionError, match="no operator for FFT2D") as caught:
        worker.ask("refuse", 10)
    assert caught.value.details == "pages of text"
    assert worker.ask("echo", 10, value=1) == {"value": 1}


def test_an_unexpected_exception_becomes_a_sentence(worker):
    with pytest.raises(WorkerError, match=r"^stumble failed with KeyError: 'lost'$") as caught:
        worker.ask("stumble", 10)
    assert "Traceback" in caught.value.details


def test_a_crash_names_its_signal(worker):
    with pytest.raises(
        WorkerError, match=r"^the converter crashed \(SIGSEGV\) while building int8\.$"
    ):
        worker.ask("crash", 10)
    assert not worker.is_alive


def test_a_hang_is_stopped_at_its_limit(worker):
    with pytest.raises(
        WorkerError, match=r"took longer than 1 s while building int8 and was stopped"
    ):
        worker.ask("hang", 1)
    _wait_until(lambda: not worker.is_alive)


def test_a_worker_that_takes_too_much_memory_is_stopped_with_the_reason(monkeypatch):
    monkeypatch.setenv("LITEDRIFT_MEMORY_BYTES", str(256 << 20))
    with (
        Worker(STUB, "the converter", task="while building int8") as worker,
        pytest.raises(WorkerError, match=r"more than 256 MiB of memory while building int8"),
    ):
        worker.ask("eat", 60)


def test_a_dead_worker_says_so_again(worker):
    with pytest.raises(WorkerError):
        worker.ask("leave", 10)
    with pytest.raises(WorkerError, match=r"ended unexpectedly \(exit code 3\)"):
        worker.ask("echo", 10, value=1)


def test_closing_ends_what_the_worker_started():
    worker = Worker(STUB, "a worker")
    child = worker.ask("spawn", 10)["pid"]
    assert psutil.pid_exists(child)
    worker.close()
    worker.close()
    _wait_until(lambda: not psutil.pid_exists(child) or _is_zombie(child))


def test_a_worker_ends_when_its_parent_is_gone():
    parent = psutil.Popen(
        [os.sys.executable, "-m", "tests.converter.stub_parent"], stdout=-1, text=True
    )
    pid = int(parent.stdout.readline())
    assert psutil.pid_exists(pid)
    parent.kill()
    parent.wait()
    _wait_until(lambda: not psutil.pid_exists(pid) or _is_zombie(pid))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-11, "crashed (SIGSEGV)"),
        (-6, "crashed (SIGABRT)"),
        (-9, "was killed (SIGKILL)"),
        (1, "ended unexpectedly (exit code 1)"),
        (None, "stopped answering"),
    ],
)
def test_exits_are_described(code, words):
    assert describe_exit(code) == words


def _is_zombie(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.02)
