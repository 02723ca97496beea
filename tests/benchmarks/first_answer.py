"""A job that notes when its first worker answered, and ends: for `warm_start` alone."""

import sys
import time

from converter.__main__ import main
from converter.child_process import Worker
from converter.errors import RunCancelledError
from converter.run_store import run_folder

FILE = "first_answer"


def note_first_answer(folder):
    ask = Worker.ask

    def ask_and_note(self, *arguments, **fields):
        answer = ask(self, *arguments, **fields)
        (folder / FILE).write_text(repr(time.time()))
        raise RunCancelledError(answer)

    Worker.ask = ask_and_note


if __name__ == "__main__":
    note_first_answer(run_folder(sys.argv[-1]))
    sys.exit(main(sys.argv[1:]))
