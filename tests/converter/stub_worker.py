"""A worker that does on request what workers do in bad moments."""

import os
import resource
import signal
import subprocess
import sys
import time

from converter.errors import ConversionError
from converter.workers.protocol import serve


def noise():
    print("python noise")
    os.write(1, b"native noise\n")
    os.write(2, b"native noise\n")
    return {"fine": True}


def refuse():
    raise ConversionError("int8: TFLite has no operator for FFT2D.", "pages of text")


def stumble():
    return {"value": {}["lost"]}


def crash():
    os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(60)


def eat():
    hoard = []
    while True:
        hoard.append(bytearray(32 << 20))
        time.sleep(0.01)


def say_and_hang():
    os.write(2, b"hangs now\n")
    time.sleep(60)


def spawn():
    return {"pid": subprocess.Popen(["sleep", "60"]).pid}


def spawn_stray():
    """Start a process that leaves the group and the session."""
    return {"pid": subprocess.Popen(["sleep", "60"], start_new_session=True).pid}


def spawn_many(count):
    return {"pids": [subprocess.Popen(["sleep", "60"]).pid for _ in range(count)]}


def eat_in_children():
    """Let three processes take what none of them would be stopped for alone."""
    code = "import time; hoard = b'x' * (90 << 20); time.sleep(60)"
    children = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    return {"pids": [child.pid for child in children]}


def burn():
    resource.setrlimit(resource.RLIMIT_CPU, (1, 5))
    while True:
        pass


def write_reply(text, repeat=1):
    """Write to the parent what no honest worker would."""
    reply = int(sys.argv[sys.argv.index("--reply-fd") + 1])
    for _ in range(repeat):
        left = text.encode("utf-8", "surrogateescape")
        while left:
            left = left[os.write(reply, left) :]
    time.sleep(60)


if __name__ == "__main__":
    serve(
        {
            "echo": lambda value: {"value": value},
            "noise": noise,
            "refuse": refuse,
            "stumble": stumble,
            "crash": crash,
            "hang": lambda: time.sleep(60),
            "say_and_hang": say_and_hang,
            "leave": lambda: os._exit(3),
            "spawn": spawn,
            "eat": eat,
            "spawn_stray": spawn_stray,
            "spawn_many": spawn_many,
            "eat_in_children": eat_in_children,
            "burn": burn,
            "write_reply": write_reply,
            "environment": lambda: dict(os.environ),
        }
    )
