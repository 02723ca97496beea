"""Which files and folders a sandboxed process may reach."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_PROJECT_ROOT = Path(__file__).resolve().parent.parent
_SYSTEM_READ = (
    # Shared libraries, and the tables of locales, encodings and time zones beside them.
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/share/locale",
    "/usr/share/zoneinfo",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/ssl/openssl.cnf",
    # What TensorFlow, XNNPACK and cpuinfo ask about the machine.
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    "/dev/urandom",
    "/dev/zero",
)
SYSTEM_WRITE = ("/dev/null",)
# Named one by one: /proc/self/environ may hold an operator's secrets.
_OWN_PROCESS = (
    "/proc/self/cmdline",  # TensorFlow aborts without it (tsl::Env::GetExecutablePath)
    "/proc/self/maps",
    "/proc/self/stat",
    "/proc/self/statm",
    "/proc/self/status",
)
_PROJECT_READ = ("converter", "sample_models")


@dataclass(frozen=True, kw_only=True)
class Permissions:
    """What a process may reach beside the system, the Python environment and our own code.

    Attributes:
        read: Files and folders to read.
        write: Folders to read and write; the first also becomes its home and temporary folder.
        hidden: Folders that stay out of reach even where they lie inside the environment or
            the project; the data home is one of them always.
    """

    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()

    def to_json(self) -> dict[str, list[str]]:
        """Return the absolute paths by field, for a command line."""
        return {name: [str(p.absolute()) for p in paths] for name, paths in vars(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Iterable[str]]) -> Self:
        """Return what `to_json` described."""
        return cls(**{name: tuple(map(Path, paths)) for name, paths in values.items()})


def readable_paths(permissions: Permissions) -> Iterator[Path]:
    """Return what every worker may read: the system, the environment, our own code.

    Args:
        permissions: Its `hidden` folders, and the data home, are left out.
    """
    hidden = {_real(path) for path in (*permissions.hidden, _data_home())}
    environment = {Path(p) for p in (sys.prefix, sys.base_prefix)} - {Path("/usr")}
    for entry in (*sys.path, *os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)):
        path = Path(entry)
        # The project's root holds more than code, and so may the folder above it.
        if path.is_absolute() and not _PROJECT_ROOT.is_relative_to(_real(path)):
            environment.add(path)
    project = {_PROJECT_ROOT / name for name in _PROJECT_READ}
    for folder in (*map(Path, (*_SYSTEM_READ, *_OWN_PROCESS)), *environment, *project):
        yield from _outside(_real(folder), hidden)


def _data_home() -> Path:
    """Return where other runs and uploads lie; see `converter.run_store.data_home`."""
    return Path(os.environ.get("LITEDRIFT_HOME") or _PROJECT_ROOT / ".litedrift")


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))  # Path.resolve raises on a loop of links


def _outside(folder: Path, hidden: set[Path]) -> Iterator[Path]:
    """Return the folder, or what lies in it beside the hidden ones."""
    if folder in hidden:
        return
    if not any(path.is_relative_to(folder) for path in hidden):
        yield folder
        return
    with contextlib.suppress(OSError):  # what cannot be listed stays out of reach
        for child in folder.iterdir():
            if not child.is_symlink():
                yield from _outside(child, hidden)


def pin_own_process() -> None:
    """Keep the entries of `_OWN_PROCESS` in the kernel's memory.

    A rule holds for an inode, and /proc makes new ones once it has dropped the old.
    """
    for path in _OWN_PROCESS:
        with contextlib.suppress(OSError):
            os.open(path, os.O_PATH | os.O_CLOEXEC)
