"""Each wall is tried from inside, in a real child on this machine's kernel.

Where the machine lacks a layer, the tests hold that the report says so.
"""

import ctypes
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from converter.errors import SettingError
from converter.sandbox import WITHOUT_LAYERS, Permissions, SandboxLimits, enter_sandbox
from converter.sandbox_filters import _ABSENT_CALLS, _SYSTEM_CALLS, build_seccomp_program
from converter.sandbox_probe import probe_sandbox
from converter.sandbox_report import LAYERS, ON, SandboxReport

ROOT = Path(__file__).resolve().parents[2]
REFUSED = {"EACCES", "EPERM", "EXDEV"}
LANDLOCK_CALLS = [444, 445, 446]
UNSHARE = {"x86_64": 272, "aarch64": 97}[os.uname().machine]


@dataclass
class Answer:
    """What the child said, and how it ended."""

    report: SandboxReport
    error: str | None
    result: object
    code: int
    log: str

    def holds(self, *layers: str) -> bool:
        """Whether one of the layers is up; if not, the report must give a reason and a lower level.

        Tests use it so: where the wall stands it must hold, where it does not the report says so.
        """
        if any(self.report.layers[name] == ON for name in layers):
            return True
        assert all(len(self.report.layers[name]) > 5 for name in layers)
        assert self.report.level != "full"
        return False


@pytest.fixture
def places(tmp_path):
    """The folder of this run, and one of another run with a file."""
    for name in ("inside", "outside"):
        (tmp_path / name).mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    return tmp_path


@pytest.fixture
def act(places, monkeypatch):
    """Do something in a sandbox that may read and write `inside` only."""
    monkeypatch.setenv("LITEDRIFT_HOME", str(places))

    def run(name, *arguments, before=None, limits=None, **permissions):
        granted = Permissions(**{"write": (places / "inside",), **permissions})
        request = {
            "permissions": granted.to_json(),
            "limits": limits or {},
            "arguments": [str(a) if isinstance(a, Path) else a for a in arguments],
            "before": before or {},
        }
        child = subprocess.run(
            [sys.executable, "-m", "tests.converter.stub_sandboxed", name, json.dumps(request)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            text=True,
        )
        lines = child.stdout.splitlines()
        assert lines, child.stderr
        answer = json.loads(lines[-1])
        return Answer(
            SandboxReport.from_json(answer["report"]),
            answer["error"],
            answer["result"],
            child.returncode,
            child.stderr,
        )

    return run


# Files


def test_writing_inside_works_and_keeps_the_owner(act, places):
    assert act("write", places / "inside" / "new").error is None
    assert (places / "inside" / "new").read_text() == "written"
    answer = act("owner", places / "inside" / "new")
    assert answer.result == [os.geteuid(), os.geteuid()]
    assert (places / "inside" / "new").stat().st_uid == os.geteuid()


def test_folders_renames_and_removals_work_inside(act, places):
    answer = act("rename_and_remove", places / "inside")
    if answer.report.layers["landlock_network"] == ON:  # ABI 1 refuses renames between folders
        assert answer.result == "moved"
    assert answer.error in {None, "EXDEV"}


@pytest.mark.parametrize("name", ["new", "secret"])
def test_writing_outside_is_refused(act, places, name):
    answer = act("write", places / "outside" / name)
    if answer.holds("landlock"):
        assert answer.error in REFUSED
        assert (places / "outside" / "secret").read_text() == "secret"
        assert not (places / "outside" / "new").exists()


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "/proc/self/environ", "/proc/self/mem", "/proc/1/status", str(ROOT / "app.py")],
)
def test_what_is_nobodys_business_cannot_be_read(act, path):
    answer = act("read", path)
    if answer.holds("landlock"):
        assert answer.error in REFUSED


def test_another_runs_folder_can_neither_be_read_nor_listed(act, places):
    for answer in (act("read", places / "outside" / "secret"), act("folder", places)):
        if answer.holds("landlock"):
            assert answer.error in REFUSED


def test_a_granted_file_can_be_read_its_neighbours_cannot(act, places):
    neighbour = places / "outside" / "neighbour"
    neighbour.write_text("private")
    granted = (places / "outside" / "secret",)
    assert act("read", granted[0], read=granted).result == len("secret")
    for answer in (act("read", neighbour, read=granted), act("write", granted[0], read=granted)):
        if answer.holds("landlock"):
            assert answer.error in REFUSED


@pytest.mark.parametrize(
    "path",
    [
        "/proc/self/status",
        "/proc/cpuinfo",
        "/dev/null",
        "/etc/ld.so.cache",
        str(ROOT / "converter" / "sandbox.py"),
        os.__file__,
        pytest.__file__,
    ],
)
def test_system_environment_and_our_code_can_be_read(act, path):
    if path == "/dev/null" or Path(path).is_file():
        assert act("read", path).error is None


def test_a_data_home_inside_the_environment_stays_hidden(act, places, monkeypatch):
    library = places / "library"
    home = library / "nested" / "home"
    for file in (library / "module.py", library / "nested" / "code.py", home / "uploads" / "a.h5"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("text")
    (library / "way_round").symlink_to(home)
    monkeypatch.setenv("PYTHONPATH", str(library))
    monkeypatch.setenv("LITEDRIFT_HOME", str(home))
    assert act("read", library / "module.py").error is None
    assert act("read", library / "nested" / "code.py").error is None
    for path in (home, library / "way_round"):
        answer = act("read", path / "uploads" / "a.h5")
        if answer.holds("landlock"):
            assert answer.error in REFUSED


def test_odd_paths_cost_no_wall(act, places, monkeypatch):
    (places / "loop").symlink_to(places / "loop")
    monkeypatch.setenv("PYTHONPATH", f"{places / 'loop'}:{places / 'missing'}")
    answer = act(
        "write", places / "inside" / "new", read=(places / "loop", Path("/proc/self/fd/1"))
    )
    assert answer.error is None
    assert answer.report == probe_sandbox()


@pytest.mark.parametrize("name", ["symlink", "fifo"])
def test_links_and_pipes_that_the_parent_would_follow_are_refused(act, places, name):
    answer = act(name, places / "inside" / "trap")
    if answer.holds("landlock", "seccomp"):
        assert answer.error in REFUSED
        assert not os.path.lexists(places / "inside" / "trap")


def test_hard_links_are_refused(act, places):
    (places / "inside" / "own").write_text("")
    answer = act("hard_link", places / "inside" / "own", places / "inside" / "link")
    if answer.holds("seccomp"):
        assert answer.error in REFUSED


@pytest.mark.parametrize("name", ["chmod", "touch", "truncate_by_reading"])
@pytest.mark.parametrize("abi", [None, 1])
def test_changes_that_landlock_does_not_see_are_refused(act, places, name, abi):
    secret = places / "outside" / "secret"
    before = secret.stat()
    older = {"older_kernel": [abi]} if abi else {}
    answer = act(name, secret, read=(secret,), before=older)
    if answer.holds("seccomp"):
        assert answer.error in REFUSED
        after = secret.stat()
        assert (after.st_mode, after.st_mtime, after.st_size) == (
            before.st_mode,
            before.st_mtime,
            before.st_size,
        )


# Network, processes, kernel


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, 16, 17])
def test_no_socket_can_be_opened(act, family):
    answer = act("socket", int(family), int(socket.SOCK_STREAM if family < 16 else 3))
    if answer.holds("seccomp"):
        assert answer.error == "EPERM"
    assert act("socket_pair").error == "EPERM" or not answer.holds("seccomp")


@pytest.mark.parametrize("without_seccomp", [False, True], ids=["all", "without seccomp"])
def test_a_server_on_this_machine_cannot_be_reached(act, without_seccomp):
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: _accept(server), daemon=True).start()
        port = server.getsockname()[1]
        socket.create_connection(("127.0.0.1", port)).close()
        before = {"unknown_machine": []} if without_seccomp else {}
        answer = act("connect", port, before=before)
    if answer.holds("seccomp", "namespaces", "landlock_network"):
        assert answer.error in {"EPERM", "EACCES", "ENETUNREACH", "ECONNREFUSED"}


def _accept(server):
    while True:
        try:
            server.accept()[0].close()
        except OSError:
            return


def test_no_program_can_be_run(act):
    answer = act("run_program")
    if answer.holds("seccomp", "landlock"):
        assert answer.error in REFUSED


def test_no_process_can_be_started(act):
    answer = act("fork")
    if answer.holds("seccomp"):
        assert answer.error == "EPERM"


def test_threads_work(act):
    assert act("sum_in_threads").result == 28


def test_other_processes_cannot_be_signalled(act):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        answer = act("kill", other.pid)
        if answer.holds("seccomp", "landlock_scopes"):
            assert answer.error == "EPERM"
            assert other.poll() is None
        other.kill()


@pytest.mark.parametrize(("name", "code"), [("end_itself", -15), ("abort", -6), ("nothing", 0)])
def test_it_can_end_itself(act, name, code):
    assert act(name).code == code


def test_the_kernel_refuses_each_named_call(act):
    column = ["x86_64", "aarch64"].index(os.uname().machine)
    numbers = {k: v[column] for k, v in _SYSTEM_CALLS.items() if v[column] is not None}
    if not act("nothing").holds("seccomp"):
        return  # fork and vhangup would do what they say
    errors = act("system_calls", list(numbers.values())).result
    assert dict(zip(numbers, errors, strict=True)) == dict.fromkeys(numbers, "EPERM")


def test_privileges_are_gone(act):
    answer = act("capabilities")
    assert answer.holds("capabilities")
    assert [int(bits, 16) for bits in answer.result] == [0, 0]


# Limits


def test_limits_hold(act, places):
    limits = {"file_bytes": 4096, "open_files": 64, "cpu_seconds": 50, "data_bytes": 2**30}
    answer = act("limits", limits=limits)
    assert answer.report.layers["rlimits"] == ON
    assert answer.result == {
        "CORE": [0, 0],
        "CPU": [50, 55],  # the signal that tells why, then the one that ends it
        "DATA": [2**30, 2**30],
        "FSIZE": [4096, 4096],
        "NOFILE": [64, 64],
    }
    assert act("fill", places / "inside" / "big", 5000, limits=limits).error == "EFBIG"
    assert (places / "inside" / "big").stat().st_size == 4096
    assert act("take_memory", 2**31, limits=limits).error == "MemoryError"
    assert act("take_memory", 2**20, limits=limits).result == 2**20


def test_a_limit_is_never_raised(act):
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert act("limits", limits={"open_files": hard + 1000}).result["NOFILE"] == [hard, hard]
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    assert act("limits", limits={"cpu_seconds": None}).result["CPU"] == [soft, hard]


# Kernels that offer less


@pytest.mark.parametrize("abi", [1, 2, 3, 4, 5, 6, 99])
def test_an_older_landlock_still_keeps_files_apart(act, places, abi):
    before = {"older_kernel": [abi]}
    assert act("write", places / "inside" / "new", before=before).error is None
    answer = act("read", "/etc/passwd", before=before)
    if not answer.holds("landlock"):
        return
    assert answer.error in REFUSED
    assert (answer.report.layers["landlock_network"] == ON) == (abi >= 4)
    assert (answer.report.layers["landlock_scopes"] == ON) == (abi >= 6)


@pytest.mark.parametrize(
    ("calls", "off", "level"),
    [
        (LANDLOCK_CALLS, {"landlock", "landlock_network", "landlock_scopes"}, "partial"),
        ([UNSHARE], {"namespaces"}, "full"),
        ([*LANDLOCK_CALLS, UNSHARE], {"landlock", "namespaces"}, "partial"),
    ],
    ids=["no Landlock", "no namespaces", "neither"],
)
def test_a_missing_layer_is_named_and_the_others_stand(act, places, calls, off, level):
    answer = act("write", places / "inside" / "new", before={"poorer_kernel": [calls]})
    assert answer.error is None
    assert all("ENOSYS" in answer.report.layers[name] for name in off)
    if probe_sandbox().level == "full":
        assert answer.report.level == level
        assert answer.report.layers["seccomp"] == ON


def test_what_this_kernel_offers_is_used(act):
    """Asked in other ways than the module asks, so that a mistake of ours is not its excuse."""
    layers = act("nothing").report.layers
    libc = ctypes.CDLL(None)
    abi = libc.syscall(ctypes.c_long(LANDLOCK_CALLS[0]), None, ctypes.c_long(0), ctypes.c_long(1))
    for name, needed in (("landlock", 1), ("landlock_network", 4), ("landlock_scopes", 6)):
        assert (layers[name] == ON) == (abi >= needed), layers[name]
    status = Path("/proc/self/status").read_text()
    assert (layers["seccomp"] == ON) == ("\nSeccomp:" in status), layers["seccomp"]
    tool = shutil.which("unshare")
    assert tool, "util-linux is missing: whether namespaces are offered cannot be asked"
    command = [tool, "--user", "--map-current-user", "--net", "--ipc", "true"]
    offered = subprocess.run(command, capture_output=True).returncode == 0
    assert (layers["namespaces"] == ON) == offered, layers["namespaces"]


def test_namespaces_are_its_own(act):
    answer = act("namespaces")
    if answer.holds("namespaces"):
        for kind, name in answer.result.items():
            assert name != os.readlink(f"/proc/self/ns/{kind}")  # noqa: PTH115


def test_threads_that_ran_before_are_reported(act):
    answer = act("nothing", before={"thread": []})
    assert answer.report.level == "none"
    assert "1 more" in answer.report.layers["seccomp"]
    assert "one thread" in answer.report.layers["namespaces"]


def test_an_unknown_machine_is_reported(act):
    answer = act("nothing", before={"unknown_machine": []})
    assert answer.report.layers["seccomp"] == "no table of system calls for riscv64"
    assert answer.report.level == "partial"


def test_an_ordinary_user_has_the_same_walls(act, places):
    before = {}
    if os.geteuid() == 0:
        before = {"ordinary_user": []}
        (places / "inside").chmod(0o777)
        for folder in (places, *places.parents[:-2]):
            folder.chmod(folder.stat().st_mode | 0o011)
    written = act("write", places / "inside" / "new", before=before)
    assert written.error is None
    user = 65534 if before else os.geteuid()
    assert act("owner", places / "inside" / "new", before=before).result == [user, user]
    answer = act("read", "/etc/passwd", before=before)
    for name, state in probe_sandbox().layers.items():
        # Some systems let only root create namespaces; the report says so.
        assert answer.report.layers[name] == state or (before and name == "namespaces")
    if answer.holds("landlock"):
        assert answer.error in REFUSED


def test_off_linux_nothing_is_claimed(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    report = enter_sandbox(Permissions(), SandboxLimits())
    assert report.level == "none"
    assert report.layers["seccomp"] == "needs Linux, this is darwin"


# The operator's switch


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_that_is_switched_off_is_off_and_said_to_be(act, places, monkeypatch, name):
    monkeypatch.setenv(WITHOUT_LAYERS, name)
    answer = act("write", places / "inside" / "new")
    assert answer.error is None
    said = f"switched off by {WITHOUT_LAYERS}"
    switched = {layer for layer, state in answer.report.layers.items() if state == said}
    # Landlock's later rights cannot hold without it.
    assert switched == {n for n in LAYERS if n == name or (name == "landlock" and name in n)}


def test_what_a_switched_off_layer_kept_out_is_let_in(act, places, monkeypatch):
    monkeypatch.setenv(WITHOUT_LAYERS, "landlock, seccomp,namespaces")
    assert act("write", places / "outside" / "new").error is None
    assert (places / "outside" / "new").read_text() == "written"
    assert act("socket", int(socket.AF_INET), int(socket.SOCK_STREAM)).error is None
    assert act("fork").error is None


def test_a_switch_that_names_no_layer_is_refused(monkeypatch):
    monkeypatch.setenv(WITHOUT_LAYERS, "landlock,everything")
    with pytest.raises(SettingError, match=r"LITEDRIFT_WITHOUT_LAYERS.*landlock.*'everything'"):
        probe_sandbox()


# What would outlive a child


def test_no_shared_memory_is_left_behind(act):
    name = "/dev/shm/litedrift-test"  # noqa: S108
    answer = act("write", name)
    try:
        if answer.holds("landlock"):
            assert answer.error in REFUSED
            assert not Path(name).exists()
    finally:
        Path(name).unlink(missing_ok=True)


# TensorFlow


def test_tensorflow_keras_converter_and_litert_work_and_a_hostile_model_does_not(act, places):
    (places / "inside" / ".keras").mkdir()
    answer = act("work", places / "inside", places / "outside")
    assert answer.code == 0, answer.log
    result = answer.result
    assert result["shape"] == [1, 4]
    assert result["keep"].startswith("done")
    assert (places / "inside" / "kept").read_text() == "planted"
    if answer.holds("landlock"):
        assert result["leak"] == "PermissionDeniedError"
        assert result["secrets"] == "PermissionDeniedError"
        assert result["plant"] == "PermissionDeniedError"
        assert "passwd" not in result["list"]
        assert not (places / "outside" / "planted").exists()


def test_home_and_temporary_folder_are_its_own(act, places):
    inside = str(places / "inside")
    assert act("environment").result == {
        "HOME": inside,
        "TMPDIR": inside,
        "KERAS_HOME": "/dev/null/keras",
    }


# Report and arguments


def test_probe_reports_every_layer():
    report = probe_sandbox()
    assert tuple(report.layers) == LAYERS
    assert report.layers["no_new_privs"] == report.layers["rlimits"] == ON
    assert report.layers["memory_watchdog"] == ON
    assert SandboxReport.from_json(json.loads(json.dumps(report.to_json()))) == report


def test_a_probe_that_cannot_start_claims_nothing(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    report = probe_sandbox()
    assert report.level == "none"
    assert "could not be tried" in report.layers["landlock"]


def test_permissions_and_limits_pass_through_json():
    permissions = Permissions(read=(Path("/a"),), write=(Path("b"),))
    passed = Permissions.from_json(json.loads(json.dumps(permissions.to_json())))
    assert passed.read == (Path("/a"),)
    assert passed.write == (Path.cwd() / "b",)
    assert passed.hidden == ()
    limits = SandboxLimits(cpu_seconds=None, file_bytes=1)
    assert SandboxLimits(**json.loads(json.dumps(limits.to_json()))) == limits


# The filter, run by a second implementation of BPF, for the machine that this is not as well

ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, KILL, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026


def verdict(machine, number, *arguments, arch=None):
    data = struct.pack("<IIQ6Q", number, arch or ARCH[machine], 0, *(*arguments, *[0] * 6)[:6])
    program = list(struct.iter_unpack("<HBBI", build_seccomp_program(machine, 4711)))
    position = accumulator = 0
    while True:
        code, if_true, if_false, value = program[position]
        position += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("<I", data, value)
            case 0x54:
                accumulator &= value
            case 0x06:
                return value
            case _:
                taken = {0x15: accumulator == value, 0x25: accumulator > value}.get(
                    code, bool(accumulator & value)
                )
                position += if_true if taken else if_false


CALLS = {
    "x86_64": {"read": 0, "clone": 56, "clone3": 435, "openat": 257, "kill": 62, "ioctl": 16},
    "aarch64": {"read": 63, "clone": 220, "clone3": 435, "openat": 56, "kill": 129, "ioctl": 29},
}


@pytest.mark.parametrize("machine", CALLS)
@pytest.mark.parametrize(
    ("call", "arguments", "expected"),
    [
        ("read", (), ALLOW),
        ("clone", (0x00010000 | 0x100,), ALLOW),
        ("clone", (17,), EPERM),
        ("clone3", (), ENOSYS),
        ("openat", (0, 0, 0o101101), ALLOW),
        ("openat", (0, 0, 0o2), ALLOW),
        ("openat", (0, 0, 0o1002), ALLOW),
        ("openat", (0, 0, 0o1000), EPERM),
        ("openat", (0, 0, 0o1003), EPERM),
        ("kill", (4711,), ALLOW),
        ("kill", (0,), EPERM),
        ("kill", (2**64 - 1,), EPERM),
        ("ioctl", (0, 0x5412), EPERM),
        ("ioctl", (0, 0x10_0000_541C), EPERM),
        ("ioctl", (0, 0x5401), ALLOW),
    ],
)
def test_verdicts(machine, call, arguments, expected):
    assert verdict(machine, CALLS[machine][call], *arguments) == expected


@pytest.mark.parametrize("machine", CALLS)
def test_foreign_and_unknown_calls(machine):
    assert verdict(machine, 0, arch=0x40000003) == KILL  # i386
    assert verdict(machine, 463) == ENOSYS  # setxattrat
    assert verdict(machine, 0x40000000) == ENOSYS  # x32
    with pytest.raises(NotImplementedError):
        build_seccomp_program("riscv64", 1)


@pytest.mark.parametrize(
    ("column", "header"),
    [
        (0, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        (1, "/usr/include/asm-generic/unistd.h"),
    ],
)
def test_numbers_are_the_kernels(column, header):
    if not Path(header).is_file():
        pytest.skip(f"the kernel's headers are not installed: {header}")
    pattern = r"#define __NR(?:3264)?_(\w+)\s+(\d+)"
    numbers = {name: int(n) for name, n in re.findall(pattern, Path(header).read_text())}
    ours = {**_SYSTEM_CALLS, **_ABSENT_CALLS}
    for name, pair in ours.items():
        if name in numbers or name != "fchmodat2":  # newer than the headers of Debian 12
            assert pair[column] == numbers.get(name), name
