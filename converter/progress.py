"""How far a run is: its stages, the time left, and how it ended."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from converter.comparison import write_whole

PROGRESS_FILE = "progress.json"
ACTIVE = ("starting", "queued", "running")


@dataclass
class Progress:
    """The state of a run as others see it.

    Attributes:
        status: `starting`, `queued`, `running`, `done`, `failed`, `cancelled` or `interrupted`.
        stage: What is being done now, in words ("convert int8").
        done: Stages finished.
        total: Stages planned; 0 while unknown.
        seconds_left: Estimate; None while unknown.
        started: Unix time.
        finished: Unix time; None while active.
        error: The reason in one sentence when it failed.
        log: Finished stages with their seconds, in order.
        position: Of a queued run, 1 for the next in line.
        waiting: How many runs are queued.
    """

    status: str = "starting"
    stage: str = "start"
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    started: float = 0.0
    finished: float | None = None
    error: str | None = None
    log: list[dict[str, Any]] = field(default_factory=list)
    position: int | None = None
    waiting: int | None = None

    @property
    def is_active(self) -> bool:
        """Whether the run still goes on."""
        return self.status in ACTIVE

    @property
    def fraction(self) -> float:
        """Share of the expected work done, 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Progress:
        """Read the form that `ProgressFile` writes."""
        return cls(**{k: v for k, v in values.items() if k in cls.__dataclass_fields__})


class ProgressTracker:
    """Turns stages into `Progress` and hands every change to a listener.

    Args:
        expected: Expected seconds of each planned stage, by label; they weigh the stages for the
            time left, and are corrected by how long stages really take.
        listener: Called with the current state after every change.
    """

    def __init__(self, expected: Mapping[str, float], listener: Callable[[Progress], None]) -> None:
        self._lock = threading.RLock()  # stages begin and end on several threads
        self._expected = dict(expected)
        self._listener = listener
        self._began: dict[str, float] = {}
        self._spent: dict[str, float] = {}
        self.state = Progress(status="running", total=len(expected), started=time.time())
        listener(self.state)

    def begin(self, label: str) -> None:
        """Say that a stage has begun; stages may overlap."""
        with self._lock:
            self._began[label] = time.monotonic()
            self.state.stage = label
            self._publish()

    def end(self, label: str) -> None:
        """Say that a stage has ended."""
        with self._lock:
            began = self._began.pop(label, None)
            if began is None:
                return
            self._spent[label] = time.monotonic() - began
            self.state.done = len(self._spent)
            self.state.total = max(self.state.total, self.state.done)
            self.state.log.append({"stage": label, "seconds": round(self._spent[label], 3)})
            if self._began:
                self.state.stage = next(reversed(self._began))
            self._publish()

    def skip(self, label: str) -> None:
        """Say that a planned stage will not take place."""
        with self._lock:
            if label in self._expected and label not in self._spent:
                self._spent[label] = 0.0
                self._expected[label] = 0.0
                self.state.done = len(self._spent)
                self._publish()

    def finish(self, status: str, error: str | None = None) -> None:
        """Say how the run ended."""
        with self._lock:
            self.state.status = status
            self.state.error = error
            self.state.finished = time.time()
            self.state.seconds_left = 0.0
            self._publish()

    def _publish(self) -> None:
        if self.state.is_active:
            self.state.seconds_left = self._estimate()
        self._listener(self.state)

    def _estimate(self) -> float:
        # The machine may be slower or faster than the table of expectations: what is left is
        # scaled by how long the finished stages took against what was expected of them.
        finished = [name for name in self._spent if self._expected.get(name, 0) > 0]
        planned = sum(self._expected[name] for name in finished)
        pace = sum(self._spent[name] for name in finished) / planned if planned > 0 else 1.0
        left = 0.0
        for name, seconds in self._expected.items():
            if name in self._spent:
                continue
            elapsed = time.monotonic() - self._began[name] if name in self._began else 0.0
            left += max(0.0, seconds * pace - elapsed)
        return round(left, 1)


def write_progress(folder: Path, progress: Progress) -> None:
    """Write `progress.json` whole into a run's folder."""
    write_whole(folder / PROGRESS_FILE, json.dumps(asdict(progress)).encode())


def read_progress(folder: Path) -> Progress:
    """Return the state written last; a folder without one is a run that has not begun."""
    try:
        return Progress.from_json(json.loads((folder / PROGRESS_FILE).read_text()))
    except (OSError, ValueError, AttributeError, TypeError):
        return Progress()
