"""The walls around a child process, built from what the kernel offers an ordinary user.

A worker calls `enter_sandbox` as its very first act, before any thread exists and before
TensorFlow is imported. Each layer is attempted and reported: a machine that lacks one still works.
`python -m converter.sandbox --probe` prints, as JSON, which layers hold here.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import resource
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

from converter.landlock import has_network_rights, has_scopes, landlock_abi, restrict_self
from converter.sandbox_filters import build_seccomp_program

Level = Literal["full", "partial", "none"]
ON = "on"
LAYERS = (
    "rlimits",
    "namespaces",
    "capabilities",
    "no_new_privs",
    "landlock",
    "landlock_network",
    "landlock_scopes",
    "seccomp",
)
"""In the order in which they are put up: each would get in the way of the one before."""
_THREAD_LAYERS = ("capabilities", "no_new_privs", *LAYERS[4:])
"""Those that hold the calling thread and the threads that it starts, not those it has."""

_PROJECT_ROOT = Path(__file__).resolve().parent.parent
_PROBE_SECONDS = 10.0

# linux/prctl.h, linux/seccomp.h, linux/sched.h, linux/capability.h
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_CLONE_NEWIPC = 0x08000000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_LINUX_CAPABILITY_VERSION_3 = 0x20080522
_AF_UNIX, _SOCK_STREAM = 1, 1  # bits/socket.h

_libc = ctypes.CDLL(None, use_errno=True)

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
_SYSTEM_WRITE = ("/dev/null",)
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


@dataclass(frozen=True, kw_only=True)
class SandboxLimits:
    """What the kernel lets the process take; `None` leaves a limit as it is.

    Attributes:
        cpu_seconds: Processor time of all threads; past it, SIGXCPU.
        data_bytes: Private memory; a backstop under the memory watchdog of the parent.
        file_bytes: Size of any one file it writes, its log included.
        open_files: Open file descriptors.
    """

    cpu_seconds: int | None = 3600
    data_bytes: int | None = 16 * 1024**3
    file_bytes: int | None = 4 * 1024**3
    open_files: int | None = 1024

    def to_json(self) -> dict[str, int | None]:
        """Return the limits by name, for a command line: `SandboxLimits(**values)` reads them."""
        return asdict(self)


@dataclass(frozen=True)
class SandboxReport:
    """Which layers hold.

    Attributes:
        layers: For each of `LAYERS` `"on"`, or the reason why it is off.
    """

    layers: dict[str, str]

    @property
    def level(self) -> Level:
        """How strong it is: all that matters, some of it, or nothing that keeps files apart."""
        has = {name for name, state in self.layers.items() if state == ON}
        needed = {"rlimits", "capabilities", "no_new_privs", "landlock", "seccomp"}
        if needed <= has and has & {"namespaces", "landlock_network"}:
            return "full"
        return "partial" if has & {"namespaces", "landlock", "seccomp"} else "none"

    def to_json(self) -> dict[str, Any]:
        """Return the level and the layers."""
        return {"level": self.level, "layers": self.layers}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return what `to_json` described."""
        return cls(dict(values["layers"]))

    @classmethod
    def without_layers(cls, reason: str) -> Self:
        """Return the report of a process that no layer holds."""
        return cls(dict.fromkeys(LAYERS, reason))


def enter_sandbox(permissions: Permissions, limits: SandboxLimits) -> SandboxReport:
    """Give up, for good, all that this process does not need.

    To be called while it has one thread and before TensorFlow is imported. Changes `HOME`,
    `TMPDIR` and `KERAS_HOME`, because their usual places are out of reach. No layer that is
    missing raises.

    Returns:
        Which layers hold.
    """
    if sys.platform != "linux":
        return SandboxReport.without_layers(f"needs Linux, this is {sys.platform}")
    threads = len(list(Path("/proc/self/task").glob("*")))
    layers = {
        "rlimits": _attempt(lambda: _set_limits(limits)),
        "namespaces": _attempt(lambda: _enter_namespaces(threads)),
        "capabilities": _attempt(_drop_capabilities),
        "no_new_privs": _attempt(lambda: _prctl(_PR_SET_NO_NEW_PRIVS, 1, 0)),
        **_enter_landlock(permissions),
        "seccomp": _attempt(_enter_seccomp),
    }
    _move_home(permissions.write)
    if threads > 1:
        late = f"holds one thread only: {threads - 1} more had been started before"
        for name in _THREAD_LAYERS:
            layers[name] = late if layers[name] == ON else layers[name]
    return SandboxReport(layers)


def probe_sandbox() -> SandboxReport:
    """Return which layers would hold a child of this process, by trying them in one."""
    try:
        answer = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "converter.sandbox", "--probe"],
            cwd=_PROJECT_ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=True,
        )
        return SandboxReport.from_json(json.loads(answer.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as broken:
        return SandboxReport.without_layers(f"could not be tried: {broken}")


def _attempt(put_up: Callable[[], None]) -> str:
    """Put up a layer and return `ON`, or why that was not possible."""
    try:
        put_up()
    except (OSError, ValueError, NotImplementedError) as missing:
        return getattr(missing, "strerror", None) or str(missing)
    return ON


def _set_limits(limits: SandboxLimits) -> None:
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_DATA, limits.data_bytes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
    ):
        if value is None:
            continue
        _, hard = resource.getrlimit(kind)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (bound, bound))


def _enter_namespaces(threads: int) -> None:
    """Leave the network and the shared memory of the machine behind.

    A user namespace whose maps were refused cannot be left again and cannot create files, so a
    child tries it first.
    """
    if threads > 1:
        raise OSError(errno.EINVAL, f"needs a process of one thread, this one has {threads}")
    child = os.fork()
    if child == 0:
        code = 0
        try:
            _unshare()
        except OSError as refused:
            code = refused.errno or errno.EIO
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        raise OSError(code, _NAMESPACE_REASONS.get(code) or _describe(code))
    _unshare()


_NAMESPACE_REASONS = {
    errno.ENOSPC: "user namespaces are switched off (sysctl user.max_user_namespaces, ENOSPC)",
    errno.EPERM: "this system refuses user namespaces to this user (EPERM)",
}


def _unshare() -> None:
    uid, gid = os.geteuid(), os.getegid()
    _check(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC))
    # Without privileges a group map needs setgroups denied first: user_namespaces(7).
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        Path("/proc/self", name).write_text(text)


def _drop_capabilities() -> None:
    """Give up root's, or those that the new user namespace came with."""
    header = struct.pack("=Ii", _LINUX_CAPABILITY_VERSION_3, 0)
    nothing = bytes(24)  # effective, permitted and inheritable, twice 32 bits each
    _check(_libc.capset(header, nothing))


def _enter_landlock(permissions: Permissions) -> dict[str, str]:
    names = ("landlock", "landlock_network", "landlock_scopes")
    try:
        abi = landlock_abi()
        _pin_own_process()
        restrict_self(
            abi,
            read=dict.fromkeys([*_readable(permissions), *permissions.read]),
            write=[*map(Path, _SYSTEM_WRITE), *permissions.write],
        )
    except OSError as missing:
        return dict.fromkeys(names, missing.strerror or str(missing))
    older = f"this kernel's Landlock is too old: ABI {abi}, needs"
    network = ON if has_network_rights(abi) else f"{older} 4 (Linux 6.7)"
    scopes = ON if has_scopes(abi) else f"{older} 6 (Linux 6.12)"
    return dict(zip(names, (ON, network, scopes), strict=True))


def _pin_own_process() -> None:
    """Keep the entries of `_OWN_PROCESS` in the kernel's memory.

    A rule holds for an inode, and /proc makes new ones once it has dropped the old.
    """
    for path in _OWN_PROCESS:
        with contextlib.suppress(OSError):
            os.open(path, os.O_PATH | os.O_CLOEXEC)


def _readable(permissions: Permissions) -> Iterator[Path]:
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


def _enter_seccomp() -> None:
    program = build_seccomp_program(os.uname().machine, os.getpid())
    instructions = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog (linux/filter.h): how many of 8 bytes each, and where
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(instructions))
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header)


def _move_home(write: tuple[Path, ...]) -> None:
    """Point libraries away from places where they would fail with a permission error."""
    os.environ["KERAS_HOME"] = "/dev/null/keras"  # nothing to read, nowhere to write
    if write:
        os.environ["HOME"] = os.environ["TMPDIR"] = str(write[0].absolute())


def _prctl(option: int, first: int, second: int | bytes) -> None:
    last = second if isinstance(second, bytes) else ctypes.c_ulong(second)
    _check(_libc.prctl(option, ctypes.c_ulong(first), last, *[ctypes.c_ulong(0)] * 2))


def _check(result: int) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, _describe(code))


def _describe(code: int) -> str:
    return f"{os.strerror(code)} ({errno.errorcode.get(code, code)})"


def _probe() -> SandboxReport:
    """Enter, and take no layer's word for it: some kernels accept what they do not enforce."""
    layers = dict(enter_sandbox(Permissions(), SandboxLimits()).layers)
    trials: dict[str, Callable[[], object]] = {
        "landlock": Path("/etc/passwd").read_bytes,
        "seccomp": lambda: _check(_libc.socket(_AF_UNIX, _SOCK_STREAM, 0)),
    }
    for name, trespass in trials.items():
        if layers[name] == ON:
            with contextlib.suppress(OSError):
                trespass()
                layers[name] = "accepted by this kernel, but without effect"
    return SandboxReport(layers)


if __name__ == "__main__":
    if sys.argv[1:] != ["--probe"]:
        sys.exit("usage: python -m converter.sandbox --probe")
    print(json.dumps(_probe().to_json()))
