"""The walls around a child process, built from what the kernel offers an ordinary user.

A worker calls `enter_sandbox` as its very first act, before any thread exists and before
TensorFlow is imported. Each layer is attempted and reported: a machine that lacks one still works.
`converter.sandbox_probe` tells which layers would hold here.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import struct
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from converter.errors import SettingError
from converter.landlock import has_network_rights, has_scopes, landlock_abi, restrict_self
from converter.limits import setting_name
from converter.sandbox_filters import build_seccomp_program
from converter.sandbox_paths import SYSTEM_WRITE, pin_own_process, readable_paths
from converter.sandbox_paths import Permissions as Permissions
from converter.sandbox_report import LAYERS, ON, SandboxReport

_THREAD_LAYERS = LAYERS[LAYERS.index("capabilities") :]
"""Those that hold the calling thread and the threads that it starts, not those it has."""
WITHOUT_LAYERS = setting_name("without_layers")
"""An operator's switch: layers, separated by commas, that are not put up. For kernels on which one
does harm, and for tests of weaker machines; it can only take walls away."""

_CPU_GRACE_SECONDS = 5

# linux/prctl.h, linux/seccomp.h, linux/sched.h, linux/capability.h
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_CLONE_NEWIPC = 0x08000000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_LINUX_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, kw_only=True)
class SandboxLimits:
    """What the kernel lets the process take; `None` leaves a limit as it is.

    Attributes:
        cpu_seconds: Processor time of all threads; past it SIGXCPU, and soon after SIGKILL.
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
    attempts: dict[str, Callable[[], None]] = {
        "memory_watchdog": _show_memory,
        "rlimits": lambda: _set_limits(limits),
        "namespaces": lambda: _enter_namespaces(threads),
        "capabilities": _drop_capabilities,
        "no_new_privs": lambda: _prctl(_PR_SET_NO_NEW_PRIVS, 1, 0),
    }
    unwanted = _unwanted_layers()
    layers = {name: _attempt(name, put_up, unwanted) for name, put_up in attempts.items()}
    layers |= _enter_landlock(permissions, unwanted)
    layers["seccomp"] = _attempt("seccomp", _enter_seccomp, unwanted)
    _move_home(permissions.write)
    if threads > 1:
        late = f"holds one thread only: {threads - 1} more had been started before"
        for name in _THREAD_LAYERS:
            layers[name] = late if layers[name] == ON else layers[name]
    return SandboxReport(layers)


def skipped_layers() -> frozenset[str]:
    """Return the layers that the operator has switched off by `LITEDRIFT_WITHOUT_LAYERS`.

    Raises:
        SettingError: When one of the names is none.
    """
    unwanted = _unwanted_layers()
    unknown = sorted(unwanted - set(LAYERS))
    if unknown:
        raise SettingError(
            f"{WITHOUT_LAYERS}: expected names out of {', '.join(LAYERS)}, found "
            f"{unknown[0][:40]!r}; correct or unset it in the environment."
        )
    return unwanted


def _unwanted_layers() -> frozenset[str]:
    text = os.environ.get(WITHOUT_LAYERS, "")
    return frozenset(name.strip() for name in text.split(",") if name.strip())


_SKIPPED = f"switched off by {WITHOUT_LAYERS}"


def _attempt(name: str, put_up: Callable[[], None], unwanted: frozenset[str]) -> str:
    """Put up a layer and return `ON`, or why that was not possible."""
    if name in unwanted:
        return _SKIPPED
    try:
        put_up()
    except (OSError, ValueError, NotImplementedError) as missing:
        return getattr(missing, "strerror", None) or str(missing)
    return ON


def _show_memory() -> None:
    """Raise where the parent cannot see how much memory this process takes."""
    Path("/proc/self/statm").read_bytes()


def _set_limits(limits: SandboxLimits) -> None:
    _set_cpu_limit(limits.cpu_seconds)
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_DATA, limits.data_bytes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
    ):
        if value is None:
            continue
        _, hard = resource.getrlimit(kind)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (bound, bound))


def _set_cpu_limit(seconds: int | None) -> None:
    """Bound the processor time: at the soft limit a signal tells why, at the hard one it ends."""
    if seconds is None:
        return
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    hard = seconds + _CPU_GRACE_SECONDS
    hard = hard if most == resource.RLIM_INFINITY else min(hard, most)
    resource.setrlimit(resource.RLIMIT_CPU, (min(seconds, hard), hard))


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


def _enter_landlock(permissions: Permissions, unwanted: frozenset[str]) -> dict[str, str]:
    names = ("landlock", "landlock_network", "landlock_scopes")
    if "landlock" in unwanted:
        return dict.fromkeys(names, _SKIPPED)
    try:
        abi = landlock_abi()
        network = has_network_rights(abi) and "landlock_network" not in unwanted
        scopes = has_scopes(abi) and "landlock_scopes" not in unwanted
        pin_own_process()
        restrict_self(
            abi,
            read=dict.fromkeys([*readable_paths(permissions), *permissions.read]),
            write=[*map(Path, SYSTEM_WRITE), *permissions.write],
            network=network,
            scopes=scopes,
        )
    except OSError as missing:
        return dict.fromkeys(names, missing.strerror or str(missing))
    older = f"this kernel's Landlock is too old: ABI {abi}, needs"
    no_network = _SKIPPED if has_network_rights(abi) else f"{older} 4 (Linux 6.7)"
    no_scopes = _SKIPPED if has_scopes(abi) else f"{older} 6 (Linux 6.12)"
    states = (ON, ON if network else no_network, ON if scopes else no_scopes)
    return dict(zip(names, states, strict=True))


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
