"""The limits that keep one file from filling the machine; operators change them by environment."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass

from converter.errors import SettingError

MIB = 1024 * 1024
MB = 1_000_000
_PREFIX = "LITEDRIFT_"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on what an upload and a run may take, each with its unit in its name.

    Attributes:
        upload_bytes: Of one uploaded file.
        unpacked_bytes: Of an archive once unpacked; of the weights and constants that a model
            declares, each and together.
        archive_members: Files in an archive.
        data_bytes: Of a data file, and of its samples once they are read.
        csv_columns: Of a table.
        image_pixels: Of one image.
        memory_bytes: Resident memory of a child process and all that it started.
        worker_processes: Processes of which a child may consist, itself counted.
        free_disk_bytes: What must stay free on the disk that a child writes to.
        cpu_seconds: Processor time of a child process, over all its threads and stages.
        read_seconds: For a question about a file.
        load_seconds: For loading, tracing or freezing the model.
        convert_seconds: For one variant's conversion.
        evaluate_seconds: For all evaluation samples through one variant, or the original.
        latency_seconds: For one turn of the latency measurement.
        parallel_runs: Runs that go on at once; the others wait for their turn.
        quota_bytes: Of all that is kept; over it the oldest runs that are not pinned go.
        undo_seconds: For which a deleted run can be had back.
        upload_idle_seconds: For which an upload stays that no run needs.
    """

    upload_bytes: int = 500 * MB
    unpacked_bytes: int = 2000 * MB
    archive_members: int = 20_000
    data_bytes: int = 1000 * MB
    csv_columns: int = 10_000
    image_pixels: int = 50_000_000
    memory_bytes: int = 8000 * MB
    worker_processes: int = 8
    free_disk_bytes: int = 250 * MB
    cpu_seconds: int = 3600
    read_seconds: float = 60.0
    load_seconds: float = 180.0
    convert_seconds: float = 300.0
    evaluate_seconds: float = 300.0
    latency_seconds: float = 120.0
    parallel_runs: int = 2
    quota_bytes: int = 10_000 * MB
    undo_seconds: float = 24 * 3600.0
    upload_idle_seconds: float = 24 * 3600.0


_MOST = {"bytes": 2**50, "seconds": 7 * 24 * 3600.0}
"""What no machine that this runs on has, or nobody would wait for; any other unit: a thousand
million."""
_MOST_COUNT = 10**9
_LEAST = {"memory_bytes": 50 * MB, "free_disk_bytes": 0, "cpu_seconds": 1}
"""Where less than one of the unit makes sense, or less than this would stop every child."""


def setting_name(limit: str) -> str:
    """Return the environment variable that changes a limit.

    Example:
        >>> setting_name("csv_columns")
        'LITEDRIFT_CSV_COLUMNS'
    """
    return f"{_PREFIX}{limit.upper()}"


def current_limits() -> Limits:
    """Return the defaults, each overridable as `LITEDRIFT_<NAME>` in the environment.

    Raises:
        SettingError: When an override is no number, or one that no limit can be.
    """
    overrides: dict[str, float] = {}
    for name, default in vars(Limits()).items():
        text = os.environ.get(setting_name(name))
        if text is not None:
            overrides[name] = _read(name, text, type(default))
    return Limits(**overrides)  # type: ignore[arg-type]


def bound_own_memory() -> None:
    """Let this process fail with MemoryError before it takes the machine's memory.

    A run's parent holds samples whose size a model declares. Its children set their own bounds.

    Raises:
        SettingError: When the limit is no number.
    """
    most = current_limits().memory_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _read(name: str, text: str, kind: type[float]) -> float:
    most = _MOST.get(name.rpartition("_")[2], _MOST_COUNT)
    least = _LEAST.get(name, 1 if kind is int else 0)
    try:
        value = kind(text)
    except ValueError:
        value = None
    # No number is within the bounds if it is NaN, and no second long if it is zero.
    if value is not None and least <= value <= most and (value > 0 or name in _LEAST):
        return value
    what = "a whole number" if kind is int else "a number"
    span = f"from {least} to {most}" if kind is int else f"above 0, {most:.0f} at most"
    raise SettingError(
        f"{setting_name(name)}: expected {what} {span}, found {text[:40]!r}; correct or unset it "
        "in the environment."
    )
