"""A child process and all that it started: who they are and what they take. Linux only by /proc."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

_KILL_ROUNDS = 5


class ProcessFamily:
    """The process group and session that a child leads, and what its members have started.

    Args:
        leader: The child's process id; it leads its group and its session.
    """

    def __init__(self, leader: int) -> None:
        self._leader = leader

    def members(self) -> list[int]:
        """Return the processes of the group and the session; cheap, for a look every half second.

        Where the system does not list processes, the leader alone.
        """
        return [pid for pid in all_processes() if self._leads(pid)] or [self._leader]

    def resident_bytes(self) -> tuple[int, int]:
        """Return the members' resident memory, summed up, and how many they are.

        Memory that several of them share counts for each.
        """
        members = self.members()
        return sum(resident_bytes(pid) or 0 for pid in members), len(members)

    def kill(self) -> None:
        """End them all: also those that left the group and the session, if their parent lives."""
        strays = self._descendants()
        for _ in range(_KILL_ROUNDS):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._leader, signal.SIGKILL)
            for pid in strays:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            strays = {pid for pid in self.members() if pid != self._leader and not is_dead(pid)}
            if not strays:
                return

    def _leads(self, pid: int) -> bool:
        try:
            return self._leader in (pid, os.getpgid(pid), os.getsid(pid))
        except OSError:
            return False

    def _descendants(self) -> set[int]:
        found: set[int] = set()
        waiting = [self._leader]
        while waiting:
            heirs = set(children_of(waiting.pop())) - found
            found |= heirs
            waiting += heirs
        return found


def all_processes() -> list[int]:
    """Return the ids of all processes that the system shows; none where it shows none."""
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    except OSError:
        return []


def resident_bytes(pid: int) -> int | None:
    """Return the resident memory of a process, None where the system does not tell it."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started and that live; none where it has ended."""
    children: list[int] = []
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError, ValueError):
                children += map(int, (thread / "children").read_text().split())
    return children


def is_dead(pid: int) -> bool:
    """Whether a process has ended, be it that nobody has collected its exit status yet."""
    try:
        # The name in brackets may hold anything: the state follows the last one. proc(5).
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state in (b"Z", b"X")
