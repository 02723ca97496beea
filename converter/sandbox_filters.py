"""The system calls that a sandboxed process is refused, as a seccomp program in raw BPF.

What is not named here is allowed, because TensorFlow's needs are wide; calls newer than this
table do not exist for the process (ENOSYS), so a new kernel opens no new door.
"""

from __future__ import annotations

import errno
import struct

# Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h (aarch64).
# None: the architecture has no such call.
_SYSTEM_CALLS: dict[str, tuple[int | None, int | None]] = {
    # Programs and processes: a worker starts neither.
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
    "uselib": (134, None),
    # Network, and what talks to other processes.
    "socket": (41, 198),
    "socketpair": (53, 199),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    # Other processes of the same user.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "kcmp": (312, 272),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "tkill": (200, 130),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    "ioprio_set": (251, 30),
    # Links and special files, which the parent would follow when it reads the results.
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "mknod": (133, None),
    "mknodat": (259, 33),
    # Changes of files that Landlock does not see.
    "truncate": (76, 45),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    # Ways round paths and the namespace.
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "mount": (165, 40),
    "umount2": (166, 39),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "setns": (308, 268),
    "unshare": (272, 97),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "acct": (163, 89),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    # The kernel's own machinery, where its bugs have been.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "personality": (135, 92),
    "syslog": (103, 116),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "vhangup": (153, 58),
    "lookup_dcookie": (212, 18),
}
# Missing for the process, so that glibc takes the older call, whose arguments can be seen.
_ABSENT_CALLS: dict[str, tuple[int | None, int | None]] = {
    "clone3": (435, 435),
    "openat2": (437, 437),
}
# Allowed by their arguments; see _argument_rules.
_CLONE = (56, 220)
_IOCTL = (16, 29)
_OPEN = (2, None)
_OPENAT = (257, 56)
_KILL = (62, 129)
_TGKILL = (234, 131)
_PRLIMIT64 = (302, 261)
_SETPRIORITY = (141, 140)
_SCHED_CALLS = {
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
}
_NEWEST_KNOWN_CALL = 462  # mseal, Linux 6.10

# linux/audit.h; the index of each machine in the tables above
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

# linux/bpf_common.h: instruction codes
_LOAD_WORD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_ABOVE = 0x25  # BPF_JMP | BPF_JGT | BPF_K
_JUMP_ANY_BIT = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K

# linux/seccomp.h
_SECCOMP_RET_KILL_PROCESS = 0x80000000
_SECCOMP_RET_ERRNO = 0x00050000
_SECCOMP_RET_ALLOW = 0x7FFF0000
_ALLOW = _SECCOMP_RET_ALLOW
_REFUSE = _SECCOMP_RET_ERRNO | errno.EPERM
_ABSENT = _SECCOMP_RET_ERRNO | errno.ENOSYS
# struct seccomp_data: nr, arch, instruction_pointer, args[6]; both machines are little-endian
_NUMBER_OFFSET = 0
_ARCH_OFFSET = 4
_ARGUMENTS_OFFSET = 16

_CLONE_THREAD = 0x00010000  # linux/sched.h
_TIOCSTI = 0x5412  # asm-generic/ioctls.h: types into the terminal
_TIOCLINUX = 0x541C  # asm-generic/ioctls.h: pastes into the console
_O_ACCMODE = 0o3  # asm-generic/fcntl.h
_O_TRUNC = 0o1000


def build_seccomp_program(machine: str, own_pid: int) -> bytes:
    """Return the filter as an array of `struct sock_filter`.

    Args:
        machine: `os.uname().machine`.
        own_pid: The process that may be signalled: the one that is filtered.

    Raises:
        NotImplementedError: When the machine's system calls are not in the tables.
    """
    if machine not in _ARCHITECTURES:
        raise NotImplementedError(f"no table of system calls for {machine}")
    index, architecture = _ARCHITECTURES[machine]
    program = [
        _load(_ARCH_OFFSET),
        # A foreign architecture's numbers mean other calls.
        _jump(_JUMP_EQUAL, architecture, if_true=1),
        _return(_SECCOMP_RET_KILL_PROCESS),
        _load(_NUMBER_OFFSET),
    ]
    # Also every call of the x32 ABI: their numbers have __X32_SYSCALL_BIT (bit 30) set.
    program += [_jump(_JUMP_ABOVE, _NEWEST_KNOWN_CALL, if_false=1), _return(_ABSENT)]
    for numbers, rule in _argument_rules(own_pid):
        program += _on_call(numbers[index], rule)
    for table, verdict in ((_SYSTEM_CALLS, _REFUSE), (_ABSENT_CALLS, _ABSENT)):
        for numbers in table.values():
            program += _on_call(numbers[index], [_return(verdict)])
    return b"".join([*program, _return(_ALLOW)])


_Numbers = tuple[int | None, int | None]


def _argument_rules(own_pid: int) -> list[tuple[_Numbers, list[bytes]]]:
    """Return for each call that depends on an argument what to do; each rule ends in a verdict."""
    myself = {0, own_pid}
    return [
        (_CLONE, _allow_any_bit(0, _CLONE_THREAD)),
        (_IOCTL, _refuse_values(1, {_TIOCSTI, _TIOCLINUX})),
        (_OPEN, _refuse_truncating_reader(1)),
        (_OPENAT, _refuse_truncating_reader(2)),
        # Pid 0 is the process group for kill; the group is the worker's own.
        (_KILL, _allow_values(0, {own_pid})),
        (_TGKILL, _allow_values(0, {own_pid})),
        (_PRLIMIT64, _allow_values(0, myself)),
        (_SETPRIORITY, _allow_values(1, myself)),
        *((numbers, _allow_values(0, myself)) for numbers in _SCHED_CALLS.values()),
    ]


def _refuse_truncating_reader(argument: int) -> list[bytes]:
    """Refuse O_TRUNC without write access, which Landlock sees only from Linux 6.2 on."""
    return [
        _load(_ARGUMENTS_OFFSET + 8 * argument),
        _instruction(_AND, 0, 0, _O_ACCMODE | _O_TRUNC),
        _jump(_JUMP_EQUAL, _O_TRUNC, if_true=2),
        _jump(_JUMP_EQUAL, _O_ACCMODE | _O_TRUNC, if_true=1),
        _return(_ALLOW),
        _return(_REFUSE),
    ]


def _allow_any_bit(argument: int, bits: int) -> list[bytes]:
    return _verdict_of(argument, [_jump(_JUMP_ANY_BIT, bits, if_true=1)], _REFUSE, _ALLOW)


def _allow_values(argument: int, values: set[int]) -> list[bytes]:
    return _verdict_of(argument, _jumps_to_match(values), _REFUSE, _ALLOW)


def _refuse_values(argument: int, values: set[int]) -> list[bytes]:
    return _verdict_of(argument, _jumps_to_match(values), _ALLOW, _REFUSE)


def _jumps_to_match(values: set[int]) -> list[bytes]:
    count = len(values)
    return [_jump(_JUMP_EQUAL, v, if_true=count - i) for i, v in enumerate(sorted(values))]


def _verdict_of(argument: int, jumps: list[bytes], otherwise: int, match: int) -> list[bytes]:
    # The kernel reads each of these arguments as 32 bits: the low half is all there is.
    load = _load(_ARGUMENTS_OFFSET + 8 * argument)
    return [load, *jumps, _return(otherwise), _return(match)]


def _on_call(number: int | None, rule: list[bytes]) -> list[bytes]:
    if number is None:
        return []
    return [_jump(_JUMP_EQUAL, number, if_false=len(rule)), *rule]


def _load(offset: int) -> bytes:
    return _instruction(_LOAD_WORD, 0, 0, offset)


def _jump(code: int, value: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    return _instruction(code, if_true, if_false, value)


def _return(verdict: int) -> bytes:
    return _instruction(_RETURN, 0, 0, verdict)


def _instruction(code: int, if_true: int, if_false: int, value: int) -> bytes:
    """Return a `struct sock_filter` (linux/filter.h)."""
    return struct.pack("=HBBI", code, if_true, if_false, value)
