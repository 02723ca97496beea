"""Landlock: lets this process reach named folders only, on the kernels that have it.

The kernel's own text: Documentation/userspace-api/landlock.rst.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

# The same numbers on every architecture (asm-generic/unistd.h).
_NR_LANDLOCK_CREATE_RULESET = 444
_NR_LANDLOCK_ADD_RULE = 445
_NR_LANDLOCK_RESTRICT_SELF = 446

# linux/landlock.h
_LANDLOCK_CREATE_RULESET_VERSION = 1 << 0
_LANDLOCK_RULE_PATH_BENEATH = 1
_LANDLOCK_ACCESS_FS_WRITE_FILE = 1 << 1
_LANDLOCK_ACCESS_FS_READ_FILE = 1 << 2
_LANDLOCK_ACCESS_FS_READ_DIR = 1 << 3
_LANDLOCK_ACCESS_FS_REMOVE_DIR = 1 << 4
_LANDLOCK_ACCESS_FS_REMOVE_FILE = 1 << 5
_LANDLOCK_ACCESS_FS_MAKE_DIR = 1 << 7
_LANDLOCK_ACCESS_FS_MAKE_REG = 1 << 8
_LANDLOCK_ACCESS_FS_REFER = 1 << 13
_LANDLOCK_ACCESS_FS_TRUNCATE = 1 << 14
_LANDLOCK_ACCESS_NET_BIND_TCP = 1 << 0
_LANDLOCK_ACCESS_NET_CONNECT_TCP = 1 << 1
_LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0
_LANDLOCK_SCOPE_SIGNAL = 1 << 1

# How many of the rights above, counted from bit 0, each ABI knows: 2 added REFER, 3 TRUNCATE,
# 5 IOCTL_DEV. A right that is handled and granted nowhere is refused everywhere: running
# programs, making devices, sockets, pipes and symbolic links, commands to devices.
_FS_RIGHTS_OF_ABI = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_NETWORK_ABI = 4
_SCOPE_ABI = 6

_READ = _LANDLOCK_ACCESS_FS_READ_FILE | _LANDLOCK_ACCESS_FS_READ_DIR
_WRITE = (
    _READ
    | _LANDLOCK_ACCESS_FS_WRITE_FILE
    | _LANDLOCK_ACCESS_FS_REMOVE_DIR
    | _LANDLOCK_ACCESS_FS_REMOVE_FILE
    | _LANDLOCK_ACCESS_FS_MAKE_DIR
    | _LANDLOCK_ACCESS_FS_MAKE_REG
    | _LANDLOCK_ACCESS_FS_REFER
    | _LANDLOCK_ACCESS_FS_TRUNCATE
)
_RIGHTS_OF_A_FILE = (
    _LANDLOCK_ACCESS_FS_READ_FILE | _LANDLOCK_ACCESS_FS_WRITE_FILE | _LANDLOCK_ACCESS_FS_TRUNCATE
)

_libc = ctypes.CDLL(None, use_errno=True)


def landlock_abi() -> int:
    """Return the version of the kernel's Landlock.

    Raises:
        OSError: When it has none, or it was switched off at boot.
    """
    try:
        return _call(_NR_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_CREATE_RULESET_VERSION)
    except OSError as missing:
        if missing.errno == errno.ENOSYS:
            raise OSError(missing.errno, "no Landlock in this kernel (ENOSYS)") from missing
        if missing.errno == errno.EOPNOTSUPP:
            raise OSError(
                missing.errno, "Landlock is switched off at boot (EOPNOTSUPP)"
            ) from missing
        raise


def restrict_self(
    abi: int, read: Iterable[Path], write: Iterable[Path], *, network: bool, scopes: bool
) -> None:
    """Refuse this thread, and those it starts, all files but these, and the network.

    A path that does not exist, or that the kernel takes no rule for, stays out of reach.
    `no_new_privs` must be set.

    Args:
        abi: What `landlock_abi` returned.
        read: Files and folders to read.
        write: Files and folders to read and write.
        network: Whether to refuse TCP, which `has_network_rights` must allow.
        scopes: Whether to refuse signals and abstract sockets, which `has_scopes` must allow.

    Raises:
        OSError: When the kernel refuses; nothing has changed then.
    """
    handled = (1 << _FS_RIGHTS_OF_ABI[min(abi, max(_FS_RIGHTS_OF_ABI))]) - 1
    tcp = _LANDLOCK_ACCESS_NET_BIND_TCP | _LANDLOCK_ACCESS_NET_CONNECT_TCP
    scoped = _LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | _LANDLOCK_SCOPE_SIGNAL
    # struct landlock_ruleset_attr grew; an older kernel takes longer ones that end in zeros.
    attributes = struct.pack(
        "=QQQ",
        handled,
        tcp if network else 0,
        scoped if scopes else 0,
    )
    ruleset = _call(_NR_LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)
    try:
        for paths, rights in ((read, _READ), (write, _WRITE)):
            for path in paths:
                _allow(ruleset, path, rights & handled)
        _call(_NR_LANDLOCK_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def has_network_rights(abi: int) -> bool:
    """Return whether this Landlock can refuse TCP (Linux 6.7)."""
    return abi >= _NETWORK_ABI


def has_scopes(abi: int) -> bool:
    """Return whether this Landlock can refuse abstract sockets and signals (Linux 6.12)."""
    return abi >= _SCOPE_ABI


def _allow(ruleset: int, path: Path, rights: int) -> None:
    with contextlib.suppress(OSError), _opened(path) as handle:
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            rights &= _RIGHTS_OF_A_FILE
        # struct landlock_path_beneath_attr is packed
        rule = struct.pack("=Qi", rights, handle)
        _call(_NR_LANDLOCK_ADD_RULE, ruleset, _LANDLOCK_RULE_PATH_BENEATH, rule, 0)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


def _call(number: int, *arguments: int | bytes | None) -> int:
    values = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result: int = _libc.syscall(ctypes.c_long(number), *values)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{os.strerror(code)} ({errno.errorcode.get(code, code)})")
    return result
