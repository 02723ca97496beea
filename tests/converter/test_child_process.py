"""A worker may answer, refuse, crash, hang or die: the parent always gets a sentence."""

import os
import signal
import tempfile
import threading
import time

import psutil
import pytest

from converter.child_process import Worker, describe_exit
from converter.errors import ConversionError, WorkerError
from converter.process_family import is_dead
from converter.sandbox import Permissions

STUB = "tests.converter.stub_worker"


@pytest.fixture
def worker():
    with Worker(STUB, "the converter", task="while building int8") as started:
        yield started


def test_answers_come_back_as_json(worker):
    assert worker.ask("echo", 60, value={"a": [1, 2]}) == {"value": {"a": [1, 2]}}


def test_noise_on_stdout_does_not_break_the_protocol(worker):
    assert worker.ask("noise", 60) == {"fine": True}
    assert "native noise" in worker.log_tail()


def test_a_refusal_keeps_its_class_sentence_and_details(worker):
    with pytest.raises(ConversionError, match="no operator for FFT2D") as caught:
        worker.ask("refuse", 60)
    assert caught.value.details == "pages of text"
    assert worker.ask("echo", 60, value=1) == {"value": 1}


def test_an_unexpected_exception_becomes_a_sentence(worker):
    with pytest.raises(WorkerError, match=r"^stumble failed with KeyError: 'lost'$") as caught:
        worker.ask("stumble", 60)
    assert "Traceback" in caught.value.details


def test_a_crash_names_its_signal(worker):
    with pytest.raises(
        WorkerError, match=r"^the converter crashed \(SIGSEGV\) while building int8\.$"
    ):
        worker.ask("crash", 60)
    assert not worker.is_alive


def test_a_hang_is_stopped_at_its_limit(worker):
    with pytest.raises(
        WorkerError, match=r"took longer than 1 s while building int8 and was stopped"
    ):
        worker.ask("hang", 1)
    _wait_until(lambda: not worker.is_alive)


def test_a_worker_that_takes_too_much_memory_is_stopped_with_the_reason(monkeypatch):
    monkeypatch.setenv("LITEDRIFT_MEMORY_BYTES", "256000000")
    with (
        Worker(STUB, "the converter", task="while building int8") as worker,
        pytest.raises(WorkerError, match=r"more than 256 MB of memory while building int8"),
    ):
        worker.ask("eat", 60)


def test_memory_that_its_children_take_counts(monkeypatch):
    monkeypatch.setenv("LITEDRIFT_MEMORY_BYTES", "200000000")
    with Worker(STUB, "the converter") as worker:
        pids = worker.ask("eat_in_children", 60)["pids"]
        with pytest.raises(WorkerError, match="more than 200 MB of memory"):
            worker.ask("hang", 60)
        for pid in pids:
            _wait_until(lambda pid=pid: is_dead(pid))


def test_more_processes_than_allowed_are_stopped(monkeypatch):
    monkeypatch.setenv("LITEDRIFT_WORKER_PROCESSES", "3")
    with Worker(STUB, "the converter") as worker:
        assert worker.ask("spawn_many", 60, count=2)
        pids = worker.ask("spawn_many", 60, count=1)["pids"]
        with pytest.raises(WorkerError, match="consisted of more than 3 processes"):
            worker.ask("hang", 60)
        for pid in pids:
            _wait_until(lambda pid=pid: is_dead(pid))


def test_a_worker_that_fills_the_disk_is_stopped(monkeypatch, tmp_path):
    monkeypatch.setenv("LITEDRIFT_FREE_DISK_BYTES", str(2**50))
    walls = Permissions(write=(tmp_path,))
    with (
        Worker(STUB, "the converter", permissions=walls) as worker,
        pytest.raises(WorkerError, match=r"left less than \d+ MB free on the disk and was stopped"),
    ):
        worker.ask("hang", 60)


def test_processor_time_that_is_used_up_is_the_reason_given(worker):
    with pytest.raises(
        WorkerError, match=r"used up its processor time of 3600 s \(LITEDRIFT_CPU_SECONDS\)"
    ):
        worker.ask("burn", 60)


def test_the_limit_of_processor_time_reaches_the_worker(monkeypatch, tmp_path):
    monkeypatch.setenv("LITEDRIFT_CPU_SECONDS", "77")
    walls = Permissions(write=(tmp_path,))
    with Worker("converter.workers.evaluation", "LiteRT", permissions=walls) as worker:
        assert worker.ask("walls", 60)["layers"]["rlimits"] == "on"
        limits = psutil.Process(worker._process.pid).rlimit(psutil.RLIMIT_CPU)
    assert limits == (77, 82)


@pytest.mark.parametrize(
    "reply",
    ["no json\n", "[1, 2]\n", '"text"\n', "{}\n", '{"result": 3}\n', '{"error": "x"}\n',
     "[" * 100_000 + "\n", '{"result": ' * 5000 + "\n", "\n", "\udcff\n"],
    ids=["words", "list", "text", "empty", "number", "bare error", "deep", "deep and open",
         "nothing", "no text"],
)  # fmt: skip
def test_an_answer_that_is_none_ends_the_worker_and_nothing_else(worker, reply):
    with pytest.raises(WorkerError, match="answered what is no answer while building int8"):
        worker.ask("write_reply", 60, text=reply)
    _wait_until(lambda: not worker.is_alive)


def test_an_endless_answer_is_cut_off(worker, monkeypatch):
    monkeypatch.setattr("converter.child_process._MOST_REPLY_BYTES", 10_000_000)
    with pytest.raises(WorkerError, match="answered more than 10 MB"):
        worker.ask("write_reply", 60, text="x" * 100_000, repeat=1000)


def test_an_endless_answer_does_not_put_the_time_limit_off(worker):
    with pytest.raises(WorkerError, match="took longer than 1 s"):
        worker.ask("write_reply", 1, text="x", repeat=10**9)


def test_a_worker_that_does_not_read_its_request_is_stopped_at_its_limit(worker):
    assert worker.ask("echo", 60, value=1)
    os.kill(worker._process.pid, signal.SIGSTOP)
    with pytest.raises(WorkerError, match="took longer than 1 s"):
        worker.ask("echo", 1, value="x" * 10_000_000)


def test_a_long_request_and_a_long_answer_arrive_whole(worker):
    value = "äx" * 1_000_000
    assert worker.ask("echo", 30, value=value) == {"value": value}


def test_an_error_of_an_unknown_kind_is_still_a_sentence(worker):
    reply = '{"error": {"kind": "Exception", "message": ["odd"], "details": 3}}\n'
    with pytest.raises(WorkerError, match="odd"):
        worker.ask("write_reply", 60, text=reply)


def test_the_operators_secrets_stay_outside(monkeypatch):
    monkeypatch.setenv("CLOUD_SECRET_KEY", "hush")
    monkeypatch.setenv("LITEDRIFT_DATA_BYTES", "12345")
    with Worker(STUB, "a worker") as worker:
        found = worker.ask("environment", 60)
    assert "hush" not in found.values()
    assert found["LITEDRIFT_DATA_BYTES"] == "12345"
    assert found["PATH"] == os.environ["PATH"]


def test_a_dead_worker_says_so_again(worker):
    with pytest.raises(WorkerError):
        worker.ask("leave", 60)
    with pytest.raises(WorkerError, match=r"ended unexpectedly \(exit code 3\)"):
        worker.ask("echo", 60, value=1)


def test_closing_ends_what_the_worker_started():
    worker = Worker(STUB, "a worker")
    child = worker.ask("spawn", 60)["pid"]
    assert psutil.pid_exists(child)
    worker.close()
    worker.close()
    _wait_until(lambda: not psutil.pid_exists(child) or _is_zombie(child))


def test_closing_ends_also_what_left_the_session():
    with Worker(STUB, "a worker") as worker:
        stray = worker.ask("spawn_stray", 60)["pid"]
        assert not is_dead(stray)
    _wait_until(lambda: is_dead(stray))


def test_nothing_of_a_worker_stays_on_disk(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    worker = Worker(STUB, "a worker")
    worker.ask("noise", 60)
    assert list(tmp_path.iterdir()) == []  # its log has no name
    worker.close()
    assert list(tmp_path.iterdir()) == []


def test_closing_while_another_thread_waits_ends_that_wait():
    worker = Worker(STUB, "a worker")
    worker.ask("echo", 60, value=1)
    caught = []

    def wait():
        try:
            worker.ask("say_and_hang", 60)
        except WorkerError as error:
            caught.append(str(error))

    waiting = threading.Thread(target=wait)
    waiting.start()
    _wait_until(lambda: "hangs now" in worker.log_tail())
    worker.close()
    waiting.join(60)
    assert caught == ["a worker was killed (SIGKILL)."]


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


def _wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.02)
