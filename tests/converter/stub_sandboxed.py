"""Enters the sandbox, does one thing that a hostile model could do, and prints what came of it.

`python -m tests.converter.stub_sandboxed ACT '{"permissions": …, "limits": …, "arguments": […]}'`
"""

import ctypes
import errno
import json
import os
import resource
import signal
import socket
import struct
import sys
import threading
from pathlib import Path

from converter import sandbox
from converter.sandbox import Permissions, SandboxLimits, enter_sandbox


def read(path):
    return len(Path(path).read_bytes())


def folder(path):
    return sorted(p.name for p in Path(path).iterdir())


def write(path):
    Path(path).write_text("written")


def truncate_by_reading(path):
    os.close(os.open(path, os.O_RDONLY | os.O_TRUNC))


def rename_and_remove(path):
    first, second = Path(path) / "a" / "x", Path(path) / "b" / "y"
    for place in (first, second):
        place.parent.mkdir()
    first.write_text("moved")
    os.rename(first, second)  # noqa: PTH104
    text = second.read_text()
    second.unlink()
    first.parent.rmdir()
    return text


def connect(port):
    with socket.create_connection(("127.0.0.1", port), timeout=2):
        pass


def fork():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def run_program():
    os.execv("/bin/true", ["true"])


def sum_in_threads():
    results = []
    threads = [threading.Thread(target=lambda i=i: results.append(i)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(results)


def system_calls(numbers):
    """Return the errors of calls whose arguments no kernel could take."""
    libc = ctypes.CDLL(None, use_errno=True)
    wrong = [ctypes.c_long(-1)] * 5
    errors = []
    for number in numbers:
        failed = libc.syscall(ctypes.c_long(number), *wrong) < 0
        errors.append(errno.errorcode[ctypes.get_errno()] if failed else None)
    return errors


def limits():
    kinds = ("CORE", "CPU", "DATA", "FSIZE", "NOFILE")
    return {kind: resource.getrlimit(getattr(resource, f"RLIMIT_{kind}")) for kind in kinds}


def fill(path, size):
    with Path(path).open("wb") as file:
        file.write(bytes(size))


def take_memory(size):
    return len(bytearray(size))


def namespaces():
    return {kind: os.readlink(f"/proc/self/ns/{kind}") for kind in ("user", "net", "ipc")}  # noqa: PTH115


def environment():
    return {name: os.environ.get(name) for name in ("HOME", "TMPDIR", "KERAS_HOME")}


def work(inside, outside):
    """What all workers do, then a SavedModel that reads and writes what it should not."""
    from converter.workers.protocol import quiet_imports

    quiet_imports()
    import keras
    import numpy as np
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    inside = Path(inside)
    # No ReLU: a random one whose outputs are all zero has no scale, and XNNPACK refuses it.
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, activation="softmax")])
    model.save(inside / "m.keras")
    model.save(inside / "m.h5")
    keras.models.load_model(inside / "m.keras", compile=False)
    model.export(inside / "exported", verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(inside / "exported"))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([np.ones((1, 8), np.float32)] for _ in range(2))
    (inside / "m.tflite").write_bytes(converter.convert())
    interpreter = Interpreter(str(inside / "m.tflite"), num_threads=2)
    interpreter.allocate_tensors()
    interpreter.invoke()
    shape = interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).shape

    class Hostile(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
        def leak(self, path):
            return tf.io.read_file(path)

        @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
        def list(self, pattern):
            return tf.io.matching_files(pattern)

        @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
        def plant(self, path):
            tf.io.write_file(path, "planted")
            return path

    tf.saved_model.save(Hostile(), str(inside / "hostile"))
    hostile = tf.saved_model.load(str(inside / "hostile"))
    outcomes = {}
    for name, call, path in (
        ("leak", hostile.leak, "/etc/passwd"),
        ("secrets", hostile.leak, "/proc/self/environ"),
        ("list", hostile.list, "/etc/pass*"),
        ("plant", hostile.plant, f"{outside}/planted"),
        ("keep", hostile.plant, f"{inside}/kept"),
    ):
        try:
            outcomes[name] = f"done: {call(tf.constant(path)).numpy()[:20]!r}"
        except tf.errors.OpError as error:
            outcomes[name] = type(error).__name__
    return {"shape": [int(n) for n in shape], **outcomes}


ACTS = {
    "nothing": lambda: None,
    "read": read,
    "folder": folder,
    "write": write,
    "truncate_by_reading": truncate_by_reading,
    "rename_and_remove": rename_and_remove,
    "symlink": lambda path: Path(path).symlink_to("/etc/passwd"),
    "hard_link": lambda path, new: os.link(path, new),
    "fifo": lambda path: os.mkfifo(path),
    "chmod": lambda path: os.chmod(path, 0o777),  # noqa: PTH101
    "touch": lambda path: os.utime(path, (0, 0)),
    "socket": lambda family, kind: socket.socket(family, kind).close(),
    "socket_pair": lambda: socket.socketpair(),
    "connect": connect,
    "fork": fork,
    "run_program": run_program,
    "sum_in_threads": sum_in_threads,
    "system_calls": system_calls,
    "kill": lambda pid: os.kill(pid, signal.SIGTERM),
    "end_itself": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "abort": os.abort,
    "limits": limits,
    "fill": fill,
    "take_memory": take_memory,
    "environment": environment,
    "namespaces": namespaces,
    "owner": lambda path: [os.geteuid(), os.stat(path).st_uid],  # noqa: PTH116
    "capabilities": lambda: [
        line.split()[1]
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith(("CapEff", "CapPrm"))
    ],
    "work": work,
}


def make_older_kernel(abi):
    """Let the sandbox believe that Landlock is older than it is."""
    sandbox.landlock_abi = lambda: abi


def make_poorer_kernel(numbers):
    """Let the kernel answer ENOSYS to these system calls."""
    from converter.sandbox_filters import _ABSENT, _ALLOW, _load, _on_call, _return

    rules = [_on_call(number, [_return(_ABSENT)]) for number in numbers]
    program = b"".join([_load(0), *(part for rule in rules for part in rule), _return(_ALLOW)])
    held = ctypes.create_string_buffer(program, len(program))
    sandbox._prctl(38, 1, 0)
    sandbox._prctl(22, 2, struct.pack("@HP", len(program) // 8, ctypes.addressof(held)))


def become_ordinary_user():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    sandbox._prctl(4, 1, 0)  # PR_SET_DUMPABLE, which exec would have done


def make_unknown_machine():
    known = os.uname()
    sandbox.os.uname = lambda: os.uname_result((*known[:4], "riscv64"))


BEFORE = {
    "unknown_machine": make_unknown_machine,
    "older_kernel": make_older_kernel,
    "poorer_kernel": make_poorer_kernel,
    "ordinary_user": become_ordinary_user,
    "thread": lambda: threading.Thread(target=threading.Event().wait, daemon=True).start(),
}


def main():
    act, request = sys.argv[1], json.loads(sys.argv[2])
    for name, arguments in request["before"].items():
        BEFORE[name](*arguments)
    report = enter_sandbox(
        Permissions.from_json(request["permissions"]), SandboxLimits(**request["limits"])
    )
    answer = {"report": report.to_json(), "error": None, "result": None}
    print(json.dumps(answer), flush=True)
    try:
        answer["result"] = ACTS[act](*request["arguments"])
    except OSError as refused:
        answer["error"] = errno.errorcode[refused.errno]
    except MemoryError:
        answer["error"] = "MemoryError"
    print(json.dumps(answer), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
