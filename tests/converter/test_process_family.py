"""A family of processes is found and ended, whatever they are called and wherever they went."""

import os
import subprocess
import sys
import time

import pytest

from converter.process_family import ProcessFamily, children_of, is_dead, resident_bytes

SLEEP = "import time; time.sleep(60)"


@pytest.fixture
def leader():
    """Return a function that starts a shell leading a group of its own, and ends it later."""
    started = []

    def start(script):
        process = subprocess.Popen(["sh", "-c", script], start_new_session=True)
        started.append(process)
        return process

    yield start
    for process in started:
        ProcessFamily(process.pid).kill()
        process.wait()


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.01)


def test_a_process_alone_is_its_own_family(leader):
    process = leader("exec sleep 60")
    family = ProcessFamily(process.pid)
    wait_for(lambda: family.members() == [process.pid])
    assert os.getpid() not in family.members()


def test_children_of_the_group_and_of_the_session_belong_to_it(leader):
    process = leader("sleep 60 & sleep 60 & wait")
    family = ProcessFamily(process.pid)
    wait_for(lambda: len(family.members()) == 3)
    assert sorted(children_of(process.pid)) == sorted(set(family.members()) - {process.pid})


def test_a_child_whose_name_looks_like_fields_of_proc_is_found(leader, tmp_path):
    odd = tmp_path / "a) R 1 1"
    odd.symlink_to(sys.executable)
    process = leader(f"'{odd}' -c '{SLEEP}' & wait")
    family = ProcessFamily(process.pid)
    wait_for(lambda: len(family.members()) == 2)
    (child,) = set(family.members()) - {process.pid}
    assert not is_dead(child)
    family.kill()
    wait_for(lambda: is_dead(child))


def test_kill_reaches_what_has_left_the_session(leader):
    process = leader("setsid sleep 60 & setsid sh -c 'setsid sleep 60 & wait' & wait")
    family = ProcessFamily(process.pid)

    def strays():
        return {pid for child in children_of(process.pid) for pid in (child, *children_of(child))}

    wait_for(lambda: len(strays()) == 3)
    found = strays()
    assert not found & set(family.members())
    family.kill()
    for pid in found:
        wait_for(lambda pid=pid: is_dead(pid))


def test_memory_is_that_of_all(leader):
    eat = "import time; hoard = b'x' * 60_000_000; time.sleep(60)"
    process = leader(f'{sys.executable} -c "{eat}" & {sys.executable} -c "{eat}" & wait')
    family = ProcessFamily(process.pid)
    wait_for(lambda: family.resident_bytes()[0] > 120_000_000)
    total, count = family.resident_bytes()
    assert count == 3
    assert total > (resident_bytes(process.pid) or 0) + 110_000_000


def test_killing_a_family_that_is_gone_does_nothing(leader):
    process = leader("exit 0")
    process.wait()
    family = ProcessFamily(process.pid)
    family.kill()
    assert family.members() == [process.pid]
    assert family.resident_bytes() == (0, 1)
    assert is_dead(process.pid)
    assert resident_bytes(process.pid) is None
    assert children_of(process.pid) == []
