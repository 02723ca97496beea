"""A worker that does on request what workers do in bad moments."""

import os
import signal
import subprocess
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


def spawn():
    return {"pid": subprocess.Popen(["sleep", "60"]).pid}


if __name__ == "__main__":
    serve(
        {
            "echo": lambda value: {"value": value},
            "noise": noise,
            "refuse": refuse,
            "stumble": stumble,
            "crash": crash,
            "hang": lambda: time.sleep(60),
            "leave": lambda: os._exit(3),
            "spawn": spawn,
            "eat": eat,
        }
    )
