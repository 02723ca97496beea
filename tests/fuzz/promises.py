"""The promises that LiteDrift makes for any bytes, each with a check that can fail.

(a) the process that was asked stays up; (b) what was asked ends within its limit plus 5 s; (c) the
message is one sentence that names the file; (d) nothing outside the run's own folder changes; (e)
no process is left.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from converter.errors import LiteDriftError

MARK = "LITEDRIFT_FUZZ_MARK"
"""In the environment of all that a question starts; workers get what begins with LITEDRIFT_."""
OVER_LIMIT_SECONDS = 5.0
GONE_SECONDS = 3.0
MOST_GROWTH_BYTES = 256 << 20
LONGEST_MESSAGE = 1000
ENDS = ("done", "refused", "crashed", "timed out", "cancelled")
_STOPPED = ("was stopped", "crashed (", "was killed (", "ended unexpectedly", "stopped answering",
            "used up its processor time")  # fmt: skip
_INTERNAL = ("Traceback", 'File "', "<frozen ", "0x7f")


@dataclass
class Outcome:
    """How a question about a file, or a run, ended.

    Attributes:
        status: One of `ENDS`.
        message: What a person reads where it was not done.
        seconds: How long it took.
        limit_seconds: How long it may take.
        result: What it gave.
        contained: Crashes that cost one variant alone, of a run that went on.
        broken: The promises that do not hold, each as a sentence that begins with its letter.
    """

    status: str
    message: str = ""
    seconds: float = 0.0
    limit_seconds: float = 0.0
    result: object = None
    contained: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def is_contained(self) -> bool:
        """Whether a child crashed, hung or was stopped, and nothing else happened."""
        return self.status in {"crashed", "timed out"}


def end_of(message: str) -> str:
    """Return which of `ENDS` the sentence of an error tells."""
    if "took longer than" in message:
        return "timed out"
    return "crashed" if any(words in message for words in _STOPPED) else "refused"


def sentence_faults(message: str, *names: str, hidden: tuple[str, ...] = ()) -> list[str]:
    """Return what is wrong with a message that a person is to read.

    Args:
        message: The message.
        names: What the person calls the file; one of them must be in it, cut to 60 characters.
        hidden: What must not be in it: paths of the machine.
    """
    faults = []
    if not message.strip():
        return ["the message is empty"]
    if any(not character.isprintable() for character in message):
        faults.append("it is more than one line, or holds control characters")
    if any(words in message for words in _INTERNAL):
        faults.append("it holds a part of a traceback")
    if len(message) > LONGEST_MESSAGE:
        faults.append(f"it has {len(message)} characters")
    if not message.rstrip().endswith("."):
        faults.append("it does not end like a sentence")
    if not any(shown(name) in message for name in names):
        faults.append(f"it does not name the file {names[0][:60]!r}")
    faults += [f"it shows the path {text!r}" for text in hidden if text in message]
    return [f"(c) {fault}: {message[:300]!r}" for fault in faults]


def text_faults(facts: object, hidden: tuple[str, ...] = ()) -> list[str]:
    """Return which texts of an answer no page could show, or show a path of the machine.

    Args:
        facts: JSON-ready values; the entries `sha256` and `flags` are left out.
        hidden: What must not be in it.
    """
    faults = []
    waiting = [facts]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += [*value, *(v for key, v in value.items() if key not in {"sha256", "flags"})]
        elif isinstance(value, list | tuple):
            waiting += value
        elif isinstance(value, str):
            if any("\ud800" <= character <= "\udfff" for character in value):
                faults.append(f"(a) no page can show the text {value[:60]!r}")
            faults += [
                f"(c) {text!r} is shown in {value[:200]!r}" for text in hidden if text in value
            ]
    return faults


def shown(name: str) -> str:
    """Return the least of a file's name that a message shows: printable, without markup's end."""
    cut = name[:60]
    return cut[: next((i for i, c in enumerate(cut) if not c.isprintable()), len(cut))]


class Surroundings:
    """What must be as before once a question is answered: files, processes, our own memory.

    Args:
        watched: Folders whose every file must stay as it is.
        listed: Folders whose entries (not their contents) must stay the same.
    """

    def __init__(self, watched: list[Path], listed: list[Path]) -> None:
        self._watched = watched
        self._listed = listed

    @contextlib.contextmanager
    def must_not_change(self, broken: list[str]) -> Iterator[None]:
        """Add to `broken` what the body has changed; what it left behind is ended."""
        before = self._state()
        token = secrets.token_hex(8)
        os.environ[MARK] = token
        memory = _own_memory()
        try:
            yield
        finally:
            del os.environ[MARK]
            left = _left_processes(token)
            broken += [f"(e) the process {name!r} was left" for name in left]
            broken += [f"(d) {change}" for change in _differences(before, self._state())]
            grown = _own_memory() - memory
            if grown > MOST_GROWTH_BYTES:
                broken.append(f"(a) the asking process grew by {grown >> 20} MiB")

    def _state(self) -> dict[Path, str]:
        state = {}
        for folder in self._watched:
            for path in folder.rglob("*"):
                state[path] = _fingerprint(path)
        for folder in self._listed:
            state.update(dict.fromkeys(folder.iterdir(), "there"))
        return state


def ask(
    question: Callable[[], object],
    *names: str,
    limit_seconds: float,
    hidden: tuple[str, ...] = (),
) -> Outcome:
    """Ask in this process what a page would ask, and check promises (a), (b) and (c).

    Args:
        question: What to ask; may raise `LiteDriftError`.
        names: What the person calls the file.
        limit_seconds: The limit that holds for it.
        hidden: Paths that a message must not show.
    """
    start = time.monotonic()
    outcome = Outcome("done", limit_seconds=limit_seconds)
    try:
        outcome.result = question()
    except LiteDriftError as refusal:
        outcome.message = str(refusal)
        outcome.status = end_of(outcome.message)
        outcome.broken += sentence_faults(outcome.message, *names, hidden=hidden)
    except Exception as error:  # noqa: BLE001 - that is the promise
        outcome.status = "refused"
        kind = type(error).__name__
        outcome.broken.append(f"(a) the asking process got {kind}: {str(error)[:200]!r}")
    outcome.seconds = time.monotonic() - start
    outcome.broken += lateness(outcome.seconds, limit_seconds)
    return outcome


def lateness(seconds: float, limit_seconds: float) -> list[str]:
    """Return the sentence for what took longer than its limit plus 5 s; none where it did not."""
    if seconds <= limit_seconds + OVER_LIMIT_SECONDS:
        return []
    return [f"(b) it took {seconds:.1f} s, its limit is {limit_seconds:.0f} s"]


def _left_processes(token: str) -> list[str]:
    """Return the commands of processes that carry the token and do not end by themselves."""
    end = time.monotonic() + GONE_SECONDS
    if not _marked(token):
        time.sleep(0.1)  # one that has just been started shows no environment yet
    while (left := _marked(token)) and time.monotonic() < end:
        time.sleep(0.02)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    return list(left.values())


def _marked(token: str) -> dict[psutil.Process, str]:
    found = {}
    for process in psutil.process_iter():
        # A process that has ended, and waits to be collected, has no environment any more.
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK) == token:
                found[process] = " ".join(process.cmdline())[:120]
    return found


def _own_memory() -> int:
    return int(psutil.Process().memory_info().rss)


def _fingerprint(path: Path) -> str:
    with contextlib.suppress(OSError):
        if path.is_symlink():
            return f"a link to {path.readlink()}"
        if path.is_file():
            return hashlib.sha256(path.read_bytes()).hexdigest() + oct(path.stat().st_mode)
    return "there"


def _differences(before: dict[Path, str], after: dict[Path, str]) -> list[str]:
    gone = [f"{path} is gone" for path in before.keys() - after.keys()]
    new = [f"{path} is new" for path in after.keys() - before.keys()]
    other = [
        f"{path} has changed"
        for path in before.keys() & after.keys()
        if before[path] != after[path]
    ]
    return sorted(gone + new + other)
